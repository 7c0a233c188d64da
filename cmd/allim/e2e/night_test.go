package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// nightConfig is a hub with one platform and a mail server.
const nightConfig = `apps:
  - id: corp
%ssources:
  - {id: mail, kind: imap, address: %q, security: none, auth: {method: master, user: watcher, password: master-word, separator: "*"}, accounts: {from: identities, kind: email}}
`

// TestKilledHubWakesSleepersOnce: a broadcast at eleven in the evening passes by those who are in quiet hours, and a person's
// mails wait to be told together, while the hub is killed with kill -9; it is killed again in the night, and in the morning
// when it begins to wake them. Everybody is told once: what is pushed again has the same id.
func TestKilledHubWakesSleepersOnce(t *testing.T) {
	const phones = 40 // of each: together more than keep a row each
	w := newNight(t)
	w.person("dreamer", phones, wire.Preferences{Quiet: &wire.Quiet{From: "22:00", To: "07:00", Zone: "UTC"}})
	w.person("sleeper", phones, wire.Preferences{Quiet: &wire.Quiet{From: "22:30", To: "07:15", Zone: "UTC"}})
	w.person("awake", phones, wire.Preferences{})
	w.person("reader", 1, wire.Preferences{Bundle: 600})
	until(t, time.Minute, "the mailbox to be watched", func() bool { return w.hub.metric(`allim_accounts{source="mail",state="watching"}`) == 1 })
	w.mail("first")
	until(t, time.Minute, "the first mail", func() bool { return w.told("reader", "first") == 1 })
	for i, subject := range []string{"second", "third"} {
		w.mail(subject)
		until(t, time.Minute, "a mail that waits for the others", func() bool { return w.waiting("reader") == i+1 })
	}

	sent := w.send("fire drill")
	until(t, time.Minute, "the broadcast to be under way", func() bool { return w.told("awake", "fire drill") > 0 })
	w.again(0)
	until(t, time.Minute, "everybody who is awake", func() bool { return w.counts(sent).Accepted == phones+1 })
	w.again(15 * time.Minute)
	until(t, time.Minute, "the mails together", func() bool { return w.waiting("reader") == 0 && w.told("reader", "together") == 1 })
	if n := w.told("dreamer", "fire drill") + w.told("sleeper", "fire drill"); n > 0 {
		t.Errorf("%d phones rang in the night", n)
	}
	w.again(8 * time.Hour)
	until(t, time.Minute, "those whom the hub wakes", func() bool { return w.told("dreamer", "fire drill") > 0 })
	w.again(0)
	until(t, time.Minute, "all to be told", func() bool {
		c := w.counts(sent)
		return c.Accepted == 3*phones+1 && c.Pending == 0
	})
	w.hub.stop()
	w.check(map[string]int{"dreamer fire drill": phones, "sleeper fire drill": phones, "awake fire drill": phones, "reader fire drill": 1,
		"reader first": 1, "reader together": 1})
}

// night is a hub in whose evening everything begins, its people, and what their phones got.
type night struct {
	t     *testing.T
	hub   *hub
	mails *imaptest.Server
	clock *aheadClock

	mu     sync.Mutex
	owner  map[string]string           // by token
	pushes map[pushedTo]map[string]int // by the push's id: how often
}

// pushedTo is something told to a phone.
type pushedTo struct{ token, what string }

// aheadClock is the platform's clock, which is ahead as the hub's is.
type aheadClock struct {
	notify.SystemClock
	ahead atomic.Int64 // nanoseconds
}

func (c *aheadClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func newNight(t *testing.T) *night {
	t.Helper()
	mails, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "master-word"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mails.Close() })
	mails.AddUser("reader@example.com", "reader-word")
	w := &night{t: t, mails: mails, clock: &aheadClock{}, owner: map[string]string{}, pushes: map[pushedTo]map[string]int{}}
	_, section := newAPNs(t, t.TempDir(), sim.APNsOptions{Clock: w.clock, Latency: 20 * time.Millisecond, OnAccepted: w.pushed})
	w.hub = newHub(t, checked(t), fmt.Sprintf(nightConfig, section, mails.Addr()))
	now := time.Now().UTC()
	w.again(now.Truncate(24 * time.Hour).Add(47 * time.Hour).Sub(now)) // eleven in the evening of tomorrow
	return w
}

// again kills the hub and starts it again, so much later.
func (w *night) again(later time.Duration) {
	w.t.Helper()
	w.hub.kill()
	w.hub.ahead += later
	w.clock.ahead.Store(int64(w.hub.ahead))
	w.hub.start()
}

// person makes somebody with phones and wishes; the reader has a mailbox.
func (w *night) person(id string, phones int, wishes wire.Preferences) {
	w.t.Helper()
	user := "/v1/users/" + id
	var in wire.UserInput
	if id == "reader" {
		in.Identities = []wire.Identity{{Kind: "email", Value: "reader@example.com"}}
	}
	w.hub.must(http.MethodPut, user, in, nil)
	for range phones {
		w.mu.Lock()
		token := fmt.Sprintf("%064x", len(w.owner)+1)
		w.owner[token] = id
		w.mu.Unlock()
		w.hub.must(http.MethodPost, user+"/devices", wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: token}, nil)
	}
	var own wire.Token
	w.hub.must(http.MethodPost, user+"/tokens", wire.TokenInput{Name: "page"}, &own)
	if err := w.hub.call(w.t.Context(), own.Token, http.MethodPut, "/v1/me/preferences", wishes, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *night) mail(subject string) {
	w.t.Helper()
	raw := fmt.Sprintf("From: boss@example.com\r\nTo: reader@example.com\r\nSubject: %[1]s\r\nMessage-ID: <%[1]s@example.com>\r\n\r\nbody\r\n", subject)
	if _, err := w.mails.Deliver("reader@example.com", []byte(raw), imaptest.Delivery{Date: w.clock.Now()}); err != nil {
		w.t.Fatal(err)
	}
}

// send tells everybody and gives the notification's address.
func (w *night) send(title string) (path string) {
	w.t.Helper()
	var n wire.Notification
	w.hub.must(http.MethodPost, "/v1/notifications", map[string]any{"title": title, "to": map[string]any{"all": true}}, &n)
	return "/v1/notifications/" + n.ID
}

func (w *night) counts(path string) wire.Counts {
	w.t.Helper()
	var n wire.Notification
	w.hub.must(http.MethodGet, path, nil, &n)
	return n.Counts
}

// waiting counts a person's mails that wait to be told together.
func (w *night) waiting(user string) (n int) {
	w.t.Helper()
	var told wire.NotificationList
	w.hub.must(http.MethodGet, "/v1/notifications?user="+user, nil, &told)
	for _, one := range told.Notifications {
		var list wire.DeliveryList
		w.hub.must(http.MethodGet, "/v1/notifications/"+one.ID+"/deliveries", nil, &list)
		for _, d := range list.Deliveries {
			if d.User == user && d.State == notify.DeliveryPending && strings.HasPrefix(d.Reason, "waits to be told together") {
				n++
			}
		}
	}
	return n
}

// pushed notes a push that the platform took.
func (w *night) pushed(e sim.Entry) {
	what := "together"
	for _, words := range []string{"fire drill", "first"} {
		if strings.Contains(string(e.Body), words) {
			what = words
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at := pushedTo{e.Key, what}
	if w.pushes[at] == nil {
		w.pushes[at] = map[string]int{}
	}
	w.pushes[at][e.ID]++
}

// told counts a person's phones that got something.
func (w *night) told(user, what string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for at := range w.pushes {
		if w.owner[at.token] == user && at.what == what {
			n++
		}
	}
	return n
}

// check expects what so many phones got, each of it under one id.
func (w *night) check(want map[string]int) {
	w.t.Helper()
	got, repeated := map[string]int{}, 0
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, ids := range w.pushes {
		got[w.owner[at.token]+" "+at.what]++
		if len(ids) != 1 {
			w.t.Errorf("%s of %s was told of %q by %d pushes", at.token, w.owner[at.token], at.what, len(ids))
		}
		for _, times := range ids {
			repeated += times - 1
		}
	}
	w.t.Logf("%d pushes were made again, with the same id", repeated)
	if !maps.Equal(got, want) {
		w.t.Errorf("told were %v, want %v", got, want)
	}
}
