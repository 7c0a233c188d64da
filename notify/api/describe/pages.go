package describe

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"strings"

	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

//go:embed page/*
var pageFiles embed.FS

// Pages are the documentation for people, as HTML that needs nothing from elsewhere.
type Pages struct {
	Index []byte
	Calls map[string][]byte // by the call's id
	// Policy is the Content-Security-Policy that the pages work under: one style sheet, and nothing else.
	Policy string
}

// leaf is one call on the pages.
type leaf struct {
	entry
	Method, Path, Needs string
	Params              []Param
	Request, Answers    []sheet
	Fields              []table
}

// sheet is an example of a body.
type sheet struct{ Title, Text string }

// table is the fields of an object.
type table struct {
	Name, Text string
	Rows       []row
}

type row struct {
	Name, Type, Text string
	Required         bool
}

// section is the calls under one heading.
type section struct {
	Title string
	Calls []leaf
}

// Pages makes the pages.
func (b *Book) Pages() (Pages, error) {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return Pages{}, fmt.Errorf("read the pages' style: %w", err)
	}
	t, err := template.New("").ParseFS(pageFiles, "page/*.html")
	if err != nil {
		return Pages{}, fmt.Errorf("read the pages' templates: %w", err)
	}
	sum := sha256.Sum256(style)
	out := Pages{Calls: map[string][]byte{}, Policy: "default-src 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'; base-uri 'none'"}
	render := func(name string, data map[string]any) ([]byte, error) {
		data["Style"] = template.CSS(style) // ours, and embedded
		var buf bytes.Buffer
		if err := t.ExecuteTemplate(&buf, name, data); err != nil {
			return nil, fmt.Errorf("write the page %s: %w", name, err)
		}
		return buf.Bytes(), nil
	}
	sections := b.sections()
	if out.Index, err = render("index.html", map[string]any{"Sections": sections, "Problem": b.errorSheets()}); err != nil {
		return Pages{}, err
	}
	for _, s := range sections {
		for _, l := range s.Calls {
			if out.Calls[l.ID], err = render("call.html", map[string]any{"Call": l}); err != nil {
				return Pages{}, err
			}
		}
	}
	return out, nil
}

func (b *Book) sections() []section {
	var out []section
	for _, g := range groups() {
		s := section{Title: g}
		for _, c := range b.calls {
			if e := entries()[c.name()]; e.Group == g {
				s.Calls = append(s.Calls, b.leaf(c, e))
			}
		}
		for _, r := range b.raw {
			if r.Group == g {
				s.Calls = append(s.Calls, b.rawLeaf(r))
			}
		}
		out = append(out, s)
	}
	return slices.DeleteFunc(out, func(s section) bool { return len(s.Calls) == 0 })
}

func (b *Book) leaf(c Call, e entry) leaf {
	l := leaf{entry: e, Method: c.Method, Path: c.Path, Needs: strings.TrimSpace(needs(c.Scopes)), Params: b.params(c)}
	var types []reflect.Type
	if c.Request != nil {
		l.Request = b.sheets(c.Request)
		types = append(types, c.Request)
	}
	if c.Answer != nil {
		l.Answers = b.sheets(c.Answer)
		types = append(types, c.Answer)
	}
	for _, m := range b.reach(types) {
		l.Fields = append(l.Fields, b.table(m))
	}
	return l
}

func (b *Book) rawLeaf(r Raw) leaf {
	l := leaf{entry: r.entry, Method: r.Method, Path: r.Path, Needs: strings.TrimSpace(needs(r.Scopes)), Params: r.Params}
	if r.Own {
		l.Needs += " The key may stand where the old service had it."
	}
	examples := func(list []Media) (out []sheet) {
		for _, m := range list {
			text := m.Example
			if m.Struct != nil {
				text = b.Example(m.Struct, codec.JSON)
			}
			out = append(out, sheet{m.Type, text})
		}
		return out
	}
	l.Request, l.Answers = examples(r.Request), examples(r.Answer)
	return l
}

func (b *Book) errorSheets() []sheet { return b.sheets(reflect.TypeFor[wire.Problem]()) }

func (b *Book) sheets(t reflect.Type) []sheet {
	return []sheet{{"JSON", indented(b.Example(t, codec.JSON))}, {"XML", spread(b.Example(t, codec.XML))}}
}

// indented breaks a JSON example into lines, for people.
func indented(doc string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(doc), "", "  "); err != nil { // there is no example
		return doc
	}
	return strings.TrimSpace(out.String())
}

// spread breaks an XML example into lines, for people.
func spread(doc string) string {
	var out strings.Builder
	depth := 0
	for i, part := range strings.SplitAfter(doc, ">") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		text, tag, _ := strings.Cut(part, "<")
		closes := strings.HasPrefix(tag, "/")
		if closes {
			depth--
		}
		if i > 0 && text == "" && !(closes && endsOpen(out.String(), tag)) {
			out.WriteString("\n" + strings.Repeat("  ", max(depth, 0)))
		}
		out.WriteString(strings.TrimPrefix(part, "\n"))
		if strings.HasPrefix(tag, "?") {
			out.WriteString("\n")
		}
		if !closes && !strings.HasPrefix(tag, "?") && !strings.HasSuffix(tag, "/>") {
			depth++
		}
	}
	return strings.TrimSpace(out.String())
}

// endsOpen tells whether the text ends with the start of the element that the tag closes: it is empty.
func endsOpen(written, tag string) bool {
	name := strings.TrimSuffix(strings.TrimPrefix(tag, "/"), ">")
	return strings.HasSuffix(written, "<"+name+">")
}

func (b *Book) table(m *codec.Model) table {
	t := table{Name: m.Type.Name(), Text: b.comments.ofType(m.Type)}
	for _, f := range m.Fields {
		kind := typeText(f.Model)
		if list := wordsOf(f); list != nil {
			kind += ": " + strings.Join(list, ", ")
		}
		t.Rows = append(t.Rows, row{f.Name, kind, b.comments.ofField(f.Owner, f.Go), !f.Optional})
	}
	return t
}

func typeText(m *codec.Model) string {
	switch m.Kind {
	case codec.Object:
		return m.Type.Name()
	case codec.List:
		return "list of " + typeText(m.Elem)
	case codec.Map:
		return "map of " + typeText(m.Elem)
	case codec.Bool:
		return "true or false"
	case codec.Int:
		return "whole number"
	case codec.Float:
		return "number"
	case codec.Time:
		return "time"
	}
	return "text"
}
