package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	goTest   = regexp.MustCompile(`go test (?:-\S+ )*\./(\S+)`)
	selected = regexp.MustCompile(`-(?:run|bench) '?([A-Za-z0-9_|]+)'?`)
	named    = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w+)\(`)
	bench    = regexp.MustCompile(`(?:go run \./cmd/allim|\ballim) (bench [a-z-]+)`)
)

// checkMeasure fails when a page gives a command that measures nothing: measurements take too long to be run here, so
// it looks whether the tests, benchmarks and scenarios that are named are there.
func checkMeasure(t *testing.T, binary string, s step) {
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(s.text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		switch test, scenario := goTest.FindStringSubmatch(line), bench.FindStringSubmatch(line); {
		case line == "" || strings.HasPrefix(line, "#"):
		case test != nil:
			checkSelected(t, s, test[1], line)
		case scenario != nil:
			args := append(strings.Fields(scenario[1]), "--help")
			if text, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil ||
				!strings.Contains(string(text), "allim "+scenario[1]) {
				t.Errorf("%s: %q is no scenario: %v: %s", s.at, scenario[1], err, text)
			}
		default:
			t.Errorf("%s: measures nothing that is known: %s", s.at, line)
		}
	}
}

// checkSelected looks for the tests and benchmarks of a go test command in the package's folder.
func checkSelected(t *testing.T, s step, folder, line string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s: no tests in %s: %v", s.at, folder, err)
	}
	have := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(text, -1) {
			have[string(m[1])] = true
		}
	}
	found := false
	for _, m := range selected.FindAllStringSubmatch(line, -1) {
		for name := range strings.SplitSeq(m[1], "|") {
			if name == "NONE" || name == "xxx" { // go test -run NONE -bench …
				continue
			}
			found = true
			if !have[name] {
				t.Errorf("%s: there is no %s in %s", s.at, name, folder)
			}
		}
	}
	if !found {
		t.Errorf("%s: names no test: %s", s.at, line)
	}
}
