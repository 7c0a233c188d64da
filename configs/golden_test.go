package configs_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/configs"
)

var update = flag.Bool("update", false, "write the expected texts anew")

// kindSettings stands in for a connector's own part.
type kindSettings struct {
	Address string        `yaml:"address"`
	Folders []string      `yaml:"folders"`
	Poll    time.Duration `yaml:"poll"`
	Port    uint16        `yaml:"port"`
	CAFile  string        `yaml:"ca_file"`
	Auth    struct {
		Method   string `yaml:"method"`
		User     string `yaml:"user"`
		Password string `yaml:"password"`
	} `yaml:"auth"`
}

// problemsOf reads a configuration as the program does: the file, the kinds, and every kind's own part.
func problemsOf(name string, data []byte) error {
	c, err := configs.Parse(name, data)
	errs := []error{err, c.CheckKinds([]string{"apns", "webpush"}, []string{"imap", "caldav"})}
	for _, s := range c.Sources {
		if s.Section != nil {
			errs = append(errs, s.Section.Decode(&kindSettings{}))
		}
	}
	for _, a := range c.Apps {
		for _, p := range a.Platforms {
			var own struct{ Topic string }
			errs = append(errs, p.Section.Decode(&own))
		}
	}
	found, other := configs.ProblemsOf(errors.Join(errs...))
	if len(other) > 0 {
		return errors.Join(other...)
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

func TestBadFilesSayWhatAndWhere(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("found %d bad files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wantFile := strings.TrimSuffix(file, ".yaml") + ".txt"
			bad := problemsOf(file, data)
			if bad == nil {
				t.Fatal("no mistake was found")
			}
			got := bad.Error() + "\n"
			if *update {
				if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("other words than expected (-want +got):\n%s", diff)
			}
		})
	}
}
