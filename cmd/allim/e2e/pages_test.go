package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify/api/wire"
)

// The walks leave a screenshot of every page in a folder that git ignores, for looking at; with shotsEnv there, in every
// light and size, in the folder that it names.
const (
	shotsEnv    = "ALLIM_SHOTS"
	shotsFolder = "shots"
)

// shots gives the folder for screenshots, and whether there is to be one of every light and size.
func shots(t *testing.T) (folder string, every bool) {
	t.Helper()
	if folder = os.Getenv(shotsEnv); folder != "" {
		return folder, true
	}
	folder, err := filepath.Abs(shotsFolder)
	if err != nil {
		t.Fatal(err)
	}
	return folder, false
}

// runNode runs a walk in Node.js, which prints what is wrong.
func runNode(t *testing.T, walk string, world map[string]any) {
	t.Helper()
	world["shots"], world["every"] = shots(t)
	in, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "node", walk)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "node", bytes.NewReader(in), &out, &out
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Errorf("the walk through the pages: %v\n%s", err, out.String())
	}
}

// TestInviteShowsACode: the terminal gets a QR code and the link, the JSON only what it is.
func TestInviteShowsACode(t *testing.T) {
	hub := newHub(t, checked(t), "")
	hub.start()
	defer hub.stop()
	hub.allim("user", "add", "kim")
	if out := hub.allim("user", "invite", "kim"); !strings.Contains(out, "█") || !strings.Contains(out, hub.url()+"/join#allim_invite_") {
		t.Error(out)
	}
	var i wire.Invitation
	if err := json.Unmarshal([]byte(hub.allim("user", "invite", "kim", "--json")), &i); err != nil || i.User != "kim" {
		t.Error(i, err)
	}
	if _, text, code := hub.try("user", "role", "kim", "king"); code != 2 || !strings.Contains(text, "auditor") {
		t.Error(code, text)
	}
}
