package bench

import (
	"io"
	"testing"
)

// run runs a scenario in a temporary folder of the test's own.
func run(t *testing.T, s Scenario, flags ...string) Result {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	r, err := scenario(t, s, flags...).Run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if head, rows := r.Table(); len(rows) == 0 || len(head) != len(rows[0]) {
		t.Errorf("table %q %q", head, rows)
	}
	return r
}

// A small run of each fault that needs no long wait: nothing that was accepted is lost, and repeats have the same ids. The
// scenario itself says what is not so.
func TestChaos(t *testing.T) {
	for _, fault := range []string{"kill", "resets", "full-disk", "busy", "clock"} {
		t.Run(fault, func(t *testing.T) {
			r := run(t, chaos(), "--only", fault, "--people", "200", "--within", "2s").(ChaosResult)
			if len(r.Rounds) != 1 || r.Rounds[0].Fault != fault || r.Rounds[0].Delivered != r.Rounds[0].Targeted {
				t.Errorf("%+v", r)
			}
		})
	}
	if _, err := scenario(t, chaos(), "--only", "boredom").Run(t.Context(), io.Discard); err == nil {
		t.Error("a fault that does not exist was run")
	}
}

// A broadcast over a hub that is killed twice on the way.
func TestBroadcastMeasured(t *testing.T) {
	r := run(t, broadcast(), "--devices", "20000", "--kills", "2", "--away", "0").(BroadcastResult)
	if r.Lost != 0 || r.Accepted+r.Gone != 20_000 || r.Gone == 0 || r.PerSecond <= 0 || r.Peak <= 0 {
		t.Errorf("measured %+v", r)
	}
}

// The same through an HTTP CONNECT proxy, killed once: nothing goes past it.
func TestBroadcastThroughAProxy(t *testing.T) {
	r := run(t, broadcast(), "--devices", "10000", "--kills", "1", "--away", "0", "--proxy").(BroadcastResult)
	if r.Lost != 0 || r.Accepted+r.Gone != 10_000 || r.Gone == 0 || r.Tunnels == 0 || r.Tunnels < r.Connection {
		t.Errorf("measured %+v", r)
	}
}

func TestAcceptMeasured(t *testing.T) {
	for _, flags := range [][]string{{"--devices", "1"}, {"--rate", "100"}, {"--xml", "--recipients", "5"}} {
		r := run(t, accept(), append(flags, "--people", "50", "--within", "500ms", "--connections", "4")...).(AcceptResult)
		if r.Backlog < 0 || r.Drain < 0 || r.Requests <= 0 || r.Times.P50 <= 0 || r.Told < r.Requests || r.CPU < 0 {
			t.Errorf("measured %+v", r)
		}
	}
}

func TestAlertMeasured(t *testing.T) {
	r := run(t, alert(), "--devices", "5000", "--every", "20ms", "--mailboxes", "4").(AlertResult)
	if r.Alerts == 0 || r.Times.P99 <= 0 || r.Mails == 0 || r.MailTimes.P99 <= 0 {
		t.Errorf("measured %+v", r)
	}
}

func TestAlertMeasuredWithoutMails(t *testing.T) {
	if r := run(t, alert(), "--devices", "1000", "--mailboxes", "0").(AlertResult); r.Alerts == 0 || r.Mails != 0 {
		t.Errorf("measured %+v", r)
	}
}

func TestLiveMeasured(t *testing.T) {
	for _, over := range []string{"sse", "ws", "poll"} {
		r := run(t, live(), "--transport", over, "--pages", "300", "--first", "100", "--messages", "2", "--settle", "100ms").(LiveResult)
		if r.Transport != over || r.Pages != 300 || r.PerSecond <= 0 || r.Spread.P99 <= 0 || r.RSSAll <= 0 {
			t.Errorf("measured %+v", r)
		}
	}
	if _, err := scenario(t, live(), "--transport", "carrier pigeon").Run(t.Context(), io.Discard); err == nil {
		t.Error("a transport that does not exist was measured")
	}
}
