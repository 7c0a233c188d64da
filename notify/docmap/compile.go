package docmap

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"allim.dev/allim/notify"
)

// Mapping is a compiled mapping of the configuration. Safe for concurrent use.
type Mapping struct {
	id           string
	charset      string
	each         *path
	common       []variable
	vars         []variable
	lists        []variable
	when         *condition // nil: always
	parts        []part
	people       []person
	idempotency  *tmpl // nil: none
	reply        *reply
	errorReply   *reply
	keyParameter string
	keys         []string
	maxMatches   int
	allowEmpty   bool
}

var _ notify.Mapping = (*Mapping)(nil)

// variable is a named expression.
type variable struct {
	name string
	path *path
}

// The bounds of maxMatches.
const (
	defaultMatches = 1000
	maxMatches     = 10_000
)

// Compile makes a mapping of its part of the configuration. The error names every mistake at its place there.
func Compile(id string, section notify.Section, o Options) (*Mapping, error) {
	s := spec{Each: "/", MaxMatches: defaultMatches}
	if err := section.Decode(&s); err != nil {
		return nil, err
	}
	c := &compiler{section: section, spec: &s, options: o, m: &Mapping{id: id}, env: map[string]any{}}
	c.paths()
	c.condition()
	c.notification()
	c.answers()
	c.access()
	if err := errors.Join(c.faults...); err != nil {
		return nil, err
	}
	return c.m, nil
}

// compiler collects what is wrong with a mapping.
type compiler struct {
	section notify.Section
	spec    *spec
	options Options
	m       *Mapping
	env     map[string]any // the variables, each with a value of its type
	faults  []error
}

func (c *compiler) bad(key, format string, args ...any) {
	c.faults = append(c.faults, c.section.Errorf(key, format, args...))
}

// variableName is what templates and conditions can name.
var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// paths compiles all XPath expressions.
func (c *compiler) paths() {
	spaces := map[string]string{}
	for prefix, space := range c.spec.Namespaces {
		if spaces[prefix] = string(space); space == "" {
			c.bad("namespaces."+prefix, "is empty")
		}
	}
	compile := func(key string, source text) *path {
		p, err := newPath(string(source), spaces)
		if err != nil {
			c.bad(key, "%s", err)
			return &path{}
		}
		return p
	}
	if c.m.each = compile("each", c.spec.Each); c.m.each.zero != nil {
		c.bad("each", "must give nodes, but gives %s", typeName(c.m.each.zero))
	}
	group := func(key string, sources map[string]text, list bool) (out []variable) {
		for _, name := range slices.Sorted(maps.Keys(sources)) {
			at := key + "." + name
			p := compile(at, sources[name])
			if _, twice := c.env[name]; twice {
				c.bad(at, "there is a variable of this name already")
			}
			if !variableName.MatchString(name) {
				c.bad(at, "a variable's name is letters, digits and _, and begins with a letter")
			}
			if list && p.zero != nil {
				c.bad(at, "must give nodes, but gives %s", typeName(p.zero))
			}
			switch {
			case list:
				c.env[name] = []string{}
			case p.zero == nil:
				c.env[name] = ""
			default:
				c.env[name] = p.zero
			}
			out = append(out, variable{name, p})
		}
		return out
	}
	c.m.common = group("common", c.spec.Common, false)
	c.m.vars = group("vars", c.spec.Vars, false)
	c.m.lists = group("lists", c.spec.Lists, true)
}

func typeName(v any) string {
	switch v.(type) {
	case float64:
		return "a number"
	case bool:
		return "true or false"
	}
	return "a text"
}

func (c *compiler) condition() {
	if c.spec.When == "" {
		return
	}
	var err error
	if c.m.when, err = newCondition(string(c.spec.When), c.env); err != nil {
		c.bad("when", "%s", oneLine(err.Error()))
	}
}

// oneLine drops the picture that expr draws of the place.
func oneLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

func (c *compiler) template(key string, source text) *tmpl {
	t, err := newTemplate(string(source), c.env)
	if err != nil {
		c.bad(key, "%s", err)
		return &tmpl{}
	}
	return t
}

func (c *compiler) notification() {
	n := &c.spec.Notification
	n.fields(func(path string, source text, list bool, set func(*notify.Notification, string) error) {
		if source == "" {
			return
		}
		key := "notification." + path
		t := c.template(key, source)
		if t.t == nil && t.fixed != "" { // what never changes can be looked at now
			if err := set(blank(), t.fixed); err != nil {
				c.bad(key, "%s", err)
			}
		}
		c.m.parts = append(c.m.parts, part{path: path, t: t, list: list, set: set})
	})
	for i, id := range n.To.Identities {
		path := fmt.Sprintf("to.identities[%d]", i)
		key := "notification." + path
		if id.Kind == "" || id.Value == "" {
			c.bad(key, "needs a kind and a value")
		}
		c.m.people = append(c.m.people, person{path, c.template(key+".kind", id.Kind), c.template(key+".value", id.Value)})
	}
	to := n.To
	if len(to.Users)+len(to.Identities)+len(to.Devices)+len(to.Topics) == 0 && to.All == "" {
		c.bad("notification.to", "names nobody: give users, identities, devices, topics, or all")
	}
	if n.Title == "" && n.Body == "" && n.Template == "" && n.Silent == "" {
		c.bad("notification", "needs a title, a body or a template, or silent: true")
	}
	if n.Template != "" && !strings.Contains(string(n.Template), "{{") {
		if err := c.options.Templates.Check(string(n.Template), slices.Sorted(maps.Keys(n.Params))); err != nil {
			c.bad("notification.template", "%s", plainWords(err))
		}
	}
	if c.spec.Idempotency != "" {
		c.m.idempotency = c.template("idempotency", c.spec.Idempotency)
		if c.m.idempotency.t == nil {
			c.bad("idempotency", "is the same for all matches; it should name a variable")
		}
	}
}

// plainWords gives an error's words without its code.
func plainWords(err error) string {
	var e *notify.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err.Error()
	}
	words := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		if words[i] = f.Message; f.Path != "template" {
			words[i] = f.Path + " " + f.Message
		}
	}
	return strings.Join(words, "; ")
}

func (c *compiler) answers() {
	compile := func(key string, s *replySpec, names map[string]any) *reply {
		if s == nil {
			return nil
		}
		r, bad := newReply(s, names)
		for field, err := range bad {
			c.bad(key+"."+field, "%s", err)
		}
		return r
	}
	c.m.reply = compile("reply", c.spec.Reply, withNames(c.env, replyNames()))
	c.m.errorReply = compile("errorReply", c.spec.ErrorReply, errorNames())
}

func withNames(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (c *compiler) access() {
	c.m.charset = string(c.spec.Charset)
	if err := checkCharset(c.m.charset); err != nil {
		c.bad("charset", "%s", err)
	}
	c.m.keyParameter = string(c.spec.KeyParameter)
	for i, k := range c.spec.Keys {
		if k == "" {
			c.bad(fmt.Sprintf("keys[%d]", i), "is empty")
		}
		c.m.keys = append(c.m.keys, string(k))
	}
	c.m.maxMatches = c.spec.MaxMatches
	if c.m.maxMatches < 1 || c.m.maxMatches > maxMatches {
		c.bad("maxMatches", "must be 1 to %d", maxMatches)
	}
	c.m.allowEmpty = c.spec.AllowEmpty
}

// ID implements notify.Mapping.
func (m *Mapping) ID() string { return m.id }

// KeyParameter is the query parameter that may carry the key; empty: none may.
func (m *Mapping) KeyParameter() string { return m.keyParameter }

// Allows tells whether a key that may send may use the mapping.
func (m *Mapping) Allows(k notify.Key) bool {
	return len(m.keys) == 0 || slices.Contains(m.keys, k.Name) || slices.Contains(m.keys, k.ID)
}
