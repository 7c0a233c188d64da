package imaptest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

func (c *conn) runFetch(tag, args string, byUID bool) bool {
	words := parseArgs(args)
	if len(words) < 2 {
		c.write(tag + " BAD FETCH set items\r\n")
		return true
	}
	set, ok := parseSet(words[0])
	if !ok {
		c.write(tag + " BAD not a sequence set\r\n")
		return true
	}
	items := parseArgs(strings.TrimSuffix(strings.TrimPrefix(words[1], "("), ")"))
	if byUID {
		items = append([]string{"UID"}, items...)
	}
	body := strings.Contains(strings.ToUpper(words[1]), "BODY") || strings.Contains(strings.ToUpper(words[1]), "ENVELOPE")
	for _, m := range c.pick(set, byUID) {
		if m.msg.poison != PoisonNone && (body || m.msg.deadly) {
			if goOn, done := c.poison(tag, m); done {
				return goOn
			}
			continue
		}
		c.srv.count(func(s *Stats) { s.FetchResponses++ })
		c.write(fmt.Sprintf("* %d FETCH (%s)\r\n", m.seq, render(m.msg, items)))
	}
	c.settle(tag, "fetched")
	return true
}

// poison spoils the answer; done: the command is over.
func (c *conn) poison(tag string, m found) (goOn, done bool) {
	switch m.msg.poison {
	case PoisonDrop:
		c.writeNow(fmt.Sprintf("* %d FETCH (UID %d ", m.seq, m.msg.uid))
		return false, true
	case PoisonNO:
		c.write(tag + " NO [SERVERBUG] cannot read this message\r\n")
		return true, true
	case PoisonGarbage:
		c.write(fmt.Sprintf("* %d FETCH (UID %d BODY[HEADER ((((\r\n", m.seq, m.msg.uid))
	case PoisonHang:
		c.flush()
		c.freeze()
		return true, true
	case PoisonShort:
		c.writeNow(fmt.Sprintf("* %d FETCH (UID %d BODY[HEADER.FIELDS (FROM)] {500}\r\nFrom: a@b\r\n", m.seq, m.msg.uid))
		return false, true
	case PoisonFields:
		c.write(fmt.Sprintf("* %d FETCH (UID %d ENVELOPE NIL X-GM-MSGID 12 FLAGS (\\Odd] $a]b) INTERNALDATE \"yesterday\" "+
			"RFC822.SIZE NIL PREVIEW {3}\r\na\"( BODYSTRUCTURE (()) BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {%d}\r\n%s)\r\n",
			m.seq, m.msg.uid, len(headerOf(m.msg.raw)), headerOf(m.msg.raw)))
	}
	return true, false
}

// render writes the asked items of a message.
func render(m message, items []string) string {
	var out []string
	seen := map[string]bool{}
	for _, item := range items {
		upper := strings.ToUpper(item)
		if seen[upper] {
			continue
		}
		seen[upper] = true
		switch {
		case upper == "UID":
			out = append(out, "UID "+strconv.Itoa(int(m.uid)))
		case upper == "FLAGS":
			out = append(out, "FLAGS ("+strings.Join(m.flags, " ")+")")
		case upper == "INTERNALDATE":
			out = append(out, "INTERNALDATE \""+m.date.Format("_2-Jan-2006 15:04:05 -0700")+"\"")
		case upper == "RFC822.SIZE":
			out = append(out, "RFC822.SIZE "+strconv.Itoa(len(m.raw)))
		case strings.HasPrefix(upper, "BODY"):
			out = append(out, renderBody(m, item))
		}
	}
	return strings.Join(out, " ")
}

// renderBody answers BODY[section]<offset.count>.
func renderBody(m message, item string) string {
	open, end := strings.IndexByte(item, '['), strings.LastIndexByte(item, ']')
	if open < 0 || end < open {
		return "BODY[] NIL"
	}
	section := item[open+1 : end]
	data := m.raw
	switch upper := strings.ToUpper(section); {
	case strings.HasPrefix(upper, "HEADER.FIELDS"):
		data = headerFields(m.raw, strings.Fields(strings.Trim(upper[len("HEADER.FIELDS"):], " ()")))
	case upper == "HEADER":
		data = headerOf(m.raw)
	case upper == "TEXT" || upper == "1":
		data = m.raw[len(headerOf(m.raw)):]
	}
	origin := ""
	if part := strings.Trim(item[end+1:], "<>"); part != "" {
		from, count, _ := strings.Cut(part, ".")
		a, _ := strconv.Atoi(from)
		n, _ := strconv.Atoi(count)
		a = min(a, len(data))
		data = data[a:min(a+n, len(data))]
		origin = "<" + from + ">"
	}
	return fmt.Sprintf("BODY[%s]%s {%d}\r\n%s", section, origin, len(data), data)
}

// headerOf gives the header with its empty line.
func headerOf(raw []byte) []byte {
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		return raw[:i+4]
	}
	return raw
}

// headerFields gives the named fields with their folded lines.
func headerFields(raw []byte, names []string) []byte {
	var out []byte
	keep := false
	for _, line := range bytes.SplitAfter(headerOf(raw), []byte("\n")) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			keep = false
			for _, n := range names {
				keep = keep || strings.EqualFold(strings.Trim(n, `"`), string(bytes.TrimSpace(name)))
			}
		}
		if keep {
			out = append(out, line...)
		}
	}
	return append(out, "\r\n"...)
}
