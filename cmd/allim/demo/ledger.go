package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/web"
)

// keepEntries is how many entries the ledger keeps of one person.
const keepEntries = 200

// device is who gets a push under a token or endpoint.
type device struct{ user, name, via string }

// ledger knows what happened: it tells the terminal at once and the page when it asks.
type ledger struct {
	out   io.Writer
	clock notify.Clock
	once  int
	done  chan struct{} // closed when once pushes went out

	mu      sync.Mutex
	n       int64
	pushes  int
	devices map[string]device
	entries map[string][]web.Entry // by user
	titles  map[string]int         // pushes by user and title, of calendars only
	changed chan struct{}          // closed and renewed with every entry
}

var _ web.Feed = (*ledger)(nil)

func newLedger(out io.Writer, clock notify.Clock, once int) *ledger {
	return &ledger{out: out, clock: clock, once: once, done: make(chan struct{}), devices: map[string]device{},
		entries: map[string][]web.Entry{}, titles: map[string]int{}, changed: make(chan struct{})}
}

func (l *ledger) addDevice(token string, d device) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.devices[token] = d
}

// mailed notes a mail right before it is delivered.
func (l *ledger) mailed(user, from, subject string) { l.happened(user, from, subject, "mail") }

// happened notes what somebody did in a person's mailbox, calendar or task list.
func (l *ledger) happened(user, by, what, where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := web.Entry{Kind: web.KindMail, At: l.clock.Now(), Title: by, Body: what}
	l.add(user, e)
	fmt.Fprintf(l.out, "%s  %s to %-5s %s: %s\n", e.At.Format(time.TimeOnly), where, user, by, what)
}

// pushesOf counts the pushes to a person under a title.
func (l *ledger) pushesOf(user, title string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.titles[user+"\x00"+title]
}

// pushedAPNs notes what the APNs simulator took.
func (l *ledger) pushedAPNs(e sim.Entry) {
	var body struct {
		APS struct {
			Alert struct{ Title, Body string }
		}
	}
	if e.Duplicate || json.Unmarshal(e.Body, &body) != nil {
		return
	}
	l.pushed(e.Key, body.APS.Alert.Title, body.APS.Alert.Body)
}

// pushedWeb notes what reached a browser.
func (l *ledger) pushedWeb(m sim.WebMessage) {
	if m.Shown != nil {
		l.pushed(m.Endpoint, m.Shown.Title, m.Shown.Body)
	}
}

func (l *ledger) pushed(token, title, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.devices[token]
	e := web.Entry{Kind: web.KindPush, At: l.clock.Now(), Title: title, Body: body, Device: d.name, Via: d.via}
	took := "" // of what a mail did not cause, such as a reminder
	if mailed, ok := l.mailOf(d.user, body); ok {
		e.Latency = float64(e.At.Sub(mailed).Microseconds()) / 1000
		took = fmt.Sprintf(", %.0f ms after the mail", max(1, e.Latency))
	} else {
		l.titles[d.user+"\x00"+title]++
	}
	l.add(d.user, e)
	fmt.Fprintf(l.out, "%s  push to %-5s %s: %s   [%s, %s%s]\n",
		e.At.Format(time.TimeOnly), d.user, title, body, d.name, d.via, took)
	l.pushes++
	if l.pushes == l.once {
		close(l.done)
	}
}

// mailOf finds when the mail of that subject was delivered; subjects are unique. l.mu is held.
func (l *ledger) mailOf(user, subject string) (time.Time, bool) {
	list := l.entries[user]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Kind == web.KindMail && list[i].Body == subject {
			return list[i].At, true
		}
	}
	return time.Time{}, false
}

// add numbers an entry and wakes who waits for it; l.mu is held.
func (l *ledger) add(user string, e web.Entry) {
	l.n++
	e.N = l.n
	list := append(l.entries[user], e)
	if len(list) > keepEntries {
		list = append([]web.Entry(nil), list[len(list)-keepEntries/2:]...)
	}
	l.entries[user] = list
	close(l.changed)
	l.changed = make(chan struct{})
}

// After implements web.Feed.
func (l *ledger) After(ctx context.Context, user string, n int64) []web.Entry {
	for {
		found, changed := l.look(user, n)
		if len(found) > 0 {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// look gives the entries after n, and what to wait for when there are none.
func (l *ledger) look(user string, n int64) (found []web.Entry, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries[user] {
		if e.N > n {
			found = append(found, e)
		}
	}
	return found, l.changed
}
