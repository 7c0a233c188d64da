package imap

import (
	"errors"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// TestCase01_CrashBetweenFetchAndCommit: the batch was fetched but not stored when the hub died.
func TestCase01_CrashBetweenFetchAndCommit(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	died := make(chan struct{})
	var once bool
	r.watch.Refuse(func(b notify.Batch) error {
		if len(b.Events) > 0 && !once {
			once = true
			close(died)
		}
		if once {
			return errors.New("the disk is gone")
		}
		return nil
	})
	r.deliver("important", imaptest.Delivery{})
	notifytest.Receive(t, "the refused batch", died)
	r.stop()
	r.watch.Refuse(nil)
	r.start()
	r.subjects("important")
	r.watching()
	r.deliver("next", imaptest.Delivery{})
	r.subjects("important", "next")
}

// TestCase02_ReplayKeepsTheKey: the batch was stored, but the hub came back with an older state, as after a crash in the
// middle: the event is put again under the same key, so that the phone replaces the first one.
func TestCase02_ReplayKeepsTheKey(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	before := r.watch.State("id-" + kim)
	r.deliver("important", imaptest.Delivery{})
	r.subjects("important")
	first := r.watch.Events()[0]
	r.stop()
	r.watch.Restore("id-"+kim, before)
	var again []notify.Event
	r.watch.Refuse(func(b notify.Batch) error {
		again = append(again, b.Events...)
		return nil
	})
	r.start()
	r.watching()
	r.stop()
	if len(again) != 1 || again[0].Key != first.Key || again[0].Told != first.Told {
		t.Fatalf("put again: %+v, first %+v", again, first)
	}
	r.subjects("important")
}

// TestCase03_UIDValidityChanges: 10 000 old messages get new numbers, one arrives meanwhile.
func TestCase03_UIDValidityChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	r.srv.Fill(kim, "INBOX", 10000, time.Now().Add(-40*24*time.Hour), func(int) []byte { return letter("old") })
	r.start()
	r.watching()
	r.deliver("before", imaptest.Delivery{})
	r.subjects("before")
	remove := r.srv.Inject(imaptest.Fault{Name: "CONNECT", Drop: true})
	r.srv.Drop(kim)
	r.deliver("meanwhile", imaptest.Delivery{})
	r.srv.Renumber(kim, "INBOX", 77)
	remove()
	r.subjects("before", "meanwhile")
	r.watching()
	r.deliver("after", imaptest.Delivery{})
	r.subjects("before", "meanwhile", "after")
	resets := 0
	for _, n := range r.health().Notes {
		if strings.Contains(n, "mailbox reset") {
			resets++
		}
	}
	if resets != 1 {
		t.Errorf("notes %q: want one mailbox reset", r.health().Notes)
	}
}

// TestCase03_MigrationWithNewDates: a move to another server gives all old mail a fresh INTERNALDATE.
func TestCase03_MigrationWithNewDates(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	r.stop()
	r.srv.Fill(kim, "INBOX", 300, time.Now().Add(time.Second), func(i int) []byte {
		return []byte("From: a@b.c\r\nSubject: old\r\nDate: Mon, 02 Jan 2006 15:04:05 +0900\r\nMessage-ID: <" + strings.Repeat("x", i+1) + "@b>\r\n\r\n")
	})
	r.srv.Renumber(kim, "INBOX", 99)
	r.start()
	r.watching()
	r.deliver("new", imaptest.Delivery{})
	r.subjects("new")
}

// TestCase04_HugeMailbox: the baseline costs one round trip however big the mailbox is.
func TestCase04_HugeMailbox(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	old := letter("old")
	r.srv.Fill(kim, "INBOX", 200000, time.Now(), func(int) []byte { return old })
	r.start()
	r.watching()
	st := r.srv.Stats()
	if st.Commands["EXAMINE"] != 1 || st.FetchResponses != 0 || st.Commands["UID SEARCH"] != 0 || st.Commands["UID FETCH"] != 0 {
		t.Errorf("commands %v", st.Commands)
	}
	r.subjects()
	r.deliver("new", imaptest.Delivery{})
	r.subjects("new")
}

// TestCase05_StateLost: a known account without a state begins anew, silently.
func TestCase05_StateLost(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	r.deliver("one", imaptest.Delivery{})
	r.subjects("one")
	r.stop()
	r.watch.Forget("id-" + kim)
	for range 20 {
		r.deliver("unseen", imaptest.Delivery{})
	}
	r.start()
	r.watching()
	r.deliver("two", imaptest.Delivery{})
	r.subjects("one", "two")
}

// TestCase06_BetweenSelectAndIdle: nothing falls between the look and the wait.
func TestCase06_BetweenSelectAndIdle(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.srv.Inject(imaptest.Fault{Name: "IDLE", Times: 1, Do: func() { r.deliver("just before", imaptest.Delivery{}) }})
	r.start()
	r.subjects("just before")
	r.watching()
}

// TestCase07_BetweenDoneAndIdle: nor between the end of one IDLE and the next.
func TestCase07_BetweenDoneAndIdle(t *testing.T) {
	for _, moment := range []string{"DONE", "UID FETCH", "IDLE"} {
		t.Run(moment, func(t *testing.T) {
			r := newRig(t, imaptest.Options{})
			r.start()
			r.watching()
			r.srv.Inject(imaptest.Fault{Name: moment, Times: 1, Do: func() { r.deliver("second", imaptest.Delivery{}) }})
			r.deliver("first", imaptest.Delivery{})
			r.subjects("first", "second")
		})
	}
}

// TestCase08_ExpungedBeforeFetch: a message that is gone again is no alert and no stall.
func TestCase08_ExpungedBeforeFetch(t *testing.T) {
	for _, moment := range []string{"DONE", "UID FETCH"} {
		t.Run(moment, func(t *testing.T) {
			r := newRig(t, imaptest.Options{})
			r.start()
			r.watching()
			r.srv.Inject(imaptest.Fault{Name: moment, Times: 1, Do: func() { r.srv.Expunge(kim, "INBOX", 1) }})
			r.deliver("gone", imaptest.Delivery{})
			r.watching()
			r.deliver("stays", imaptest.Delivery{})
			r.subjects("stays")
			r.watching()
		})
	}
}

// TestCase09_ExistsBeforeFetchable: EXISTS is sent five seconds before FETCH finds the message.
func TestCase09_ExistsBeforeFetchable(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := notifytest.NewClock(time.Now())
	r.clock = clock
	r.deliver("old", imaptest.Delivery{})
	r.start()
	r.watching()
	start := clock.Now()
	r.deliver("late", imaptest.Delivery{Hidden: true})
	r.turn(clock, 250*time.Millisecond, "5 seconds", func() bool { return clock.Now().Sub(start) > 5*time.Second })
	r.subjects()
	// A later one is told meanwhile and does not make the first be passed over.
	r.deliver("later", imaptest.Delivery{})
	r.turn(clock, 250*time.Millisecond, "the later mail", func() bool { return len(r.have()) == 1 })
	r.srv.Reveal(kim, "INBOX")
	r.turn(clock, 250*time.Millisecond, "the late mail", func() bool { return len(r.have()) == 2 })
	r.subjects("later", "late")
	r.deliver("last", imaptest.Delivery{})
	r.subjects("later", "late", "last")
	if n := r.srv.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestCase09_NeverFetchable: what never comes is given up, and holds nothing up.
func TestCase09_NeverFetchable(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := notifytest.NewClock(time.Now())
	r.clock = clock
	r.start()
	r.watching()
	r.deliver("never", imaptest.Delivery{Hidden: true})
	r.deliver("beside", imaptest.Delivery{})
	r.subjects("beside")
	state := func() string { return string(r.watch.State("id-" + kim)[stateKey("INBOX")]) }
	if strings.Contains(state(), `"last":2`) {
		t.Errorf("the state passed the gap at once: %s", state())
	}
	searches := 0
	r.turn(clock, time.Second, "the gap to be given up", func() bool {
		searches = r.srv.Stats().Commands["UID SEARCH"]
		return searches >= len(absentDelays)+1
	})
	r.watching()
	r.deliver("after", imaptest.Delivery{})
	r.subjects("beside", "after")
	notifytest.Until(t, "the state to pass", func() bool { return strings.Contains(state(), `"last":3`) })
}

// TestCase10_OldLastMessage: "n:*" finds the last old message when there is no new one.
func TestCase10_OldLastMessage(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := notifytest.NewClock(time.Now())
	r.clock = clock
	r.deliver("old", imaptest.Delivery{})
	r.start()
	r.watching()
	fetches := func() int { return r.srv.Stats().Commands["UID FETCH"] }
	before := fetches()
	r.turn(clock, time.Minute, "two renewals", func() bool { return fetches() >= before+2 })
	r.subjects()
}

// TestCase10_OldLastOnSearch: the same when UIDNEXT moved while we were away, but what came is gone again.
func TestCase10_OldLastOnSearch(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.deliver("old", imaptest.Delivery{})
	r.start()
	r.watching()
	r.stop()
	r.srv.Expunge(kim, "INBOX", r.deliver("gone", imaptest.Delivery{}))
	r.start()
	r.watching()
	r.deliver("new", imaptest.Delivery{})
	r.subjects("new")
}

// TestCase11_UIDJump: a gap of a million UIDs is no work.
func TestCase11_UIDJump(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	before := r.srv.Stats()
	r.deliver("far", imaptest.Delivery{UID: 1000001})
	r.deliver("farther", imaptest.Delivery{UID: 4294967290})
	r.subjects("far", "farther")
	r.watching()
	after := r.srv.Stats()
	if n := after.Commands["UID FETCH"] - before.Commands["UID FETCH"]; n > 4 {
		t.Errorf("%d FETCH commands", n)
	}
	if n := after.BytesReceived - before.BytesReceived; n > 2000 {
		t.Errorf("%d bytes were sent to the server", n)
	}
}

// TestCase32_ClockJumpsBack: detection does not look at the clock.
func TestCase32_ClockJumpsBack(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := notifytest.NewClock(time.Now())
	r.clock = clock
	r.start()
	r.watching()
	r.deliver("one", imaptest.Delivery{})
	r.subjects("one")
	clock.Set(clock.Now().Add(-time.Hour))
	r.deliver("two", imaptest.Delivery{})
	r.subjects("one", "two")
	r.srv.DropAll()
	r.turn(clock, time.Second, "a new connection", func() bool { return r.srv.Idling(kim) == 1 })
	r.deliver("three", imaptest.Delivery{})
	r.subjects("one", "two", "three")
}

// TestUIDsWentBack: a mailbox that was put back from a backup keeps its UIDVALIDITY but gives UIDs a second time. A lagging
// replica, which looks the same for a moment, is waited for.
func TestUIDsWentBack(t *testing.T) {
	r := newRig(t, imaptest.Options{Without: []string{"IDLE"}})
	clock := r.impatient()
	r.start()
	polling := func() bool { return r.health().State == notify.HealthPolling }
	r.turn(clock, time.Second, "polling", polling)
	for _, s := range []string{"one", "two", "three"} {
		r.deliver(s, imaptest.Delivery{})
	}
	r.turn(clock, time.Second, "the mails", func() bool { return len(r.have()) == 3 })
	r.srv.Restore(kim, "INBOX", 1) // "two" and "three" came after the backup
	r.turn(clock, time.Second, "a note", func() bool { return strings.Contains(strings.Join(r.health().Notes, "\n"), "went back") })
	r.deliver("after", imaptest.Delivery{})
	r.turn(clock, time.Second, "the new mail", func() bool { return len(r.have()) == 4 })
	r.subjects("one", "two", "three", "after")
	if keys := r.watch.Events(); keys[3].Key == keys[1].Key {
		t.Errorf("another mail under the key %s", keys[3].Key)
	}
}
