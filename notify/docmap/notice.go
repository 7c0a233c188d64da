package docmap

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// part is one field of a notification: its template, and how its text gets in.
type part struct {
	path string // of the field in a notification
	t    *tmpl
	// list: every line of the text is an entry; an empty text is a fault unless the template has chosen so.
	list bool
	set  func(n *notify.Notification, value string) error
}

// person is an identity to tell, of two templates.
type person struct {
	path        string
	kind, value *tmpl
}

// fields gives the parts of a notice, in a fixed order, without templates: source says where they are from.
func (s *notice) fields(add func(path string, source text, list bool, set func(*notify.Notification, string) error)) {
	plain := func(path string, source text, to func(*notify.Notification) *string) {
		add(path, source, false, func(n *notify.Notification, v string) error { *to(n) = v; return nil })
	}
	plain("title", s.Title, func(n *notify.Notification) *string { return &n.Content.Title })
	plain("subtitle", s.Subtitle, func(n *notify.Notification) *string { return &n.Content.Subtitle })
	plain("body", s.Body, func(n *notify.Notification) *string { return &n.Content.Body })
	plain("url", s.URL, func(n *notify.Notification) *string { return &n.Content.URL })
	plain("image", s.Image, func(n *notify.Notification) *string { return &n.Content.Image })
	plain("sound", s.Sound, func(n *notify.Notification) *string { return &n.Content.Sound })
	plain("thread", s.Thread, func(n *notify.Notification) *string { return &n.Content.Thread })
	plain("category", s.Category, func(n *notify.Notification) *string { return &n.Content.Category })
	plain("collapseKey", s.CollapseKey, func(n *notify.Notification) *string { return &n.CollapseKey })
	plain("template", s.Template, func(n *notify.Notification) *string { return &n.Template })
	add("priority", s.Priority, false, setPriority)
	s.numbers(add)
	for _, k := range slices.Sorted(maps.Keys(s.Data)) {
		add("data."+k, s.Data[k], false, func(n *notify.Notification, v string) error { n.Content.Data[k] = v; return nil })
	}
	for _, k := range slices.Sorted(maps.Keys(s.Params)) {
		add("params."+k, s.Params[k], false, func(n *notify.Notification, v string) error { n.Params[k] = v; return nil })
	}
	s.To.fields(add)
}

func (s *notice) numbers(add func(string, text, bool, func(*notify.Notification, string) error)) {
	add("badge", s.Badge, false, func(n *notify.Notification, v string) error {
		i, err := wholeNumber(v)
		n.Content.Badge = &i
		return err
	})
	add("rate", s.Rate, false, func(n *notify.Notification, v string) (err error) { n.Rate, err = wholeNumber(v); return err })
	add("ttl", s.TTL, false, func(n *notify.Notification, v string) error {
		i, err := wholeNumber(v)
		if err == nil && (i < 0 || i > int(notify.MaxTTL/time.Second)) {
			err = fmt.Errorf("must be 0 to %d seconds", int(notify.MaxTTL/time.Second))
		}
		n.TTL = time.Duration(i) * time.Second
		return err
	})
	add("sendAt", s.SendAt, false, func(n *notify.Notification, v string) (err error) {
		if n.SendAt, err = time.Parse(time.RFC3339, v); err != nil {
			return fmt.Errorf("must be a time as RFC 3339 writes it, such as 2026-12-01T09:00:00+09:00")
		}
		return nil
	})
	add("urgent", s.Urgent, false, func(n *notify.Notification, v string) (err error) { n.Urgent, err = yesOrNo(v); return err })
	add("silent", s.Silent, false, func(n *notify.Notification, v string) (err error) { n.Silent, err = yesOrNo(v); return err })
	add("partial", s.Partial, false, func(n *notify.Notification, v string) (err error) { n.Partial, err = yesOrNo(v); return err })
}

func (s *audience) fields(add func(string, text, bool, func(*notify.Notification, string) error)) {
	list := func(path string, sources []text, into func(*notify.Notification, string)) {
		for i, source := range sources {
			add(fmt.Sprintf("%s[%d]", path, i), source, true, func(n *notify.Notification, v string) error { into(n, v); return nil })
		}
	}
	list("to.users", s.Users, func(n *notify.Notification, v string) { n.To.Users = append(n.To.Users, v) })
	list("to.devices", s.Devices, func(n *notify.Notification, v string) { n.To.Devices = append(n.To.Devices, v) })
	list("to.topics", s.Topics, func(n *notify.Notification, v string) { n.To.Topics = append(n.To.Topics, v) })
	list("to.apps", s.Apps, func(n *notify.Notification, v string) { n.To.Apps = append(n.To.Apps, v) })
	for i, source := range s.Platforms {
		add(fmt.Sprintf("to.platforms[%d]", i), source, true, func(n *notify.Notification, v string) error {
			p := notify.Platform(v)
			n.To.Platforms = append(n.To.Platforms, p)
			if _, retired := p.Successor(); !retired && !p.Known() {
				return fmt.Errorf("must be one of apns, fcm, wns, webpush, webhook")
			}
			return nil
		})
	}
	add("to.all", s.All, false, func(n *notify.Notification, v string) (err error) { n.To.All, err = yesOrNo(v); return err })
}

func setPriority(n *notify.Notification, v string) error {
	n.Priority = notify.Priority(v)
	switch n.Priority {
	case notify.PriorityHigh, notify.PriorityNormal, notify.PriorityLow:
		return nil
	}
	return fmt.Errorf("must be high, normal or low")
}

func wholeNumber(s string) (int, error) {
	i, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("must be a whole number")
	}
	return i, nil
}

func yesOrNo(s string) (bool, error) {
	switch strings.TrimSpace(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("must be true or false")
}

// blank is a notification to be filled in.
func blank() *notify.Notification {
	return &notify.Notification{TTL: notify.DefaultTTL, Params: map[string]string{},
		Content: notify.Content{Data: map[string]string{}}}
}

// made is a notification under way.
type made struct {
	n      *notify.Notification
	texts  []string // all of it, for its hash
	faults []notify.FieldError
	left   *int // bytes that the whole document may still make
}

func (m *made) bad(path, format string, args ...any) {
	m.faults = append(m.faults, notify.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
}

// text renders one template; false when it cannot.
func (m *made) text(path string, t *tmpl, env map[string]any) (string, bool) {
	s, err := t.render(env, min(maxText, *m.left))
	if err != nil {
		m.bad(path, "%s", err)
		return "", false
	}
	*m.left -= len(s)
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			m.bad(path, "holds the character U+%04X, which is not a text character", r)
			return "", false
		}
	}
	m.texts = append(m.texts, path, s)
	return s, true
}

func (m *made) part(p part, env map[string]any) {
	s, ok := m.text(p.path, p.t, env)
	if !ok {
		return
	}
	entries := []string{s}
	if p.list {
		entries = lines(s)
		if len(entries) == 0 && !p.t.choice {
			m.bad(p.path, "is empty in this document")
		}
	} else if s == "" {
		return
	}
	for _, e := range entries {
		if err := p.set(m.n, e); err != nil {
			m.bad(p.path, "%s", err)
		}
	}
}

func (m *made) person(p person, env map[string]any) {
	kind, ok := m.text(p.path+".kind", p.kind, env)
	value, also := m.text(p.path+".value", p.value, env)
	if !ok || !also {
		return
	}
	values := lines(value)
	if len(values) == 0 && !p.value.choice {
		m.bad(p.path+".value", "is empty in this document")
	}
	for _, v := range values {
		m.n.To.Identities = append(m.n.To.Identities, notify.Identity{Kind: strings.TrimSpace(kind), Value: v})
	}
}

// lines gives the lines of a text that are not empty.
func lines(s string) (out []string) {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// hash is the same for the same notification.
func (m *made) hash() []byte {
	h := sha256.New()
	for _, s := range m.texts {
		fmt.Fprintf(h, "%d %s", len(s), s)
	}
	return h.Sum(nil)
}
