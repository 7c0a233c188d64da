package ical

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The property tests ask an independent implementation: Python's dateutil and zoneinfo, in one process.

const oracleSeed = 20260308

// ask gives the oracle's answers to all cases.
func ask[T any](t *testing.T, cases []T) [][]int64 {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, c := range cases {
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/oracle.py")
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3 with dateutil and zoneinfo (.ci/setup installs them): %v\n%s", err, stderr.String())
	}
	var answers [][]int64
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a []int64
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d cases", len(answers), len(cases))
	}
	return answers
}

// ruleCase is one random rule.
type ruleCase struct {
	Rule     string `json:"rule"` // as dateutil gets it
	Start    string `json:"start"`
	Zone     string `json:"zone"`
	Limit    int    `json:"limit"`
	LastYear int    `json:"lastYear"`

	own  string // as we get it, where it is written otherwise
	days bool
	fine bool // hours, minutes or seconds
}

var oracleZones = []string{"UTC", "Asia/Seoul", "America/New_York", "Europe/Berlin", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo",
	"Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns", "Asia/Tehran", "Antarctica/Troll", "America/Havana"}

// explained are the disagreements with dateutil that the RFC decides for us; explain writes the rule as dateutil must get it
// to mean the same, or tells that it has no way to say it.
var explained = []struct {
	why     string
	explain func(rule map[string]string, start time.Time) (tellable bool)
}{
	{"RFC 5545 section 3.3.10: what the rule does not say is derived from DTSTART, so BYWEEKNO alone means DTSTART's weekday in " +
		"those weeks; dateutil takes all seven days of them",
		func(r map[string]string, start time.Time) bool {
			if r["BYWEEKNO"] != "" && r["BYDAY"] == "" && r["BYMONTHDAY"] == "" && r["BYYEARDAY"] == "" {
				r["BYDAY"] = strings.ToUpper(start.Weekday().String()[:2])
			}
			return true
		}},
	{"RFC 5545 section 3.3.10: BYDAY is a list of days of the week, each perhaps with a number: MO,2TU is both; dateutil takes only " +
		"days that are both at once, which is none",
		func(r map[string]string, _ time.Time) bool {
			numbered, plain := false, false
			for d := range strings.SplitSeq(r["BYDAY"], ",") {
				numbered, plain = numbered || len(d) > 2, plain || len(d) == 2
			}
			return !numbered || !plain
		}},
	{"ISO 8601, on which RFC 5545 section 3.3.10 builds, has 2011-01-02 in week 52 of 2010; dateutil counts the weeks of the year before " +
		"wrongly (rrule.py, lnumweeks: it takes the length of this year for that of the last). TestWeeks compares these with time.ISOWeek",
		func(r map[string]string, _ time.Time) bool {
			return !slices.ContainsFunc(strings.Split(r["BYWEEKNO"], ","), func(w string) bool { return w == "52" || w == "53" })
		}},
	{"RFC 5545 section 3.3.10: BYSETPOS is a position in the set of instances of one interval of FREQ, which is a whole week; dateutil's " +
		"first week begins at DTSTART, so that its positions in it are others",
		func(r map[string]string, start time.Time) bool {
			begin, ok := weekdays[r["WKST"]]
			if !ok {
				begin = time.Monday
			}
			return r["FREQ"] != "WEEKLY" || r["BYSETPOS"] == "" || start.Weekday() == begin
		}},
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// some gives n numbers between least and most, some of them negative where signed.
func some(r *rand.Rand, n, least, most int, signed bool) string {
	var out []string
	for range n {
		v := least + r.IntN(most-least+1)
		if signed && r.IntN(4) == 0 {
			v = -v
		}
		if s := fmt.Sprint(v); !slices.Contains(out, s) && v != 0 || v == 0 && least == 0 && !slices.Contains(out, "0") {
			out = append(out, s)
		}
	}
	return strings.Join(out, ",")
}

// randomRule makes a rule that the RFC allows, and DTSTART with it.
func randomRule(r *rand.Rand) (parts map[string]string, start time.Time) {
	p := map[string]string{}
	p["FREQ"] = pick(r, "YEARLY", "YEARLY", "MONTHLY", "MONTHLY", "MONTHLY", "WEEKLY", "WEEKLY", "WEEKLY", "DAILY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
	start = time.Date(1996+r.IntN(32), time.Month(1+r.IntN(12)), 1+r.IntN(28), pick(r, 0, 1, 2, 3, r.IntN(24)), pick(r, 0, 30, r.IntN(60)), pick(r, 0, 0, r.IntN(60)), 0, time.UTC)
	if p["FREQ"] == "SECONDLY" || p["FREQ"] == "MINUTELY" { // dateutil goes through every step up to the end of the year
		start = time.Date(start.Year(), 12, 29+r.IntN(3), start.Hour(), start.Minute(), start.Second(), 0, time.UTC)
	}
	if r.IntN(2) == 0 {
		p["INTERVAL"] = fmt.Sprint(pick(r, 1, 2, 3, 4, 1+r.IntN(30)))
	}
	chance := func(n int, name, value string) {
		if r.IntN(n) == 0 {
			p[name] = value
		}
	}
	coarse := p["FREQ"] == "YEARLY" || p["FREQ"] == "MONTHLY"
	chance(4, "BYMONTH", some(r, 1+r.IntN(3), 1, 12, false))
	if p["FREQ"] != "WEEKLY" {
		chance(4, "BYMONTHDAY", some(r, 1+r.IntN(3), 1, 31, true))
	}
	if f := p["FREQ"]; f != "WEEKLY" && f != "MONTHLY" && f != "DAILY" {
		chance(8, "BYYEARDAY", some(r, 1+r.IntN(4), 1, 366, true))
	}
	if p["FREQ"] == "YEARLY" {
		chance(6, "BYWEEKNO", some(r, 1+r.IntN(3), 1, 53, true))
	}
	if r.IntN(3) == 0 {
		var days []string
		numbers := coarse && p["BYWEEKNO"] == "" && r.IntN(2) == 0
		for range 1 + r.IntN(3) {
			d := pick(r, "SU", "MO", "TU", "WE", "TH", "FR", "SA")
			if numbers && r.IntN(8) > 0 {
				d = fmt.Sprint(pick(r, 1, 2, 3, 4, 5, -1, -2)) + d
			}
			days = append(days, d)
		}
		p["BYDAY"] = strings.Join(slices.Compact(days), ",")
	}
	chance(6, "BYHOUR", some(r, 1+r.IntN(3), 0, 23, false))
	chance(6, "BYMINUTE", some(r, 1+r.IntN(3), 0, 59, false))
	chance(10, "BYSECOND", some(r, 1+r.IntN(3), 0, 59, false))
	if r.IntN(6) == 0 && slices.ContainsFunc([]string{"BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYHOUR", "BYMINUTE", "BYSECOND"}, func(n string) bool { return p[n] != "" }) {
		p["BYSETPOS"] = some(r, 1+r.IntN(2), 1, 4, true)
	}
	chance(4, "WKST", pick(r, "SU", "MO", "TH", "SA"))
	return p, start
}

// writeRule writes parts in any order.
func writeRule(r *rand.Rand, p map[string]string) string {
	names := slices.Sorted(maps.Keys(p))
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i, name := range names {
		names[i] = name + "=" + p[name]
	}
	return strings.Join(names, ";")
}

// randomCase makes a case, or tells that dateutil cannot be asked.
func randomCase(r *rand.Rand) (ruleCase, bool) {
	p, start := randomRule(r)
	c := ruleCase{Zone: pick(r, oracleZones...), Limit: 12, LastYear: start.Year() + 12}
	if f := p["FREQ"]; f == "HOURLY" || f == "MINUTELY" || f == "SECONDLY" {
		c.LastYear, c.fine = start.Year(), true
	} else if r.IntN(4) == 0 { // whole days
		c.days = true
		start = start.Truncate(24 * time.Hour)
		delete(p, "BYHOUR")
		delete(p, "BYMINUTE")
		delete(p, "BYSECOND")
	}
	if p["BYSETPOS"] != "" && len(p) == 2 {
		delete(p, "BYSETPOS")
	}
	c.Start = start.Format("20060102T150405")
	until := ""
	switch r.IntN(3) {
	case 0:
		p["COUNT"] = fmt.Sprint(1 + r.IntN(15))
	case 1:
		until = start.Add(time.Duration(r.Int64N(int64(900*24*time.Hour/time.Second))) * time.Second).Format("20060102T150405")
		p["UNTIL"] = until
	}
	c.own = writeRule(r, p)
	for _, e := range explained {
		if !e.explain(p, start) {
			return c, false
		}
	}
	c.Rule = writeRule(r, p)
	if c.days && until != "" {
		c.own = strings.Replace(c.own, until, until[:8], 1)
	}
	return c, true
}

// instants gives what we make of a case: the starts between two moments.
func (c ruleCase) instants(t *testing.T, from, to time.Time) ([]int64, []string) {
	t.Helper()
	start := "DTSTART;TZID=" + c.Zone + ":" + c.Start
	if c.days {
		start = "DTSTART;VALUE=DATE:" + c.Start[:8]
	}
	o := object(t, "BEGIN:VEVENT", "UID:r", start, "RRULE:"+c.own, "END:VEVENT")
	var n notes
	s := NewReader().openSeries(o, Owner{Zone: zoneOf(t, c.Zone)}, from, &n)
	var out []int64
	pad := 3 * time.Hour // what a gap moves lies before from on the wall; between, which all others call, gives more room
	if c.fine {
		pad = 0
	}
	for _, x := range s.occurrences(from.Add(-pad), to) {
		if !x.at.Before(from) && !x.at.After(to) {
			out = append(out, x.at.Unix())
		}
	}
	return out, n.list
}

// TestRulesAgreeWithDateutil is the property test: random rules in random zones, from the start and from the middle.
func TestRulesAgreeWithDateutil(t *testing.T) {
	const want = 10_000
	r := rand.New(rand.NewPCG(oracleSeed, 1))
	var cases []ruleCase
	left := 0
	for len(cases) < want {
		if c, ok := randomCase(r); ok {
			cases = append(cases, c)
		} else {
			left++
		}
	}
	wrong, several := 0, 0
	for i, answer := range ask(t, cases) {
		c := cases[i]
		slices.Sort(answer)
		answer = slices.Compact(answer)
		end := time.Date(c.LastYear, 12, 30, 0, 0, 0, 0, time.UTC)
		if len(answer) >= c.Limit-2 { // there may be more: a gap or fold may put the last ones out of order
			end = time.Unix(answer[len(answer)-1], 0).Add(-3 * time.Hour)
			if c.fine {
				end = time.Unix(answer[len(answer)-1], 0)
			}
		}
		if len(answer) > 1 {
			several++
		}
		from := time.Unix(answer[0], 0)
		if k := r.IntN(3); k < len(answer) { // skipping to the middle gives the same
			from = time.Unix(answer[k], 0)
		}
		in := slices.DeleteFunc(slices.Clone(answer), func(a int64) bool { return a < from.Unix() || a > end.Unix() })
		got, notes := c.instants(t, from, end)
		if !slices.Equal(got, in) || len(notes) > 0 {
			if wrong++; wrong <= 10 {
				t.Errorf("%s %s %s (dateutil: %s)\nfrom %s\n got %s %v\nwant %s", c.Start, c.Zone, c.own, c.Rule, from.UTC(), walls(got), notes, walls(in))
			}
		}
	}
	t.Logf("%d rules agree in %d zones, %d of them with more than one instance; %d were left out because dateutil cannot be asked",
		len(cases)-wrong, len(oracleZones), several, left)
	if several < want/2 {
		t.Errorf("only %d of %d rules say anything", several, len(cases))
	}
}

func walls(list []int64) string {
	var out []string
	for _, u := range list {
		out = append(out, time.Unix(u, 0).UTC().Format("2006-01-02T15:04:05"))
	}
	return strings.Join(out, " ")
}

// zoneCase is a VTIMEZONE, and moments at which its offset is asked for.
type zoneCase struct {
	VTimezone string  `json:"vtimezone"`
	At        []int64 `json:"at"`
}

// randomZone makes a VTIMEZONE: one or two pairs of observances, by rule and by RDATE.
func randomZone(r *rand.Rand) zoneCase {
	offset := func(minutes int) string {
		sign := "+"
		if minutes < 0 {
			sign, minutes = "-", -minutes
		}
		return fmt.Sprintf("%s%02d%02d", sign, minutes/60, minutes%60)
	}
	standard := pick(r, -480, -300, -210, 0, 60, 210, 345, 540, 570, 765)
	summer := standard + pick(r, 60, 60, 60, 30, 120)
	first := 1980 + r.IntN(10)
	switchDay := func(month int) (rule, start string) {
		n, day := pick(r, 1, 2, 3, -1), pick(r, "SU", "SU", "SA", "FR")
		rule = fmt.Sprintf("RRULE:FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", month, n, day)
		at := &nthDay{month: month, n: n, day: day}
		return rule, at.in(first) + "T0" + fmt.Sprint(1+r.IntN(3)) + "0000"
	}
	spring, from := switchDay(3 + r.IntN(2))
	autumn, to := switchDay(9 + r.IntN(3))
	if r.IntN(3) == 0 { // daylight saving was abolished
		spring += ";UNTIL=" + fmt.Sprint(2005) + "0630T000000Z"
		autumn += ";UNTIL=" + fmt.Sprint(2005) + "1231T000000Z"
	}
	lines := []string{"BEGIN:VTIMEZONE", "TZID:Custom",
		"BEGIN:DAYLIGHT", "DTSTART:" + from, "TZOFFSETFROM:" + offset(standard), "TZOFFSETTO:" + offset(summer), spring, "END:DAYLIGHT",
		"BEGIN:STANDARD", "DTSTART:" + to, "TZOFFSETFROM:" + offset(summer), "TZOFFSETTO:" + offset(standard), autumn, "END:STANDARD"}
	if r.IntN(3) == 0 {
		lines = append(lines, "BEGIN:STANDARD", "DTSTART:20060115T000000", "TZOFFSETFROM:"+offset(standard), "TZOFFSETTO:"+offset(standard+30),
			"RDATE:20060115T000000", "END:STANDARD")
	}
	c := zoneCase{VTimezone: strings.Join(append(lines, "END:VTIMEZONE"), "\r\n")}
	for range 60 {
		c.At = append(c.At, time.Date(1991+r.IntN(40), time.Month(1+r.IntN(12)), 1+r.IntN(31), r.IntN(24), 30*r.IntN(2), 0, 0, time.UTC).Unix())
	}
	return c
}

// nthDay is the nth weekday of a month, worked out another way than by a rule.
type nthDay struct {
	month, n int
	day      string
}

func (r *nthDay) in(year int) string {
	d := time.Date(year, time.Month(r.month), 1, 0, 0, 0, 0, time.UTC)
	step := 1
	if r.n < 0 {
		d, step = d.AddDate(0, 1, -1), -1
	}
	for d.Weekday() != weekdays[r.day] {
		d = d.AddDate(0, 0, step)
	}
	return d.AddDate(0, 0, 7*max(r.n-1, 0)).Format("20060102")
}

// TestCustomZonesAgreeWithDateutil compares the offsets that random VTIMEZONEs give.
func TestCustomZonesAgreeWithDateutil(t *testing.T) {
	r := rand.New(rand.NewPCG(oracleSeed, 2))
	var cases []zoneCase
	for range 60 {
		cases = append(cases, randomZone(r))
	}
	offsets := map[int64]bool{}
	for i, answer := range ask(t, cases) {
		c := cases[i]
		o := object(t, c.VTimezone, "BEGIN:VEVENT", "UID:z", "DTSTART;TZID=Custom:20260101T000000", "END:VEVENT")
		loc, err := zoneFromRules(o.zones[0])
		if err != nil {
			t.Fatal(err)
		}
		for j, at := range c.At {
			offsets[answer[j]] = true
			if got := int64(offsetAt(time.Unix(at, 0), loc) / time.Second); got != answer[j] {
				t.Errorf("at %s: offset %d, dateutil has %d, in\n%s", time.Unix(at, 0).UTC(), got, answer[j], c.VTimezone)
			}
		}
	}
	if len(offsets) < 10 {
		t.Errorf("only %d different offsets", len(offsets))
	}
}

// TestWeeks compares the numbers of weeks that begin on Monday with the time package's, in years of all shapes.
func TestWeeks(t *testing.T) {
	for c := dayOf(dayNumber(1990, 1, 1)); c.year < 2040; c = c.next() {
		d := time.Unix(int64(c.n)*secondsPerDay, 0).UTC()
		if want := dayOf(c.n); c != want {
			t.Fatalf("%v: %+v is not %+v", d, c, want)
		}
		number, weeks := c.week(time.Monday)
		year, want := d.ISOWeek()
		if _, last := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek(); number != want || weeks != last {
			t.Fatalf("%s is in week %d of %d, want %d of %d", d, number, weeks, want, last)
		}
	}
}
