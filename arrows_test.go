// Package allim holds no code: only the test that keeps the house in the shape that its design drew.
package allim

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "allim.dev/allim"

// arrows says which rooms of the house may import which; whatever is not here is forbidden. The first line that fits a
// package is its room: "x/*" stands for one folder below x, a room's own sub-folders belong to it and may import it and
// each other. Libraries are free.
var arrows = []struct {
	room string
	may  []string
}{
	{"cmd", []string{"*"}},
	{"notify/store/*", []string{"notify", "schemas"}},
	{"notify/bus/*", []string{"notify"}},
	{"notify/docmap", []string{"notify", "schemas"}},
	{"notify/api", []string{"notify", "notify/docmap", "schemas"}},
	{"notify/web", []string{"notify", "notify/api"}},
	{"notify/notifytest", []string{"notify"}},
	{"notify/*", nil}, // any other folder there: not foreseen
	{"notify", nil},
	{"connectors/caldav", []string{"notify", "connectors/ical"}},
	{"connectors/feed", []string{"notify", "connectors/ical"}},
	{"connectors/folder", []string{"notify", "notify/docmap"}},
	{"connectors/*", []string{"notify"}},
	{"connectors", []string{"notify", "connectors/*"}},
	{"adapters/*", []string{"notify", "adapters/push"}},
	{"adapters", []string{"notify", "adapters/*"}},
	{"configs", []string{"notify"}},
	{"schemas", nil},
}

// testsMay is what tests may import from anywhere, beside what their package may.
var testsMay = []string{"notify/notifytest", "adapters/sim"}

// TestArrows fails on every import between rooms that the design does not have.
func TestArrows(t *testing.T) {
	wrong, files, err := forbidden(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	if files < 20 {
		t.Errorf("only %d files were looked at: is this the module's root?", files)
	}
}

// TestArrowsFindsForbidden proves that the test above can fail.
func TestArrowsFindsForbidden(t *testing.T) {
	for _, c := range []struct {
		file, imports string
		forbidden     bool
	}{
		{"notify/plan.go", "connectors/imap", true},
		{"notify/plan.go", "notify/store/sqlite", true},
		{"notify/plan.go", "notify/notifytest", true},
		{"notify/plan_test.go", "notify/notifytest", false},
		{"notify/plan_test.go", "adapters/sim", false},
		{"notify/plan_test.go", "notify/store/sqlite", true},
		{"notify/store/sqlite/user.go", "notify", false},
		{"notify/store/sqlite/user.go", "schemas", false},
		{"notify/store/sqlite/user.go", "notify/bus/mem", true},
		{"notify/store/sqlite/user.go", "notify/store/postgres", true},
		{"notify/bus/mem/mem.go", "schemas", true},
		{"notify/api/users.go", "notify/docmap", false},
		{"notify/api/users.go", "notify/api/client", false},
		{"notify/api/client/client.go", "notify/api", false},
		{"notify/api/users.go", "notify/web", true},
		{"notify/api/users.go", "adapters/live", true},
		{"notify/web/page.go", "notify/api", false},
		{"notify/web/page.go", "notify/api/client", false},
		{"notify/notifytest/dovecot/dovecot.go", "notify/notifytest", false},
		{"connectors/connectors.go", "connectors/imap", false},
		{"connectors/imap/imap.go", "notify", false},
		{"connectors/imap/imap_test.go", "connectors/imap/imaptest", false},
		{"connectors/imap/imap.go", "connectors/ical", true},
		{"connectors/imap/imap.go", "connectors", true},
		{"connectors/imap/imap.go", "adapters/push", true},
		{"connectors/caldav/sync.go", "connectors/ical", false},
		{"connectors/folder/folder.go", "notify/docmap", false},
		{"adapters/adapters.go", "adapters/apns", false},
		{"adapters/apns/apns.go", "adapters/push", false},
		{"adapters/apns/apns.go", "adapters/fcm", true},
		{"adapters/apns/apns.go", "adapters/sim", true},
		{"adapters/apns/apns_test.go", "adapters/sim", false},
		{"adapters/push/client.go", "adapters/apns", true},
		{"configs/load.go", "notify", false},
		{"configs/load.go", "connectors/imap", true},
		{"schemas/schemas.go", "notify", true},
		{"cmd/allim/app/serve.go", "adapters/live", false},
		{"util/util.go", "notify", true}, // a room that the design does not have
		{"notify/util/util.go", "notify", true},
		{"notify/plan.go", "notify/util", true},
		{"notify/testdata/x.go", "connectors", false}, // not compiled
	} {
		src := fmt.Sprintf("package x\n\nimport (\n\t_ \"fmt\"\n\t_ %q\n)\n", module+"/"+c.imports)
		wrong, _, err := forbidden(fstest.MapFS{c.file: {Data: []byte(src)}})
		if err != nil {
			t.Fatal(err)
		}
		if (len(wrong) > 0) != c.forbidden {
			t.Errorf("%s imports %s: forbidden is %v, want %v (%v)", c.file, c.imports, len(wrong) > 0, c.forbidden, wrong)
		}
	}
}

// forbidden reads every Go file below root, whatever its build tags, and gives a line for each wrong import.
func forbidden(root fs.FS) (wrong []string, files int, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		files++
		imports, err := importsOf(root, name)
		for _, to := range imports {
			if why := judge(path.Dir(name), to, strings.HasSuffix(base, "_test.go")); why != "" {
				wrong = append(wrong, name+": "+why)
			}
		}
		return err
	})
	return wrong, files, err
}

// importsOf gives the folders of this module that a file imports.
func importsOf(root fs.FS, name string) ([]string, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, err
		}
		if rel, ok := strings.CutPrefix(p, module+"/"); ok {
			own = append(own, rel)
		}
	}
	return own, nil
}

// judge tells why a package in the folder from may not import the folder to; "" when it may.
func judge(from, to string, test bool) string {
	room, may, known := roomOf(from)
	if !known {
		return fmt.Sprintf("the design has no room %q: give it one, with its arrows", from)
	}
	target, _, _ := roomOf(to)
	if target == room {
		return ""
	}
	if test {
		may = append(slices.Clone(may), testsMay...)
	}
	for _, m := range may {
		if m == "*" || m == target || strings.HasSuffix(m, "/*") && path.Dir(target) == path.Dir(m) {
			return ""
		}
	}
	return fmt.Sprintf("%s must not import %s (arrows go from it to %v only)", room, to, may)
}

// roomOf gives the room that a folder lies in, with the "*" of its line filled in.
func roomOf(folder string) (room string, may []string, known bool) {
	for _, a := range arrows {
		parent, star := strings.CutSuffix(a.room, "/*")
		if !star {
			if folder == a.room || strings.HasPrefix(folder, a.room+"/") {
				return a.room, a.may, true
			}
			continue
		}
		if rest, below := strings.CutPrefix(folder, parent+"/"); below {
			first, _, _ := strings.Cut(rest, "/")
			return parent + "/" + first, a.may, true
		}
	}
	return "", nil, false
}
