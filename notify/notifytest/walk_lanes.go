package notifytest

import (
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"allim.dev/allim/notify"
)

func outcome(v notify.Verdict, reason string) notify.Outcome {
	return notify.Outcome{Verdict: v, Reason: reason}
}

func to(users ...string) notify.Notification {
	return notify.Notification{To: notify.Audience{Users: users}}
}

func toAll() notify.Notification { return notify.Notification{To: notify.Audience{All: true}} }

// crowd makes n people with a phone each, many at a time: the store commits them in groups.
func (h *house) crowd(n int) {
	h.t.Helper()
	var g errgroup.Group
	g.SetLimit(64)
	for i := range n {
		g.Go(func() error {
			id := fmt.Sprintf("user%04d", i)
			if _, err := h.store.PutUser(h.ctx(), notify.User{ID: id, Locale: "en"}); err != nil {
				return err
			}
			_, _, err := h.hub.RegisterDevice(h.ctx(), notify.Device{User: id, App: phones.App, Platform: phones.Platform, Token: id})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		h.t.Fatal(err)
	}
}

func retries(h *house) {
	h.person("kim", 1)
	h.phones().Answer(func(_ notify.Delivery, nth int) notify.Outcome {
		if nth < 4 {
			return outcome(notify.Retry, "503 ServiceUnavailable")
		}
		return outcome(notify.Accepted, "")
	})
	n := h.send(to("kim"))
	h.turning(time.Second, "the fourth attempt", func() bool { return h.get(n.ID).State == notify.StateDone })
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Accepted: 1})
	sent := h.phones().Sent()
	if len(sent) != 4 || sent[0].Delivery.ID != sent[3].Delivery.ID || sent[3].Delivery.Attempt != 4 {
		h.t.Errorf("%d attempts: %+v", len(sent), sent)
	}
	h.phones().Answer(func(notify.Delivery, int) notify.Outcome { return outcome(notify.Retry, "503 ServiceUnavailable") })
	short := to("kim")
	short.TTL = time.Minute
	n = h.send(short)
	h.turning(5*time.Second, "its time to run out", func() bool { return h.get(n.ID).State == notify.StateDone })
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Expired: 1})
}

func wholeLane(h *house) {
	h.person("kim", 1)
	until := h.clock.Now().Add(10 * time.Minute)
	h.phones().Answer(func(_ notify.Delivery, nth int) notify.Outcome {
		if h.clock.Now().Before(until) {
			return notify.Outcome{Verdict: notify.Retry, WholeLane: true, At: until, Reason: "429 TooManyRequests"}
		}
		return outcome(notify.Accepted, "")
	})
	first := h.send(to("kim"))
	Until(h.t, "the lane to be throttled", func() bool {
		states, err := h.store.LaneStates(h.ctx())
		return err == nil && len(states) == 1 && states[0].State == notify.LaneThrottled
	})
	h.restart() // Retry-After outlives it
	second := h.send(to("kim"))
	h.turning(30*time.Second, "both to be told", func() bool {
		return h.get(first.ID).State == notify.StateDone && h.get(second.ID).State == notify.StateDone
	})
	if sent := h.phones().Sent(); len(sent) != 3 || h.clock.Now().Before(until) {
		h.t.Errorf("%d attempts, want 1 before %s and 2 after", len(sent), until)
	}
}

func misconfigured(h *house) {
	h.person("kim", 1)
	h.phones().Answer(func(notify.Delivery, int) notify.Outcome {
		return outcome(notify.Misconfigured, "403 InvalidProviderToken")
	})
	var ids []string
	for range 10 {
		ids = append(ids, h.send(to("kim")).ID)
	}
	Until(h.t, "the lane to stop", func() bool {
		lanes, err := h.hub.Lanes(h.ctx())
		return err == nil && lanes[0].State == notify.LaneMisconfigured
	})
	h.restart()
	h.turning(10*time.Second, "some probes", func() bool { return len(h.phones().Sent()) > 25 })
	h.phones().Answer(nil) // repaired
	for _, id := range ids {
		h.turning(5*time.Second, "the queue to be sent", func() bool { return h.get(id).State == notify.StateDone })
	}
	h.wantAccepted(phones, 10, 1)
}

func guardTrips(h *house) {
	h.crowd(60)
	h.phones().Answer(func(notify.Delivery, int) notify.Outcome { return outcome(notify.Gone, "410 Unregistered") })
	n := h.send(toAll())
	Until(h.t, "the lane to stop", func() bool {
		lanes, err := h.hub.Lanes(h.ctx())
		return err == nil && lanes[0].State == notify.LaneMisconfigured
	})
	h.turning(time.Minute, "an hour in which nobody is retired", func() bool { return h.clock.Now().Minute() == 59 })
	for _, d := range must[[]notify.Device](h.t)(h.store.Devices(h.ctx(), notify.Page{Limit: 100})) {
		if d.State == notify.DeviceRetired {
			h.t.Fatalf("device %d retired for a fault of ours", d.Key)
		}
	}
	h.phones().Answer(nil)
	h.turning(10*time.Second, "all to be told", func() bool { return len(h.phones().Accepted()) == 60 })
	h.turning(10*time.Second, "the end", func() bool { return h.get(n.ID).State == notify.StateDone })
	h.wantCounts(n.ID, notify.Counts{Targeted: 60, Accepted: 60})
	for _, d := range must[[]notify.Device](h.t)(h.store.Devices(h.ctx(), notify.Page{Limit: 100})) {
		if d.State != notify.DeviceActive {
			h.t.Fatalf("device %d is %s", d.Key, d.State)
		}
	}
}

func deviceRetired(h *house) {
	kim := h.person("kim", 2)
	h.phones().Answer(func(d notify.Delivery, _ int) notify.Outcome {
		if d.Device.ID == kim[0].ID {
			return outcome(notify.Gone, "410 Unregistered")
		}
		return outcome(notify.Accepted, "")
	})
	n := h.send(to("kim"))
	h.wantCounts(n.ID, notify.Counts{Targeted: 2, Accepted: 1, Gone: 1})
	if d := must[notify.Device](h.t)(h.store.Device(h.ctx(), kim[0].ID)); d.State != notify.DeviceSuspect {
		h.t.Errorf("device is %s at once", d.State)
	}
	h.turning(time.Minute, "the device to be retired", func() bool {
		return must[notify.Device](h.t)(h.store.Device(h.ctx(), kim[0].ID)).State == notify.DeviceRetired
	})
	h.wantCounts(h.send(to("kim")).ID, notify.Counts{Targeted: 1, Accepted: 1})
	h.phones().Answer(nil)
	h.device("kim", phones, kim[0].Token) // the app is back
	h.wantCounts(h.send(to("kim")).ID, notify.Counts{Targeted: 2, Accepted: 2})
}

func suspectFails(h *house) {
	kim := h.person("kim", 2)
	h.phones().Answer(func(d notify.Delivery, _ int) notify.Outcome {
		if d.Device.ID == kim[0].ID {
			return outcome(notify.Suspect, "400 BadDeviceToken")
		}
		return outcome(notify.Accepted, "")
	})
	n := h.send(to("kim"))
	h.turning(time.Minute, "the end", func() bool { return h.get(n.ID).State == notify.StateDone })
	h.wantCounts(n.ID, notify.Counts{Targeted: 2, Accepted: 1, Failed: 1})
	if sent := h.phones().Sent(); len(sent) != 2 {
		h.t.Errorf("%d requests, want one each", len(sent))
	}
	if d := must[notify.Device](h.t)(h.store.Device(h.ctx(), kim[0].ID)); d.State != notify.DeviceSuspect {
		h.t.Errorf("device is %s, want suspect", d.State)
	}
	if dead := must[[]notify.DeliveryRow](h.t)(h.store.Dead(h.ctx(), notify.Page{})); len(dead) != 1 || dead[0].Reason != "400 BadDeviceToken" {
		h.t.Errorf("dead letters %+v", dead)
	}
}

func sickLane(h *house) {
	h.person("kim", 1)
	h.device("kim", browsers, "kim-browser")
	release := h.phones().Hold() // never answers
	defer release()
	for i := range 50 {
		h.send(to("kim"))
		Until(h.t, "the healthy lane to be quick", func() bool { return len(h.adapters[browsers].Sent()) == i+1 })
	}
}

func replayed(h *house) {
	h.person("kim", 1)
	h.phones().Answer(func(notify.Delivery, int) notify.Outcome { return outcome(notify.Failed, "413 PayloadTooLarge") })
	n := h.send(to("kim"))
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Failed: 1})
	dead := must[[]notify.DeliveryRow](h.t)(h.store.Dead(h.ctx(), notify.Page{}))
	if len(dead) != 1 {
		h.t.Fatalf("%d dead letters", len(dead))
	}
	h.phones().Answer(nil)
	h.clock.Advance(48 * time.Hour) // long past its own deadline
	must[notify.DeliveryRow](h.t)(h.hub.Replay(h.ctx(), dead[0].ID))
	h.turning(time.Second, "the replay", func() bool { return len(h.phones().Accepted()) == 1 })
	h.turning(time.Second, "the end", func() bool { return h.get(n.ID).Counts == notify.Counts{Targeted: 1, Accepted: 1} })
	if _, err := h.hub.Replay(h.ctx(), dead[0].ID); notify.CodeOf(err) != notify.CodeWrongState {
		h.t.Errorf("replay of an accepted one: %v", err)
	}
}
