package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

func onePipeline(h *house) {
	h.crowd(150)
	h.device("user0001", browsers, "browser")
	kim := h.person("kim", 2)
	if _, _, err := h.hub.PutUser(h.ctx(), notify.User{ID: "kim", Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}); err != nil {
		h.t.Fatal(err)
	}
	for i := range 120 {
		if err := h.store.AddMember(h.ctx(), "staff", fmt.Sprintf("user%04d", i)); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what string
		to   notify.Audience
		want int64
	}{
		{"a user", notify.Audience{Users: []string{"kim"}}, 2},
		{"an identity in another spelling", notify.Audience{Identities: []notify.Identity{{Kind: "email", Value: "KIM@Example.com"}}}, 2},
		{"a device", notify.Audience{Devices: []string{kim[1].ID}}, 1},
		{"one of them named three times", notify.Audience{Users: []string{"kim"}, Devices: []string{kim[0].ID},
			Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}, 2},
		{"a list", notify.Audience{Users: []string{"user0001", "user0002", "kim"}}, 5},
		{"a topic and one of its members", notify.Audience{Topics: []string{"staff"}, Users: []string{"user0001"}}, 121},
		{"all", notify.Audience{All: true}, 153},
		{"all on one platform", notify.Audience{All: true, Platforms: []notify.Platform{notify.WebPush}}, 1},
		{"an app that is not there", notify.Audience{All: true, Apps: []string{"other"}}, 0},
	} {
		n := h.send(notify.Notification{To: c.to})
		if n.Counts.Targeted != c.want {
			h.t.Errorf("%s: %d targeted at acceptance, want %d", c.what, n.Counts.Targeted, c.want)
		}
		h.wantCounts(n.ID, notify.Counts{Targeted: c.want, Accepted: c.want})
	}
	_, _, err := h.hub.Send(h.ctx(), notify.Notification{To: notify.Audience{Users: []string{"kim", "nobody"},
		Topics: []string{"nothing"}}, Content: notify.Content{Title: "x"}}, notify.Idempotency{})
	if notify.CodeOf(err) != notify.CodeUnknownUser {
		h.t.Errorf("unknown user: %v", err)
	}
}

func broadcastGoesOn(h *house) {
	const n = 1500
	h.crowd(n)
	h.phones().Answer(func(d notify.Delivery, nth int) notify.Outcome {
		if d.Device.Key%100 == 0 && nth == 1 {
			return outcome(notify.Retry, "503 ServiceUnavailable")
		}
		return outcome(notify.Accepted, "")
	})
	b := h.send(toAll())
	for i := range 3 { // stopped in the middle, three times
		Until(h.t, "some of it", func() bool { return len(h.phones().Sent()) > 100*(i+1) })
		h.restart()
	}
	h.turning(time.Second, "the end", func() bool { return h.get(b.ID).State == notify.StateDone })
	h.wantCounts(b.ID, notify.Counts{Targeted: n, Accepted: n})
	h.wantAccepted(phones, n, 2)
}

func steered(h *house) {
	h.crowd(1200)
	later := to("user0001")
	later.SendAt = h.clock.Now().Add(time.Hour)
	s := h.send(later)
	if s.State != notify.StateScheduled {
		h.t.Errorf("state %s, want scheduled", s.State)
	}
	h.turning(10*time.Minute, "its hour", func() bool { return h.get(s.ID).State == notify.StateDone })
	if h.clock.Now().Before(later.SendAt) {
		h.t.Error("sent before its time")
	}
	release := h.phones().Hold()
	b := h.send(toAll())
	if n := must[notify.Notification](h.t)(h.hub.Pause(h.ctx(), b.ID)); n.State != notify.StatePaused {
		h.t.Errorf("state %s, want paused", n.State)
	}
	release()
	Until(h.t, "what was under way to be stored", func() bool { c := h.get(b.ID).Counts; return c.Accepted > 0 || c.Pending == 1200 })
	must[notify.Notification](h.t)(h.hub.Resume(h.ctx(), b.ID))
	h.wantCounts(b.ID, notify.Counts{Targeted: 1200, Accepted: 1200})
	if _, err := h.hub.Resume(h.ctx(), b.ID); notify.CodeOf(err) != notify.CodeWrongState {
		h.t.Errorf("resume of a done one: %v", err)
	}
	later.SendAt = h.clock.Now().Add(time.Hour)
	c := h.send(later)
	if n := must[notify.Notification](h.t)(h.hub.Cancel(h.ctx(), c.ID)); n.State != notify.StateCancelled {
		h.t.Errorf("state %s, want cancelled", n.State)
	}
	if _, err := h.hub.Cancel(h.ctx(), "nothing"); notify.CodeOf(err) != notify.CodeUnknownNotification {
		h.t.Errorf("cancel of nothing: %v", err)
	}
}

func rateCap(h *house) {
	h.crowd(120)
	n := toAll()
	n.Rate = 10
	n = h.send(n)
	start := h.clock.Now()
	h.turning(100*time.Millisecond, "the end", func() bool { return h.get(n.ID).State == notify.StateDone })
	if took := h.clock.Now().Sub(start); took < 10*time.Second {
		h.t.Errorf("120 deliveries at 10 a second took %s", took)
	}
	h.wantCounts(n.ID, notify.Counts{Targeted: 120, Accepted: 120})
}

func ttlZero(h *house) {
	h.person("kim", 1)
	h.phones().Answer(func(notify.Delivery, int) notify.Outcome { return outcome(notify.Retry, "503 ServiceUnavailable") })
	n, _, err := h.hub.Send(h.ctx(), notify.Notification{To: notify.Audience{Users: []string{"kim"}},
		Content: notify.Content{Title: "now or never"}}, notify.Idempotency{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Expired: 1})
	if sent := h.phones().Sent(); len(sent) != 1 {
		h.t.Errorf("%d attempts, want 1", len(sent))
	}
}
