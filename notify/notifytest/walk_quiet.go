package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

// Quiet hours through the whole walk.

// night begins at 22:30 in Seoul.
func (h *house) night() notify.Preferences {
	h.clock.Set(time.Date(2026, 11, 24, 13, 30, 0, 0, time.UTC))
	return notify.Preferences{Quiet: notify.Quiet{From: "22:00", To: "07:00", Zone: "Asia/Seoul"}}
}

func quietHours(h *house) {
	h.person("kim", 2)
	h.person("lee", 1)
	h.wish("kim", h.night())
	n := h.send(notify.Notification{To: notify.Audience{Users: []string{"kim", "lee"}}})
	h.waits(n.ID, 2, "quiet hours until 07:00")
	h.turn(morning.Add(-time.Second))
	h.looked()
	h.wantTold("kim")
	h.turn(morning)
	h.wantCounts(n.ID, notify.Counts{Targeted: 3, Accepted: 3})
	h.wantTold("kim", "hello\n", "hello\n")
	day := h.send(notify.Notification{To: notify.Audience{Users: []string{"kim"}}})
	h.wantCounts(day.ID, notify.Counts{Targeted: 2, Accepted: 2})
}

func quietUrgent(h *house) {
	h.person("kim", 1)
	p := h.night()
	h.wish("kim", p)
	urgent := notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Urgent: true}
	h.wantCounts(h.send(urgent).ID, notify.Counts{Targeted: 1, Accepted: 1})
	p.Quiet.HoldUrgent = true
	h.wish("kim", p)
	n := h.send(urgent)
	h.waits(n.ID, 1, "quiet hours until 07:00")
	h.wish("kim", notify.Preferences{}) // given up meanwhile: what waits is told at its time
	h.turn(morning)
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Accepted: 1})
}

func quietBroadcast(h *house) {
	h.person("crowd", notify.SmallAudience+20)
	h.person("kim", 2)
	h.wish("kim", h.night())
	n := h.send(notify.Notification{To: notify.Audience{All: true}})
	crowd, all := int64(notify.SmallAudience+20), int64(notify.SmallAudience+22)
	h.asleep(2)
	h.comesTo(n.ID, notify.Counts{Targeted: all, Accepted: crowd, Pending: 2})
	if n := h.rows(n.ID, notify.DeliveryPending, ""); n != 0 {
		h.t.Errorf("%d rows for devices in quiet hours", n)
	}
	h.restart()
	h.turn(morning.Add(-time.Second))
	h.person("lee", 1)
	h.looked()
	h.wantTold("kim")
	h.turn(morning)
	h.wantCounts(n.ID, notify.Counts{Targeted: all, Accepted: all})
	h.wantAccepted(phones, int(all)+1, 1)
}

// quietMany: a thousand devices with two ends of their quiet hours; meanwhile one is removed, one person reads it, and one
// wishes for a longer night.
func quietMany(h *house) {
	night := h.night()
	late := night
	late.Quiet.To = "08:00"
	for i := range 10 {
		user := fmt.Sprintf("user%d", i)
		h.person(user, notify.SmallAudience)
		if i == 0 {
			h.wish(user, late)
		} else {
			h.wish(user, night)
		}
	}
	n := h.send(notify.Notification{To: notify.Audience{All: true}})
	all := int64(10 * notify.SmallAudience)
	h.asleep(int(all))
	devices := must[[]notify.Device](h.t)(h.store.DevicesOf(h.ctx(), "user1"))
	if err := h.store.DeleteDevice(h.ctx(), devices[0].ID); err != nil {
		h.t.Fatal(err)
	}
	if err := h.hub.MarkInbox(h.ctx(), "user2", []string{n.ID}, true); err != nil {
		h.t.Fatal(err)
	}
	h.wish("user3", late)
	h.turn(morning)
	gone := int64(1 + notify.SmallAudience)
	h.comesTo(n.ID, notify.Counts{Targeted: all, Accepted: all - gone - 2*notify.SmallAudience, Suppressed: gone, Pending: 2 * notify.SmallAudience})
	h.turn(morning.Add(time.Hour))
	h.wantCounts(n.ID, notify.Counts{Targeted: all, Accepted: all - gone, Suppressed: gone})
	Until(h.t, "the end", func() bool { return h.get(n.ID).State == notify.StateDone })
	for i := range 10 {
		want := notify.SmallAudience
		switch i {
		case 1:
			want--
		case 2:
			want = 0
		}
		if told := h.to(fmt.Sprintf("user%d", i)); len(told) != want {
			h.t.Errorf("user%d was told %d times, want %d", i, len(told), want)
		}
	}
	if n := len(must[[]notify.DeliveryRow](h.t)(h.store.Deliveries(h.ctx(), n.ID, "", notify.Page{}))); n != 0 {
		h.t.Errorf("%d rows for a thousand devices of which nothing went wrong", n)
	}
}

// quietCancelled: a big walk that is paused sleeps on, one that is cancelled never wakes, one whose time runs out tells nobody.
func quietCancelled(h *house) {
	h.person("kim", notify.SmallAudience+20)
	h.wish("kim", h.night())
	all := int64(notify.SmallAudience + 20)
	paused := h.send(notify.Notification{To: notify.Audience{All: true}})
	cancelled := h.send(notify.Notification{To: notify.Audience{All: true}})
	short := h.send(notify.Notification{To: notify.Audience{All: true}, TTL: time.Hour})
	h.asleep(3 * int(all))
	must[notify.Notification](h.t)(h.hub.Pause(h.ctx(), paused.ID))
	must[notify.Notification](h.t)(h.hub.Cancel(h.ctx(), cancelled.ID))
	h.turn(morning)
	h.comesTo(short.ID, notify.Counts{Targeted: all, Expired: all})
	h.comesTo(cancelled.ID, notify.Counts{Targeted: all, Suppressed: all})
	h.wantTold("kim")
	must[notify.Notification](h.t)(h.hub.Resume(h.ctx(), paused.ID))
	h.wantCounts(paused.ID, notify.Counts{Targeted: all, Accepted: all})
}

func quietExpires(h *house) {
	h.person("kim", 1)
	h.wish("kim", h.night())
	n := h.send(notify.Notification{To: notify.Audience{Users: []string{"kim"}}, TTL: time.Hour})
	h.waits(n.ID, 1, "quiet hours")
	h.turn(morning)
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Expired: 1})
	h.wantTold("kim")
}
