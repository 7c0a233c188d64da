package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills a struct from a section by the rules of this package, and goes on after a mistake, so that all are
// named. Keys are the fields' yaml tags (as goccy/go-yaml reads them), or their names in lower case.
type decoder struct {
	section  *Section
	loose    bool     // keys that the struct does not know are left for later
	taken    []string // the keys that the struct has
	problems Problems
}

var sectionType = reflect.TypeFor[*Section]()

func (d *decoder) decode(into any) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		d.add(d.section.entry.at, d.section.path, "the hub decodes into a %T, which is no pointer to a struct", into)
		return
	}
	d.object(d.section.entry, d.section.path, v.Elem())
}

func (d *decoder) add(at place, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	d.problems = append(d.problems, d.section.problem(at, text))
}

// value decodes one value by the type that it goes into; null and nothing leave the default.
func (d *decoder) value(e entry, path string, into reflect.Value) {
	if e.node == nil || e.node.Type() == ast.NullType {
		return
	}
	switch e.node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.add(placeOf(e.node), path, "anchors, aliases and tags (&, *, !) are not taken here; write the value out")
		return
	}
	if into.Type() == sectionType {
		into.Set(reflect.ValueOf(&Section{file: d.section.file, dir: d.section.dir, plain: d.section.plain, path: path, entry: e}))
		return
	}
	if d.special(e, path, into) {
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		if !into.IsNil() {
			fresh.Elem().Set(into.Elem())
		}
		d.value(e, path, fresh.Elem())
		into.Set(fresh)
	case reflect.Struct:
		d.object(e, path, into)
	case reflect.Slice:
		d.list(e, path, into)
	case reflect.Map:
		d.table(e, path, into)
	default:
		d.scalar(e.node, path, into)
	}
}

func (d *decoder) list(e entry, path string, into reflect.Value) {
	seq, ok := e.node.(*ast.SequenceNode)
	if !ok {
		d.add(placeOf(e.node), path, "must be a list, is %s; write [a, b]", kindOf(e.node))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(seq.Values), len(seq.Values))
	for i, n := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n == nil || n.Type() == ast.NullType {
			where := placeOf(n)
			if where.line == 0 {
				where = e.at
			}
			d.add(where, at, "is empty")
			continue
		}
		d.value(entry{n, placeOf(n)}, at, list.Index(i))
	}
	into.Set(list)
}

func (d *decoder) table(e entry, path string, into reflect.Value) {
	if !d.isMapping(e, path) {
		return
	}
	if into.Type().Key().Kind() != reflect.String {
		d.add(e.at, path, "the hub cannot read a %s from a file", into.Type())
		return
	}
	table := reflect.MakeMap(into.Type())
	for _, v := range d.entries(e.node, path) {
		value := reflect.New(into.Type().Elem()).Elem()
		d.value(entry{v.Value, placeOf(v.Key)}, joinPath(path, keyName(v)), value)
		table.SetMapIndex(reflect.ValueOf(keyName(v)).Convert(into.Type().Key()), value)
	}
	into.Set(table)
}

func (d *decoder) object(e entry, path string, into reflect.Value) {
	if e.node == nil || e.node.Type() == ast.NullType || !d.isMapping(e, path) {
		return
	}
	fields := map[string]reflect.Value{}
	fieldsOf(into, fields)
	top := path == d.section.path
	if top {
		d.taken = keysOf(fields)
	}
	for _, v := range d.entries(e.node, path) {
		name := keyName(v)
		field, known := fields[name]
		switch {
		case known:
			d.value(entry{v.Value, placeOf(v.Key)}, joinPath(path, name), field)
		case top && (d.loose || slices.Contains(d.section.taken, name)):
		default:
			names := keysOf(fields)
			if top {
				names = append(names, d.section.taken...)
			}
			d.problems = append(d.problems, d.section.problem(placeOf(v.Key), unknown("key", name, path, names)))
		}
	}
}

func (d *decoder) isMapping(e entry, path string) bool {
	if _, ok := e.node.(*ast.MappingNode); ok {
		return true
	}
	d.add(placeOf(e.node), path, "must be keys with values, is %s", kindOf(e.node))
	return false
}

// entries gives a mapping's values, and names the keys that stand twice or are no plain words.
func (d *decoder) entries(n ast.Node, path string) []*ast.MappingValueNode {
	var out []*ast.MappingValueNode
	first := map[string]place{}
	for _, v := range mapping(n) {
		at := placeOf(v.Key)
		if _, ok := v.Key.(*ast.StringNode); !ok {
			d.add(at, path, "the key is not a plain word")
			continue
		}
		if before, twice := first[keyName(v)]; twice {
			d.add(at, joinPath(path, keyName(v)), "the key stands in line %d already", before.line)
			continue
		}
		first[keyName(v)] = at
		out = append(out, v)
	}
	return out
}

// fieldsOf finds a struct's fields by their keys; inlined structs count as their fields.
func fieldsOf(v reflect.Value, fields map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case (f.Anonymous && name == "" || strings.Contains(options, "inline")) && f.Type.Kind() == reflect.Struct:
			fieldsOf(v.Field(i), fields)
		case name == "":
			fields[strings.ToLower(f.Name)] = v.Field(i)
		default:
			fields[name] = v.Field(i)
		}
	}
}

func keysOf(fields map[string]reflect.Value) []string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	return names
}
