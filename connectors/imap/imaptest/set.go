package imaptest

import (
	"strconv"
	"strings"
)

// numSet is a sequence set (RFC 3501 section 9).
type numSet []numRange

type numRange struct{ from, to uint32 } // 0: "*"

func parseSet(s string) (numSet, bool) {
	var set numSet
	for _, part := range strings.Split(s, ",") {
		a, b, isRange := strings.Cut(part, ":")
		from, ok := parseNum(a)
		if !ok {
			return nil, false
		}
		to := from
		if isRange {
			if to, ok = parseNum(b); !ok {
				return nil, false
			}
		}
		set = append(set, numRange{from, to})
	}
	return set, len(set) > 0
}

func parseNum(s string) (uint32, bool) {
	if s == "*" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n > 0
}

// resolve replaces "*" by the greatest number; "9:*" with a greatest of 5 is 5:9, as the RFC has it.
func (s numSet) resolve(greatest uint32) numSet {
	out := make(numSet, 0, len(s))
	for _, r := range s {
		if r.from == 0 {
			r.from = greatest
		}
		if r.to == 0 {
			r.to = greatest
		}
		if r.from > r.to {
			r.from, r.to = r.to, r.from
		}
		out = append(out, r)
	}
	return out
}

func (s numSet) has(n uint32) bool {
	for _, r := range s {
		if r.from <= n && n <= r.to {
			return true
		}
	}
	return false
}
