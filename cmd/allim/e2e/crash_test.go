package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest/dovecot"
)

// TestKilledHubTellsEveryMailOnce: the hub is killed with kill -9 at 20 random moments while 2,000 mails arrive, half of
// them while it starts, half while it pushes. Every mail is told; what was pushed again has the same id, so that the phone
// shows it once; no page shows it twice.
func TestKilledHubTellsEveryMailOnce(t *testing.T) {
	const kills = 20
	s := dovecot.Start(t, dovecot.Options{})
	w := newWorld(t, worldOptions{binary: checked(t), people: people, mails: mails, source: dovecotSource(s),
		latency: 30 * time.Millisecond}) // so that there is always something under way
	w.openPages()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.send(0, mails, 40, s.Deliver)
	}()
	var back []time.Duration
	for n := range kills {
		began := time.Now()
		if n%2 == 0 {
			before, _ := w.ledger.told()
			until(t, time.Minute, "the hub to push again", func() bool { pushed, _ := w.ledger.told(); return pushed > before })
			back = append(back, time.Since(began))
		}
		<-time.After(rand.N(1500 * time.Millisecond))
		w.hub.kill()
		w.hub.launch()
	}
	<-sent
	w.ledger.await(t, 2*time.Minute)
	w.hub.stop()
	w.ledger.check(t, true)
	t.Logf("from the start after a kill to the first push: %s", spreadOf(back[1:]))
	w.hub.start()
	w.each(8, func(i int) error { // and nothing stands twice in what is kept
		items, err := w.hub.inbox(w.people[i].token)
		if err == nil && len(items) != mails/people {
			err = fmt.Errorf("%d items in the inbox, want %d", len(items), mails/people)
		}
		return err
	})
}
