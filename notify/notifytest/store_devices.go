package notifytest

import (
	"strconv"
	"time"

	"allim.dev/allim/notify"
)

func devicesSuite() []storeCase {
	return []storeCase{
		{"devices: made, read, updated", deviceRoundTrip},
		{"devices: one for app, platform and token", deviceIdentity},
		{"devices: handed over, pending deliveries suppressed", deviceHandOver},
		{"devices: renewed, with what waits for them", deviceRenewed},
		{"devices: renewed with an address that is another device's", deviceRenewedTwice},
		{"devices: deleted, pending deliveries suppressed", deviceDeleted},
		{"devices: listed", devicesListed},
		{"devices: unknown", devicesUnknown},
	}
}

func deviceRoundTrip(x *storeTest) {
	x.user("kim")
	now := x.clock.Now()
	d := notify.Device{User: "kim", App: "corp", Platform: notify.WebPush, Token: "https://push.example.com/1", P256dh: []byte{4, 1, 2},
		Auth: []byte{9, 8}, Name: "Firefox", Locale: "ko-KR", TimeZone: "Asia/Seoul", RegisteredAt: now}
	got, created, err := x.PutDevice(x.ctx(), d)
	x.ok(err)
	if !created || got.ID == "" || got.Key < 1 {
		x.t.Fatalf("created %v, id %q, key %d", created, got.ID, got.Key)
	}
	want := d
	want.ID, want.Key, want.State, want.StateSince, want.CreatedAt = got.ID, got.Key, notify.DeviceActive, now, now
	x.same("device", got, want)
	x.clock.Advance(time.Hour)
	d.P256dh, d.Name, d.Locale, d.Environment, d.RegisteredAt = []byte{4, 7}, "Fox", "", notify.Development, x.clock.Now()
	again, created, err := x.PutDevice(x.ctx(), d)
	x.ok(err)
	want.P256dh, want.Name, want.Locale, want.Environment, want.RegisteredAt = d.P256dh, d.Name, "", d.Environment, d.RegisteredAt
	x.same("created again", created, false)
	x.same("updated device", again, want)
	x.reopen()
	read, err := x.Device(x.ctx(), got.ID)
	x.ok(err)
	x.same("device after a restart", read, want)
}

func deviceIdentity(x *storeTest) {
	x.user("kim")
	seen := map[int64]bool{}
	last := int64(0)
	for _, l := range []notify.Lane{phones, browsers, {App: "other", Platform: notify.APNs}} {
		for _, token := range []string{"abcd", "ABCD", "abc", "Abcd0", "00ff00ff"} {
			d := x.register("kim", l, token)
			if d.Key <= last || d.Token != token || d.Lane() != l {
				x.t.Fatalf("%s %q became %+v after key %d", l, token, d, last)
			}
			last = d.Key
			seen[d.Key] = true
		}
	}
	if d := x.register("kim", phones, "abcd"); !seen[d.Key] {
		x.t.Errorf("a known token got a new device")
	}
}

func deviceHandOver(x *storeTest) {
	x.user("kim", "lee")
	d := x.register("kim", phones, "shared")
	tried, fresh := x.send(toUsers("kim")), x.send(toUsers("kim"))
	x.settle(x.walk(tried, phones), 10, notify.DeliveryPending)
	x.clock.Advance(time.Hour)
	got := x.register("lee", phones, "shared")
	x.same("device", []any{got.ID, got.Key, got.User}, []any{d.ID, d.Key, "lee"})
	x.counts(tried, notify.StateDone, notify.Counts{Targeted: 1, Suppressed: 1})
	x.same("rows", len(x.rows(fresh, notify.DeliverySuppressed)), 1)
	x.same("targets for the new owner", x.reached(x.walk(fresh, phones)), []string{})
	x.settle(x.walk(fresh, phones), 10, notify.DeliveryAccepted)
	x.counts(fresh, notify.StateDone, notify.Counts{Targeted: 1, Suppressed: 1})
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now(), 10)
	x.ok(err)
	x.same("retries", len(due), 0)
	x.same("kim's devices", x.deviceIDs("kim"), []string{})
	x.same("lee's devices", x.deviceIDs("lee"), []string{d.ID})
}

// renewed is the device with another address, registered now.
func (x *storeTest) renewed(d notify.Device, token string) notify.Device {
	d.Token, d.P256dh, d.Auth, d.RegisteredAt = token, []byte{4, 7}, []byte{7}, x.clock.Now()
	return d
}

func deviceRenewed(x *storeTest) {
	x.user("kim", "lee")
	d := x.register("kim", browsers, "old")
	x.settle(x.walk(x.send(toUsers("kim")), browsers), 10, notify.DeliveryPending)
	for _, verdict := range []notify.DeviceState{notify.DeviceSuspect, notify.DeviceRetired} {
		x.clock.Advance(time.Hour)
		x.learn(d, notify.Gone, x.clock.Now())
		if verdict == notify.DeviceRetired {
			_, err := x.RetireDevices(x.ctx(), browsers, x.clock.Now().Add(time.Minute))
			x.ok(err)
		}
		x.clock.Advance(time.Hour)
		want := x.renewed(d, "new as "+string(verdict))
		want.Name = "Fox"
		got, err := x.RenewDevice(x.ctx(), want)
		x.ok(err)
		want.State, want.StateReason, want.StateSince = notify.DeviceActive, "", x.clock.Now()
		x.same("device", got, want)
		x.advance(notify.Progress{Lane: browsers, Epoch: x.own("lane/" + browsers.String()), Devices: []notify.DeviceChange{{Key: d.Key,
			Verdict: notify.Gone, Reason: "410 of the old address", At: x.clock.Now().Add(time.Second), Registered: d.RegisteredAt}}})
		x.reopen()
		read, err := x.Device(x.ctx(), d.ID)
		x.ok(err)
		x.same("device after a restart", read, want)
		x.same("kim's devices", x.deviceIDs("kim"), []string{d.ID})
		if verdict == notify.DeviceSuspect {
			due, _, err := x.DueRetries(x.ctx(), browsers, x.clock.Now(), 10)
			x.ok(err)
			x.same("what waits", []any{len(due), due[0].Target.Device.Token}, []any{1, want.Token})
		}
	}
	for _, wrong := range []notify.Device{{ID: d.ID, User: "lee", App: d.App, Platform: d.Platform}, {ID: d.ID, User: "kim", App: "other", Platform: d.Platform},
		{ID: notify.NewID(), User: "kim", App: d.App, Platform: d.Platform}, {ID: "x", User: "kim", App: d.App, Platform: d.Platform}} {
		wrong.Token = "stolen"
		_, err := x.RenewDevice(x.ctx(), wrong)
		x.fails(err, notify.CodeUnknownDevice)
	}
	x.same("lee's devices", x.deviceIDs("lee"), []string(nil))
	if other := x.register("kim", browsers, "old"); other.ID == d.ID {
		x.t.Error("the old address still leads to the device")
	}
}

func deviceRenewedTwice(x *storeTest) {
	x.user("kim", "lee")
	d, twin, far := x.register("kim", browsers, "old"), x.register("lee", browsers, "new"), x.register("lee", phones, "new")
	n := x.send(toUsers("lee"))
	for range 2 { // the second time it is its own address
		got, err := x.RenewDevice(x.ctx(), x.renewed(d, "new"))
		x.ok(err)
		x.same("device", []any{got.ID, got.User, got.Token}, []any{d.ID, "kim", "new"})
	}
	x.same("lee's devices", x.deviceIDs("lee"), []string{far.ID})
	x.same("what waited for the other", x.rows(n, notify.DeliverySuppressed)[0].Device, twin.ID)
	x.same("a known address", x.register("kim", browsers, "new").ID, d.ID)
}

func (x *storeTest) deviceIDs(user string) (ids []string) {
	x.t.Helper()
	list, err := x.DevicesOf(x.ctx(), user)
	x.ok(err)
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

func deviceDeleted(x *storeTest) {
	x.user("kim")
	d, other := x.device("kim", phones), x.device("kim", phones)
	n := x.send(toUsers("kim"))
	x.ok(x.DeleteDevice(x.ctx(), d.ID))
	_, err := x.Device(x.ctx(), d.ID)
	x.fails(err, notify.CodeUnknownDevice)
	x.fails(x.DeleteDevice(x.ctx(), d.ID), notify.CodeUnknownDevice)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 2, Pending: 1, Suppressed: 1})
	rows := x.rows(n, notify.DeliverySuppressed)
	x.same("suppressed", []string{rows[0].Device, rows[0].User}, []string{d.ID, "kim"})
	x.same("reached", x.reached(x.walk(n, phones)), []string{other.ID})
	x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 2, Accepted: 1, Suppressed: 1})
	if again := x.register("kim", phones, d.Token); again.ID == d.ID || again.Key <= other.Key {
		x.t.Errorf("a deleted device's number was used again: %+v", again)
	}
}

func devicesListed(x *storeTest) {
	x.user("kim", "lee")
	var keys, kims []string
	for i := range 5 {
		user := []string{"kim", "lee"}[i%2]
		d := x.device(user, phones)
		keys = append(keys, strconv.FormatInt(d.Key, 10))
		if user == "kim" {
			kims = append(kims, d.ID)
		}
	}
	names := paged(x, func(p notify.Page) ([]notify.Device, error) { return x.Devices(x.ctx(), p) },
		func(d notify.Device) string { return strconv.FormatInt(d.Key, 10) })
	x.same("devices by key", names, keys)
	x.same("kim's devices", x.deviceIDs("kim"), kims)
	_, err := x.Devices(x.ctx(), notify.Page{After: "not a number"})
	x.fails(err, notify.CodeInvalid)
}

func devicesUnknown(x *storeTest) {
	_, _, err := x.PutDevice(x.ctx(), notify.Device{User: "nobody", App: "corp", Platform: notify.APNs, Token: "t"})
	x.fails(err, notify.CodeUnknownUser)
	_, err = x.DevicesOf(x.ctx(), "nobody")
	x.fails(err, notify.CodeUnknownUser)
	for _, id := range []string{"", "not an id", notify.NewID(), notify.DeliveryID(1, 1)} {
		_, err = x.Device(x.ctx(), id)
		x.fails(err, notify.CodeUnknownDevice)
		x.fails(x.DeleteDevice(x.ctx(), id), notify.CodeUnknownDevice)
	}
}

func suspicionSuite() []storeCase {
	return []storeCase{
		{"suspicion: begins, stays, is cleared", suspicion},
		{"suspicion: not of a device that registered again", suspicionTooLate},
		{"retirement: by the definite word only, when it has stood", retirement},
		{"retirement: pending deliveries become gone", retirementSettles},
		{"retirement: a retired device is not targeted, until it registers", retiredNotTargeted},
		{"pardon: devices active, gone deliveries pending", pardon},
	}
}

// learn lets an outcome say something about a device.
func (x *storeTest) learn(d notify.Device, v notify.Verdict, at time.Time) {
	x.t.Helper()
	l := d.Lane()
	x.advance(notify.Progress{Lane: l, Epoch: x.own("lane/" + l.String()),
		Devices: []notify.DeviceChange{{Key: d.Key, Verdict: v, Reason: "reason " + string(v), At: at}}})
}

func (x *storeTest) deviceState(d notify.Device, state notify.DeviceState, reason string, since time.Time) {
	x.t.Helper()
	got, err := x.Device(x.ctx(), d.ID)
	x.ok(err)
	x.same("device state", []any{got.State, got.StateReason, got.StateSince.UTC()}, []any{state, reason, since.UTC()})
}

func suspicion(x *storeTest) {
	x.user("kim")
	start := x.clock.Now()
	d := x.device("kim", phones)
	x.deviceState(d, notify.DeviceActive, "", start)
	at := start.Add(time.Minute)
	x.learn(d, notify.Suspect, at)
	x.deviceState(d, notify.DeviceSuspect, "reason suspect", at)
	x.learn(d, notify.Suspect, at.Add(time.Minute)) // the suspicion is as old as its beginning
	x.deviceState(d, notify.DeviceSuspect, "reason suspect", at)
	x.learn(d, notify.Accepted, at.Add(2*time.Minute))
	x.deviceState(d, notify.DeviceActive, "", at.Add(2*time.Minute))
	x.learn(d, notify.Gone, at.Add(3*time.Minute))
	x.deviceState(d, notify.DeviceSuspect, "reason gone", at.Add(3*time.Minute))
	x.same("targets of a suspect", x.send(toUsers("kim")).Counts.Targeted, int64(1))
}

func suspicionTooLate(x *storeTest) {
	x.user("kim")
	sent := x.clock.Now()
	x.clock.Advance(time.Minute)
	d := x.device("kim", phones)
	for _, v := range []notify.Verdict{notify.Gone, notify.Suspect} {
		x.learn(d, v, sent)
		x.deviceState(d, notify.DeviceActive, "", d.RegisteredAt)
	}
	x.learn(d, notify.Gone, x.clock.Now().Add(time.Second))
	x.clock.Advance(time.Minute)
	x.register("kim", phones, d.Token)
	x.deviceState(d, notify.DeviceActive, "", x.clock.Now())
}

func retirement(x *storeTest) {
	x.user("kim")
	start := x.clock.Now()
	gone, suspect, fresh, foreign := x.device("kim", phones), x.device("kim", phones), x.device("kim", phones), x.device("kim", browsers)
	x.learn(gone, notify.Gone, start.Add(time.Minute))
	x.learn(suspect, notify.Suspect, start.Add(time.Minute))
	x.learn(fresh, notify.Gone, start.Add(10*time.Minute))
	x.learn(foreign, notify.Gone, start.Add(time.Minute))
	n, err := x.RetireDevices(x.ctx(), phones, start.Add(5*time.Minute))
	x.ok(err)
	x.same("retired", n, 1)
	for d, want := range map[string]notify.DeviceState{gone.ID: notify.DeviceRetired, suspect.ID: notify.DeviceSuspect,
		fresh.ID: notify.DeviceSuspect, foreign.ID: notify.DeviceSuspect} {
		got, err := x.Device(x.ctx(), d)
		x.ok(err)
		x.same("state", got.State, want)
	}
	// A mere suspicion that becomes definite is as old as the definite word.
	x.learn(suspect, notify.Gone, start.Add(8*time.Minute))
	n, err = x.RetireDevices(x.ctx(), phones, start.Add(5*time.Minute))
	x.ok(err)
	x.same("retired", n, 0)
	n, err = x.RetireDevices(x.ctx(), phones, start.Add(9*time.Minute))
	x.ok(err)
	x.same("retired", n, 1)
}

func retirementSettles(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryPending)
	x.learn(d, notify.Gone, x.clock.Now().Add(time.Second))
	_, err := x.RetireDevices(x.ctx(), phones, x.clock.Now().Add(time.Minute))
	x.ok(err)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Gone: 1})
}

func retiredNotTargeted(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	early := x.send(toUsers("kim"))
	x.learn(d, notify.Gone, x.clock.Now().Add(time.Second))
	x.clock.Advance(time.Hour)
	_, err := x.RetireDevices(x.ctx(), phones, x.clock.Now())
	x.ok(err)
	x.same("reached", x.reached(x.walk(early, phones)), []string{})
	for _, to := range []notify.Audience{toUsers("kim"), {Devices: []string{d.ID}}, {All: true}} {
		x.counts(x.send(to), notify.StateDone, notify.Counts{})
	}
	x.same("kim's devices", x.deviceIDs("kim"), []string{d.ID})
	x.clock.Advance(time.Hour)
	x.register("kim", phones, d.Token)
	x.deviceState(d, notify.DeviceActive, "", x.clock.Now())
	for _, to := range []notify.Audience{toUsers("kim"), {Devices: []string{d.ID}}, {All: true}} {
		x.same("targets", x.send(to).Counts.Targeted, int64(1))
	}
}

func pardon(x *storeTest) {
	x.user("kim", "lee")
	a, b := x.device("kim", phones), x.device("lee", phones)
	web := x.device("kim", browsers)
	old := x.send(toUsers("kim"))
	x.settle(x.walk(old, phones), 10, notify.DeliveryGone)
	x.settle(x.walk(old, browsers), 10, notify.DeliveryAccepted)
	x.clock.Advance(time.Hour)
	since := x.clock.Now()
	n := x.send(toUsers("kim", "lee"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryGone)
	x.settle(x.walk(n, browsers), 10, notify.DeliveryGone)
	for _, d := range []notify.Device{a, b, web} {
		x.learn(d, notify.Gone, x.clock.Now())
	}
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 3, Gone: 3})
	devices, deliveries, err := x.PardonDevices(x.ctx(), phones, since)
	x.ok(err)
	x.same("pardoned", []int{devices, deliveries}, []int{2, 2})
	x.deviceState(a, notify.DeviceActive, "", since)
	x.deviceState(web, notify.DeviceSuspect, "reason gone", since)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 3, Pending: 2, Gone: 1})
	x.counts(old, notify.StateDone, notify.Counts{Targeted: 2, Accepted: 1, Gone: 1})
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now(), 10)
	x.ok(err)
	x.same("due", len(due), 2)
	for _, d := range due {
		p := notify.Progress{Walk: d.Row.Walk, Lane: phones, Epoch: x.own("lane/" + phones.String()), Counts: one(notify.DeliveryAccepted)}
		d.Row.State = notify.DeliveryAccepted
		p.Rows = []notify.DeliveryRow{d.Row}
		x.advance(p)
	}
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 3, Accepted: 2, Gone: 1})
}
