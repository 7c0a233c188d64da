package ical

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A VTIMEZONE (RFC 5545 section 3.6.5) becomes a time.Location: its onsets are computed, and written as the TZif data
// (RFC 8536) that the time package reads.

// Onsets are computed between these years; before the first the zone has the offset from which it changed, after the last
// the one to which it did.
const (
	firstOnset = 1970
	lastOnset  = 2100
	// onsetBudget bounds the work for one VTIMEZONE: real ones take some hundred steps a rule and year.
	onsetBudget = 300_000
)

var errZoneRules = errors.New("has no STANDARD or DAYLIGHT that can be read")

// onset is a moment at which a clock changes.
type onset struct {
	at       time.Time
	from, to int // seconds east of UTC
	dst      bool
}

func zoneFromRules(c *component) (*time.Location, error) {
	b := &budget{left: onsetBudget}
	var all []onset
	for _, k := range c.kids {
		if k.name != "STANDARD" && k.name != "DAYLIGHT" {
			continue
		}
		some, err := onsets(k, b)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if len(all) == 0 {
		return nil, errZoneRules
	}
	slices.SortStableFunc(all, func(a, b onset) int { return a.at.Compare(b.at) })
	return time.LoadLocationFromTZData(zoneLabel(c.value("TZID")), tzif(all))
}

// zoneLabel keeps a TZID from being shown to anybody as it is: time.Location's name goes into logs.
func zoneLabel(tzid string) string {
	if strings.ContainsFunc(tzid, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "custom"
	}
	return cut(tzid, 64)
}

// onsets gives when an observance begins: at DTSTART, by RRULE and RDATE, all in the local time before the change.
func onsets(k *component, b *budget) ([]onset, error) {
	from, err := parseOffset(k.value("TZOFFSETFROM"))
	if err != nil {
		return nil, err
	}
	to, err := parseOffset(k.value("TZOFFSETTO"))
	if err != nil {
		return nil, err
	}
	p := k.get("DTSTART")
	if p == nil {
		return nil, errors.New("has an observance without DTSTART")
	}
	start, err := parseStamp(p)
	if err != nil {
		return nil, fmt.Errorf("has an observance whose DTSTART %w", err)
	}
	shift := time.Duration(from) * time.Second
	var out []onset
	add := func(wall time.Time) bool {
		out = append(out, onset{at: wall.Add(-shift), from: from, to: to, dst: k.name == "DAYLIGHT"})
		return true
	}
	add(start.wall)
	for i := range k.props {
		switch p := &k.props[i]; p.name {
		case "RDATE":
			for _, s := range stampList(p) {
				add(s.start.wall)
			}
		case "RRULE":
			r, err := parseRule(p.value)
			if err != nil {
				return nil, err
			}
			begin, end := time.Date(firstOnset, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(lastOnset, 12, 31, 0, 0, 0, 0, time.UTC)
			until := r.until(false, func(s stamp) time.Time {
				if s.form == formUTC {
					return s.wall.Add(shift)
				}
				return s.wall
			})
			r.walk(stretch{start: start.wall, from: begin, to: end, until: until}, b, add)
		}
	}
	if b.spent {
		return nil, errors.New("has rules that are too much work")
	}
	return out, nil
}

// parseOffset reads a UTC-OFFSET (RFC 5545 section 3.3.14), +0900 or -093000, as seconds; a colon is forgiven.
func parseOffset(v string) (int, error) {
	err := fmt.Errorf("has a bad UTC offset")
	v = strings.ReplaceAll(strings.TrimSpace(v), ":", "")
	if len(v) == 5 {
		v += "00"
	}
	if len(v) != 7 || v[0] != '+' && v[0] != '-' {
		return 0, err
	}
	n, bad := digits(v[1:], 6)
	if bad != nil || n/10000 > 23 || n/100%100 > 59 || n%100 > 59 {
		return 0, err
	}
	seconds := n/10000*3600 + n/100%100*60 + n%100
	if v[0] == '-' {
		return -seconds, nil
	}
	return seconds, nil
}

// tzif writes onsets as a TZif file of version 2 (RFC 8536 section 3), whose first, 32-bit part is empty.
func tzif(all []onset) []byte {
	type kind struct {
		offset int
		dst    bool
	}
	kinds := []kind{{all[0].from, false}} // type 0 is in force before the first transition
	index := make([]byte, 0, len(all))
	times := make([]int64, 0, len(all))
	for _, o := range all {
		k := kind{o.to, o.dst}
		i := slices.Index(kinds, k)
		if i < 0 && len(kinds) < 255 {
			i = len(kinds)
			kinds = append(kinds, k)
		}
		if n := len(times); n > 0 && times[n-1] == o.at.Unix() {
			index[n-1] = byte(max(i, 0)) // two observances begin at once: the later one holds
			continue
		}
		times = append(times, o.at.Unix())
		index = append(index, byte(max(i, 0)))
	}
	var b bytes.Buffer
	header := func(times, kinds, chars int) {
		b.WriteString("TZif2")
		b.Write(make([]byte, 15))
		for _, n := range []int{0, 0, 0, times, kinds, chars} {
			b.Write(binary.BigEndian.AppendUint32(nil, uint32(n)))
		}
	}
	header(0, 1, 1)
	b.Write(make([]byte, 6+1))
	header(len(times), len(kinds), 2)
	for _, t := range times {
		b.Write(binary.BigEndian.AppendUint64(nil, uint64(t)))
	}
	b.Write(index)
	for _, k := range kinds {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(int32(k.offset))))
		dst := byte(0)
		if k.dst {
			dst = 1
		}
		b.Write([]byte{dst, 0})
	}
	b.WriteString("L\x00\n\n") // one abbreviation, and no rule for the time after the last transition
	return b.Bytes()
}
