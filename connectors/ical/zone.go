package ical

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the time zones are there on a machine without them
)

// zoneCache keeps the time zones of the tz database that were asked for: at most the some 600 that there are.
type zoneCache struct {
	mu    sync.Mutex
	known map[string]*time.Location
}

func newZoneCache() *zoneCache { return &zoneCache{known: map[string]*time.Location{}} }

//go:embed data/windows.txt
var windowsTable string

//go:embed data/zones.txt
var zonesTable string

// zoneNames are the tables, read once.
type zoneNames struct {
	exact   map[string]string   // by lower case: the tz database's names, Windows' names and common abbreviations
	windows map[string]string   // by lower case
	cities  map[string][]string // by lower case with spaces: the zones whose last part it is
}

var knownNames = sync.OnceValue(func() zoneNames {
	n := zoneNames{exact: map[string]string{}, windows: map[string]string{}, cities: map[string][]string{}}
	for _, l := range tableLines(zonesTable) {
		n.exact[strings.ToLower(l)] = l
		city := strings.ToLower(strings.ReplaceAll(l[strings.LastIndexByte(l, '/')+1:], "_", " "))
		n.cities[city] = append(n.cities[city], l)
	}
	for _, l := range tableLines(windowsTable) {
		name, zone, _ := strings.Cut(l, "=")
		n.windows[strings.ToLower(name)] = zone
	}
	for abbreviation, zone := range abbreviations {
		n.exact[abbreviation] = zone
	}
	for place, zone := range places {
		n.cities[place] = append(n.cities[place], zone)
	}
	return n
})

func tableLines(table string) []string {
	var out []string
	for l := range strings.Lines(table) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			out = append(out, l)
		}
	}
	return out
}

// abbreviations that mean one zone only; the tz database's own (EST, CET, …) are in its table.
var abbreviations = map[string]string{
	"kst": "Asia/Seoul", "jst": "Asia/Tokyo", "hkt": "Asia/Hong_Kong", "sgt": "Asia/Singapore",
	"pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "mdt": "America/Denver", "cdt": "America/Chicago",
	"edt": "America/New_York", "cest": "Europe/Berlin", "mez": "Europe/Berlin", "mesz": "Europe/Berlin",
	"eest": "Europe/Athens", "bst": "Europe/London", "aest": "Australia/Sydney", "aedt": "Australia/Sydney",
	"z": "UTC", "utc": "UTC", "gmt": "UTC", "etc/utc": "UTC", "etc/gmt": "UTC",
}

// places in Windows' display names that are no city of the tz database.
var places = map[string]string{
	"beijing": "Asia/Shanghai", "osaka": "Asia/Tokyo", "sapporo": "Asia/Tokyo", "hanoi": "Asia/Bangkok",
	"new delhi": "Asia/Kolkata", "mumbai": "Asia/Kolkata", "chennai": "Asia/Kolkata", "hawaii": "Pacific/Honolulu",
	"alaska": "America/Anchorage", "arizona": "America/Phoenix", "bern": "Europe/Zurich", "edinburgh": "Europe/London",
	"abu dhabi": "Asia/Dubai", "islamabad": "Asia/Karachi", "st. petersburg": "Europe/Moscow", "kyiv": "Europe/Kyiv",
	"canberra": "Australia/Sydney", "wellington": "Pacific/Auckland", "astana": "Asia/Almaty", "ekaterinburg": "Asia/Yekaterinburg",
	"coordinated universal time": "UTC", "eastern time": "America/New_York", "central time": "America/Chicago",
	"mountain time": "America/Denver", "pacific time": "America/Los_Angeles", "atlantic time": "America/Halifax",
	"newfoundland": "America/St_Johns", "saskatchewan": "America/Regina", "pretoria": "Africa/Johannesburg", "harare": "Africa/Harare",
	"kuwait": "Asia/Kuwait", "brasilia": "America/Sao_Paulo", "buenos aires": "America/Argentina/Buenos_Aires",
	"kuala lumpur": "Asia/Kuala_Lumpur", "minsk": "Europe/Minsk", "tbilisi": "Asia/Tbilisi", "west central africa": "Africa/Lagos",
}

// zoneWord is what names of the tz database look like.
var zoneWord = regexp.MustCompile(`^[A-Z][A-Za-z]{1,15}(/[A-Z][A-Za-z0-9_+-]{0,30}){1,2}$`)

// named finds a zone by a name of the tz database (in any case), of Windows (in CLDR's table), or an abbreviation.
func (z *zoneCache) named(name string) *time.Location {
	if name == "" || len(name) > 128 {
		return nil
	}
	n := knownNames()
	lower := strings.ToLower(name)
	if exact, ok := n.exact[lower]; ok {
		return z.load(exact)
	}
	if region, _, ok := strings.Cut(name, "/"); ok && region != "" && zoneWord.MatchString(name) { // newer than our table
		if loc := z.load(name); loc != nil {
			return loc
		}
	}
	lower = strings.TrimRight(lower, " 0123456789") // Exchange numbers its copies: "W. Europe Standard Time 1"
	for _, w := range []string{lower, strings.Replace(lower, "daylight", "standard", 1), lower + " standard time"} {
		if zone, ok := n.windows[w]; ok {
			return z.load(zone)
		}
	}
	return nil
}

// load gives a zone of the tz database; nil when this machine's does not have it.
func (z *zoneCache) load(name string) *time.Location {
	if name == "UTC" {
		return time.UTC
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if loc := z.known[name]; loc != nil {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	z.known[name] = loc
	return loc
}

// suffixed finds a zone at the end of a path, as old clients wrote: "/mozilla.org/20050126_1/Asia/Seoul".
func (z *zoneCache) suffixed(name string) *time.Location {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	if len(parts) < 2 || len(name) > 256 {
		return nil
	}
	for n := min(3, len(parts)-1); n >= 1; n-- {
		if loc := z.named(strings.Join(parts[len(parts)-n:], "/")); loc != nil {
			return loc
		}
	}
	return nil
}
