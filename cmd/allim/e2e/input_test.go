package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// TestBadInput: what is wrong gets one clear error that says what and where, and nothing is lost or half done.
func TestBadInput(t *testing.T) {
	t.Run("configuration", badConfiguration)
	t.Run("request", badRequest)
	t.Run("wrong password", wrongPassword)
	t.Run("unreachable server", unreachableServer)
	t.Run("second hub", secondHub)
}

func badConfiguration(t *testing.T) {
	h := newHub(t, checked(t), "")
	if err := os.RemoveAll(h.data()); err != nil {
		t.Fatal(err)
	}
	h.configure("sources:\n  - id: mail\n    kind: imap\n    adress: mail.example.com:993\n")
	for _, args := range [][]string{{"check", "-c", h.conf()}, {"serve", "-c", h.conf()}} {
		out, errText, code := h.try(args...)
		if code != 1 {
			t.Errorf("%s: exit status %d, want 1", args[0], code)
		}
		for _, want := range []string{h.conf() + ": line 7, column 5", "adress", "address"} {
			if !strings.Contains(errText, want) {
				t.Errorf("%s says %q, want %q in it", args[0], errText+out, want)
			}
		}
	}
	if _, err := os.Stat(h.data()); err == nil {
		t.Error("a refused configuration left a data folder")
	}
	if _, errText, code := h.try("serve", "--no-such-flag"); code != 2 || !strings.Contains(errText, "no-such-flag") {
		t.Errorf("wrong usage: exit status %d, %q", code, errText)
	}
}

// badRequests are requests of an administrator that are refused as a whole.
var badRequests = []struct {
	name, path, mediaType, body string
	status                      int
	code                        notify.Code
	says                        []string
}{
	{"malformed JSON", "/v1/notifications", "application/json", `{"to": {"users": ["kim"]}, "title": "x"`,
		400, notify.CodeMalformed, nil},
	{"malformed XML", "/v1/notifications", "application/xml", `<notification><title>x</notification>`,
		400, notify.CodeMalformed, []string{"urn:ietf:rfc:7807"}},
	{"unknown field", "/v1/notifications", "application/json", `{"to": {"users": ["kim"]}, "titel": "x"}`,
		0, "", []string{"titel"}},
	{"unknown users", "/v1/notifications", "application/json", `{"to": {"users": ["kim", "nobody", "noone"]}, "title": "x"}`,
		0, notify.CodeUnknownUser, []string{"to.users[1]", "to.users[2]"}},
	{"no such media type", "/v1/notifications", "text/csv", `to,title`, 415, notify.CodeUnsupportedMedia, nil},
	{"token of the wrong shape", "/v1/users/kim/devices", "application/json", `{"app": "corp", "platform": "apns", "token": "not hex"}`,
		0, notify.CodeInvalidToken, []string{"token"}},
	{"unknown app", "/v1/users/kim/devices", "application/json", `{"app": "corpse", "platform": "apns", "token": "00"}`,
		0, notify.CodeUnknownApp, []string{"corp/apns"}},
	{"retired platform", "/v1/users/kim/devices", "application/json", `{"app": "corp", "platform": "gcm", "token": "00"}`,
		0, notify.CodeRetiredPlatform, []string{"fcm"}},
	{"device of an unknown user", "/v1/users/nobody/devices", "application/json",
		`{"app": "corp", "platform": "apns", "token": "0000000000000000000000000000000000000000000000000000000000000001"}`,
		404, notify.CodeUnknownUser, nil},
}

func badRequest(t *testing.T) {
	w := newWorld(t, worldOptions{binary: checked(t), people: 0, mails: 0, source: deadSource(t)})
	h := w.hub
	h.must(http.MethodPut, "/v1/users/kim", wire.UserInput{}, nil)
	for _, c := range badRequests {
		t.Run(c.name, func(t *testing.T) {
			status, text := h.post(t, c.path, c.mediaType, c.body)
			if status < 400 || status >= 500 || c.status != 0 && status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, want := range append(c.says, string(c.code)) {
				if !strings.Contains(text, want) {
					t.Errorf("it says %s, want %q in it", text, want)
				}
			}
		})
	}
	var sent wire.NotificationList
	h.must(http.MethodGet, "/v1/notifications", nil, &sent)
	var devices wire.DeviceList
	h.must(http.MethodGet, "/v1/devices", nil, &devices)
	if len(sent.Notifications) > 0 || len(devices.Devices) > 0 {
		t.Errorf("refused requests left %d notifications and %d devices", len(sent.Notifications), len(devices.Devices))
	}
	if err := h.call(t.Context(), "wrong", http.MethodGet, "/v1/users", nil, nil); err == nil || !strings.Contains(err.Error(), string(notify.CodeUnauthenticated)) {
		t.Errorf("a wrong key: %v", err)
	}
}

// post sends a body as it is and gives the answer.
func (h *hub) post(t *testing.T, path, mediaType, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.key)
	req.Header.Set("Content-Type", mediaType)
	res, err := h.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer := &output{}
	if _, err := answer.b.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer.String()
}

// deadSource is a source at an address where nobody listens.
func deadSource(t testing.TB) string {
	return "kind: imap\naddress: " + freeAddr(t) + "\nsecurity: none\nauth: {method: master, user: watcher, password: masterpw}\n" +
		"accounts: {from: identities, kind: email, domain: " + domain + "}\n"
}

// wrongPassword: the account says so in words, without the password; the server is not bothered; and what came meanwhile
// is told when the password is right.
func wrongPassword(t *testing.T) {
	s, source := promptServer(t, 1)
	w := newWorld(t, worldOptions{binary: checked(t), people: 1, mails: 1, source: source})
	good, err := os.ReadFile(w.hub.conf())
	if err != nil {
		t.Fatal(err)
	}
	w.hub.stop()
	refused := s.Stats().LoginFailures
	bad := strings.Replace(string(good), "password: masterpw", "password: not-the-password", 1)
	if err := os.WriteFile(w.hub.conf(), []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errText, code := w.hub.try("check", "-c", w.hub.conf(), "--online")
	if code != 1 || !strings.Contains(errText, "mail") || strings.Contains(errText, "not-the-password") {
		t.Errorf("check --online: exit status %d, %q", code, errText)
	}
	w.hub.start()
	a := w.account(notify.HealthAuthFailed)
	if a.Health.LastError == "" || strings.Contains(a.Health.LastError, "not-the-password") || a.Health.NextTryAt.Before(time.Now()) {
		t.Errorf("the account's health is %+v", a.Health)
	}
	if n := s.Stats().LoginFailures - refused; n > 3 {
		t.Errorf("%d logins were tried", n)
	}
	w.ledger.sending(0)
	if _, err := s.Deliver(w.people[0].email, letter(0), imaptest.Delivery{}); err != nil {
		t.Fatal(err)
	}
	w.hub.stop()
	if err := os.WriteFile(w.hub.conf(), good, 0o600); err != nil {
		t.Fatal(err)
	}
	w.hub.start()
	w.openPages()
	until(t, time.Minute, "the mail to be pushed", func() bool { pushed, _ := w.ledger.told(); return pushed == 1 })
	if strings.Contains(w.hub.output.String(), "not-the-password") {
		t.Error("the log holds the password")
	}
}

func unreachableServer(t *testing.T) {
	h := newHub(t, checked(t), "sources:\n  - id: mail\n"+indent(deadSource(t), "    "))
	_, errText, code := h.try("check", "-c", h.conf(), "--online")
	if code != 1 || !strings.Contains(errText, "mail") {
		t.Errorf("check --online: exit status %d, %q", code, errText)
	}
	h.start()
	h.must(http.MethodPut, "/v1/users/kim", wire.UserInput{Identities: []wire.Identity{{Kind: "email", Value: "kim@" + domain}}}, nil)
	w := &world{t: t, hub: h}
	if a := w.account(notify.HealthUnreachable); a.Health.LastError == "" || a.Health.NextTryAt.IsZero() {
		t.Errorf("the account's health is %+v", a.Health)
	}
	h.stop() // in time, although the server does not answer
}

// account waits until the one account is in the given state.
func (w *world) account(state notify.HealthState) wire.Account {
	w.t.Helper()
	var list wire.AccountList
	until(w.t, time.Minute, "the account to be "+string(state), func() bool {
		list = wire.AccountList{}
		w.hub.must(http.MethodGet, "/v1/accounts", nil, &list)
		return len(list.Accounts) == 1 && list.Accounts[0].Health.State == state
	})
	return list.Accounts[0]
}

func secondHub(t *testing.T) {
	h := newHub(t, checked(t), "")
	h.start()
	other := *h
	other.addr = freeAddr(t)
	other.configure("")
	_, errText, code := other.try("serve", "-c", other.conf())
	if code != 1 || !strings.Contains(errText, h.data()) {
		t.Errorf("a second hub on the same folder: exit status %d, %q", code, errText)
	}
	_, errText, code = other.try("key", "create", "--name", "x", "--scope", "admin", "--data", h.data())
	if code != 1 || !strings.Contains(errText, "ALLIM_URL") && !strings.Contains(errText, h.data()) {
		t.Errorf("key create --data beside a running hub: exit status %d, %q", code, errText)
	}
}
