// Package e2e proves the whole walk from outside: the built binary, a real Dovecot, the simulated platforms, and what a
// person's phone and open page get. Nothing in here looks inside the hub.
//
// Reading order: hub_test.go (the process), api_test.go (its API), world_test.go (200 people with a mailbox, a phone and an
// open page each), ledger_test.go (who was told of what, when); then one file for each proof.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "allim-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.Setenv(binDir, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// binDir is the environment variable with the folder of the binaries under test.
const binDir = "ALLIM_E2E_BIN"

var (
	plain = sync.OnceValues(func() (string, error) { return build("plain") })
	raced = sync.OnceValues(func() (string, error) { return build("race", "-race") })
)

func build(name string, flags ...string) (string, error) {
	out := filepath.Join(os.Getenv(binDir), name, "allim")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	args := append(append([]string{"build"}, flags...), "-o", out, "allim.dev/allim/cmd/allim")
	if text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %v: %w\n%s", args, err, text)
	}
	return out, nil
}

// fast is the binary as it is shipped: for what is measured.
func fast(t testing.TB) string { return built(t, plain) }

// checked is the binary with the race detector, where the tests have it too: for everything else.
func checked(t testing.TB) string {
	if raceDetector {
		return built(t, raced)
	}
	return built(t, plain)
}

func built(t testing.TB, binary func() (string, error)) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// until waits until cond holds, and fails the test after the given patience.
func until(t testing.TB, patience time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for: %s", patience, what)
		}
	}
}
