package imap

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// TestLatency: how long a mail takes from its delivery at a server that does not wait to its batch, with 200 mailboxes
// and a mail every two milliseconds.
func TestLatency(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	const boxes, mails = 200, 2000
	var accounts []notify.Account
	for i := range boxes {
		login := fmt.Sprint("user", i)
		r.srv.AddUser(login, "secret")
		accounts = append(accounts, mailbox(login))
	}
	r.watch.SetAccounts(accounts...)
	var mu sync.Mutex
	sent, took := map[string]time.Time{}, []time.Duration{}
	r.watch.Refuse(func(b notify.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range b.Events {
			took = append(took, time.Since(sent[e.Params["subject"]]))
		}
		return nil
	})
	r.start()
	notifytest.Until(t, "all in IDLE", func() bool { return r.srv.Stats().Idling == boxes })
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for i := range mails {
		<-pace.C
		subject := fmt.Sprint("mail ", i)
		mu.Lock()
		sent[subject] = time.Now()
		mu.Unlock()
		if _, err := r.srv.Deliver(accounts[i%boxes].Login, letter(subject), imaptest.Delivery{}); err != nil {
			t.Fatal(err)
		}
	}
	notifytest.Until(t, "all mails", func() bool { return len(r.have()) == mails })
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("%d mails: half within %s, 99 %% within %s, all within %s", len(took), p50, p99, took[len(took)-1])
	if len(took) != mails {
		t.Errorf("%d events for %d mails", len(took), mails)
	}
	if p99 > 5*time.Second { // on a quiet machine it is a few milliseconds; this is for a busy one
		t.Errorf("99 %% within %s", p99)
	}
}
