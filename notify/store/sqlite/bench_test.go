//go:build unix

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// go test -run '^$' -bench . ./notify/store/sqlite
// Callers in parallel stand for requests: the writer takes what waits into one transaction.

const benchCallers = 64

// fill makes users with one phone each, all members of a topic, in a few big transactions.
func fill(b testing.TB, s *Store, n int) {
	b.Helper()
	const chunk = 5000
	for from := 0; from < n; from += chunk {
		err := s.changeAlone(b.Context(), "fill", func(t *tx) error {
			for i := from; i < min(n, from+chunk); i++ {
				user := "user-" + strconv.Itoa(i)
				if _, err := t.putUser(notify.User{ID: user, Locale: "ko"}); err != nil {
					return err
				}
				_, _, err := t.putDevice(notify.Device{User: user, App: "corp", Platform: notify.APNs, Token: fmt.Sprintf("%064x", i*7919)})
				if err != nil {
					return err
				}
				if err := t.run(sqlMakeTopic, "staff"); err != nil {
					return err
				}
				if err := t.run(`INSERT INTO members (topic, user, joined) SELECT 1, key, 0 FROM users WHERE id=?`, user); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// parallel runs do from many goroutines and reports how often a second.
func parallel(b *testing.B, do func(ctx context.Context, i int) error) {
	b.Helper()
	b.SetParallelism(benchCallers / 2)
	var next atomic.Int64
	before := cpu(b)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := do(context.Background(), int(next.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
}

// cpu gives the processor time that this process has used: it says more than the clock on a machine that others use, too.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func benchNotice(user string) notify.Notification {
	return notify.Notification{To: notify.Audience{Users: []string{user}}, TTL: time.Hour, Priority: notify.PriorityNormal,
		Content: notify.Content{Title: "Lunch is ready", Body: "Today: bibimbap, kimchi and soup. Come to the second floor before one o'clock.",
			URL: "https://intra.example.com/lunch", Sound: "default", Data: map[string]string{"kind": "lunch", "id": "4711"}}}
}

func BenchmarkAccept(b *testing.B) {
	s := opened(b)
	fill(b, s, 10_000)
	parallel(b, func(ctx context.Context, i int) error {
		_, _, err := s.Accept(ctx, benchNotice("user-"+strconv.Itoa(i%10_000)), []notify.Lane{phone()}, notify.Idempotency{})
		return err
	})
}

// BenchmarkNotice is a posted notice's whole way through the store: accepted, handed on in memory, settled.
func BenchmarkNotice(b *testing.B) {
	s := opened(b)
	fill(b, s, 10_000)
	lane := leased(b, s, "lane/"+phone().String())
	parallel(b, func(ctx context.Context, i int) error {
		n, _, err := s.Accept(ctx, benchNotice("user-"+strconv.Itoa(i%10_000)), []notify.Lane{phone()}, notify.Idempotency{})
		if err != nil {
			return err
		}
		return s.Advance(ctx, []notify.Progress{smooth(n, lane)})[0]
	})
}

// BenchmarkMail is a mail's whole way through the store: recorded, planned, read by the dispatcher, settled.
func BenchmarkMail(b *testing.B) {
	for _, whole := range []bool{false, true} {
		name := "RecordPlan"
		if whole {
			name = "RecordPlanNextAdvance"
		}
		b.Run(name, func(b *testing.B) {
			s := opened(b)
			fill(b, s, 2000)
			ids := mailboxes(b, s, 2000)
			source, lane := leased(b, s, "source/mail"), leased(b, s, "lane/"+phone().String())
			parallel(b, func(ctx context.Context, i int) error {
				n, err := oneMail(ctx, s, source, ids[i%len(ids)], i)
				if err != nil || !whole {
					return err
				}
				return settleMail(ctx, s, lane, n)
			})
		})
	}
}

func mailboxes(b testing.TB, s *Store, n int) (ids []string) {
	b.Helper()
	for i := range n {
		a, _, err := s.PutAccount(b.Context(), notify.Account{Source: "mail", Login: strconv.Itoa(i), Users: []string{"user-" + strconv.Itoa(i)}})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	return ids
}

func leased(b testing.TB, s *Store, name string) notify.Epoch {
	b.Helper()
	e, err := s.Lease(b.Context(), name, "bench", time.Hour, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func oneMail(ctx context.Context, s *Store, epoch notify.Epoch, account string, i int) (*notify.Notification, error) {
	now := time.Now()
	fresh, err := s.Record(ctx, "mail", notify.Batch{Account: account, Epoch: epoch, State: map[string][]byte{"uid": []byte(strconv.Itoa(i))},
		Events: []notify.Event{{Key: "1700000000/" + strconv.Itoa(i), Type: notify.MailReceived, At: now, SeenAt: now, Told: strconv.Itoa(i),
			Params: map[string]string{"from": "lee@example.com", "fromName": "Lee Seo-yeon", "subject": "Minutes of the meeting", "folder": "INBOX"}}}})
	if err != nil {
		return nil, err
	}
	return s.Plan(ctx, fresh[0].ID, []notify.Lane{phone()}, func(e notify.Event, users []string) *notify.Notification {
		n := benchNotice(users[0])
		n.Template, n.Params, n.Event = string(e.Type), e.Params, e.ID
		return &n
	})
}

func settleMail(ctx context.Context, s *Store, epoch notify.Epoch, n *notify.Notification) error {
	full, err := s.Notification(ctx, n.ID)
	if err != nil {
		return err
	}
	rows, err := s.Deliveries(ctx, n.ID, "", notify.Page{})
	if err != nil {
		return err
	}
	w := notify.Walk{ID: rows[0].Walk, Notification: n.ID, Seq: full.Seq, Lane: phone(), Last: 1 << 40, Small: true}
	targets, err := s.Next(ctx, w, 101)
	if err != nil {
		return err
	}
	p := notify.Progress{Walk: w.ID, Lane: w.Lane, Epoch: epoch, Position: w.Last, Done: true, Counts: notify.Counts{Accepted: int64(len(targets))}}
	for range targets {
		rows[0].State, rows[0].Attempt = notify.DeliveryAccepted, 1
		p.Rows = append(p.Rows, rows[0])
	}
	return s.Advance(ctx, []notify.Progress{p})[0]
}

// BenchmarkNext reads the audience of a walk over 100,000 devices in chunks of 256, as the dispatcher does.
func BenchmarkNext(b *testing.B) {
	const devices = 100_000
	s := opened(b)
	fill(b, s, devices)
	for name, to := range map[string]notify.Audience{"All": {All: true}, "Topic": {Topics: []string{"staff"}}, "Users": {Users: users(10_000)}} {
		n, _, err := s.Accept(b.Context(), notify.Notification{To: to, TTL: time.Hour}, []notify.Lane{phone()}, notify.Idempotency{})
		if err != nil {
			b.Fatal(err)
		}
		walks, err := s.Ready(b.Context(), phone(), time.Now(), 1000)
		if err != nil {
			b.Fatal(err)
		}
		w := walks[len(walks)-1]
		if w.Notification != n.ID {
			b.Fatal("the newest walk is another one")
		}
		b.Run(name, func(b *testing.B) {
			read, before := 0, cpu(b)
			for b.Loop() {
				targets, err := s.Next(b.Context(), w, 256)
				if err != nil {
					b.Fatal(err)
				}
				read += len(targets)
				if w.Position = 0; len(targets) == 256 {
					w.Position = targets[255].Device.Key
				}
			}
			b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "devices/s")
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(read), "cpu-us/device")
		})
	}
}

// BenchmarkSteps reads 256 small walks with their notifications and targets, together and each by itself.
func BenchmarkSteps(b *testing.B) {
	s := opened(b)
	fill(b, s, 10_000)
	for i := range 256 {
		if _, _, err := s.Accept(b.Context(), benchNotice("user-"+strconv.Itoa(i*7)), []notify.Lane{phone()}, notify.Idempotency{}); err != nil {
			b.Fatal(err)
		}
	}
	walks, err := s.Ready(b.Context(), phone(), time.Now(), 256)
	if err != nil {
		b.Fatal(err)
	}
	keys := make([]int64, len(walks))
	for i, w := range walks {
		keys[i] = w.ID
	}
	together := func() error {
		steps, err := s.Steps(b.Context(), keys)
		if err == nil && len(steps) != 256 {
			err = errors.New("some were left out")
		}
		return err
	}
	alone := func() error {
		for _, w := range walks {
			_, err := s.Notification(b.Context(), w.Notification)
			targets, e := s.Next(b.Context(), w, 101)
			if err = errors.Join(err, e); err != nil || len(targets) != 1 {
				return errors.Join(err, errors.New("a walk of one device"))
			}
		}
		return nil
	}
	for name, read := range map[string]func() error{"Together": together, "Alone": alone} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(walks)), "us/walk")
		})
	}
}

func users(n int) (ids []string) {
	for i := range n {
		ids = append(ids, "user-"+strconv.Itoa(i*7))
	}
	return ids
}
