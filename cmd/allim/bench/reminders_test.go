package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/goleak"

	"allim.dev/allim/cmd/allim/bench/hub"
	"allim.dev/allim/cmd/allim/bench/simulator"
)

// TestMain makes the test's own program the simulator when a scenario runs it again.
func TestMain(m *testing.M) {
	processes := map[string]func() *cobra.Command{"simulator": simulator.Command, "hub": hub.Command}
	if len(os.Args) > 2 && os.Args[1] == "bench" && processes[os.Args[2]] != nil {
		cmd := processes[os.Args[2]]()
		cmd.SetArgs(os.Args[3:])
		if err := cmd.Execute(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// scenario gives a scenario with its flags set.
func scenario(t *testing.T, s Scenario, flags ...string) Scenario {
	t.Helper()
	set := pflag.NewFlagSet(s.Name, pflag.ContinueOnError)
	s.Flags(set)
	if err := set.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRemindersMeasured(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := scenario(t, reminders(), "--count", "50", "--people", "7", "--within", "200ms")
	got, err := s.Run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := got.(RemindersResult)
	if r.Reminders != 50 || r.People != 7 || r.Within != .2 {
		t.Errorf("measured %+v", r)
	}
	for name, s := range map[string]Spread{"fired": r.Fired, "told": r.Told} {
		if s.P50 <= 0 || s.P99 < s.P50 || s.Max < s.P99 {
			t.Errorf("%s: %+v are no latenesses", name, s)
		}
	}
	if r.Told.Max < r.Fired.P50 {
		t.Errorf("told before it was stored: %+v", r)
	}
	if head, rows := r.Table(); len(rows) != 2 || len(rows[0]) != len(head) {
		t.Errorf("table %q %q", head, rows)
	}
}

func TestRemindersStopped(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	s := scenario(t, reminders(), "--count", "2", "--people", "1", "--within", "1h")
	if _, err := s.Run(ctx, cancelWhenWaiting{cancel}); err == nil {
		t.Error("an interrupted measurement has a result")
	}
	if _, err := scenario(t, reminders(), "--count", "0").Run(t.Context(), io.Discard); err == nil {
		t.Error("no reminders were measured")
	}
}

// cancelWhenWaiting interrupts the measurement when it only waits.
type cancelWhenWaiting struct{ cancel context.CancelFunc }

func (c cancelWhenWaiting) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "due until") {
		c.cancel()
	}
	return len(p), nil
}

func TestSpread(t *testing.T) {
	var times []time.Duration
	for i := 100; i > 0; i-- {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	if got, want := spread(times), (Spread{P50: 51, P99: 100, Max: 100}); got != want {
		t.Errorf("spread %+v, want %+v", got, want)
	}
}
