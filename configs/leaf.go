package configs

import (
	"encoding"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// literal takes any scalar as it is written: "env:Body" may be a path in it, and true a text.
type literal interface{ UnmarshalLiteral(text string) error }

// special decodes types that are written as one text: durations, ranges, and what unmarshals itself.
func (d *decoder) special(e entry, path string, into reflect.Value) bool {
	_, several := e.node.(*ast.SequenceNode)
	if l, ok := into.Addr().Interface().(literal); ok && !(several && into.Kind() == reflect.Slice) {
		d.literal(e.node, path, l)
		return true
	}
	var set func(text string) error
	unmarshaler, ok := into.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case into.Type() == durationType:
		set = func(text string) error {
			v, err := parseDuration(text)
			if err == nil {
				into.SetInt(int64(v))
			}
			return err
		}
	case into.Type() == prefixType:
		set = func(text string) error {
			v, err := parsePrefix(text)
			if err == nil {
				into.Set(reflect.ValueOf(v))
			}
			return err
		}
	case ok:
		set = func(text string) error { return unmarshaler.UnmarshalText([]byte(text)) }
	default:
		return false
	}
	text, ok := d.text(e.node, path, true)
	if !ok {
		return true
	}
	if err := set(text); err != nil {
		d.add(placeOf(e.node), path, "%s", err)
	}
	return true
}

func (d *decoder) literal(n ast.Node, path string, into literal) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = n.GetToken().Value
	default:
		d.add(placeOf(n), path, "must be text, is %s", kindOf(n))
		return
	}
	if err := into.UnmarshalLiteral(text); err != nil {
		d.add(placeOf(n), path, "%s", err)
	}
}

// text gives a text value with env: and file: resolved. Numbers are taken as they are written where numeric is set.
func (d *decoder) text(n ast.Node, path string, numeric bool) (string, bool) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if numeric {
			return n.GetToken().Value, true
		}
		d.add(placeOf(n), path, "must be text; put the number in quotes")
		return "", false
	default:
		d.add(placeOf(n), path, "must be text, is %s", kindOf(n))
		return "", false
	}
	if d.section.plain {
		return text, true
	}
	if namesFile(path) {
		// The key wants a path, so that file: before it would only say so twice.
		if rest, ok := strings.CutPrefix(text, "file:"); ok {
			return relative(rest, d.section.dir), true
		}
	}
	resolved, err := resolve(text, d.section.dir)
	if err != nil {
		d.add(placeOf(n), path, "%s", err)
		return "", false
	}
	if namesFile(path) {
		resolved = relative(resolved, d.section.dir)
	}
	return resolved, true
}

func (d *decoder) scalar(n ast.Node, path string, into reflect.Value) {
	switch into.Kind() {
	case reflect.String:
		if text, ok := d.text(n, path, false); ok {
			into.SetString(text)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.add(placeOf(n), path, "must be true or false, is %s", kindOf(n))
			return
		}
		into.SetBool(b.Value)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.integer(n, path, into)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.GetToken().Value, 64)
		if err != nil || !numeric(n) || into.OverflowFloat(f) {
			d.add(placeOf(n), path, "must be a number")
			return
		}
		into.SetFloat(f)
	default:
		d.add(placeOf(n), path, "the hub cannot read a %s from a file", into.Type())
	}
}

func (d *decoder) integer(n ast.Node, path string, into reflect.Value) {
	i, err := strconv.ParseInt(n.GetToken().Value, 10, 64)
	switch {
	case n.Type() != ast.IntegerType || err != nil:
		d.add(placeOf(n), path, "must be a whole number")
	case into.CanUint() && (i < 0 || into.OverflowUint(uint64(i))), into.CanInt() && into.OverflowInt(i):
		d.add(placeOf(n), path, "the number is out of range")
	case into.CanUint():
		into.SetUint(uint64(i))
	default:
		into.SetInt(i)
	}
}

func numeric(n ast.Node) bool { return n.Type() == ast.IntegerType || n.Type() == ast.FloatType }

// kindOf says in plain words what a value is.
func kindOf(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType:
		return "keys with values"
	case ast.SequenceType:
		return "a list"
	case ast.BoolType:
		return "true or false"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.StringType, ast.LiteralType:
		return "text"
	}
	return "something else"
}
