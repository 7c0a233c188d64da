package webhook

import (
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestConformance(t *testing.T) {
	for _, format := range []string{formatJSON, formatXML} {
		t.Run(format, func(t *testing.T) {
			notifytest.AdapterSuite(t, func(t testing.TB, log *slog.Logger) notifytest.AdapterSetup {
				h := newHouseAt(t, notify.SystemClock{}, "timeout: 5s\nconcurrency: 32\nformat: "+format+"\n")
				h.adapter.log = log
				return (&suite{house: h}).setup(t)
			})
		})
	}
}

// suite is a house whose hooks are numbered.
type suite struct {
	*house
	devices []notify.Device
}

func (s *suite) setup(t testing.TB) notifytest.AdapterSetup {
	device := func(n int) notify.Device {
		for len(s.devices) <= n {
			s.devices = append(s.devices, s.device(t))
		}
		return s.devices[n]
	}
	hook := func(n int) string {
		if n < 0 {
			return sim.Everyone
		}
		return device(n).Token
	}
	return notifytest.AdapterSetup{
		Adapter:    s.adapter,
		Clock:      notify.SystemClock{},
		Device:     device,
		BadDevices: []notify.Device{{}, {Token: "https://10.0.0.1/x"}, {Token: "http://example.com/x"}, {Token: "ftp://example.com/x"}, {Token: "https://kim:pw@example.com/"}},
		Stall:      func(n int) { s.sim.Script(hook(n), sim.Fault{Stall: true, Times: -1}) },
		LoseAnswer: func(n int) { s.sim.Script(hook(n), sim.Fault{Drop: sim.DropAfter}) },
		Accepted:   func() int { c := s.sim.Log().Counts(); return int(c.Accepted + c.Duplicates) },
		UnderWay:   s.sim.UnderWay,
		Got: func() (got []notifytest.AdapterGot) {
			for _, e := range s.sim.Log().Entries() {
				if e.Accepted {
					got = append(got, notifytest.AdapterGot{Header: e.Field, Body: e.Body})
				}
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
		Table:         s.table(hook),
		Secrets:       func() []string { return []string{secret} },
		MaxGoroutines: 8*s.adapter.cfg.Concurrency + 100, // a worker and what net/http has for it at both ends
		TooLong:       maxPayload,
	}
}

// table has every status that a receiver is likely to answer with.
func (s *suite) table(hook func(int) string) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, want notifytest.AdapterCase, list ...sim.Fault) {
		want.Name = name
		want.Break = func(n int) {
			s.adapter.hosts.Answered(s.sim.URL())
			s.sim.Script(hook(n), list...)
		}
		rows = append(rows, want)
	}
	for v, list := range map[notify.Verdict][]int{
		notify.Accepted: {200, 201, 202, 204, 299},
		notify.Failed:   {300, 301, 302, 303, 307, 308, 400, 402, 405, 406, 409, 411, 413, 415, 418, 422, 451},
		notify.Suspect:  {401, 403, 404, 407},
		notify.Gone:     {410},
		notify.Retry:    {408, 421, 425, 429, 500, 501, 502, 503, 504, 507, 599},
	} {
		for _, status := range list {
			want := notifytest.AdapterCase{Verdict: v, Reason: strconv.Itoa(status)}
			if v == notify.Accepted {
				want.Reason = ""
			}
			row(strconv.Itoa(status), want, sim.Fault{Status: status, Reason: "because", Header: map[string]string{"Location": "https://127.0.0.1/"}})
			if v == notify.Retry {
				want.NotBefore, want.NotAfter = 2*time.Minute, 3*time.Minute
				row(strconv.Itoa(status)+" with a time", want, sim.Fault{Status: status, Header: map[string]string{"Retry-After": "120"}})
			}
		}
	}
	in := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	row("429 with a date", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: 59 * time.Minute, NotAfter: 61 * time.Minute},
		sim.Fault{Status: 429, Header: map[string]string{"Retry-After": in}})
	row("connection lost before", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Drop: sim.DropBefore})
	row("connection lost after", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Drop: sim.DropAfter})
	row("answer cut short", notifytest.AdapterCase{Verdict: notify.Gone}, sim.Fault{Status: 410, Body: "gone", Truncate: true})
	row("answer that drips", notifytest.AdapterCase{Verdict: notify.Gone}, sim.Fault{Status: 410, Body: "gone", Drip: time.Millisecond})
	row("slow answer", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Delay: 50 * time.Millisecond})
	return rows
}
