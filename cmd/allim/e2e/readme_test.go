package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"allim.dev/allim/adapters"
	"allim.dev/allim/connectors"
)

// readmeCommand gives the README's command whose fence is marked so.
func readmeCommand(t *testing.T, mark string) string {
	t.Helper()
	for _, s := range readPage(t, docsFolder+"/../README.md") {
		if s.verb == "sh" && s.arg == mark {
			return strings.TrimSpace(s.text)
		}
	}
	t.Fatalf("the README has no command marked %q", mark)
	return ""
}

var (
	demoPage   = regexp.MustCompile(`http://127\.0\.0\.1:\d+\S*`)
	demoFolder = regexp.MustCompile(`Ctrl-C ends it and removes (\S+)\.\n`)
)

// TestReadmeDemo runs the first command of the README: mails arrive, pushes go out, the page is there, Ctrl-C ends it.
func TestReadmeDemo(t *testing.T) {
	out := &output{}
	cmd := exec.Command("bash", "-c", "exec "+readmeCommand(t, "demo"))
	cmd.Dir = "../../.."
	demo := spawn(t, out, cmd)
	defer func() {
		demo.signal(syscall.SIGKILL)
		<-demo.done
		if t.Failed() {
			t.Log(out)
		}
	}()
	until(t, 3*time.Minute, "two pushes", func() bool {
		return demo.ended() || strings.Count(out.String(), "push to ") >= 2
	})
	if demo.ended() {
		t.Fatalf("the demo ended: %v", demo.err)
	}
	page := demoPage.FindString(out.String())
	res, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusOK || !strings.Contains(string(text), "<html") {
		t.Errorf("%s: status %d, %.200s", page, res.StatusCode, text)
	}
	folder := demoFolder.FindStringSubmatch(out.String())
	if folder == nil {
		t.Fatal("it does not say what Ctrl-C removes")
	}
	demo.signal(syscall.SIGINT)
	until(t, 20*time.Second, "the demo to end by Ctrl-C", demo.ended) // with go run's own status
	if _, err := os.Stat(folder[1]); err == nil {
		t.Errorf("%s is still there", folder[1])
	}
}

// TestReadmeTestCommand: the second command is there; what it runs includes this test, so that it is not run from here.
func TestReadmeTestCommand(t *testing.T) {
	command := "../../../" + readmeCommand(t, "all-tests")
	info, err := os.Stat(command)
	if err != nil || info.Mode()&0o111 == 0 {
		t.Fatalf("%s cannot be run: %v", command, err)
	}
	if text, err := exec.CommandContext(t.Context(), "bash", "-n", command).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	run, err := os.ReadFile("../../../.ci/run")
	if err != nil || !strings.Contains(string(run), `/test"`) {
		t.Errorf(".ci/run does not call the same command: %v", err)
	}
}

// TestReadmeNamesWhatExists: what is registered is in the README's table of rooms.
func TestReadmeNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile(docsFolder + "/../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range adapters.Kinds {
		if !strings.Contains(string(text), "`"+string(k.Platform)+"`") {
			t.Errorf("the README does not name the adapter %s", k.Platform)
		}
	}
	for _, k := range connectors.Kinds {
		if !strings.Contains(string(text), "`"+k.Name+"`") {
			t.Errorf("the README does not name the connector %s", k.Name)
		}
	}
}
