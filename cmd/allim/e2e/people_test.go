package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest/oidc"
)

// peopleConfig is a hub with a mail server, single sign-on, and browsers' push services on loopback.
const peopleConfig = `outgoing: {allow_private: [127.0.0.0/8]}
apps:
  - {id: corp, webpush: {subject: "mailto:it@example.com", http_hosts: [127.0.0.1]}}
sources:
  - {id: mail, kind: imap, address: %q, security: none, auth: {method: master, user: watcher, password: master-word, separator: "*"}, accounts: {from: identities, kind: email}}
%s`

// TestPeopleInChromium does everything that a person can do on the people's pages in a real browser, in both languages: see
// node/people.mjs.
func TestPeopleInChromium(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: .ci/setup installs it", err)
	}
	mail, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "master-word"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mail.Close() }()
	sso := oidc.New(t, time.Now)
	hub := newHub(t, checked(t), fmt.Sprintf(peopleConfig, mail.Addr(), sso.Section()))
	hub.start()
	defer func() { hub.stop() }()
	for _, p := range [][2]string{{"kim", "en-US"}, {"lee", "ko-KR"}} {
		mail.AddUser(p[0]+"@example.com", p[0]+"-word")
		hub.allim("user", "add", p[0], "--name", p[0], "--email", p[0]+"@example.com", "--locale", p[1], "--time-zone", "Asia/Seoul")
	}
	until(t, time.Minute, "the mailboxes to be watched", func() bool {
		return hub.metric(`allim_accounts{source="mail",state="watching"}`) == 2
	})
	around := worldAround(t, mail, hub)
	runNode(t, "people.mjs", map[string]any{"url": hub.url(), "key": hub.key, "chromium": browser,
		"around": around.URL, "sso": sso.URL})
}

// worldAround does for the walk what a browser cannot: POST /mail delivers one, POST /restart kills the hub and starts it
// again, without waiting until it is ready.
func worldAround(t *testing.T, mail *imaptest.Server, hub *hub) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mail", func(w http.ResponseWriter, r *http.Request) {
		var m struct{ To, From, Subject string }
		err := json.NewDecoder(r.Body).Decode(&m)
		if err == nil {
			raw := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@example.com>\r\n\r\nbody\r\n", m.From, m.To, m.Subject, notify.NewID())
			_, err = mail.Deliver(m.To, []byte(raw), imaptest.Delivery{})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("POST /restart", func(http.ResponseWriter, *http.Request) {
		hub.kill()
		hub.launch()
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}
