package notify

import (
	"context"
	"strings"
	"time"
)

// What the API calls. Plain reading goes to the store directly.

// PutUser makes or replaces a user and lets the sources know of the identities.
func (h *Hub) PutUser(ctx context.Context, u User) (stored User, created bool, err error) {
	u, err = u.Validate(h.norm)
	if err != nil {
		return User{}, false, err
	}
	u.UpdatedAt = h.clock.Now()
	old, err := h.store.User(ctx, u.ID)
	if err != nil && CodeOf(err) != CodeUnknownUser {
		return User{}, false, err
	}
	if created, err = h.store.PutUser(ctx, u); err != nil {
		return User{}, false, err
	}
	h.syncAccounts(ctx)
	if created || old.TimeZone != u.TimeZone {
		h.zoneChanged(created)
	}
	stored, err = h.store.User(ctx, u.ID)
	return stored, created, err
}

// FindUser resolves any identity, in any spelling.
func (h *Hub) FindUser(ctx context.Context, i Identity) (User, error) {
	i, err := h.norm.Normalize(i)
	if err != nil {
		return User{}, err
	}
	return h.store.UserByIdentity(ctx, i)
}

// DeleteUser erases a person.
func (h *Hub) DeleteUser(ctx context.Context, id string) error {
	err := h.store.DeleteUser(ctx, id)
	if err == nil {
		h.syncAccounts(ctx)
		h.wakeAllAccounts()
	}
	return err
}

// MergeUser makes two users one.
func (h *Hub) MergeUser(ctx context.Context, from, into string) error {
	if from == into {
		return Errorf(CodeInvalid, "a user cannot be merged into itself")
	}
	err := h.store.MergeUser(ctx, from, into)
	if err == nil {
		h.syncAccounts(ctx)
		h.zoneChanged(false)
	}
	return err
}

// RegisterDevice stores a device, checked by its lane's adapter. Errors: CodeRetiredPlatform, CodeInvalid,
// CodeInvalidToken, CodeUnknownApp (no such app, or not on that platform), CodeUnknownUser.
func (h *Hub) RegisterDevice(ctx context.Context, d Device) (stored Device, created bool, err error) {
	if d, err = h.checkedDevice(d); err != nil {
		return Device{}, false, err
	}
	return h.store.PutDevice(ctx, d)
}

// RenewDevice gives the device with d's id the address that d has: the app's platform changed it. The errors are those of
// RegisterDevice, and CodeUnknownDevice when d.User has no such device.
func (h *Hub) RenewDevice(ctx context.Context, d Device) (Device, error) {
	d, err := h.checkedDevice(d)
	if err != nil {
		return Device{}, err
	}
	return h.store.RenewDevice(ctx, d)
}

// checkedDevice checks what a device says of itself, and gives it as its platform spells it, registered now.
func (h *Hub) checkedDevice(d Device) (Device, error) {
	if err := d.Validate(); err != nil {
		return Device{}, err
	}
	l, ok := h.lanes[d.Lane()]
	if !ok {
		return Device{}, &Error{Code: CodeUnknownApp, Detail: "the configuration has no app " + d.App + " with " +
			string(d.Platform), Fields: []FieldError{{Path: "app", Message: "known are: " + h.laneList()}}}
	}
	if c, ok := l.adapter.(DeviceChecker); ok {
		var err error
		if d, err = c.CheckDevice(d); err != nil {
			return Device{}, err
		}
	}
	d.RegisteredAt = h.clock.Now()
	return d, nil
}

func (h *Hub) laneList() string {
	names := make([]string, len(h.names))
	for i, l := range h.names {
		names[i] = l.String()
	}
	return strings.Join(names, ", ")
}

// AddAccount adds a mailbox or calendar home for users. CodeUnknownSource, CodeUnknownUser.
func (h *Hub) AddAccount(ctx context.Context, a Account) (stored Account, created bool, err error) {
	var p problems
	if a.Login == "" || len(a.Login) > 320 {
		p.add("login", "is required, at most 320 bytes")
	}
	if len(a.Users) == 0 {
		p.add("users", "names nobody who would be told")
	}
	if err := p.err("the account is not valid"); err != nil {
		return Account{}, false, err
	}
	w := h.sources[a.Source]
	if w == nil {
		return Account{}, false, &Error{Code: CodeUnknownSource, Detail: "the configuration has no source " + a.Source,
			Fields: []FieldError{{Path: "source", Message: "is not a source of the configuration"}}}
	}
	if _, sole := w.connector.(SoleAccounter); sole {
		return Account{}, false, &Error{Code: CodeInvalid, Detail: "the source " + a.Source + " has no accounts of people: the members of its topic are told",
			Fields: []FieldError{{Path: "source", Message: "has no accounts of people; add them to the topic " + w.source.Topic}}}
	}
	a.Explicit = true
	a.CreatedAt = h.clock.Now()
	if stored, created, err = h.store.PutAccount(ctx, a); err == nil {
		h.bus.Wake(SubjectAccounts(a.Source))
	}
	return stored, created, err
}

// RemoveAccount stops watching an account.
func (h *Hub) RemoveAccount(ctx context.Context, id string) error {
	a, err := h.store.Account(ctx, id)
	if err != nil {
		return err
	}
	if err := h.store.DeleteAccount(ctx, id); err != nil {
		return err
	}
	h.bus.Wake(SubjectAccounts(a.Source))
	return nil
}

// Send accepts a notification: it returns after the commit. One that needs a second person's word is accepted as
// StateAwaitingApproval (see Approve). Errors: CodeInvalid, CodeUnknown…, CodeIdempotencyConflict;
// CodeUnavailable with a time to come back when the disk does not keep up.
func (h *Hub) Send(ctx context.Context, n Notification, idem Idempotency) (accepted Notification, replayed bool, err error) {
	since := h.clock.Now()
	if n, err = h.admit(n, since); err != nil {
		return Notification{}, false, err
	}
	leave, err := h.door.enter(ctx, n.By)
	if err != nil {
		return Notification{}, false, err
	}
	accepted, replayed, err = h.store.Accept(ctx, n, h.lanesFor(n.To), idem)
	leave() // before the lanes are woken: somebody waits
	switch {
	case err == nil && !replayed:
		h.wakeFor(accepted, since)
	case err != nil && ctx.Err() != nil: // the caller left; it may be committed all the same
		h.wakeFor(n, since)
	}
	return accepted, replayed, err
}

// admit checks a posted notification and makes it one that can be accepted.
func (h *Hub) admit(n Notification, now time.Time) (Notification, error) {
	n.Words = h.opts.Templates
	n, err := n.Validate(h.norm, now)
	if err != nil {
		return Notification{}, err
	}
	if err := h.checkData(n); err != nil {
		return Notification{}, err
	}
	n.ID, n.CreatedAt, n.State = NewID(), now, StateSending
	start := now
	if n.SendAt.After(now) {
		n.State, start = StateScheduled, n.SendAt
	}
	n.ExpiresAt = start.Add(n.TTL)
	if h.mustWait(n) {
		n.State = StateAwaitingApproval
	}
	return n, nil
}

// Pause, Resume and Cancel steer a notification under way.
func (h *Hub) Pause(ctx context.Context, id string) (Notification, error) {
	return h.store.SetState(ctx, id, StatePaused)
}

// Resume goes on with a paused notification.
func (h *Hub) Resume(ctx context.Context, id string) (Notification, error) {
	n, err := h.store.SetState(ctx, id, StateSending)
	if err == nil {
		now := h.clock.Now()
		h.paces.resumed(n, now)
		h.wakeFor(n, now)
	}
	return n, err
}

// Cancel ends a notification; what was not sent is suppressed.
func (h *Hub) Cancel(ctx context.Context, id string) (Notification, error) {
	return h.store.SetState(ctx, id, StateCancelled)
}

// Replay gives a dead delivery another try, with a day's time.
func (h *Hub) Replay(ctx context.Context, delivery string) (DeliveryRow, error) {
	row, err := h.store.Replay(ctx, delivery, h.clock.Now().Add(DefaultTTL))
	if err == nil {
		h.bus.Wake(SubjectLane(row.Lane))
	}
	return row, err
}

// PublicKey gives the app's public VAPID key; CodeUnknownApp.
func (h *Hub) PublicKey(app string) (string, error) {
	if l, ok := h.lanes[Lane{App: app, Platform: WebPush}]; ok {
		if k, ok := l.adapter.(KeyPublisher); ok {
			return k.PublicKey()
		}
	}
	return "", Errorf(CodeUnknownApp, "the configuration has no app %q with webpush", app)
}

// SourceStatus is a source with how its accounts are.
type SourceStatus struct {
	ID          string
	Kind        string
	Accounts    map[HealthState]int
	State       HealthState // the worst that most of its accounts share
	LastEventAt time.Time
	LastError   string
	LastErrorAt time.Time
}

// LaneStatus is a lane with how it is.
type LaneStatus struct {
	LaneState
	Depth            int64     // pending deliveries
	CredentialExpiry time.Time // zero: never, or not known
}

// Lanes tells how every lane is.
func (h *Hub) Lanes(ctx context.Context) ([]LaneStatus, error) {
	out := make([]LaneStatus, 0, len(h.names))
	for _, name := range h.names {
		l := h.lanes[name]
		depth, err := h.store.QueueDepth(ctx, name)
		if err != nil {
			return nil, err
		}
		s := LaneStatus{LaneState: l.state(), Depth: depth}
		if e, ok := l.adapter.(Expirer); ok {
			s.CredentialExpiry = e.CredentialExpiry()
		}
		out = append(out, s)
	}
	return out, nil
}

// Sources tells how every source is.
func (h *Hub) Sources() []SourceStatus {
	out := make([]SourceStatus, 0, len(h.opts.Sources))
	for _, s := range h.opts.Sources {
		out = append(out, h.sources[s.Config.ID].status())
	}
	return out
}

// TraceStep is one step in the life of an event, notification or delivery.
type TraceStep struct {
	At   time.Time
	Step string // recorded, planned, accepted, attempted, settled, confirmed, …
	ID   string // of what the step is about
	Text string // plain words without content
}
