package webpush

import (
	"bytes"
	"encoding/pem"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestConformance(t *testing.T) { both(t, testConformance) }

func testConformance(t *testing.T, via string) {
	notifytest.AdapterSuite(t, func(t testing.TB, log *slog.Logger) notifytest.AdapterSetup {
		h := newHouseAt(t, notify.SystemClock{}, sim.WebPushOptions{LogLimit: 30000}, via+"timeout: 5s\n")
		h.adapter.log = log
		return (&suite{house: h}).setup(t)
	})
}

// suite is a house whose browsers are numbered.
type suite struct {
	*house
	devices []notify.Device
}

func (s *suite) setup(t testing.TB) notifytest.AdapterSetup {
	device := func(n int) notify.Device {
		for len(s.devices) <= n {
			s.devices = append(s.devices, s.device(t, sim.ModeGoogle))
		}
		return s.devices[n]
	}
	endpoint := func(n int) string {
		if n < 0 {
			return sim.Everyone
		}
		return device(n).Token
	}
	bad := device(0)
	bad.Auth = bad.Auth[:3]
	return notifytest.AdapterSetup{
		Adapter:    s.adapter,
		Clock:      notify.SystemClock{},
		Device:     device,
		BadDevices: []notify.Device{bad, {Token: "https://127.1.2.3/x"}, {}},
		Stall:      func(n int) { s.sim.Script(endpoint(n), sim.Fault{Stall: true, Times: -1}) },
		LoseAnswer: func(n int) { s.sim.Script(endpoint(n), sim.Fault{Drop: sim.DropAfter}) },
		Accepted:   func() int { c := s.sim.Log().Counts(); return int(c.Accepted + c.Duplicates) },
		UnderWay:   s.sim.UnderWay,
		Got: func() (got []notifytest.AdapterGot) {
			for _, m := range s.sim.Messages(endpoint(0)) {
				got = append(got, notifytest.AdapterGot{Body: m.Text})
			}
			return got
		},
		IDs: func() (ids []string) {
			for _, e := range s.sim.Log().Entries() {
				if e.Accepted {
					ids = append(ids, e.ID)
				}
			}
			return ids
		},
		Table: s.table(endpoint),
		Secrets: func() []string {
			file, err := os.ReadFile(s.adapter.path)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(file)
			return append(strings.Fields(string(bytes.ReplaceAll(file, []byte("-----"), nil)))[3:4], string(block.Bytes))
		},
		MaxGoroutines: 8*s.adapter.cfg.Concurrency + 100, // a worker and what net/http has for it at both ends
		TooLong:       MaxPayload,
	}
}

// table has every way in which a service says no, as far as all services say it so.
func (s *suite) table(endpoint func(int) string) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, want notifytest.AdapterCase, list ...sim.Fault) {
		want.Name = name
		want.Break = func(n int) {
			s.forgive()
			s.sim.Script(endpoint(n), list...)
		}
		rows = append(rows, want)
	}
	says := func(status int, v notify.Verdict) {
		row(reason(status, ""), notifytest.AdapterCase{Verdict: v}, sim.Fault{Status: status, Times: 2})
	}
	says(404, notify.Gone)
	says(410, notify.Gone)
	says(301, notify.Suspect)
	says(308, notify.Suspect)
	says(400, notify.Failed)
	says(401, notify.Suspect)
	says(403, notify.Suspect)
	says(413, notify.Failed)
	says(418, notify.Failed)
	for _, status := range []int{408, 429, 500, 501, 502, 503, 504} {
		says(status, notify.Retry)
		row(reason(status, "with a time"), notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: 2 * time.Minute, NotAfter: 3 * time.Minute},
			sim.Fault{Status: status, Header: map[string]string{"Retry-After": "120"}})
	}
	in := time.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	row("503 with a date", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: 59 * time.Minute, NotAfter: 61 * time.Minute},
		sim.Fault{Status: 503, Header: map[string]string{"Retry-After": in}})
	row("406", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: 15 * time.Minute, NotAfter: 16 * time.Minute}, sim.Fault{Status: 406})
	row("507", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: time.Hour, NotAfter: 61 * time.Minute}, sim.Fault{Status: 507})
	row("401, then well", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Status: 401})
	row("413, then well", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Status: 413})
	row("202", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Status: 202})
	row("204", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Status: 204})
	row("connection lost before", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Drop: sim.DropBefore})
	row("connection lost after", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Drop: sim.DropAfter})
	row("answer cut short", notifytest.AdapterCase{Verdict: notify.Gone}, sim.Fault{Status: 410, Body: "gone", Truncate: true})
	row("answer that drips", notifytest.AdapterCase{Verdict: notify.Gone}, sim.Fault{Status: 410, Body: "gone", Drip: time.Millisecond})
	row("slow answer", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Delay: 50 * time.Millisecond})
	return rows
}

// forgive forgets what was learnt of the services, so that one row does not hold up the next: breaker_test.go has that.
func (s *suite) forgive() {
	s.adapter.origins.mu.Lock()
	defer s.adapter.origins.mu.Unlock()
	for _, o := range s.adapter.origins.byName {
		o.mu.Lock()
		o.failures, o.pauseTill, o.forcedAt = 0, time.Time{}, time.Time{}
		clear(o.throttled)
		o.mu.Unlock()
	}
}
