package notify

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/text/language"
)

// Templates are the words of the configuration: those of notices that systems post by a template's name, and others for
// the hub's own. nil has the built-in ones only. Replace puts those of a configuration that was read again in their place;
// each look sees the one set or the other.
type Templates struct {
	set atomic.Pointer[map[string]configured] // never changed, only replaced
}

// Replace takes the words of others. What was accepted with a template that is gone is still told in its words, but nothing
// more is accepted with it. Safe for concurrent use with everything but itself.
func (t *Templates) Replace(by *Templates) {
	next := maps.Clone(*by.set.Load())
	for name, c := range *t.set.Load() {
		_, stays := next[name]
		if _, own := templateNamed(name); !stays && !own {
			c.gone = true
			next[name] = c
		}
	}
	t.set.Store(&next)
}

// configured is a template of the configuration.
type configured struct {
	template
	required []string
	known    map[string]bool // all params that it may have; nil: it is the hub's own and takes any
	langs    []string
	matcher  language.Matcher
	gone     bool // the configuration has it no more
}

// TemplateConfig is one template of the configuration, its words still undecoded.
type TemplateConfig struct {
	ID      string
	Section Section
}

// TemplateSettings are one template's part of the configuration.
type TemplateSettings struct {
	// Params must be given, Optional may be.
	Params   []string `yaml:"params"`
	Optional []string `yaml:"optional"`
	// Fallback is the language for people whose own the template does not have.
	Fallback string `yaml:"fallback"`
	// Words are by language (BCP 47).
	Words map[string]TemplateWords `yaml:"words"`
}

// TemplateWords are a template's words in one language. A title or body is a text with {param}, or a list of such texts:
// the first whose params are all there is taken. {?param} only asks for a param.
type TemplateWords struct {
	Title Alternatives `yaml:"title"`
	Body  Alternatives `yaml:"body"`
	// Sender and None are for people to whom less may be told.
	Sender *TemplateLevel `yaml:"sender"`
	None   *TemplateLevel `yaml:"none"`
}

// TemplateLevel are the words of a more discreet level of privacy.
type TemplateLevel struct {
	Title Alternatives `yaml:"title"`
	Body  Alternatives `yaml:"body"`
}

// Alternatives are one text or several.
type Alternatives []templateText

// templateText is a text that is taken as it is written.
type templateText string

// UnmarshalLiteral takes any scalar.
func (t *templateText) UnmarshalLiteral(s string) error {
	*t = templateText(s)
	return nil
}

// UnmarshalLiteral takes one text.
func (a *Alternatives) UnmarshalLiteral(s string) error {
	*a = Alternatives{templateText(s)}
	return nil
}

func (a Alternatives) patterns() []string {
	out := make([]string, len(a))
	for i, t := range a {
		out[i] = string(t)
	}
	if len(out) == 0 {
		out = []string{""}
	}
	return out
}

// NewTemplates compiles the templates of the configuration. One with the name of the hub's own, such as mail.received,
// takes its place where it has words. The error names every mistake at its place.
func NewTemplates(list []TemplateConfig) (*Templates, error) {
	t, named := &Templates{}, map[string]configured{}
	t.set.Store(&named)
	var errs []error
	for _, c := range list {
		made, err := compileTemplate(c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		named[c.ID] = made
	}
	return t, errors.Join(errs...)
}

// templateCompiler collects what is wrong with a template.
type templateCompiler struct {
	section Section
	out     configured
	all     map[string]bool // params
	errs    []error
}

func (c *templateCompiler) bad(key, format string, args ...any) {
	c.errs = append(c.errs, c.section.Errorf(key, format, args...))
}

func compileTemplate(config TemplateConfig) (configured, error) {
	var s TemplateSettings
	if err := config.Section.Decode(&s); err != nil {
		return configured{}, err
	}
	c := &templateCompiler{section: config.Section, all: map[string]bool{}}
	own, builtIn := templateNamed(config.ID)
	c.out.by = map[string]levels{}
	switch {
	case config.ID == posted:
		c.bad("id", "is a name that the hub keeps for itself")
	case builtIn:
		c.out.template = own
		c.out.by = maps.Clone(own.by)
		for name := range paramsOf(own) {
			c.all[name] = true
		}
	}
	c.params(s)
	if len(s.Words) == 0 {
		c.bad("words", "is required: a language with a title")
	}
	for _, lang := range slices.Sorted(maps.Keys(s.Words)) {
		c.words(lang, s.Words[lang], builtIn)
	}
	c.languages(s.Fallback)
	if !builtIn {
		c.out.required, c.out.known = s.Params, c.all
	}
	return c.out, errors.Join(c.errs...)
}

var paramName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

func (c *templateCompiler) params(s TemplateSettings) {
	for key, list := range map[string][]string{"params": s.Params, "optional": s.Optional} {
		for i, name := range list {
			if !paramName.MatchString(name) {
				c.bad(indexed(key, i), "a param's name is letters, digits and _.-, and begins with a letter")
			}
			c.all[name] = true
		}
	}
	for i, name := range s.Optional {
		if slices.Contains(s.Params, name) {
			c.bad(indexed("optional", i), "is among params, which must be given")
		}
	}
	c.out.required = s.Params
}

// words adds a language.
func (c *templateCompiler) words(lang string, w TemplateWords, builtIn bool) {
	at := "words." + lang
	if _, err := language.Parse(lang); err != nil {
		c.bad(at, "is not a language such as ko or en-GB")
	}
	if len(w.Title) == 0 {
		c.bad(at, "needs a title")
	}
	c.check(at+".title", w.Title, true)
	c.check(at+".body", w.Body, false)
	l := levels{PrivacyFull: {w.Title.patterns(), w.Body.patterns()}}
	general := noticeWords[posted].by[Language(lang)]
	l[PrivacySender], l[PrivacyNone] = words{w.Title.patterns(), []string{""}}, general[PrivacyNone]
	if builtIn { // it has its own discreet words
		for _, p := range []Privacy{PrivacySender, PrivacyNone} {
			l[p] = c.out.by[Language(lang)][p]
		}
	}
	for p, more := range map[Privacy]*TemplateLevel{PrivacySender: w.Sender, PrivacyNone: w.None} {
		if more != nil {
			key := at + "." + string(p)
			c.check(key+".title", more.Title, true)
			c.check(key+".body", more.Body, false)
			if len(more.Title) == 0 {
				c.bad(key, "needs a title")
			}
			l[p] = words{more.Title.patterns(), more.Body.patterns()}
		}
	}
	c.out.by[lang] = l
}

// check looks at the patterns of one text. One of a title's must do with the params that are always there.
func (c *templateCompiler) check(key string, patterns Alternatives, always bool) {
	sure := !always || len(patterns) == 0
	for _, p := range patterns {
		names, err := namesIn(string(p))
		if err != nil {
			c.bad(key, "%s", err)
			return
		}
		needs := 0
		for _, n := range names {
			if !c.all[n] {
				c.bad(key, "there is no param %q; there are: %s", n, listed(c.all))
			}
			if !slices.Contains(c.out.required, n) {
				needs++
			}
		}
		sure = sure || needs == 0
	}
	if !sure {
		c.bad(key, "one of the texts must do without optional params, for when they are not given")
	}
}

// namesIn gives the params that a pattern asks for.
func namesIn(pattern string) (names []string, err error) {
	for {
		before, rest, found := strings.Cut(pattern, "{")
		if strings.Contains(before, "}") {
			return nil, errors.New("a } stands without its {")
		}
		if !found {
			return names, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if name = strings.TrimPrefix(name, "?"); !closed || !paramName.MatchString(name) {
			return nil, errors.New("a { must be followed by a param's name and }")
		}
		names = append(names, name)
		pattern = after
	}
}

// paramsOf gives the params that the hub's own words name.
func paramsOf(t template) map[string]bool {
	all := map[string]bool{}
	for _, l := range t.by {
		for _, w := range l {
			for _, p := range append(slices.Clone(w.title), w.body...) {
				names, err := namesIn(p)
				if err != nil {
					continue
				}
				for _, n := range names {
					all[n] = true
				}
			}
		}
	}
	return all
}

func listed(names map[string]bool) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// languages makes the choice by a person's language: the fallback stands first.
func (c *templateCompiler) languages(fallback string) {
	c.out.langs = slices.Sorted(maps.Keys(c.out.by))
	if fallback == "" {
		fallback = languages[0]
	} else if c.out.by[fallback] == nil {
		c.bad("fallback", "is not a language of words")
	}
	if i := slices.Index(c.out.langs, fallback); i > 0 {
		c.out.langs = append([]string{fallback}, slices.Delete(c.out.langs, i, i+1)...)
	}
	tags := make([]language.Tag, 0, len(c.out.langs))
	for _, l := range c.out.langs {
		tags = append(tags, language.Make(l))
	}
	c.out.matcher = language.NewMatcher(tags)
}

// find gives the words of a name.
func (t *Templates) find(name string) (configured, bool) {
	if t != nil {
		if c, ok := (*t.set.Load())[name]; ok {
			return c, true
		}
	}
	own, ok := templateNamed(name)
	return configured{template: own}, ok
}

// language gives the language of the words for a person's locale.
func (c configured) language(locale, own string) string {
	if c.matcher == nil {
		return own
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return c.langs[0]
	}
	_, i, sure := c.matcher.Match(tag)
	if sure == language.No {
		return c.langs[0]
	}
	return c.langs[i]
}

// Has tells whether there is a template of that name.
func (t *Templates) Has(name string) bool { c, ok := t.find(name); return ok && !c.gone }

// Check tells what is wrong with a use of a template: CodeInvalid with the fields template and params.NAME.
func (t *Templates) Check(name string, params []string) error {
	var p problems
	c, ok := t.find(name)
	if !ok || c.gone {
		p.add("template", "there is no template %q", name)
	}
	for _, r := range c.required {
		if !slices.Contains(params, r) {
			p.add("params."+r, "is required by the template %s", name)
		}
	}
	for _, given := range params {
		if c.known != nil && !c.known[given] {
			p.add("params."+given, "is not a param of the template %s; known are: %s", name, listed(c.known))
		}
	}
	return p.err(fmt.Sprintf("the template %s cannot be used like this", name))
}

// check adds what is wrong with a notification's template; an empty param is as good as none.
func (t *Templates) check(n Notification, p *problems) {
	if n.Template == "" {
		return
	}
	given := make([]string, 0, len(n.Params))
	for _, k := range slices.Sorted(maps.Keys(n.Params)) {
		if n.Params[k] != "" {
			given = append(given, k)
		}
	}
	var e *Error
	if errors.As(t.Check(n.Template, given), &e) {
		*p = append(*p, e.Fields...)
	}
}

// Equal tells whether both are the same.
func (t *Templates) Equal(o *Templates) bool { return t == o }
