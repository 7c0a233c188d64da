package api_test

import (
	"bytes"
	"context"
	"slices"
	"time"

	"allim.dev/allim/notify"
)

// fakeHub does as notify.Hub does towards the API, without walking.
type fakeHub struct {
	store *memStore
	clock notify.Clock
	lanes []notify.LaneStatus
	panic bool // the next call of Sources panics
	// counted are the foreign documents, each with its mapping and the code of its refusal; broken is what SendAll says.
	counted []string
	broken  error
}

func (h *fakeHub) PutUser(ctx context.Context, u notify.User) (notify.User, bool, error) {
	u, err := u.Validate(notify.Normalizer{})
	if err != nil {
		return u, false, err
	}
	created, err := h.store.PutUser(ctx, u)
	return u, created, err
}

func (h *fakeHub) FindUser(ctx context.Context, i notify.Identity) (notify.User, error) {
	i, err := notify.Normalizer{}.Normalize(i)
	if err != nil {
		return notify.User{}, err
	}
	return h.store.UserByIdentity(ctx, i)
}

func (h *fakeHub) DeleteUser(ctx context.Context, id string) error {
	return h.store.DeleteUser(ctx, id)
}

func (h *fakeHub) MergeUser(ctx context.Context, from, into string) error {
	if from == into {
		return notify.Errorf(notify.CodeInvalid, "a user cannot be merged into itself")
	}
	if _, err := h.store.User(ctx, into); err != nil {
		return err
	}
	return h.store.DeleteUser(ctx, from)
}

func (h *fakeHub) RegisterDevice(ctx context.Context, d notify.Device) (notify.Device, bool, error) {
	if err := checkDevice(d); err != nil {
		return d, false, err
	}
	d.RegisteredAt = h.clock.Now()
	return h.store.PutDevice(ctx, d)
}

func (h *fakeHub) RenewDevice(ctx context.Context, d notify.Device) (notify.Device, error) {
	if err := checkDevice(d); err != nil {
		return d, err
	}
	d.RegisteredAt = h.clock.Now()
	return h.store.RenewDevice(ctx, d)
}

func checkDevice(d notify.Device) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if d.App != "corp" {
		return &notify.Error{Code: notify.CodeUnknownApp, Detail: "no app " + d.App,
			Fields: []notify.FieldError{{Path: "app", Message: "is not known"}}}
	}
	if d.Token == "misshapen" {
		return &notify.Error{Code: notify.CodeInvalidToken, Fields: []notify.FieldError{{Path: "token", Message: "is no token"}}}
	}
	return nil
}

func (h *fakeHub) AddAccount(_ context.Context, a notify.Account) (notify.Account, bool, error) {
	if a.Source != "mail" {
		return a, false, &notify.Error{Code: notify.CodeUnknownSource, Fields: []notify.FieldError{{Path: "source", Message: "is not known"}}}
	}
	defer h.store.locked()()
	i := slices.IndexFunc(h.store.accounts, func(b notify.Account) bool { return b.Source == a.Source && b.Login == a.Login })
	if i >= 0 {
		return h.store.accounts[i], false, nil
	}
	a.ID, a.Explicit = notify.NewID(), true
	h.store.accounts = append(h.store.accounts, a)
	return a, true, nil
}

func (h *fakeHub) RemoveAccount(ctx context.Context, id string) error {
	if _, err := h.store.Account(ctx, id); err != nil {
		return err
	}
	defer h.store.locked()()
	h.store.accounts = slices.DeleteFunc(h.store.accounts, func(a notify.Account) bool { return a.ID == id })
	return nil
}

func (h *fakeHub) Send(_ context.Context, n notify.Notification, idem notify.Idempotency) (notify.Notification, bool, error) {
	n, err := n.Validate(notify.Normalizer{}, h.clock.Now())
	if err != nil {
		return n, false, err
	}
	defer h.store.locked()()
	for i, u := range n.To.Users {
		if _, ok := h.store.users[u]; ok {
			continue
		}
		bad := notify.FieldError{Path: "to.users[" + string(rune('0'+i)) + "]", Message: "is not known"}
		if !n.Partial {
			return n, false, &notify.Error{Code: notify.CodeUnknownUser, Detail: "some are not known", Fields: []notify.FieldError{bad}}
		}
		n.Skipped = append(n.Skipped, bad)
	}
	if old, used := h.store.idem[idem.KeyID+idem.Key]; used && idem.Key != "" {
		if !bytes.Equal(old.BodyHash, idem.BodyHash) {
			return n, false, notify.Errorf(notify.CodeIdempotencyConflict, "another body")
		}
		return h.store.sent[len(h.store.sent)-1], true, nil
	}
	h.store.idem[idem.KeyID+idem.Key] = idem
	n.ID, n.Seq, n.State, n.CreatedAt = notify.NewID(), int64(len(h.store.sent)+1), notify.StateSending, h.clock.Now()
	n.Counts = notify.Counts{Targeted: 4, Pending: 2, Accepted: 2}
	h.store.sent = append(h.store.sent, n)
	h.store.rows = append(h.store.rows, notify.DeliveryRow{ID: notify.DeliveryID(n.Seq, 1), Notification: n.ID, Device: "d1",
		User: "kim", Lane: notify.Lane{App: "corp", Platform: notify.APNs}, State: notify.DeliveryFailed, Attempt: 3, Reason: "BadTopic"})
	return n, false, nil
}

// SendAll takes all or none, as the hub does.
func (h *fakeHub) SendAll(ctx context.Context, p notify.Posting) (accepted []notify.Acceptance, known bool, err error) {
	if h.broken != nil {
		return nil, false, h.broken
	}
	var faults notify.Faults
	for _, s := range p.Items {
		n, err := s.Notification.Validate(notify.Normalizer{}, h.clock.Now())
		for i, u := range n.To.Users {
			if _, ok := h.store.users[u]; !ok && err == nil {
				err = &notify.Error{Code: notify.CodeUnknownUser, Fields: []notify.FieldError{{Path: "to.users[" + string(rune('0'+i)) + "]", Message: "is not known"}}}
			}
		}
		if err != nil {
			faults.Add(s, err)
		}
	}
	if err := faults.Err(len(p.Items)); err != nil {
		return nil, false, err
	}
	for _, s := range p.Items {
		if p.Dry {
			accepted = append(accepted, notify.Acceptance{Notification: s.Notification, People: s.Notification.To.Users})
			continue
		}
		s.Notification.By = p.By
		n, replayed, err := h.Send(ctx, s.Notification, s.Idempotency)
		if err != nil {
			return nil, false, err
		}
		accepted = append(accepted, notify.Acceptance{Notification: n, Replayed: replayed})
	}
	return accepted, false, nil
}

func (h *fakeHub) CountDocument(mapping string, err error) {
	defer h.store.locked()()
	h.counted = append(h.counted, mapping+" "+string(notify.CodeOf(err)))
}

func (h *fakeHub) state(id string, to notify.State) (notify.Notification, error) {
	defer h.store.locked()()
	for i := range h.store.sent {
		if n := &h.store.sent[i]; n.ID == id {
			if n.State == notify.StateCancelled {
				return *n, notify.Errorf(notify.CodeWrongState, "it was cancelled")
			}
			n.State = to
			return *n, nil
		}
	}
	return notify.Notification{}, unknown(notify.CodeUnknownNotification, id)
}

func (h *fakeHub) Pause(_ context.Context, id string) (notify.Notification, error) {
	return h.state(id, notify.StatePaused)
}

func (h *fakeHub) Resume(_ context.Context, id string) (notify.Notification, error) {
	return h.state(id, notify.StateSending)
}

func (h *fakeHub) Cancel(_ context.Context, id string) (notify.Notification, error) {
	return h.state(id, notify.StateCancelled)
}

func (h *fakeHub) Approve(_ context.Context, id, by string) (notify.Notification, error) {
	return h.decide(id, by, notify.StateSending)
}

func (h *fakeHub) Refuse(_ context.Context, id string) (notify.Notification, error) {
	return h.decide(id, "", notify.StateCancelled)
}

func (h *fakeHub) decide(id, by string, to notify.State) (notify.Notification, error) {
	defer h.store.locked()()
	for i := range h.store.sent {
		n := &h.store.sent[i]
		switch {
		case n.ID != id:
			continue
		case n.By == by:
			return *n, notify.Errorf(notify.CodeForbidden, "somebody else must approve it")
		case n.State != notify.StateAwaitingApproval:
			return *n, notify.Errorf(notify.CodeWrongState, "it does not wait")
		}
		n.State = to
		return *n, nil
	}
	return notify.Notification{}, unknown(notify.CodeUnknownNotification, id)
}

func (h *fakeHub) Pace(n notify.Notification) notify.Pace {
	return n.PaceSince(n.CreatedAt, 0, h.clock.Now())
}

func (h *fakeHub) Replay(_ context.Context, id string) (notify.DeliveryRow, error) {
	defer h.store.locked()()
	for i := range h.store.rows {
		if r := &h.store.rows[i]; r.ID == id {
			r.State = notify.DeliveryPending
			return *r, nil
		}
	}
	return notify.DeliveryRow{}, unknown(notify.CodeUnknownDelivery, id)
}

func (h *fakeHub) PublicKey(app string) (string, error) {
	if app != "corp" {
		return "", unknown(notify.CodeUnknownApp, app)
	}
	return "BPublic", nil
}

func (h *fakeHub) Lanes(context.Context) ([]notify.LaneStatus, error) { return h.lanes, nil }

func (h *fakeHub) Sources() []notify.SourceStatus {
	if h.panic {
		panic("secret in a panic")
	}
	return []notify.SourceStatus{{ID: "mail", Kind: "imap", State: notify.HealthWatching,
		Accounts: map[notify.HealthState]int{notify.HealthWatching: 2, notify.HealthBackoff: 1}}}
}

func (h *fakeHub) Trace(_ context.Context, id string) ([]notify.TraceStep, error) {
	if id != "e1" {
		return nil, unknown(notify.CodeNotFound, id)
	}
	return []notify.TraceStep{{At: time.Unix(1, 0), Step: "recorded", ID: "e1", Text: "by the connector"}}, nil
}
