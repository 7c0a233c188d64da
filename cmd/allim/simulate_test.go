package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"allim.dev/allim/notify/notifytest"
)

// TestSimulate: what is printed can be pasted, and Ctrl-C ends it, with nothing left but the folder.
func TestSimulate(t *testing.T) {
	dir, addr := t.TempDir(), freeAddr(t)
	p := spawn(t, dir, "simulate", "--listen", addr, "--dir", "sim")
	notifytest.Until(t, "the simulators to greet", func() bool { return strings.HasSuffix(p.out.String(), "Ctrl-C ends it.\n") })
	status, log := get(t, http.DefaultClient, "http://"+addr+"/log")
	http.DefaultClient.CloseIdleConnections()
	if status != http.StatusOK || !strings.Contains(log, `"entries":[]`) {
		t.Errorf("GET /log: %d %s", status, log)
	}
	block, err := os.ReadFile(filepath.Join(dir, "sim", "apps.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := configFile(t, string(block))
	contains(t, must(t, "check", "-c", file), "is valid")
	p.signal(t, syscall.SIGINT) // status has the patience of a test; on a quiet machine it takes a few milliseconds
	if status := p.status(t); status != 0 || p.errOut.String() != "" {
		t.Errorf("exit status %d, %s", status, p.errOut)
	}
}

func TestSimulateIsUsedRight(t *testing.T) {
	faults := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(faults, []byte("faults:\n  - platfrom: apns\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, exitFailed, faults+`: line 2, column 5: unknown key "platfrom" in faults[0]; did you mean "platform"?`, "simulate", "--faults", faults)
	refused(t, exitUsage, "--ports", "simulate", "--ports", "-1")
	refused(t, exitUsage, "simulate", "simulate", "extra")
	refused(t, exitFailed, "--listen", "simulate", "--listen", "nowhere")
}
