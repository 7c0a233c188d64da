package configs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"allim.dev/allim/notify"
)

// maxFile is the greatest configuration file that is read, in bytes.
const maxFile = 1 << 20

// Load reads a configuration file. When the error holds Problems, the Config has what could be read, so that a caller
// may look for more mistakes; it is not one to serve with.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	return Parse(path, data)
}

// Parse reads a configuration; name is for messages, and relative paths start at its folder. See Load for the error.
func Parse(name string, data []byte) (*Config, error) {
	if len(data) > maxFile {
		return nil, Problems{{File: name, Text: fmt.Sprintf("the file is longer than %d bytes", maxFile)}}
	}
	c := Default()
	c.root = &Section{file: name, dir: filepath.Dir(name)}
	node, problem := document(data)
	if problem != nil {
		problem.File = name
		return c, Problems{problem}
	}
	c.root.entry = entry{node, placeOf(node)}
	return c, c.read().err()
}

// withoutValue leaves out what a parser's message repeats of the file, and says what mostly helps: a value that starts
// with one of YAML's own characters is not taken for text.
func withoutValue(message string) string {
	text, _, repeats := strings.Cut(message, `: "`)
	for _, word := range []string{"alias", "anchor", "reserved character", "directive", "mapping value"} {
		repeats = repeats || strings.Contains(text, word)
	}
	if repeats {
		text += "; put a value with special characters in quotes"
	}
	return text
}

// parts is the whole file: what is decoded at once, and what is left to others.
type parts struct {
	Settings  `yaml:",inline"`
	Apps      []*Section `yaml:"apps"`
	Sources   []*Section `yaml:"sources"`
	Mappings  []*Section `yaml:"mappings"`
	Templates []*Section `yaml:"templates"`
}

// read decodes and checks everything that needs no knowledge of the kinds.
func (c *Config) read() Problems {
	all := parts{Settings: c.Settings}
	d := decoder{section: c.root}
	d.decode(&all)
	c.Settings = all.Settings
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.DataDir = relative(c.DataDir, c.root.dir)
	problems := append(d.problems, c.check()...)
	for _, s := range all.Apps {
		app, found := readApp(s)
		c.Apps = append(c.Apps, app)
		problems = append(problems, found...)
	}
	for _, s := range all.Sources {
		source, found := readSource(s)
		c.Sources = append(c.Sources, source)
		problems = append(problems, found...)
	}
	var found Problems
	c.Mappings, found = readParts(all.Mappings)
	problems = append(problems, found...)
	c.Templates, found = readParts(all.Templates)
	problems = append(problems, found...)
	c.takePrints()
	return append(problems, c.checkNames()...)
}

// readApp decodes what all apps have: an id. Every other key is a platform.
func readApp(s *Section) (App, Problems) {
	var own struct {
		ID string `yaml:"id"`
	}
	if s == nil { // an empty entry, named already
		return App{}, nil
	}
	d := decoder{section: s, loose: true}
	d.decode(&own)
	if s.broken() {
		return App{}, d.problems
	}
	app := App{ID: own.ID, section: s.rest(d.taken)}
	for _, name := range app.section.Keys() {
		app.Platforms = append(app.Platforms, Platform{Name: name, Section: s.Sub(name)})
	}
	return app, append(d.problems, app.check()...)
}

// readSource decodes what all sources have; the rest is their kind's.
func readSource(s *Section) (notify.SourceConfig, Problems) {
	if s == nil {
		return notify.SourceConfig{}, nil
	}
	own := source{Privacy: string(notify.PrivacyFull)}
	d := decoder{section: s, loose: true}
	d.decode(&own)
	if s.broken() {
		return notify.SourceConfig{}, d.problems
	}
	config := notify.SourceConfig{ID: own.ID, Kind: own.Kind, Privacy: notify.Privacy(own.Privacy), Topic: own.Topic,
		Accounts: notify.AccountsFrom{Kind: own.Accounts.Kind, Domain: own.Accounts.Domain},
		Section:  s.rest(d.taken)}
	return config, append(d.problems, own.check(s)...)
}

// document gives the file's one document; nil for an empty one.
func document(data []byte) (ast.Node, *Problem) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var se *yaml.SyntaxError
		if errors.As(err, &se) && se.Token != nil && se.Token.Position != nil {
			return nil, &Problem{Line: se.Token.Position.Line, Column: se.Token.Position.Column,
				Text: "not valid YAML: " + withoutValue(se.Message)}
		}
		return nil, &Problem{Text: "not valid YAML"}
	}
	var node ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if node != nil {
			at := placeOf(doc.Body)
			return nil, &Problem{Line: at.line, Column: at.column, Text: "a second document (after ---) is not taken"}
		}
		node = doc.Body
	}
	return node, nil
}
