package wns

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestConformance(t *testing.T) {
	for name, app := range map[string]sim.WNSApp{"Entra ID": entra, "package SID": uwp} {
		t.Run(name, func(t *testing.T) {
			notifytest.AdapterSuite(t, func(t testing.TB, log *slog.Logger) notifytest.AdapterSetup {
				h := newHouseAt(t, notify.SystemClock{}, app, sim.WNSOptions{LogLimit: 60000}, "timeout: 5s\n")
				h.adapter.log = log
				return (&suite{house: h}).setup(t)
			})
		})
	}
}

// suite is a house whose channels are numbered.
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
	uri := func(n int) string {
		if n < 0 {
			return sim.Everyone
		}
		return device(n).Token
	}
	return notifytest.AdapterSetup{
		Adapter: s.adapter,
		Clock:   notify.SystemClock{},
		Device:  device,
		BadDevices: []notify.Device{{}, {Token: "https://notify.windows.com.evil.example/?token=1"}, {Token: "https://db3.notify.live.net/x"},
			{Token: "http://db3.notify.windows.com/?token=1"}},
		Stall:      func(n int) { s.sim.Script(uri(n), sim.Fault{Stall: true, Times: -1}) },
		LoseAnswer: func(n int) { s.sim.Script(uri(n), sim.Fault{Drop: sim.DropAfter}) },
		Accepted:   func() int { return s.sim.Accepted(typeToast) },
		UnderWay:   s.sim.UnderWay,
		Got: func() (got []notifytest.AdapterGot) {
			for _, e := range s.sim.Log().Entries() {
				if e.Accepted {
					got = append(got, notifytest.AdapterGot{Header: e.Field, Body: e.Body})
				}
			}
			return got
		},
		IDs:           s.toasts,
		Table:         s.table(uri),
		Secrets:       func() []string { return []string{s.app.Secret, s.adapter.tokens.current.value} },
		MaxGoroutines: 8*s.adapter.cfg.Concurrency + 100, // a worker and what net/http has for it at both ends
		TooLong:       maxPayload,
	}
}

// table has every way in which WNS says no: protocol sheet, "Response codes".
func (s *suite) table(uri func(int) string) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, want notifytest.AdapterCase, list ...sim.Fault) {
		want.Name = name
		want.Break = func(n int) {
			s.forgive()
			s.sim.Script(uri(n), list...)
		}
		rows = append(rows, want)
	}
	says := func(status int, v notify.Verdict, reason string) {
		row(http.StatusText(status), notifytest.AdapterCase{Verdict: v, Reason: reason}, sim.Fault{Status: status, Times: 2, Reason: reason})
	}
	word := func(w string) sim.Fault {
		return sim.Fault{Status: 200, Header: map[string]string{"X-WNS-NotificationStatus": w}}
	}
	row("dropped", notifytest.AdapterCase{Verdict: notify.Failed, Reason: "200 dropped device connected"}, word("dropped"))
	row("Dropped", notifytest.AdapterCase{Verdict: notify.Failed, Reason: "dropped"}, word("Dropped"))
	row("channelthrottled", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: 10 * time.Minute, NotAfter: 11 * time.Minute,
		Reason: "channelthrottled"}, word("channelthrottled"))
	says(400, notify.Failed, "Ttl value conflicts")
	row("401, then well", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Status: 401})
	says(401, notify.Misconfigured, "401")
	says(403, notify.Suspect, "403")
	says(404, notify.Gone, "404")
	says(405, notify.Failed, "405")
	row("406", notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true, NotBefore: 15 * time.Minute, NotAfter: 16 * time.Minute}, sim.Fault{Status: 406})
	row("406 with a time", notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true, NotBefore: 2 * time.Minute, NotAfter: 3 * time.Minute},
		sim.Fault{Status: 406, Header: map[string]string{"Retry-After": "120"}})
	row("406 with its own header", notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true, NotBefore: 90 * time.Second, NotAfter: 100 * time.Second},
		sim.Fault{Status: 406, Header: map[string]string{"X-WNS-CONTINUE-AFTER": "90"}})
	row("429", notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true, NotBefore: 15 * time.Minute, NotAfter: 16 * time.Minute}, sim.Fault{Status: 429})
	says(410, notify.Gone, "410")
	row("410 of our domain", notifytest.AdapterCase{Verdict: notify.Misconfigured, Reason: "Domain Blocked"}, sim.Fault{Status: 410, Reason: "Domain Blocked"})
	row("412", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: time.Hour, NotAfter: 61 * time.Minute}, sim.Fault{Status: 412})
	says(413, notify.Failed, "413")
	says(301, notify.Suspect, "301")
	says(307, notify.Suspect, "307")
	says(418, notify.Failed, "418")
	says(408, notify.Retry, "408")
	for _, status := range []int{500, 502, 504} {
		says(status, notify.Retry, "")
		row("5xx with a time", notifytest.AdapterCase{Verdict: notify.Retry, NotBefore: 2 * time.Minute, NotAfter: 3 * time.Minute},
			sim.Fault{Status: status, Header: map[string]string{"Retry-After": "120"}})
	}
	row("503", notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true}, sim.Fault{Status: 503})
	in := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	row("503 with a date", notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true, NotBefore: 59 * time.Minute, NotAfter: 61 * time.Minute},
		sim.Fault{Status: 503, Header: map[string]string{"Retry-After": in}})
	row("202", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Status: 202})
	row("connection lost before", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Drop: sim.DropBefore})
	row("connection lost after", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Drop: sim.DropAfter})
	row("answer cut short", notifytest.AdapterCase{Verdict: notify.Gone}, sim.Fault{Status: 410, Body: "gone", Truncate: true})
	row("answer that drips", notifytest.AdapterCase{Verdict: notify.Gone}, sim.Fault{Status: 410, Body: "gone", Drip: time.Millisecond})
	row("slow answer", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Delay: 50 * time.Millisecond})
	return rows
}

// forgive forgets what was learnt, so that one row does not hold up the next.
func (s *suite) forgive() {
	s.adapter.hosts.Answered(s.sim.URL()[len("https://"):])
	s.adapter.tokens.mu.Lock()
	defer s.adapter.tokens.mu.Unlock()
	s.adapter.tokens.forcedAt = time.Time{}
}
