package apns

import (
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestConformance(t *testing.T) { both(t, testConformance) }

func testConformance(t *testing.T, via string) {
	notifytest.AdapterSuite(t, func(t testing.TB, log *slog.Logger) notifytest.AdapterSetup {
		return setup(t, newHouse(t, sim.APNsOptions{OneStream: true}, via+"timeout: 3s\n"), log)
	})
}

func TestConformanceWithACertificate(t *testing.T) {
	notifytest.AdapterSuite(t, func(t testing.TB, log *slog.Logger) notifytest.AdapterSetup {
		return setup(t, newCertHouse(t, sim.APNsOptions{}, "timeout: 3s\n"), log)
	})
}

// setup makes the suite's setup of a house.
func setup(t testing.TB, h *house, log *slog.Logger) notifytest.AdapterSetup {
	t.Helper()
	h.adapter.log = log
	everyone := func(n int) string {
		if n < 0 {
			return sim.Everyone
		}
		return deviceToken(n)
	}
	return notifytest.AdapterSetup{
		Adapter: h.adapter,
		Clock:   h.clock,
		Device: func(n int) notify.Device {
			return notify.Device{App: "corp", Platform: notify.APNs, Token: deviceToken(n)}
		},
		BadDevices: []notify.Device{
			{Token: "not hexadecimal at all, but long enough"}, {Token: deviceToken(1) + "0"}, {Token: deviceToken(1)[:30]},
			{Token: deviceToken(1) + deviceToken(1) + deviceToken(1) + deviceToken(1)},
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
		IDs:           h.accepted,
		Table:         table(h),
		Secrets:       func() []string { return h.secrets(t) },
		MaxGoroutines: 2*2*h.adapter.config.InFlight + 100, // a worker and a stream of net/http's for each
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

// secrets gives what nobody may read: the private key, and the provider token if there is one yet.
func (h *house) secrets(t testing.TB) []string {
	t.Helper()
	if h.adapter.signer == nil {
		return nil
	}
	bearer, err := h.adapter.signer.bearer()
	if err != nil {
		t.Fatal(err)
	}
	private, err := h.key.Private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return []string{bearer, hex.EncodeToString(private), base64.StdEncoding.EncodeToString(private)}
}

// about is the range around a wait, for clocks that go on meanwhile.
func about(d time.Duration) (from, to time.Duration) { return d - time.Second, d + 10*time.Second }

// table is every row of Apple's table of responses: "Handling notification responses from APNs".
func table(h *house) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, want notifytest.AdapterCase, faults ...sim.Fault) {
		want.Name, want.Break = name, func(n int) { h.sim.Script(deviceToken(n), faults...) }
		rows = append(rows, want)
	}
	says := func(status int, verdict notify.Verdict, reasons ...string) {
		for _, r := range reasons {
			row(r, notifytest.AdapterCase{Verdict: verdict, Reason: r}, sim.Fault{Status: status, Reason: r})
		}
	}
	says(400, notify.Suspect, "BadDeviceToken", "DeviceTokenNotForTopic")
	says(400, notify.Misconfigured, "TopicDisallowed", "BadTopic", "MissingTopic")
	says(400, notify.Failed, "MissingDeviceToken", "BadMessageId", "BadExpirationDate", "BadPriority", "BadCollapseId",
		"InvalidPushType", "DuplicateHeaders", "PayloadEmpty", "SomethingNew")
	says(403, notify.Misconfigured, "InvalidProviderToken", "MissingProviderToken", "BadEnvironmentKeyIdInToken",
		"BadEnvironmentKeyInToken", "BadCertificate", "BadCertificateEnvironment", "Forbidden", "SomethingNew",
		"ExpiredProviderToken") // the token is young: a clock is wrong
	says(404, notify.Failed, "BadPath")
	says(405, notify.Failed, "MethodNotAllowed")
	says(413, notify.Failed, "PayloadTooLarge")

	gone, kept := notifytest.AdapterCase{Verdict: notify.Gone}, notifytest.AdapterCase{Verdict: notify.Failed}
	now := h.clock.Now()
	for _, r := range []string{"Unregistered", "ExpiredToken"} {
		gone.Reason, kept.Reason = r, r
		row(r, gone, sim.Fault{Status: 410, Reason: r})
		row(r+", since it was registered", gone, sim.Fault{Status: 410, Reason: r, Timestamp: now.Add(-59 * time.Minute)})
		row(r+", before it was registered", kept, sim.Fault{Status: 410, Reason: r, Timestamp: now.Add(-61 * time.Minute)})
	}
	row("UnrelatedKeyIdInToken, then well", notifytest.AdapterCase{Verdict: notify.Accepted},
		sim.Fault{Status: 403, Reason: "UnrelatedKeyIdInToken"})
	row("UnrelatedKeyIdInToken, again", notifytest.AdapterCase{Verdict: notify.Misconfigured},
		sim.Fault{Status: 403, Reason: "UnrelatedKeyIdInToken", Times: 2})
	return append(append(rows, retries(h)...), transport(h)...)
}

// retries are the rows that ask for another try.
func retries(h *house) []notifytest.AdapterCase {
	var rows []notifytest.AdapterCase
	row := func(name string, attempt int, wait time.Duration, lane bool, f sim.Fault) {
		c := notifytest.AdapterCase{Name: name, Break: func(n int) { h.sim.Script(deviceToken(n), f) },
			Verdict: notify.Retry, WholeLane: lane, Attempt: attempt}
		if wait > 0 {
			c.NotBefore, c.NotAfter = about(wait)
		}
		rows = append(rows, c)
	}
	row("TooManyRequests", 1, 30*time.Second, false, sim.Fault{Status: 429, Reason: "TooManyRequests"})
	row("TooManyRequests, third time", 3, 2*time.Minute, false, sim.Fault{Status: 429, Reason: "TooManyRequests"})
	row("TooManyRequests for long", 1, 10*time.Minute, false, sim.Fault{Status: 429, Reason: "TooManyRequests",
		Header: map[string]string{"Retry-After": "600"}})
	row("TooManyRequests, 50th time", 50, time.Hour, false, sim.Fault{Status: 429, Reason: "TooManyRequests"})
	row("429 without a word", 1, 30*time.Second, false, sim.Fault{Status: 429, Body: "slow down"})
	row("TooManyProviderTokenUpdates", 1, 30*time.Second, true, sim.Fault{Status: 429, Reason: "TooManyProviderTokenUpdates"})
	row("InternalServerError", 1, 0, false, sim.Fault{Status: 500, Reason: "InternalServerError"})
	row("InternalServerError, again", 2, 15*time.Minute, false, sim.Fault{Status: 500, Reason: "InternalServerError"})
	row("ServiceUnavailable", 1, 0, true, sim.Fault{Status: 503, Reason: "ServiceUnavailable"})
	row("ServiceUnavailable, again", 2, 15*time.Minute, true, sim.Fault{Status: 503, Reason: "ServiceUnavailable"})
	row("ServiceUnavailable until a date", 1, time.Hour, true, sim.Fault{Status: 503, Reason: "ServiceUnavailable",
		Header: map[string]string{"Retry-After": h.clock.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}})
	row("Shutdown", 1, time.Second, false, sim.Fault{Status: 503, Reason: "Shutdown"})
	row("IdleTimeout", 1, time.Second, false, sim.Fault{Status: 400, Reason: "IdleTimeout"})
	row("502 of something between", 1, 0, false, sim.Fault{Status: 502, Body: "<html>bad gateway</html>"})
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
	row("400 that is no JSON", notifytest.AdapterCase{Verdict: notify.Failed, Reason: "HTTP 400"}, sim.Fault{Status: 400, Body: "{"})
	row("410 cut short", again, sim.Fault{Status: 410, Reason: "Unregistered", Truncate: true})
	row("an answer that drips", notifytest.AdapterCase{Verdict: notify.Suspect},
		sim.Fault{Status: 400, Reason: "BadDeviceToken", Drip: time.Millisecond})
	row("a slow answer", well, sim.Fault{Delay: 50 * time.Millisecond})
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
	row("GOAWAY because of shutdown", well, sim.Fault{GoAway: &sim.GoAway{Close: true, Reason: "Shutdown"}})
	row("GOAWAY for a reason not known", down, sim.Fault{GoAway: &sim.GoAway{Close: true, Reason: "SomethingNew"}})
	row("GOAWAY because of the certificate", notifytest.AdapterCase{Verdict: notify.Misconfigured,
		Reason: "BadCertificateEnvironment"}, sim.Fault{GoAway: &sim.GoAway{Close: true, Reason: "BadCertificateEnvironment"}})
	return rows
}
