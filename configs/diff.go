package configs

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Changed names what differs between two configurations: settings by their keys ("log.level", "retention"), apps,
// sources and mappings by their ids ("app corp", "source mail", "mapping erp", "template order"). The contents of files that are named are not compared, but those of
// file: values are.
func (c *Config) Changed(next *Config) []string {
	names := changedFields("", reflect.ValueOf(c.Settings), reflect.ValueOf(next.Settings))
	return append(names, changedParts(c.prints, next.prints)...)
}

func changedFields(path string, a, b reflect.Value) []string {
	var names []string
	for i := range a.NumField() {
		f := a.Type().Field(i)
		name := joinPath(path, f.Tag.Get("yaml"))
		if f.Type.Kind() == reflect.Struct {
			names = append(names, changedFields(name, a.Field(i), b.Field(i))...)
		} else if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	return names
}

// print is an app or source with what it said when it was read, secrets too, as a hash.
type print struct {
	name string // "app corp"
	hash [sha256.Size]byte
}

// prints are made when the file is read: a secret that is another one later shows as a change.
func (c *Config) takePrints() {
	for _, a := range c.Apps {
		c.prints = append(c.prints, print{"app " + a.ID, a.section.hash()})
	}
	for _, s := range c.Sources {
		if section, ok := s.Section.(*Section); ok {
			c.prints = append(c.prints, print{"source " + s.ID, section.hash()})
		}
	}
	for _, m := range c.Mappings {
		c.prints = append(c.prints, print{"mapping " + m.ID, m.Section.hash()})
	}
	for _, t := range c.Templates {
		c.prints = append(c.prints, print{"template " + t.ID, t.Section.hash()})
	}
}

func changedParts(was, next []print) []string {
	var names []string
	left := map[string][sha256.Size]byte{}
	for _, p := range was {
		left[p.name] = p.hash
	}
	for _, p := range next {
		hash, known := left[p.name]
		delete(left, p.name)
		switch {
		case !known:
			names = append(names, p.name+" (new)")
		case hash != p.hash:
			names = append(names, p.name)
		}
	}
	for _, p := range was {
		if _, gone := left[p.name]; gone {
			names = append(names, p.name+" (gone)")
		}
	}
	return names
}

// hash is the same for the same keys and values, however they are written; secrets are resolved first.
func (s *Section) hash() [sha256.Size]byte {
	if s == nil {
		return [sha256.Size]byte{}
	}
	says := map[string]string{}
	s.collect("", s.entry.node, says)
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(says)) {
		fmt.Fprintf(h, "%q %q\n", path, says[path])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (s *Section) collect(path string, n ast.Node, into map[string]string) {
	switch n := n.(type) {
	case nil:
	case *ast.MappingNode:
		for _, v := range n.Values {
			s.collect(joinPath(path, keyName(v)), v.Value, into)
		}
	case *ast.SequenceNode:
		for _, v := range n.Values {
			s.collect(path+"[]", v, into)
		}
	case *ast.LiteralNode:
		into[path] += "\x00" + n.Value.Value
	default:
		text := n.GetToken().Value
		if value, err := resolve(text, s.dir); err == nil && !namesFile(strings.TrimSuffix(path, "[]")) {
			text = value
		}
		into[path] += "\x00" + text // the elements of a list share a path
	}
}
