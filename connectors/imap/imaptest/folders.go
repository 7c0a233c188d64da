package imaptest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
)

func (c *conn) runList(tag, args string) {
	words := parseArgs(args)
	if len(words) < 2 {
		c.write(tag + " BAD LIST reference pattern\r\n")
		return
	}
	pattern := words[0] + words[1]
	for _, f := range c.login.Load().sorted() {
		name := encodeName(f.name)
		if matchName(pattern, name) {
			c.write(fmt.Sprintf("* LIST (%s) \"/\" %q\r\n", strings.Join(append([]string{`\HasNoChildren`}, f.attrs...), " "), name))
		}
	}
	c.ok(tag, "listed")
}

// matchName is RFC 3501 section 6.3.8: "*" stands for anything, "%" for anything within one level.
func matchName(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch pattern[0] {
	case '*', '%':
		for i := 0; i <= len(name); i++ {
			if matchName(pattern[1:], name[i:]) {
				return true
			}
			if i < len(name) && pattern[0] == '%' && name[i] == '/' {
				return false
			}
		}
		return false
	default:
		return name != "" && pattern[0] == name[0] && matchName(pattern[1:], name[1:])
	}
}

// folder finds a mailbox by its name on the wire.
func (c *conn) folder(wire string) *mbox {
	u := c.login.Load()
	u.mu.Lock()
	defer u.mu.Unlock()
	if strings.EqualFold(wire, "INBOX") {
		return u.folders["INBOX"]
	}
	for name, f := range u.folders {
		if encodeName(name) == wire {
			return f
		}
	}
	return nil
}

func (c *conn) runStatus(tag, args string) {
	words := parseArgs(args)
	if len(words) != 2 {
		c.write(tag + " BAD STATUS mailbox (items)\r\n")
		return
	}
	f := c.folder(words[0])
	if f == nil {
		c.write(tag + " NO [NONEXISTENT] no such mailbox\r\n")
		return
	}
	u := c.login.Load()
	u.mu.Lock()
	values := map[string]uint32{"MESSAGES": uint32(len(f.messages)), "UIDNEXT": f.uidNext, "UIDVALIDITY": f.uidValidity,
		"RECENT": 0, "UNSEEN": uint32(len(f.messages))}
	u.mu.Unlock()
	var items []string
	for _, item := range strings.Fields(strings.Trim(words[1], "()")) {
		if v, ok := values[strings.ToUpper(item)]; ok {
			items = append(items, fmt.Sprintf("%s %d", strings.ToUpper(item), v))
		}
	}
	c.write(fmt.Sprintf("* STATUS %q (%s)\r\n", words[0], strings.Join(items, " ")))
	c.settle(tag, "done")
}

func (c *conn) runSelect(tag, name, args string) {
	words := parseArgs(args)
	c.deselect()
	if len(words) < 1 {
		c.write(tag + " BAD SELECT mailbox\r\n")
		return
	}
	f := c.folder(words[0])
	if f == nil {
		c.write(tag + " NO [NONEXISTENT] no such mailbox\r\n")
		return
	}
	u := c.login.Load()
	c.selectFolder(u, f)
	c.vmu.Lock()
	exists := len(c.view)
	c.vmu.Unlock()
	u.mu.Lock()
	validity, next := f.uidValidity, f.uidNext
	u.mu.Unlock()
	c.write(fmt.Sprintf("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* %d EXISTS\r\n* 0 RECENT\r\n"+
		"* OK [UIDVALIDITY %d] valid\r\n* OK [UIDNEXT %d] next\r\n", exists, validity, next))
	access := "READ-WRITE"
	if name == "EXAMINE" {
		access = "READ-ONLY"
	}
	c.ok(tag, "["+access+"] selected")
}

// encodeName writes a mailbox name in modified UTF-7 (RFC 3501 section 5.1.3).
func encodeName(name string) string {
	var b strings.Builder
	enc := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var run []rune
	shift := func() {
		if len(run) == 0 {
			return
		}
		var bytes []byte
		for _, u := range utf16.Encode(run) {
			bytes = append(bytes, byte(u>>8), byte(u))
		}
		b.WriteString("&" + enc.EncodeToString(bytes) + "-")
		run = nil
	}
	for _, r := range name {
		if r < 0x20 || r > 0x7e {
			run = append(run, r)
			continue
		}
		shift()
		if r == '&' {
			b.WriteString("&-")
		} else {
			b.WriteRune(r)
		}
	}
	shift()
	return b.String()
}
