package app_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/connectors"
)

const exampleFile = "../../../configs/allim.example.yaml"

// commented is a setting that is commented out: prose has a space after the #.
var commented = regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`)

// example gives the annotated example as it stands, and with everything that is commented out.
func example(t *testing.T) (asIs, whole string) {
	t.Helper()
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), commented.ReplaceAllString(string(data), "$1$2")
}

// exampleFolder holds the files and secrets that the example names.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		t.Fatal(err)
	}
	file, err := key.File(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, filepath.Join(dir, "AuthKey.p8")); err != nil {
		t.Fatal(err)
	}
	account, err := sim.NewFCMAccount("example-project")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := account.File(dir, "https://oauth2.googleapis.com/token"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IMAP_MASTER", "secret")
	t.Setenv("IMAP_CLIENT_SECRET", "secret")
	t.Setenv("CALDAV_PASSWORD", "secret")
	t.Setenv("CALDAV_TOKEN", "secret")
	t.Setenv("CALDAV_CLIENT_SECRET", "secret")
	t.Setenv("FEED_PASSWORD", "secret")
	t.Setenv("WNS_SECRET", "secret")
	t.Setenv("HOOK_SECRET", "a secret of some length")
	return dir
}

func TestTheExampleIsValid(t *testing.T) {
	asIs, _ := example(t)
	c, err := configs.Parse(filepath.Join(exampleFolder(t), "allim.yaml"), []byte(asIs))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := app.Offline(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Error(err)
	}
	if len(parts.Lanes) != len(adapters.Kinds) || len(parts.Sources) != len(connectors.Kinds) {
		t.Errorf("the example shows %d platforms and %d sources; there are %d and %d", len(parts.Lanes), len(parts.Sources),
			len(adapters.Kinds), len(connectors.Kinds))
	}
}

// set in the example to something else than the default, so that it shows something.
var shownOtherwise = map[string]bool{"auth.method": true}

// TestTheExampleShowsEverything: every setting stands in the example, and what is commented out and has a default shows
// that default.
func TestTheExampleShowsEverything(t *testing.T) {
	_, whole := example(t)
	c, err := configs.Parse(filepath.Join(exampleFolder(t), "allim.yaml"), []byte(whole))
	if err != nil {
		t.Fatalf("with everything that is commented out: %v", err)
	}
	compare(t, "", reflect.ValueOf(configs.Default().Settings), reflect.ValueOf(c.Settings), func(path string) bool {
		return regexp.MustCompile(`(?m)(^|[ {])` + filepath.Ext("." + path)[1:] + `:`).MatchString(whole)
	})
	for _, kind := range adapters.Kinds {
		for _, p := range c.Apps[0].Platforms {
			if p.Name == string(kind.Platform) {
				decodeAndCompare(t, kind.Example(), p.Section)
			}
		}
	}
	for _, kind := range connectors.Kinds {
		for _, s := range c.Sources {
			if s.Kind == kind.Name {
				decodeAndCompare(t, kind.Example(), s.Section.(*configs.Section))
			}
		}
	}
}

// decodeAndCompare decodes a section over the kind's defaults; settings is a struct or a pointer to one.
func decodeAndCompare(t *testing.T, settings any, section *configs.Section) {
	t.Helper()
	defaults := reflect.Indirect(reflect.ValueOf(settings))
	got := reflect.New(defaults.Type())
	if err := section.Decode(got.Interface()); err != nil {
		t.Errorf("with everything that is commented out: %v", err)
		return
	}
	compare(t, "", defaults, got.Elem(), func(path string) bool {
		above, key := "", path
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			above, key = path[:i], path[i+1:]
		}
		at := section
		if above != "" {
			at = section.Sub(above)
		}
		return slices.Contains(at.Keys(), key)
	})
}

// compare goes through the settings of a struct; shown tells whether the example has one.
func compare(t *testing.T, path string, defaults, got reflect.Value, shown func(path string) bool) {
	t.Helper()
	for i := range defaults.NumField() {
		f := defaults.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if !shown(path + name) {
			t.Errorf("the example does not show %s%s", path, name)
		}
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			compare(t, path+name+".", defaults.Field(i), got.Field(i), shown)
			continue
		}
		if d := defaults.Field(i); !d.IsZero() && path+name != "data_dir" && !shownOtherwise[path+name] &&
			!reflect.DeepEqual(d.Interface(), got.Field(i).Interface()) {
			t.Errorf("the example shows %s%s as %v; the default is %v", path, name, got.Field(i), d)
		}
	}
}
