package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
)

// ledger keeps who was told of which mail, when and how often. Mails are numbered; the number is in the subject.
type ledger struct {
	mu    sync.Mutex
	mails []mailRecord
	wrong []string // what must not happen at all
}

type mailRecord struct {
	person int
	sent   time.Time
	pushes map[string]int // by apns-id: how often the platform took it
	pushAt time.Time      // the first one
	items  int            // on the person's open page
	itemAt time.Time
}

func newLedger(mails, people int) *ledger {
	l := &ledger{mails: make([]mailRecord, mails)}
	for i := range l.mails {
		l.mails[i] = mailRecord{person: i % people, pushes: map[string]int{}}
	}
	return l
}

var numbered = regexp.MustCompile(`Mail (\d{5})\b`)

func subject(mail int) string { return fmt.Sprintf("Mail %05d", mail) }

// find gives the record of the mail whose subject is in text. Called with mu held.
func (l *ledger) find(text []byte, person int, what string) *mailRecord {
	m := numbered.FindSubmatch(text)
	if m == nil {
		l.wrong = append(l.wrong, fmt.Sprintf("%s to person %d names no mail: %s", what, person, text))
		return nil
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil || n >= len(l.mails) || l.mails[n].person != person {
		l.wrong = append(l.wrong, fmt.Sprintf("%s to person %d is of mail %s", what, person, m[1]))
		return nil
	}
	return &l.mails[n]
}

// sending notes that a mail is now handed to the mail server.
func (l *ledger) sending(mail int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails[mail].sent = time.Now()
}

// pushed notes a push that the platform took.
func (l *ledger) pushed(e sim.Entry, person int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.find(e.Body, person, "a push"); r != nil {
		if len(r.pushes) == 0 {
			r.pushAt = e.At
		}
		r.pushes[e.ID]++
	}
}

// shown notes an item on a person's open page.
func (l *ledger) shown(data string, person int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.find([]byte(data), person, "an item"); r != nil {
		if r.items == 0 {
			r.itemAt = time.Now()
		}
		r.items++
	}
}

func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// told counts the mails that were pushed, and those that were shown.
func (l *ledger) told() (pushed, shown int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.mails {
		if len(r.pushes) > 0 {
			pushed++
		}
		if r.items > 0 {
			shown++
		}
	}
	return pushed, shown
}

// await waits until every mail was pushed and shown.
func (l *ledger) await(t testing.TB, patience time.Duration) {
	t.Helper()
	t.Cleanup(func() {
		if pushed, shown := l.told(); t.Failed() {
			t.Logf("of %d mails %d were pushed and %d shown", len(l.mails), pushed, shown)
		}
	})
	until(t, patience, "every mail pushed and shown", func() bool {
		pushed, shown := l.told()
		return pushed == len(l.mails) && shown == len(l.mails)
	})
}

// check fails the test for every mail that was not told once. Where the hub was killed, the platform may have taken a push
// again, but under the same id (repeats).
func (l *ledger) check(t testing.TB, repeats bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.wrong {
		t.Error(w)
	}
	again := 0
	ids := map[string]int{}
	for i, r := range l.mails {
		if len(r.pushes) != 1 {
			t.Errorf("mail %d was pushed under %d ids: %v", i, len(r.pushes), r.pushes)
		}
		if r.items != 1 {
			t.Errorf("mail %d was shown %d times", i, r.items)
		}
		for id, n := range r.pushes {
			if other, taken := ids[id]; taken {
				t.Errorf("the id %s is of mail %d and of mail %d", id, other, i)
			}
			ids[id] = i
			again += n - 1
		}
	}
	if again > 0 && !repeats {
		t.Errorf("%d pushes were repeated", again)
	}
	t.Logf("%d mails, %d ids, %d repeats under the same id", len(l.mails), len(ids), again)
}

// checkPushes fails the test for every mail that was not pushed exactly once, under an id of its own; for tests without
// open pages.
func (l *ledger) checkPushes(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	for i := range l.mails {
		l.mails[i].items = 1
	}
	l.mu.Unlock()
	l.check(t, false)
}

// spread is how long things took.
type spread struct{ p50, p99, most time.Duration }

func (s spread) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
	return fmt.Sprintf("p50 %s, p99 %s, greatest %s", ms(s.p50), ms(s.p99), ms(s.most))
}

// latency gives the time from handing a mail to the server until its push was taken, and until it was on the open page.
func (l *ledger) latency() (push, item spread) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var pushes, items []time.Duration
	for _, r := range l.mails {
		pushes, items = append(pushes, r.pushAt.Sub(r.sent)), append(items, r.itemAt.Sub(r.sent))
	}
	return spreadOf(pushes), spreadOf(items)
}

func spreadOf(d []time.Duration) spread {
	slices.Sort(d)
	at := func(p float64) time.Duration { return d[min(len(d)-1, int(p*float64(len(d))))] }
	return spread{p50: at(.5), p99: at(.99), most: d[len(d)-1]}
}
