package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/notifytest/dovecot"
)

const (
	domain = "example.com"
	bundle = "com.example.mail"
)

// person has a mailbox, a phone and an open page.
type person struct {
	id, email string
	phone     string // APNs device token
	token     string // for /v1/me
}

// world is a hub with its people, their phones' platform, and the ledger of what reached them.
type world struct {
	t      testing.TB
	hub    *hub
	apns   *sim.APNs
	ledger *ledger
	people []person
	byTok  map[string]int // who has a phone
}

// worldOptions is what differs between the proofs.
type worldOptions struct {
	binary string
	people int
	mails  int
	source string // the mail source's YAML below "- id: mail"
	// latency is how long the platform takes to answer a push.
	latency time.Duration
}

// newWorld starts a hub and registers the people; it returns when every mailbox is watched.
func newWorld(t testing.TB, o worldOptions) *world {
	t.Helper()
	w := &world{t: t, ledger: newLedger(o.mails, o.people), byTok: map[string]int{}}
	for i := range o.people {
		p := person{id: fmt.Sprintf("user%03d", i), email: fmt.Sprintf("user%03d@%s", i, domain), phone: fmt.Sprintf("%064x", i+1)}
		w.people = append(w.people, p)
		w.byTok[p.phone] = i
	}
	dir := t.TempDir()
	section := w.startAPNs(dir, o.latency)
	w.hub = newHub(t, o.binary, "apps:\n  - id: corp\n"+section+"sources:\n  - id: mail\n"+indent(o.source, "    "))
	w.hub.start()
	w.register()
	until(t, 2*time.Minute, "every mailbox to be watched", func() bool { return w.watched() == len(w.people) })
	return w
}

// startAPNs starts the platform and gives the app's part of the configuration for it.
func (w *world) startAPNs(dir string, latency time.Duration) (section string) {
	w.t.Helper()
	w.apns, section = newAPNs(w.t, dir, sim.APNsOptions{OnlyRegistered: true, Latency: latency, OnAccepted: func(e sim.Entry) {
		w.ledger.pushed(e, w.byTok[e.Key])
	}})
	for _, p := range w.people {
		w.apns.Register(sim.APNsDevice{Token: p.phone, Topic: bundle, Environment: notify.Production})
	}
	return section
}

// newAPNs starts a platform and gives an app's part of the configuration for it.
func newAPNs(t testing.TB, dir string, o sim.APNsOptions) (apns *sim.APNs, section string) {
	t.Helper()
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err == nil {
		apns, err = sim.NewAPNs(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := apns.Close(); err != nil {
			t.Error(err)
		}
	})
	apns.AddKey(key)
	keyFile, err := key.File(dir)
	if err != nil {
		t.Fatal(err)
	}
	caFile, err := apns.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	return apns, fmt.Sprintf("    apns: {key_file: %s, key_id: %s, team_id: %s, topic: %s, environment: production, endpoint: %q, ca_file: %s}\n",
		keyFile, key.ID, key.Team, bundle, apns.URL(), caFile)
}

// dovecotSource is a source that watches a Dovecot over TLS with its master user.
func dovecotSource(s *dovecot.Server) string {
	return fmt.Sprintf(`kind: imap
address: %s
security: tls
ca_file: %s
auth: {method: master, user: %s, password: %s, separator: "%s"}
accounts: {from: identities, kind: email, domain: %s}
folders: [INBOX]
privacy: full
`, s.IMAPS, s.CAFile, dovecot.MasterUser, dovecot.MasterPassword, dovecot.Separator, domain)
}

// register tells the hub of the people, their phones and their tokens.
func (w *world) register() {
	w.t.Helper()
	w.each(8, func(i int) error {
		p, h := &w.people[i], w.hub
		ctx, user := w.t.Context(), "/v1/users/"+p.id
		if err := h.call(ctx, h.key, http.MethodPut, user, wire.UserInput{Identities: []wire.Identity{{Kind: "email", Value: p.email}}}, nil); err != nil {
			return err
		}
		if err := h.call(ctx, h.key, http.MethodPost, user+"/devices", wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: p.phone}, nil); err != nil {
			return err
		}
		var token wire.Token
		err := h.call(ctx, h.key, http.MethodPost, user+"/tokens", wire.TokenInput{Name: "page"}, &token)
		p.token = token.Token
		return err
	})
}

// each runs f for every person, a few at once.
func (w *world) each(atOnce int, f func(i int) error) {
	w.t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range w.people {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(i); err != nil {
				w.t.Errorf("%s: %v", w.people[i].id, err)
			}
		})
	}
	wg.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// watched counts the mailboxes whose owner would be told at once.
func (w *world) watched() int {
	return int(w.hub.metric(`allim_accounts{source="mail",state="watching"}`))
}

// openPages opens a live stream for everybody, until the test ends, and returns when all are open. A page whose
// connection ends comes back with the last id that it saw.
func (w *world) openPages() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var pages, open sync.WaitGroup
	w.t.Cleanup(func() { cancel(); pages.Wait(); client.CloseIdleConnections() })
	for i := range w.people {
		open.Add(1)
		pages.Go(func() { w.follow(ctx, client, i, sync.OnceFunc(open.Done)) })
	}
	open.Wait()
}

func (w *world) follow(ctx context.Context, client *http.Client, i int, open func()) {
	defer open()
	header := http.Header{"Authorization": {"Bearer " + w.people[i].token}}
	last := ""
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for ctx.Err() == nil {
		s, err := livetest.Open(ctx, client, w.hub.url()+"/v1/me/stream", header, last)
		if err == nil {
			w.read(s, i, open)
			last = s.LastID
			_ = s.Close()
		}
		select { // the hub is down, or was killed
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}

// read passes on what comes until the connection ends.
func (w *world) read(s *livetest.Stream, i int, open func()) {
	for {
		ev, err := s.Next()
		if err != nil {
			return
		}
		switch ev.Name {
		case "ready":
			open()
		case "notification":
			w.ledger.shown(ev.Data, i)
		case "resync":
			w.ledger.complain("the page of person %d was told to begin anew", i)
		}
	}
}

// deliverer puts a mail into a mailbox.
type deliverer func(ctx context.Context, login string, raw []byte) error

// send delivers the mails from..to-1, at the given rate a second, however long each takes. It returns when all are in.
// A mail that the server does not take fails the test, but not at once.
func (w *world) send(from, to, rate int, deliver deliverer) {
	w.t.Helper()
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for n := from; n < to; n++ {
		<-tick.C
		wg.Go(func() {
			w.ledger.sending(n)
			if err := deliver(w.t.Context(), w.people[n%len(w.people)].email, letter(n)); err != nil {
				w.t.Errorf("mail %d: %v", n, err)
			}
		})
	}
	wg.Wait()
}

// letter is a mail as it is delivered.
func letter(n int) []byte {
	return fmt.Appendf(nil, "From: Lee <lee@example.org>\r\nTo: you@%s\r\nSubject: %s\r\nMessage-ID: <%d@example.org>\r\n"+
		"Date: Mon, 23 Nov 2026 09:00:00 +0900\r\n\r\nHello\r\n", domain, subject(n), n)
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}
