package feed

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// keepDays is how long an id is remembered after it was last in the feed, and keepTimes how many times as many ids as
	// the feed has are kept in any case: servers behind one address take turns with older versions.
	keepDays  = 90
	keepTimes = 2
	// maxSeen bounds it: a feed whose ids are new each time must not fill the store.
	maxSeen = 60_000
)

// id is a short hash of what names an item.
type id uint64

// hashOf gives the id of some parts. sort keeps ids of different sorts apart.
func hashOf(sort string, parts ...string) id {
	sum := sha256.Sum256([]byte(sort + "\x00" + strings.Join(parts, "\x00")))
	return id(binary.BigEndian.Uint64(sum[:]))
}

// seen are the ids that were in the feed, with the day on which they last were.
type seen struct {
	days  map[id]uint16 // since 1970
	dirty bool
}

func dayOf(t time.Time) uint16 { return uint16(t.Unix() / (24 * 3600)) }

// mark notes that ids are in the feed now.
func (s *seen) mark(now time.Time, ids ...id) {
	today := dayOf(now)
	for _, i := range ids {
		if old, known := s.days[i]; !known || old != today {
			s.days[i], s.dirty = today, true
		}
	}
}

func (s *seen) has(i id) bool { _, ok := s.days[i]; return ok }

// forget drops the ids that were not there for long; present is how many the feed has now.
func (s *seen) forget(now time.Time, present int) {
	keep := min(max(keepTimes*present, 100), maxSeen)
	if len(s.days) <= keep {
		return
	}
	oldest := slices.SortedFunc(maps.Keys(s.days), func(a, b id) int { return cmp.Or(cmp.Compare(s.days[a], s.days[b]), cmp.Compare(a, b)) })
	for n, i := range oldest[:len(oldest)-keep] {
		if len(oldest)-n <= maxSeen && int(dayOf(now))-int(s.days[i]) <= keepDays {
			return
		}
		delete(s.days, i)
		s.dirty = true
	}
}

// bytes writes it, 10 bytes an id, in order.
func (s *seen) bytes() []byte {
	out := make([]byte, 0, 10*len(s.days))
	for _, i := range slices.Sorted(maps.Keys(s.days)) {
		out = binary.BigEndian.AppendUint64(out, uint64(i))
		out = binary.BigEndian.AppendUint16(out, s.days[i])
	}
	return out
}

// readSeen reads what bytes wrote.
func readSeen(b []byte) *seen {
	s := &seen{days: make(map[id]uint16, len(b)/10)}
	for ; len(b) >= 10; b = b[10:] {
		s.days[id(binary.BigEndian.Uint64(b))] = binary.BigEndian.Uint16(b[8:])
	}
	return s
}
