package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

// published is the walk of sources that are one thing and tell the members of a topic.
func published() map[string]func(*house) {
	return map[string]func(*house){
		"a feed tells the members of its topic":               tellsTopic,
		"a feed's account comes back and has no people":       soleAccountStays,
		"who leaves a topic while a notice waits is not told": memberLeaves,
	}
}

// soleConnector is a connector whose source is one thing.
type soleConnector struct{ *Connector }

// SoleAccount implements notify.SoleAccounter.
func (soleConnector) SoleAccount() string { return "feed" }

func (h *house) connector() notify.Connector {
	if h.sole {
		return soleConnector{h.source}
	}
	return h.source
}

// feed starts the house again with a source that is one feed for the topic staff, and gives its account.
func (h *house) feed() (notify.Watch, notify.Account) {
	h.t.Helper()
	h.sole, h.config.Topic = true, "staff"
	h.watch()
	h.restart()
	w := h.watch()
	accounts, _, err := w.Accounts(h.ctx())
	if err != nil || len(accounts) != 1 || accounts[0].Login != "feed" || len(accounts[0].Users) != 0 {
		h.t.Fatalf("accounts %+v, error %v; want one without users", accounts, err)
	}
	return w, accounts[0]
}

func tellsTopic(h *house) {
	for _, id := range []string{"kim", "lee", "choi"} {
		h.person(id, 1)
	}
	w, a := h.feed()
	h.mail(w, a.ID, "nobody is a member yet", "")
	Until(h.t, "the first to be planned", func() bool {
		left, err := h.store.Unplanned(h.ctx(), 1)
		return err == nil && len(left) == 0
	})
	for _, id := range []string{"kim", "lee"} {
		if err := h.store.AddMember(h.ctx(), "staff", id); err != nil {
			h.t.Fatal(err)
		}
	}
	h.mail(w, a.ID, "1", "told")
	h.mail(w, a.ID, "1", "told")
	due := h.clock.Now().Add(time.Hour)
	h.meeting(w, a.ID, "lunch", due)
	Until(h.t, "both members", func() bool { return len(h.phones().Sent()) >= 2 })
	h.clock.Set(due)
	Until(h.t, "both members' reminders", func() bool { return len(h.phones().Sent()) >= 4 })
	h.wantAccepted(phones, 4, 1)
	for _, s := range h.phones().Sent() {
		if s.Delivery.Device.User == "choi" {
			h.t.Error("somebody who is no member was told")
		}
	}
}

func soleAccountStays(h *house) {
	h.person("kim", 1)
	w, a := h.feed()
	_, _, err := h.hub.AddAccount(h.ctx(), notify.Account{Source: "mail", Login: "feed", Users: []string{"kim"}})
	if notify.CodeOf(err) != notify.CodeInvalid {
		h.t.Errorf("a person's account was added: %v", err)
	}
	w.Report(a.ID, notify.Health{State: notify.HealthPolling, LastOKAt: h.clock.Now()})
	h.turning(time.Second, "the health to be stored", func() bool {
		got, err := h.store.Account(h.ctx(), a.ID)
		return err == nil && got.Health.State == notify.HealthPolling
	})
	_, changed, err := w.Accounts(h.ctx())
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.hub.RemoveAccount(h.ctx(), a.ID); err != nil {
		h.t.Fatal(err)
	}
	Receive(h.t, "the change", changed)
	if accounts, _, err := w.Accounts(h.ctx()); err != nil || len(accounts) != 1 {
		h.t.Errorf("after its removal: %v, %v", fmt.Sprint(accounts), err)
	}
}

// memberLeaves: who is taken out of the topic, or erased, while a notice waits is not told; who was renamed is (cases 63
// and 64).
func memberLeaves(h *house) {
	for _, id := range []string{"kim", "lee", "choi"} {
		h.person(id, 1)
		if err := h.store.AddMember(h.ctx(), "staff", id); err != nil {
			h.t.Fatal(err)
		}
	}
	w, a := h.feed()
	h.mail(w, a.ID, "before", "")
	Until(h.t, "the first notice", func() bool { return len(h.phones().Sent()) >= 3 })
	h.stop()
	h.store = h.open(h.t, h.dir, h.clock)
	epoch := must[notify.Epoch](h.t)(h.store.Lease(h.ctx(), "source/mail", "another", 0, h.clock.Now()))
	must[[]notify.Event](h.t)(h.store.Record(h.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: epoch,
		Events: []notify.Event{{Key: "waits", Type: notify.FeedPublished, SeenAt: h.clock.Now()}}}))
	if err := h.store.RemoveMember(h.ctx(), "staff", "lee"); err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.DeleteUser(h.ctx(), "choi"); err != nil {
		h.t.Fatal(err)
	}
	renamed := notify.User{ID: "kim", Name: "Kim Park", Identities: []notify.Identity{{Kind: notify.KindEmail, Value: "park@example.com"}}}
	if _, err := h.store.PutUser(h.ctx(), renamed); err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
	w = h.watch()
	Until(h.t, "the notice that waited", func() bool { return len(h.phones().Sent()) >= 4 })
	h.wantAccepted(phones, 4, 1)
	if last := h.phones().Sent()[3].Delivery.Device.User; last != "kim" {
		h.t.Errorf("%s was told", last)
	}
	state := must[map[string][]byte](h.t)(w.Load(h.ctx(), a.ID))
	if string(state["last"]) != "before" {
		h.t.Errorf("the feed's state is %q after somebody was renamed", state)
	}
}
