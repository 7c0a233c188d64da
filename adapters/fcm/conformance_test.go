package fcm

import (
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestConformance(t *testing.T) { both(t, testConformance) }

func testConformance(t *testing.T, via string) {
	notifytest.AdapterSuite(t, func(t testing.TB, log *slog.Logger) notifytest.AdapterSetup {
		h := newHouse(t, sim.FCMOptions{LogLimit: 30000, DeviceQuota: -1}, "")
		h.adapter = newAdapter(t, h.section(t)+via+"timeout: 3s\nramp: 0s\n", h.clock, log)
		return setup(t, h)
	})
}

// setup makes the suite's setup of a house.
func setup(t testing.TB, h *house) notifytest.AdapterSetup {
	t.Helper()
	everyone := func(n int) string {
		if n < 0 {
			return sim.Everyone
		}
		return deviceToken(n)
	}
	c := h.adapter.config
	return notifytest.AdapterSetup{
		Adapter: h.adapter,
		Clock:   h.clock,
		Device: func(n int) notify.Device {
			return notify.Device{App: "corp", Platform: notify.FCM, Token: deviceToken(n)}
		},
		BadDevices: []notify.Device{
			{Token: "0f744707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bbad78"}, // APNs' own
			{Token: "https://push.example.net/" + deviceToken(1)}, {Token: deviceToken(1)[:40]}, {Token: deviceToken(1) + "\x00"},
			{Token: `"` + deviceToken(1)}, {Token: "aJug2GoHzEfcshCE_OLL24"}, {},
		},
		Stall:      func(n int) { h.sim.Script(everyone(n), sim.Fault{Stall: true, Times: -1}) },
		LoseAnswer: func(n int) { h.sim.Script(deviceToken(n), sim.Fault{Drop: sim.DropAfter}) },
		Accepted:   func() int { c := h.sim.Log().Counts(); return int(c.Accepted + c.Duplicates) },
		UnderWay:   h.sim.UnderWay,
		Got: func() (got []notifytest.AdapterGot) {
			for _, e := range h.sim.Log().Entries() {
				if e.Accepted {
					got = append(got, notifytest.AdapterGot{Header: e.Field, Body: e.Body})
				}
			}
			return got
		},
		IDs:     h.accepted,
		Table:   table(h),
		Secrets: func() []string { return h.secrets(t) },
		// A worker and a stream of net/http's for each.
		MaxGoroutines: 2*c.Connections*c.InFlight + 100,
		TooLong:       maxPayload,
	}
}

// accepted gives the ids that the simulator took, in order.
func (h *house) accepted() []string {
	var ids []string
	for _, e := range h.sim.Log().Entries() {
		if e.Accepted {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// secrets gives what nobody may read: the private key, the access tokens.
func (h *house) secrets(t testing.TB) []string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(h.account.Key)
	if err != nil {
		t.Fatal(err)
	}
	return append(h.sim.AccessTokens(), base64.StdEncoding.EncodeToString(der)[100:140], "eyJ")
}

// about is the range around a wait, for clocks that go on meanwhile.
func about(d time.Duration) (from, to time.Duration) {
	return d - time.Second, d + d/2 + 10*time.Second
}

// table is every row of the table of responses: "FCM error codes", and what else was seen.
func table(h *house) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	says := func(status int, v notify.Verdict, reason, want string) {
		rows = append(rows, notifytest.AdapterCase{Name: reason, Verdict: v, Reason: want,
			Break: func(n int) {
				h.forgive()
				h.sim.Script(deviceToken(n), sim.Fault{Status: status, Reason: reason, Times: 2})
			}})
	}
	says(400, notify.Gone, "BAD_TOKEN", "INVALID_ARGUMENT registration token")
	says(400, notify.Gone, "BAD_TOKEN_FIELD", "INVALID_ARGUMENT registration token")
	says(400, notify.Gone, "UNREGISTERED", "UNREGISTERED") // the pair need not agree
	says(400, notify.Suspect, "BAD_PACKAGE", "package name")
	says(400, notify.Failed, "BAD_FIELD", "INVALID_ARGUMENT message.android.ttl")
	says(400, notify.Failed, "BAD_JSON", "INVALID_ARGUMENT message.data0.value")
	says(400, notify.Failed, "TOO_BIG", "message too big")
	says(400, notify.Failed, "HTML", "HTTP 400")
	says(400, notify.Failed, "UNSPECIFIED_ERROR", "UNSPECIFIED_ERROR")
	says(400, notify.Failed, "SOMETHING_NEW", "SOMETHING_NEW")
	says(401, notify.Misconfigured, "UNAUTHENTICATED", "UNAUTHENTICATED")
	says(401, notify.Misconfigured, "THIRD_PARTY_AUTH_ERROR", "THIRD_PARTY_AUTH_ERROR")
	says(401, notify.Misconfigured, "APNS_AUTH_ERROR", "APNS_AUTH_ERROR")
	says(403, notify.Suspect, "SENDER_ID_MISMATCH", "SENDER_ID_MISMATCH")
	says(403, notify.Misconfigured, "PERMISSION_DENIED", "PERMISSION_DENIED IAM_PERMISSION_DENIED")
	says(403, notify.Misconfigured, "HTML", "HTTP 403")
	says(404, notify.Gone, "UNREGISTERED", "UNREGISTERED")
	says(404, notify.Misconfigured, "HTML", "HTTP 404")
	says(407, notify.Misconfigured, "HTML", "HTTP 407")
	says(302, notify.Misconfigured, "HTML", "HTTP 302")
	says(413, notify.Failed, "HTML", "HTTP 413")
	for _, code := range []string{"UNAVAILABLE", "INTERNAL"} { // the code counts, not the status
		rows = append(rows, h.retryRow(code+" in a 400", notifytest.AdapterCase{WholeLane: code == "UNAVAILABLE"},
			map[string]time.Duration{"INTERNAL": 10 * time.Second}[code], sim.Fault{Status: 400, Reason: code}))
	}
	rows = append(rows, notifytest.AdapterCase{Name: "401, then well", Verdict: notify.Accepted, Break: func(n int) {
		h.forgive()
		h.sim.Script(deviceToken(n), sim.Fault{Status: 401, Reason: "UNAUTHENTICATED"})
	}})
	return append(append(append(rows, retries(h)...), logins(h)...), transport(h)...)
}

// forgive forgets the last forced renewal, so that one row does not hold up the next: token_test.go has that.
func (h *house) forgive() {
	h.adapter.tokens.mu.Lock()
	defer h.adapter.tokens.mu.Unlock()
	h.adapter.tokens.forcedAt = time.Time{}
}

// retryRow is a row that asks for another try, after about wait; 0: when the hub likes.
func (h *house) retryRow(name string, c notifytest.AdapterCase, wait time.Duration, f sim.Fault) notifytest.AdapterCase {
	c.Name, c.Verdict, c.Break = name, notify.Retry, func(n int) { h.sim.Script(deviceToken(n), f) }
	if wait > 0 {
		c.NotBefore, c.NotAfter = about(wait)
	}
	return c
}

// retries are the rows that ask for another try.
func retries(h *house) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, attempt int, lane bool, wait time.Duration, f sim.Fault) {
		rows = append(rows, h.retryRow(name, notifytest.AdapterCase{Attempt: attempt, WholeLane: lane}, wait, f))
	}
	after := func(v string) map[string]string { return map[string]string{"Retry-After": v} }
	date := h.clock.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	row("project quota", 1, true, time.Minute, sim.Fault{Status: 429, Reason: "PROJECT_QUOTA"})
	row("project quota, third time", 3, true, 4*time.Minute, sim.Fault{Status: 429, Reason: "PROJECT_QUOTA"})
	row("project quota, 50th time", 50, true, time.Hour, sim.Fault{Status: 429, Reason: "PROJECT_QUOTA"})
	row("project quota, seconds", 1, true, 37*time.Second, sim.Fault{Status: 429, Reason: "PROJECT_QUOTA", Header: after("37")})
	row("project quota, date", 1, true, time.Hour, sim.Fault{Status: 429, Reason: "PROJECT_QUOTA", Header: after(date)})
	row("quota that does not say whose", 1, true, time.Minute, sim.Fault{Status: 429, Reason: "QUOTA_EXCEEDED"})
	row("device quota", 1, false, time.Minute, sim.Fault{Status: 429, Reason: "DEVICE_QUOTA"})
	row("device quota, seconds", 1, false, 5*time.Minute, sim.Fault{Status: 429, Reason: "DEVICE_QUOTA", Header: after("300")})
	row("topic quota", 2, false, 2*time.Minute, sim.Fault{Status: 429, Reason: "TOPIC_QUOTA"})
	row("429, HTML", 1, true, time.Minute, sim.Fault{Status: 429, Reason: "HTML"})
	row("429, empty", 1, true, time.Minute, sim.Fault{Status: 429, Body: " "})
	row("INTERNAL", 1, false, 10*time.Second, sim.Fault{Status: 500, Reason: "INTERNAL"})
	row("INTERNAL, third time", 3, false, 40*time.Second, sim.Fault{Status: 500, Reason: "INTERNAL"})
	row("INTERNAL, seconds", 1, false, 10*time.Minute, sim.Fault{Status: 500, Reason: "INTERNAL", Header: after("600")})
	row("500, empty", 1, false, 10*time.Second, sim.Fault{Status: 500, Body: " "})
	row("500, UNSPECIFIED_ERROR", 1, false, 10*time.Second, sim.Fault{Status: 500, Reason: "UNSPECIFIED_ERROR"})
	row("502 of something between", 1, false, 10*time.Second, sim.Fault{Status: 502, Body: "<html>bad gateway</html>"})
	row("UNAVAILABLE", 1, true, 0, sim.Fault{Status: 503, Reason: "UNAVAILABLE"})
	row("UNAVAILABLE, seconds", 1, true, 2*time.Minute, sim.Fault{Status: 503, Reason: "UNAVAILABLE", Header: after("120")})
	row("UNAVAILABLE, date", 1, true, time.Hour, sim.Fault{Status: 503, Reason: "UNAVAILABLE", Header: after(date)})
	row("503, HTML, seconds", 1, true, 2*time.Minute, sim.Fault{Status: 503, Body: "<html>", Header: after("120")})
	row("408", 1, false, 0, sim.Fault{Status: 408, Body: "{"})
	return rows
}

// logins are the ways in which no access token comes.
func logins(h *house) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, c notifytest.AdapterCase, f sim.Fault) {
		c.Name, c.Break = "login: "+name, func(int) {
			h.adapter.tokens.mu.Lock()
			defer h.adapter.tokens.mu.Unlock()
			h.adapter.tokens.current = ""
			h.sim.ScriptLogin(h.account.Email, f)
		}
		rows = append(rows, c)
	}
	ours := func(word string) notifytest.AdapterCase {
		return notifytest.AdapterCase{Verdict: notify.Misconfigured, Reason: word}
	}
	down := notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true, Reason: "access token"}
	waits := down
	waits.NotBefore, waits.NotAfter = about(time.Minute)
	row("revoked key", ours("invalid_grant"), sim.Fault{Status: 400, Reason: "invalid_grant"})
	row("scope", ours("invalid_scope"), sim.Fault{Status: 400, Reason: "invalid_scope"})
	row("client", ours("invalid_client"), sim.Fault{Status: 401, Reason: "invalid_client"})
	row("wrong address", ours("404"), sim.Fault{Status: 404, Body: "<html>"})
	row("500", down, sim.Fault{Status: 500, Reason: "internal_failure"})
	row("503", waits, sim.Fault{Status: 503, Header: map[string]string{"Retry-After": "60"}})
	row("429", down, sim.Fault{Status: 429, Body: " "})
	row("no JSON", down, sim.Fault{Body: "ya29"})
	row("no token", down, sim.Fault{Body: `{"token_type":"Bearer"}`})
	row("another kind of token", down, sim.Fault{Body: `{"access_token":"x","token_type":"MAC"}`})
	row("cut short", down, sim.Fault{Truncate: true})
	row("connection lost", down, sim.Fault{Drop: sim.DropAfter})
	row("slow", notifytest.AdapterCase{Verdict: notify.Accepted}, sim.Fault{Delay: 50 * time.Millisecond})
	return rows
}

// transport are the ways in which no answer comes, or not a whole one.
func transport(h *house) []notifytest.AdapterCase {
	well := notifytest.AdapterCase{Verdict: notify.Accepted}
	again := notifytest.AdapterCase{Verdict: notify.Retry}
	down := notifytest.AdapterCase{Verdict: notify.Retry, WholeLane: true}
	var rows []notifytest.AdapterCase
	row := func(name string, want notifytest.AdapterCase, f sim.Fault) {
		want.Name, want.Break = name, func(n int) { h.sim.Script(deviceToken(n), f) }
		rows = append(rows, want)
	}
	row("an answer that drips", notifytest.AdapterCase{Verdict: notify.Gone},
		sim.Fault{Status: 404, Reason: "UNREGISTERED", Drip: time.Millisecond})
	row("a slow answer", well, sim.Fault{Delay: 50 * time.Millisecond})
	row("an acceptance cut short", well, sim.Fault{Truncate: true})
	row("404 cut short", again, sim.Fault{Status: 404, Reason: "UNREGISTERED", Truncate: true})
	row("refused stream", well, sim.Fault{Reset: 7})
	row("refused again and again", again, sim.Fault{Reset: 7, Times: maxTries})
	row("reset stream", again, sim.Fault{Reset: 2})
	row("connection lost before", well, sim.Fault{Drop: sim.DropBefore})
	row("connection lost after", well, sim.Fault{Drop: sim.DropAfter})
	row("connections lost again and again", down, sim.Fault{Drop: sim.DropBefore, Times: 2})
	row("GOAWAY after the answer", well, sim.Fault{GoAway: &sim.GoAway{}})
	row("GOAWAY, not taken", well, sim.Fault{GoAway: &sim.GoAway{Before: 1}})
	row("GOAWAY, taken, lost", well, sim.Fault{GoAway: &sim.GoAway{Close: true}})
	row("GOAWAY, accepted, lost", well, sim.Fault{GoAway: &sim.GoAway{Close: true}, Drop: sim.DropAfter})
	return rows
}
