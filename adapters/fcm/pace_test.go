package fcm

import (
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// The simulator's quota is what Google's is: the adapter that keeps to it is never refused, one that does not is told,
// and the rest of its batch waits.
func TestQuota(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock, Quota: 100}, "ramp: 0s\n")
	got := map[notify.Verdict]int{}
	for _, o := range h.push(t, deliveries(t, h, 3000)) {
		got[o.Verdict]++
		if o.Verdict == notify.Retry && (!o.WholeLane || o.At.Sub(clock.Now()) != time.Minute || o.Reason != "RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED") {
			t.Fatalf("%+v", o)
		}
	}
	if got[notify.Accepted] != 100 || got[notify.Retry] != 2900 {
		t.Errorf("%v", got)
	}
	if n := h.sim.Log().Counts().Requests; n > 100+int64(h.adapter.sender.links.Room()) {
		t.Errorf("%d requests although the quota is used up", n)
	}
	clock.Advance(time.Minute)
	if o := h.one(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("a minute later: %+v", o)
	}
}

func TestDeviceQuota(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock, DeviceQuota: 2}, "")
	for i, want := range []notify.Verdict{notify.Accepted, notify.Accepted, notify.Retry} {
		if o := h.one(t, 0); o.Verdict != want || o.WholeLane {
			t.Errorf("%d: %+v", i, o)
		}
	}
	if o := h.one(t, 1); o.Verdict != notify.Accepted {
		t.Errorf("another device: %+v", o)
	}
}
