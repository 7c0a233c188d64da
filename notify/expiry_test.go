package notify

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ending is an adapter whose credentials end.
type ending struct {
	Adapter
	at time.Time
}

func (e *ending) CredentialExpiry() time.Time { return e.at }

// houseStore is a store in which nothing is to be done.
type houseStore struct{ Store }

func (houseStore) RetireDevices(context.Context, Lane, time.Time) (int, error) { return 0, nil }
func (houseStore) QueueDepth(context.Context, Lane) (int64, error)             { return 0, nil }

// TestExpiryIsToldOnceADay: 30 days ahead, then daily, on the hub's own minute; a metric all the time.
func TestExpiryIsToldOnceADay(t *testing.T) {
	const day = 24 * time.Hour
	end := time.Date(2027, 3, 31, 12, 0, 0, 0, time.UTC)
	lane := Lane{App: "corp", Platform: APNs}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	a := &ending{at: end}
	registry := prometheus.NewRegistry()
	h := New(Options{Store: houseStore{}, Log: log, Metrics: registry, Lanes: map[Lane]Adapter{lane: a}})
	minutes := func(from, to time.Duration) (lines []string) { // every minute between two distances from the end
		out.Reset()
		for left := from; left > to; left -= time.Minute {
			h.keepHouse(t.Context(), end.Add(-left))
		}
		for line := range strings.Lines(out.String()) {
			lines = append(lines, line)
		}
		return lines
	}
	for _, c := range []struct {
		name     string
		from, to time.Duration
		lines    int
		says     string
	}{
		{"long before", 40 * day, 39 * day, 0, ""},
		{"the minutes before the 30 days", 30*day + time.Hour, 30 * day, 0, ""},
		{"the first two days", 30 * day, 28 * day, 2, "expires=2027-03-31 days="},
		{"the clock jumped back", 29*day + 12*time.Hour, 29*day + 6*time.Hour, 1, "expire soon"},
		{"after the end", 0, -time.Hour, 1, "have expired"},
	} {
		lines := minutes(c.from, c.to)
		if len(lines) != c.lines {
			t.Errorf("%s: %d lines, want %d: %q", c.name, len(lines), c.lines, lines)
		}
		for _, line := range lines {
			if !strings.Contains(line, c.says) || !strings.Contains(line, "level=WARN") || !strings.Contains(line, "corp") {
				t.Errorf("%s: it says %q", c.name, line)
			}
		}
	}
	h.keepHouse(t.Context(), end.Add(-day))
	if left := gauge(t, registry, "allim_credential_expiry_seconds"); left != day.Seconds() {
		t.Errorf("the metric says %v", left)
	}
	a.at = time.Time{} // never
	if lines := minutes(day, day-time.Hour); len(lines) != 0 {
		t.Errorf("what never expires: %q", lines)
	}
}

func gauge(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
