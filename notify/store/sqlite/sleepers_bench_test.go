//go:build unix

package sqlite

import (
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// BenchmarkSleepers has a broadcast pass devices of which all are in quiet hours, with five ends of them, and come back to
// them: what it takes a device, and how much is stored of it in between.
func BenchmarkSleepers(b *testing.B) {
	const devices, ends = 100_000, 5
	s := opened(b)
	fill(b, s, devices)
	epoch := leased(b, s, "lane/"+phone().String())
	asleep, rows, bytes := 0, int64(0), int64(0)
	begun := cpu(b)
	for b.Loop() {
		n, _, err := s.Accept(b.Context(), notify.Notification{To: notify.Audience{All: true}, TTL: 24 * time.Hour}, []notify.Lane{phone()}, notify.Idempotency{})
		if err != nil {
			b.Fatal(err)
		}
		asleep += pass(b, s, n.ID, epoch, ends)
		_, err = read(b.Context(), s, "count", func(q querier) (int, error) {
			return 0, q.row(`SELECT count(*), sum(length(keys)) FROM sleepers`).Scan(&rows, &bytes)
		})
		if err != nil {
			b.Fatal(err)
		}
		comeBack(b, s, epoch)
	}
	b.ReportMetric(float64(asleep)/b.Elapsed().Seconds(), "devices/s")
	b.ReportMetric(float64((cpu(b)-begun).Microseconds())/float64(asleep), "cpu-us/device")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(bytes)/devices, "B/device")
}

// pass takes the newest walk to its end; all of its devices are held.
func pass(b *testing.B, s *Store, id string, epoch notify.Epoch, ends int) (held int) {
	b.Helper()
	walks, err := s.Ready(b.Context(), phone(), time.Now(), 10)
	if err != nil || len(walks) != 1 || walks[0].Notification != id {
		b.Fatal(walks, err)
	}
	w, wake := walks[0], time.Now().Add(time.Hour).Truncate(time.Hour)
	for last := false; !last; {
		targets, err := s.Next(b.Context(), w, 256)
		if err != nil {
			b.Fatal(err)
		}
		last = len(targets) < 256
		p := notify.Progress{Walk: w.ID, Lane: w.Lane, Epoch: epoch, Done: last, Position: w.Last}
		for _, t := range targets {
			p.Held = append(p.Held, notify.Held{Key: t.Device.Key, At: wake.Add(time.Duration(t.Device.Key%int64(ends)) * time.Minute)})
		}
		if !last {
			p.Position = targets[255].Device.Key
		}
		if errs := s.Advance(b.Context(), []notify.Progress{p}); errs[0] != nil {
			b.Fatal(errs[0])
		}
		w.Position, held = p.Position, held+len(targets)
	}
	return held
}

// comeBack wakes all sleepers.
func comeBack(b *testing.B, s *Store, epoch notify.Epoch) {
	b.Helper()
	for {
		due, _, err := s.DueSleepers(b.Context(), phone(), time.Now().Add(3*time.Hour), 8)
		if err != nil {
			b.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		for _, w := range due {
			targets, err := s.Next(b.Context(), w, len(w.Sleepers.Keys)+1)
			if err != nil || len(targets) != len(w.Sleepers.Keys) {
				b.Fatal(len(targets), err)
			}
			p := notify.Progress{Walk: w.ID, Lane: w.Lane, Epoch: epoch, Woken: w.Sleepers, Counts: notify.Counts{Accepted: int64(len(targets))}}
			if errs := s.Advance(b.Context(), []notify.Progress{p}); errs[0] != nil {
				b.Fatal(errs[0])
			}
		}
	}
}
