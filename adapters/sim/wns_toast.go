package sim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Toast is what a Windows device shows of a toast.
type Toast struct {
	Launch     string   `json:"launch"`
	Activation string   `json:"activation"` // foreground, background or protocol
	Duration   string   `json:"duration,omitempty"`
	Lang       string   `json:"lang,omitempty"`
	Text       []string `json:"text"`
	Hero       string   `json:"hero,omitempty"`
	Sound      string   `json:"sound,omitempty"` // "silent" for none
	Header     string   `json:"header,omitempty"`
}

// element is a part of an XML document.
type element struct {
	name     string
	attr     map[string]string
	children []*element
	text     string
}

// rule is what the schema says of an element: Microsoft, "Toast schema" (toast, visual, binding, …) and "App
// notification content". The order of the parts counts.
type rule struct {
	attr  map[string]func(string) bool
	parts []string // in this order; nil: text only
	need  []string // attributes that must be there
}

func anything(string) bool { return true }

func oneOf(list ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(list, s) }
}

var boolean = oneOf("true", "false")

func bcp47(s string) bool { _, err := language.Parse(s); return err == nil }

func moment(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil }

// picture: a src that cannot be read drops the whole toast.
func picture(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (s == "" || slices.Contains([]string{"http", "https", "ms-appx", "ms-appdata"}, u.Scheme)) &&
		!strings.ContainsAny(s, " \n")
}

func soundSource(s string) bool {
	u, err := url.Parse(s)
	return err == nil && slices.Contains([]string{"ms-winsoundevent", "ms-appx", "ms-appdata"}, u.Scheme)
}

type attrs = map[string]func(string) bool

var activation = oneOf("foreground", "background", "protocol")

var toastRules = map[string]rule{
	"toast": {attr: attrs{"launch": anything, "activationType": activation, "duration": oneOf("short", "long"),
		"displayTimestamp": moment, "scenario": oneOf("reminder", "alarm", "incomingCall", "urgent"), "useButtonStyle": boolean},
		parts: []string{"visual", "audio", "commands", "actions", "header"}},
	"visual": {attr: attrs{"lang": bcp47, "baseUri": anything, "addImageQuery": boolean}, parts: []string{"binding"}},
	"binding": {attr: attrs{"template": oneOf("ToastGeneric"), "lang": bcp47, "baseUri": anything, "addImageQuery": boolean},
		parts: []string{"text", "image", "progress", "group"}, need: []string{"template"}},
	"text": {attr: attrs{"placement": oneOf("attribution"), "lang": bcp47, "hint-maxLines": anything, "hint-style": anything}},
	"image": {attr: attrs{"placement": oneOf("appLogoOverride", "hero"), "hint-crop": oneOf("circle"), "src": picture,
		"alt": anything, "addImageQuery": boolean}, parts: []string{}, need: []string{"src"}},
	"audio":   {attr: attrs{"src": soundSource, "silent": boolean, "loop": boolean}, parts: []string{}},
	"actions": {attr: attrs{}, parts: []string{"input", "action"}},
	"input": {attr: attrs{"id": anything, "type": oneOf("text", "selection"), "placeHolderContent": anything, "title": anything,
		"defaultInput": anything}, parts: []string{"selection"}, need: []string{"id", "type"}},
	"selection": {attr: attrs{"id": anything, "content": anything}, parts: []string{}, need: []string{"id", "content"}},
	"action": {attr: attrs{"content": anything, "arguments": anything, "activationType": activation, "placement": oneOf("contextMenu"),
		"imageUri": picture, "hint-inputId": anything, "hint-buttonStyle": oneOf("Success", "Critical"), "hint-toolTip": anything},
		parts: []string{}, need: []string{"content", "arguments"}},
	"header": {attr: attrs{"id": anything, "title": anything, "arguments": anything, "activationType": activation}, parts: []string{},
		need: []string{"id", "title", "arguments"}},
}

// Most of a toast's parts: "App notification content".
const (
	maxTexts   = 3
	maxActions = 5
)

// ParseToast reads a toast as strictly as Windows does, which drops what breaks the schema without a word.
func ParseToast(body []byte) (Toast, error) {
	root, err := parseXML(body)
	if err != nil {
		return Toast{}, err
	}
	if root.name != "toast" {
		return Toast{}, fmt.Errorf("the root is %s, not toast", root.name)
	}
	if err := root.check(); err != nil {
		return Toast{}, err
	}
	return root.toast()
}

// check compares an element with its rule, and its parts with theirs.
func (e *element) check() error {
	r, ok := toastRules[e.name]
	if !ok {
		return fmt.Errorf("the schema has no <%s>", e.name)
	}
	for name, value := range e.attr {
		valid, ok := r.attr[name]
		switch {
		case !ok:
			return fmt.Errorf("<%s> has no attribute %s", e.name, name)
		case !valid(value):
			return fmt.Errorf("the attribute %s of <%s> is not valid", name, e.name)
		}
	}
	for _, name := range r.need {
		if _, ok := e.attr[name]; !ok {
			return fmt.Errorf("<%s> needs the attribute %s", e.name, name)
		}
	}
	if r.parts != nil && strings.TrimSpace(e.text) != "" {
		return fmt.Errorf("<%s> holds no text", e.name)
	}
	last := 0
	for _, c := range e.children {
		at := slices.Index(r.parts, c.name)
		switch {
		case at < 0:
			return fmt.Errorf("<%s> has no place in <%s>", c.name, e.name)
		case at < last:
			return fmt.Errorf("<%s> stands too late in <%s>", c.name, e.name)
		}
		last = at
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

// all gives the parts of a name.
func (e *element) all(name string) (list []*element) {
	for _, c := range e.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// toast reads what is shown. e has been checked.
func (e *element) toast() (Toast, error) {
	t := Toast{Launch: e.attr["launch"], Activation: e.attr["activationType"], Duration: e.attr["duration"]}
	if t.Activation == "" {
		t.Activation = "foreground"
	}
	for _, name := range []string{"visual", "audio", "commands", "actions", "header"} {
		if n := len(e.all(name)); n > 1 || n == 0 && name == "visual" {
			return t, fmt.Errorf("there are %d of <%s>", n, name)
		}
	}
	visual := e.all("visual")[0]
	if len(visual.children) != 1 {
		return t, errors.New("a <visual> has one <binding>")
	}
	t.Lang = visual.attr["lang"]
	for _, c := range visual.children[0].children {
		switch {
		case c.name == "text" && c.attr["placement"] == "":
			t.Text = append(t.Text, c.text)
		case c.name == "image" && c.attr["placement"] == "hero":
			t.Hero = c.attr["src"]
		}
	}
	if len(t.Text) == 0 || len(t.Text) > maxTexts {
		return t, fmt.Errorf("there are %d top lines of text, 1 to %d can be shown", len(t.Text), maxTexts)
	}
	return t, e.rest(&t)
}

// rest reads what stands after the visual part.
func (e *element) rest(t *Toast) error {
	for _, c := range e.all("audio") {
		if t.Sound = c.attr["src"]; c.attr["silent"] == "true" {
			t.Sound = "silent"
		}
	}
	for _, c := range e.all("actions") {
		if len(c.all("action")) > maxActions || len(c.all("input")) > maxActions {
			return errors.New("there are too many actions or inputs")
		}
	}
	for _, c := range e.all("header") {
		t.Header = c.attr["title"]
	}
	return nil
}

var badgeValue = regexp.MustCompile(`^([0-9]{1,9}|none|activity|alarm|alert|attention|available|away|busy|error|newMessage|paused|playing|unavailable)$`)

// ParseBadge reads a badge: Microsoft, "Badge schema".
func ParseBadge(body []byte) (string, error) {
	root, err := parseXML(body)
	switch {
	case err != nil:
		return "", err
	case root.name != "badge" || len(root.children) > 0 || len(root.attr) != 1 || !badgeValue.MatchString(root.attr["value"]):
		return "", errors.New("it is not a badge with a number or the name of a glyph")
	}
	return root.attr["value"], nil
}

// maxXMLDepth is more than any notification needs.
const maxXMLDepth = 16

// parseXML reads one document: UTF-8, one root, no DTD, no namespaces, no attribute twice.
func parseXML(body []byte) (*element, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("it is not UTF-8")
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	var p xmlParser
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) && p.root != nil {
			return p.root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it is not XML: %w", err)
		}
		if err := p.take(tok); err != nil {
			return nil, err
		}
	}
}

// xmlParser builds a document of its tokens.
type xmlParser struct {
	root *element
	open []*element
}

func (p *xmlParser) take(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return p.begin(t)
	case xml.EndElement:
		p.open = p.open[:len(p.open)-1]
	case xml.CharData:
		if len(p.open) > 0 {
			p.open[len(p.open)-1].text += string(t)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return errors.New("there is text outside of the root")
		}
	case xml.Directive:
		return errors.New("it has a DTD")
	}
	return nil
}

func (p *xmlParser) begin(t xml.StartElement) error {
	e, err := startOf(t)
	switch {
	case err != nil:
		return err
	case len(p.open) >= maxXMLDepth || len(p.open) == 0 && p.root != nil:
		return errors.New("it is too deep, or has two roots")
	case p.root == nil:
		p.root = e
	default:
		above := p.open[len(p.open)-1]
		above.children = append(above.children, e)
	}
	p.open = append(p.open, e)
	return nil
}

func startOf(t xml.StartElement) (*element, error) {
	e := &element{name: t.Name.Local, attr: map[string]string{}}
	if t.Name.Space != "" {
		return nil, errors.New("it has a namespace")
	}
	for _, a := range t.Attr {
		if _, twice := e.attr[a.Name.Local]; twice || a.Name.Space != "" {
			return nil, fmt.Errorf("the attribute %s stands twice or in a namespace", a.Name.Local)
		}
		e.attr[a.Name.Local] = a.Value
	}
	return e, nil
}
