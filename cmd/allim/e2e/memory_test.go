package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest/dovecot"
)

// TestIdleMemory prints the resident memory of a hub that watches 200 mailboxes of a Dovecot over TLS and has nothing to
// do. docs/performance.md states the figure.
func TestIdleMemory(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	w := newWorld(t, worldOptions{binary: fast(t), people: people, mails: 0, source: dovecotSource(s) + quickStart})
	pid := w.hub.proc.cmd.Process.Pid
	before := status(t, pid, "VmRSS")
	// The runtime gives memory back to the kernel in the background: look until it has settled.
	lowest, still := before, 0
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for range 40 {
		<-tick.C
		if now := status(t, pid, "VmRSS"); now < lowest {
			lowest, still = now, 0
		} else if still++; still == 10 {
			break
		}
	}
	t.Logf("200 watched mailboxes: %.1f MiB resident (%.1f MiB of it data, the rest the program's own pages), %.1f MiB when "+
		"the last one was just connected, %.1f MiB at most",
		mib(lowest), mib(status(t, pid, "RssAnon")), mib(before), mib(status(t, pid, "VmHWM")))
	if lowest > 128<<10 {
		t.Errorf("%d KiB are resident", lowest)
	}
}

// status gives a line of /proc/PID/status, in KiB.
func status(t testing.TB, pid int, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			var kib int
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatalf("no %s in the status of %d", name, pid)
	return 0
}

func mib(kib int) float64 { return float64(kib) / 1024 }
