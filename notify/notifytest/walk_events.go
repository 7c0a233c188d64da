package notifytest

import (
	"fmt"
	"strings"

	"allim.dev/allim/notify"
)

func mailIsOnePush(h *house) {
	h.person("kim", 2)
	h.device("kim", browsers, "kim-browser")
	h.person("lee", 1)
	a := h.account("kim@example.com", "kim")
	h.mail(h.watch(), a.ID, "1", "")
	Until(h.t, "three pushes", func() bool { return len(h.phones().Sent())+len(h.adapters[browsers].Sent()) == 3 })
	for _, s := range h.phones().Sent() {
		if s.Delivery.Device.User != "kim" || string(s.Delivery.Payload.Body) != "Lee\nsubject 1" || s.Delivery.Attempt != 1 {
			h.t.Errorf("pushed %+v", s.Delivery)
		}
	}
	page := must[notify.InboxPage](h.t)(h.store.Inbox(h.ctx(), "kim", notify.Cursor{}, 10))
	if len(page.Items) != 1 {
		h.t.Errorf("%d items in the inbox, want 1", len(page.Items))
	}
}

func toldOnce(h *house) {
	h.person("kim", 1)
	a, b := h.account("kim@example.com", "kim"), h.account("k.kim@example.com", "kim")
	w := h.watch()
	h.mail(w, a.ID, "1", "message-id-1")
	h.mail(w, a.ID, "1", "message-id-1") // the connector was not sure
	h.mail(w, b.ID, "7", "message-id-1") // the same mail in another mailbox
	h.restart()
	w = h.watch()
	h.mail(w, a.ID, "1", "message-id-1")
	h.mail(w, a.ID, "2", "message-id-2")
	Until(h.t, "the second mail", func() bool { return len(h.phones().Sent()) >= 2 })
	state := must[map[string][]byte](h.t)(w.Load(h.ctx(), a.ID))
	if string(state["last"]) != "2" {
		h.t.Errorf("state %q, want the last put", state["last"])
	}
	h.wantAccepted(phones, 2, 1)
}

func sharedMailbox(h *house) {
	var users []string
	for i := range 40 {
		u := fmt.Sprintf("user%02d", i)
		h.person(u, 1)
		users = append(users, u)
	}
	a := h.account("team@example.com", users...)
	if err := h.hub.DeleteUser(h.ctx(), "user07"); err != nil { // no longer of the team
		h.t.Fatal(err)
	}
	h.mail(h.watch(), a.ID, "1", "")
	Until(h.t, "39 pushes", func() bool { return len(h.phones().Sent()) >= 39 })
	h.wantAccepted(phones, 39, 1)
}

func plannedAfterRestart(h *house) {
	h.person("kim", 1)
	a := h.account("kim@example.com", "kim")
	w := h.watch()
	h.stop() // nothing plans any more
	h.store = h.open(h.t, h.dir, h.clock)
	epoch := must[notify.Epoch](h.t)(h.store.Lease(h.ctx(), "source/mail", "another", 0, h.clock.Now()))
	events := make([]notify.Event, 3)
	for i := range events {
		events[i] = notify.Event{Source: "mail", Account: a.ID, Key: fmt.Sprint(i), Type: notify.MailReceived, SeenAt: h.clock.Now()}
	}
	must[[]notify.Event](h.t)(h.store.Record(h.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: epoch, Events: events}))
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
	Until(h.t, "the left-over events to be told", func() bool { return len(h.phones().Sent()) >= 3 })
	h.wantAccepted(phones, 3, 1)
	if err := w.Put(h.ctx(), notify.Batch{Account: a.ID}); err == nil {
		h.t.Error("a watch of the stopped hub may still write")
	}
}

func sourceTakenOut(h *house) {
	h.person("kim", 1)
	a := h.account("kim@example.com", "kim")
	release := h.phones().Hold()
	defer release()
	h.stop()
	h.store = h.open(h.t, h.dir, h.clock)
	epoch := must[notify.Epoch](h.t)(h.store.Lease(h.ctx(), "source/mail", "another", 0, h.clock.Now()))
	must[[]notify.Event](h.t)(h.store.Record(h.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: epoch,
		Events: []notify.Event{{Source: "mail", Account: a.ID, Key: "1", Type: notify.MailReceived}}}))
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.config.ID = "other"
	h.start()
	release()
	Until(h.t, "the event to be planned away", func() bool {
		left, err := h.store.Unplanned(h.ctx(), 10)
		return err == nil && len(left) == 0
	})
	if n := len(h.phones().Sent()); n != 0 {
		h.t.Errorf("%d pushes for a source that is no more", n)
	}
}

func traced(h *house) {
	h.person("kim", 1)
	a := h.account("kim@example.com", "kim")
	w := h.watch()
	h.mail(w, a.ID, "1", "")
	Until(h.t, "a push", func() bool { return len(h.phones().Sent()) == 1 })
	list := must[[]notify.Notification](h.t)(h.store.Notifications(h.ctx(), notify.NotificationFilter{}, notify.Page{}))
	if len(list) != 1 {
		h.t.Fatalf("%d notifications", len(list))
	}
	h.done(list[0].ID)
	delivery := h.phones().Sent()[0].Delivery.ID
	if errs := must[[]error](h.t)(h.store.Confirm(h.ctx(), "kim", []notify.Receipt{{Delivery: delivery, At: h.clock.Now()}})); errs[0] != nil {
		h.t.Error(errs[0])
	}
	for _, id := range []string{list[0].Event, list[0].ID, delivery} {
		var words []string
		for _, s := range must[[]notify.TraceStep](h.t)(h.hub.Trace(h.ctx(), id)) {
			words = append(words, s.Step)
			if strings.Contains(s.Text, "subject") {
				h.t.Errorf("trace tells content: %s", s.Text)
			}
		}
		if all := strings.Join(words, " "); !strings.Contains(all, "confirmed") || !strings.Contains(all, "dispatched") {
			h.t.Errorf("trace of %s: %s", id, all)
		}
	}
	if _, err := h.hub.Trace(h.ctx(), "nothing"); notify.CodeOf(err) != notify.CodeNotFound {
		h.t.Errorf("trace of nothing: %v", err)
	}
}
