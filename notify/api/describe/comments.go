package describe

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"

	"allim.dev/allim/notify/api/wire"
)

// comments are the words on types and fields of package wire, by "Type" and "Type.Field".
type comments map[string]string

// readComments reads package wire's own text, which is embedded in the program. What cannot be read has no comments.
func readComments() comments {
	out := comments{
		"FieldError":         "One bad field of a request.",
		"FieldError.Path":    `where it is, such as "to.users[2]"`,
		"FieldError.Message": "what is wrong with it",
	}
	names, err := fs.Glob(wire.Files, "*.go")
	if err != nil {
		return out
	}
	files := token.NewFileSet()
	for _, name := range names {
		text, err := fs.ReadFile(wire.Files, name)
		if err != nil {
			continue
		}
		f, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				out.read(g)
			}
		}
	}
	return out
}

func (c comments) read(g *ast.GenDecl) {
	for _, s := range g.Specs {
		t, ok := s.(*ast.TypeSpec)
		if !ok {
			continue
		}
		name := t.Name.Name
		if doc := clean(g.Doc); doc != "" {
			c[name] = doc
		}
		st, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range st.Fields.List {
			for _, n := range f.Names {
				if text := strings.TrimSpace(clean(f.Doc) + " " + clean(f.Comment)); text != "" {
					c[name+"."+n.Name] = text
				}
			}
		}
	}
}

// clean makes a comment one line.
func clean(g *ast.CommentGroup) string {
	return strings.Join(strings.Fields(g.Text()), " ")
}

func (c comments) ofType(t reflect.Type) string { return c[t.Name()] }

func (c comments) ofField(owner reflect.Type, name string) string { return c[owner.Name()+"."+name] }
