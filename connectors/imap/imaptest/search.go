package imaptest

import (
	"strconv"
	"strings"
	"time"
)

// runSearch knows ALL, UID set, a sequence set, SINCE, BEFORE, UNSEEN, UNDELETED and HEADER, joined by "and".
func (c *conn) runSearch(tag, args string, byUID bool) {
	words := parseArgs(strings.ReplaceAll(strings.ReplaceAll(args, "(", " "), ")", " "))
	all, _ := parseSet("1:*")
	matches := c.pick(all, false)
	for i := 0; i < len(words); i++ {
		arg := func() string {
			if i++; i < len(words) {
				return words[i]
			}
			return ""
		}
		var keep func(found) bool
		switch upper := strings.ToUpper(words[i]); upper {
		case "ALL":
			continue
		case "UID":
			keep = bySet(arg(), matches, true)
		case "SINCE", "BEFORE":
			day, err := time.Parse("2-Jan-2006", arg())
			if err != nil {
				c.write(tag + " BAD not a date\r\n")
				return
			}
			keep = func(m found) bool { return dayOf(m.msg.date).Before(day) == (upper == "BEFORE") }
		case "UNSEEN", "UNDELETED":
			flag := `\` + upper[2:]
			keep = func(m found) bool { return !hasFlag(m.msg, flag) }
		case "HEADER":
			name, value := arg(), arg()
			keep = func(m found) bool {
				return strings.Contains(string(headerFields(m.msg.raw, []string{name})), value)
			}
		default:
			keep = bySet(words[i], matches, false)
		}
		if keep == nil {
			c.write(tag + " BAD unknown search key\r\n")
			return
		}
		matches = filter(matches, keep)
	}
	var b strings.Builder
	b.WriteString("* SEARCH")
	for _, m := range matches {
		n := m.seq
		if byUID {
			n = int(m.msg.uid)
		}
		b.WriteString(" " + strconv.Itoa(n))
	}
	c.write(b.String() + "\r\n")
	c.settle(tag, "searched")
}

func bySet(s string, matches []found, byUID bool) func(found) bool {
	set, ok := parseSet(s)
	if !ok {
		return nil
	}
	number := func(m found) uint32 {
		if byUID {
			return m.msg.uid
		}
		return uint32(m.seq)
	}
	var greatest uint32
	for _, m := range matches {
		greatest = max(greatest, number(m))
	}
	set = set.resolve(greatest)
	return func(m found) bool { return set.has(number(m)) }
}

func dayOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func hasFlag(m message, flag string) bool {
	for _, f := range m.flags {
		if strings.EqualFold(f, flag) {
			return true
		}
	}
	return false
}

func filter(l []found, keep func(found) bool) []found {
	var out []found
	for _, m := range l {
		if keep(m) {
			out = append(out, m)
		}
	}
	return out
}
