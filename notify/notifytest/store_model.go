package notifytest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"allim.dev/allim/notify"
)

func modelSuite() []storeCase {
	return []storeCase{{"model: walks over an audience that changes under them", func(x *storeTest) {
		began := time.Now()
		rapid.Check(x.t, func(t *rapid.T) {
			if time.Since(began) > modelBudget {
				return
			}
			m := newModel(t, x.Store, x.clock)
			t.Repeat(map[string]func(*rapid.T){
				"look": m.compare, "join": m.join, "leave": m.leave, "add": m.add, "remove": m.remove, "hand over": m.handOver, "retire": m.retire,
				"send": m.send, "step": m.step, "step again": m.step, "retry": m.retry,
			})
			m.drain(t)
		})
	}}}
}

// model knows by the plainest means what a store must answer: it looks at everything, every time.
type model struct {
	s       notify.Store
	ctx     context.Context
	clock   *Clock
	epoch   notify.Epoch
	moment  int // counts changes: who joined before what was sent
	users   []string
	members map[[2]string]int // (topic, user) to the moment of joining
	devices map[int64]*modelDevice
	sent    []*modelNotice
}

type modelDevice struct {
	notify.Device
	retired bool
}

type modelNotice struct {
	n      notify.Notification
	moment int
	owners map[int64]string // named devices with their owner
	last   int64
	small  bool
	before int64 // targets at acceptance
	done   bool
	// state of every delivery that has one: "" not tried (small audiences only), pending to be tried again, or settled.
	state map[int64]notify.DeliveryState
	owner map[int64]string // whose the device was then
	told  map[int64]int    // how often a device was reached
}

const (
	modelUsers  = 5
	modelCrowd  = notify.SmallAudience + 3
	modelBudget = 10 * time.Second // no more runs after that: the race detector makes some stores very slow
)

// newModel makes a house of a few people, one of whom has so many devices that the audience is a big one. What an
// earlier run has left of the crowd is used again.
func newModel(t *rapid.T, s notify.Store, clock *Clock) *model {
	m := &model{s: s, ctx: t.Context(), clock: clock, members: map[[2]string]int{}, devices: map[int64]*modelDevice{}}
	for i := range modelUsers {
		m.users = append(m.users, fmt.Sprintf("u%d", i))
		m.ok(t, second(s.PutUser(m.ctx, notify.User{ID: m.users[i]})))
		for _, topic := range []string{"a", "b"} {
			if err := s.RemoveMember(m.ctx, topic, m.users[i]); err != nil && notify.CodeOf(err) != notify.CodeUnknownTopic {
				t.Fatal(err)
			}
		}
	}
	open, err := s.Notifications(m.ctx, notify.NotificationFilter{State: notify.StateSending}, notify.Page{Limit: 1000})
	m.ok(t, err)
	for _, n := range open { // of a run that failed
		m.ok(t, second(s.SetState(m.ctx, n.ID, notify.StateCancelled)))
	}
	left, err := s.Devices(m.ctx, notify.Page{Limit: 1000})
	m.ok(t, err)
	for _, d := range left {
		if len(m.devices) < modelCrowd {
			m.register(t, m.users[0], d.Token)
			continue
		}
		m.ok(t, s.DeleteDevice(m.ctx, d.ID))
	}
	for len(m.devices) < modelCrowd {
		m.register(t, m.users[0], notify.NewID())
	}
	m.epoch, err = s.Lease(m.ctx, "lane/"+phones.String(), "hub", time.Hour, clock.Now())
	m.ok(t, err)
	return m
}

func second[T any](_ T, err error) error { return err }

func (m *model) ok(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) user(t *rapid.T) string { return rapid.SampledFrom(m.users).Draw(t, "user") }

func (m *model) topic(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "topic")
}

// device draws one; those of the crowd as often as all others.
func (m *model) device(t *rapid.T) *modelDevice {
	keys := slices.Sorted(maps.Keys(m.devices))
	if len(keys) == 0 {
		t.Skip("no device")
	}
	if len(keys) > modelCrowd && rapid.Bool().Draw(t, "newer") {
		keys = keys[len(keys)-min(len(keys), 8):]
	}
	return m.devices[rapid.SampledFrom(keys).Draw(t, "device")]
}

func (m *model) join(t *rapid.T) {
	topic, user := m.topic(t), m.user(t)
	m.ok(t, m.s.AddMember(m.ctx, topic, user))
	if _, ok := m.members[[2]string{topic, user}]; !ok {
		m.members[[2]string{topic, user}] = m.moment
	}
}

func (m *model) leave(t *rapid.T) {
	topic, user := m.topic(t), m.user(t)
	key := [2]string{topic, user}
	if _, ok := m.members[key]; !ok {
		t.Skip("no member")
	}
	m.ok(t, m.s.RemoveMember(m.ctx, topic, user))
	delete(m.members, key)
}

func (m *model) register(t *rapid.T, user, token string) {
	d, _, err := m.s.PutDevice(m.ctx, notify.Device{User: user, App: phones.App, Platform: phones.Platform, Token: token, RegisteredAt: m.clock.Now()})
	m.ok(t, err)
	m.devices[d.Key] = &modelDevice{Device: d}
}

func (m *model) add(t *rapid.T) { m.register(t, m.user(t), notify.NewID()) }

func (m *model) remove(t *rapid.T) {
	d := m.device(t)
	m.ok(t, m.s.DeleteDevice(m.ctx, d.ID))
	delete(m.devices, d.Key)
	m.settle(d.Key, notify.DeliverySuppressed)
}

func (m *model) handOver(t *rapid.T) {
	d, user := m.device(t), m.user(t)
	if d.User != user {
		m.settle(d.Key, notify.DeliverySuppressed)
	}
	m.register(t, user, d.Token)
}

func (m *model) retire(t *rapid.T) {
	d := m.device(t)
	if d.retired {
		t.Skip("retired already")
	}
	p := notify.Progress{Lane: phones, Epoch: m.epoch, Devices: []notify.DeviceChange{{Key: d.Key, Verdict: notify.Gone, At: m.clock.Now()}}}
	m.ok(t, m.s.Advance(m.ctx, []notify.Progress{p})[0])
	m.ok(t, second(m.s.RetireDevices(m.ctx, phones, m.clock.Now().Add(time.Second))))
	d.retired = true
	m.settle(d.Key, notify.DeliveryGone)
}

// settle gives the device's pending deliveries a state.
func (m *model) settle(device int64, state notify.DeliveryState) {
	for _, n := range m.sent {
		if s, ok := n.state[device]; ok && (s == "" || s == notify.DeliveryPending) {
			n.state[device] = state
		}
	}
}

func (m *model) send(t *rapid.T) {
	var to notify.Audience
	to.All = rapid.IntRange(0, 5).Draw(t, "all") == 0
	to.Users = rapid.SliceOfNDistinct(rapid.SampledFrom(m.users), 0, 3, rapid.ID).Draw(t, "users")
	for _, topic := range []string{"a", "b"} {
		for key := range m.members {
			if key[0] == topic && rapid.Bool().Draw(t, "to "+topic) {
				to.Topics = append(to.Topics, topic)
			}
			if key[0] == topic {
				break
			}
		}
	}
	owners := map[int64]string{}
	if len(m.devices) > 0 && rapid.Bool().Draw(t, "to a device") {
		d := m.device(t)
		to.Devices, owners[d.Key] = []string{d.ID}, d.User
	}
	if to.Empty() {
		t.Skip("to nobody")
	}
	now := m.clock.Now()
	n, _, err := m.s.Accept(m.ctx, notify.Notification{To: to, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, []notify.Lane{phones}, notify.Idempotency{})
	m.ok(t, err)
	m.moment++
	x := &modelNotice{n: n, moment: m.moment, owners: owners, state: map[int64]notify.DeliveryState{}, owner: map[int64]string{}, told: map[int64]int{}}
	for key := range m.devices {
		x.last = max(x.last, key)
	}
	targets := m.audience(x)
	x.before, x.small = int64(len(targets)), len(targets) <= notify.SmallAudience
	for _, key := range targets {
		if x.owner[key] = m.devices[key].User; x.small {
			x.state[key] = ""
		}
	}
	x.done = len(targets) == 0
	m.sent = append(m.sent, x)
}

// audience gives the devices that belong to the notice's audience now, by key.
func (m *model) audience(x *modelNotice) (keys []int64) {
	for key, d := range m.devices {
		in := x.n.To.All || slices.Contains(x.n.To.Users, d.User) || x.owners[key] == d.User
		for _, topic := range x.n.To.Topics {
			joined, ok := m.members[[2]string{topic, d.User}]
			in = in || (ok && joined < x.moment)
		}
		if in && !d.retired && key <= x.last {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// open gives the devices that the notice's walk has still to come to from a position on.
func (m *model) open(x *modelNotice, position int64) (keys []int64) {
	for _, key := range m.audience(x) {
		s, has := x.state[key]
		if key > position && s == "" && (!x.small || (has && m.devices[key].User == x.owner[key])) {
			keys = append(keys, key)
		}
	}
	return keys
}

// step takes a walk one chunk further, as the dispatcher does.
func (m *model) step(t *rapid.T) {
	walks, err := m.s.Ready(m.ctx, phones, m.clock.Now(), 1000)
	m.ok(t, err)
	if len(walks) == 0 {
		t.Skip("nothing to do")
	}
	w := rapid.SampledFrom(walks).Draw(t, "walk")
	m.chunk(t, w, rapid.SampledFrom([]int{1, 2, 7, 50, 1000}).Draw(t, "limit"), func() notify.DeliveryState {
		return rapid.SampledFrom([]notify.DeliveryState{notify.DeliveryAccepted, notify.DeliveryAccepted, notify.DeliveryFailed, notify.DeliveryPending}).Draw(t, "outcome")
	})
}

func (m *model) chunk(t *rapid.T, w notify.Walk, limit int, outcome func() notify.DeliveryState) {
	x := m.sent[slices.IndexFunc(m.sent, func(x *modelNotice) bool { return x.n.ID == w.Notification })]
	targets, err := m.s.Next(m.ctx, w, limit)
	m.ok(t, err)
	want := m.open(x, w.Position)
	if w.Small {
		steps, err := m.s.Steps(m.ctx, []int64{w.ID})
		m.ok(t, err)
		var together []int64
		for _, target := range steps[w.ID].Targets {
			together = append(together, target.Device.Key)
		}
		if !slices.Equal(together, want) {
			t.Fatalf("from %d on, the walk read with others came to %v, want %v", w.Position, together, want)
		}
	}
	want = want[:min(limit, len(want))]
	var got []int64
	p := notify.Progress{Walk: w.ID, Lane: phones, Epoch: m.epoch, Position: w.Last, Done: len(targets) < limit}
	state := notify.DeliveryAccepted
	for i, target := range targets {
		d := target.Device
		got = append(got, d.Key)
		if i%20 == 0 { // not a draw for each of a crowd
			state = outcome()
		}
		x.told[d.Key]++
		x.state[d.Key], x.owner[d.Key] = state, d.User
		p.Counts = p.Counts.Add(one(state))
		if x.small || state != notify.DeliveryAccepted {
			p.Rows = append(p.Rows, m.row(x, w.ID, d, state))
		}
		if !p.Done {
			p.Position = d.Key
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("from %d on, limit %d, the walk came to %v, want %v", w.Position, limit, got, want)
	}
	m.ok(t, m.s.Advance(m.ctx, []notify.Progress{p})[0])
	if p.Done {
		x.done = true
		for key, s := range x.state {
			if s == "" {
				x.state[key] = notify.DeliverySuppressed
			}
		}
	}
}

func (m *model) row(x *modelNotice, walk int64, d notify.Device, state notify.DeliveryState) notify.DeliveryRow {
	now := m.clock.Now()
	return notify.DeliveryRow{ID: notify.DeliveryID(x.n.Seq, d.Key), Walk: walk, Notification: x.n.ID, Device: d.ID, DeviceKey: d.Key, User: d.User,
		Lane: phones, State: state, Attempt: 1, NextAt: now, CreatedAt: now, UpdatedAt: now}
}

// retry settles some retries.
func (m *model) retry(t *rapid.T) {
	due, _, err := m.s.DueRetries(m.ctx, phones, m.clock.Now(), rapid.IntRange(1, 30).Draw(t, "limit"))
	m.ok(t, err)
	for _, d := range due {
		i := slices.IndexFunc(m.sent, func(x *modelNotice) bool { return x.n.ID == d.Row.Notification })
		x, key := m.sent[i], d.Target.Device.Key
		if x.state[key] != notify.DeliveryPending || d.Row.User != d.Target.Device.User {
			t.Fatalf("a retry that nobody waits for: %+v", d)
		}
		d.Row.State, x.state[key] = notify.DeliveryAccepted, notify.DeliveryAccepted
		p := notify.Progress{Walk: d.Row.Walk, Lane: phones, Epoch: m.epoch, Rows: []notify.DeliveryRow{d.Row}, Counts: one(notify.DeliveryAccepted)}
		m.ok(t, m.s.Advance(m.ctx, []notify.Progress{p})[0])
	}
}

// compare looks at the state and counts of every notice.
func (m *model) compare(t *rapid.T) {
	depth := int64(0)
	for _, x := range m.sent {
		n, err := m.s.Notification(m.ctx, x.n.ID)
		m.ok(t, err)
		want, state := m.counts(x)
		depth += want.Pending
		if n.Counts != want || n.State != state {
			t.Fatalf("%s is %s with %+v, want %s with %+v", n.ID, n.State, n.Counts, state, want)
		}
		for key, times := range x.told {
			if times > 1 {
				t.Fatalf("device %d was reached %d times", key, times)
			}
		}
	}
	got, err := m.s.QueueDepth(m.ctx, phones)
	m.ok(t, err)
	if got != depth {
		t.Fatalf("the queue is %d deep, want %d", got, depth)
	}
}

func (m *model) counts(x *modelNotice) (c notify.Counts, state notify.State) {
	waiting := int64(0)
	for _, s := range x.state {
		if c = c.Add(one(s)); s == notify.DeliveryPending {
			waiting++
		}
	}
	settled := c.Accepted + c.Failed + c.Gone + c.Suppressed
	c.Targeted = x.before
	if x.done && !x.small {
		c.Targeted = settled + waiting // set right at the end
	}
	c.Targeted = max(c.Targeted, settled)
	c.Pending = c.Targeted - settled
	if x.done && waiting == 0 {
		return c, notify.StateDone
	}
	return c, notify.StateSending
}

// drain takes everything to its end.
func (m *model) drain(t *rapid.T) {
	for {
		walks, err := m.s.Ready(m.ctx, phones, m.clock.Now(), 1000)
		m.ok(t, err)
		if len(walks) == 0 {
			break
		}
		m.chunk(t, walks[0], 40, func() notify.DeliveryState { return notify.DeliveryAccepted })
	}
	for range m.sent {
		m.retryAll(t)
	}
	m.compare(t)
	for _, x := range m.sent {
		if n, err := m.s.Notification(m.ctx, x.n.ID); err != nil || n.State != notify.StateDone || n.Counts.Pending != 0 {
			t.Fatalf("in the end %s is %s with %+v, %v", x.n.ID, n.State, n.Counts, err)
		}
	}
}

func (m *model) retryAll(t *rapid.T) {
	due, _, err := m.s.DueRetries(m.ctx, phones, m.clock.Now(), 1000)
	m.ok(t, err)
	for _, d := range due {
		i := slices.IndexFunc(m.sent, func(x *modelNotice) bool { return x.n.ID == d.Row.Notification })
		m.sent[i].state[d.Target.Device.Key], d.Row.State = notify.DeliveryFailed, notify.DeliveryFailed
		p := notify.Progress{Walk: d.Row.Walk, Lane: phones, Epoch: m.epoch, Rows: []notify.DeliveryRow{d.Row}, Counts: one(notify.DeliveryFailed)}
		m.ok(t, m.s.Advance(m.ctx, []notify.Progress{p})[0])
	}
}
