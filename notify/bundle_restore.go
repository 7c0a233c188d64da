package notify

import (
	"context"
	"time"
)

// Who belongs together is kept in memory, and is found again after a restart in what is stored anyway: the deliveries that
// wait. So a bundle that was open goes on with the same end; one that was just being told is told again as a whole, and is
// the one notice that may come twice.

// BundleRow is a person's delivery that says something of a bundle.
type BundleRow struct {
	Notification string // id
	State        DeliveryState
	Reason       string
	NextAt       time.Time // of a pending one
	UpdatedAt    time.Time
}

// BundleStore finds bundles again.
type BundleStore interface {
	// BundleRows gives, oldest notification first, the person's deliveries of events that are pending, and those that were
	// accepted, or suppressed for the reason, since the moment or since the first pending one was made; of each notification
	// the one that was updated last.
	BundleRows(ctx context.Context, user, suppressed string, since time.Time) ([]BundleRow, error)
}

// recall finds a person's bundles again, at the first mail since the start. What cannot be read begins anew.
func (h *Hub) recall(ctx context.Context, user string, window time.Duration, now time.Time) {
	if h.bundles.knows(user) {
		return
	}
	rows, err := h.store.BundleRows(ctx, user, reasonBundled, now.Add(-window))
	if err != nil {
		h.log.Warn("a person's bundle of mails is not found again", "user", user, "error", err)
		return
	}
	found := map[string]*recalled{}
	for _, row := range rows {
		n, err := h.store.Notification(ctx, row.Notification)
		if err != nil || n.eventType() != MailReceived {
			continue
		}
		if found[n.source()] == nil {
			found[n.source()] = &recalled{}
		}
		found[n.source()].add(bundled{n.ID, senderOf(n)}, row, window)
	}
	h.bundles.restore(user, found)
}

// recalled is a person's bundles at one source while they are found again.
type recalled struct {
	bundling
	covered []bundled // told, or to be told, by the next delivery that is not
}

// add takes the deliveries in the order of their notifications.
func (r *recalled) add(m bundled, row BundleRow, window time.Duration) {
	switch {
	case row.State == DeliverySuppressed:
		r.covered = append(r.covered, m)
		return
	case row.State == DeliveryAccepted: // told, by itself or for others: what follows waits
		r.begin(&bundle{until: row.UpdatedAt.Add(window), head: m.id})
	case row.Reason != reasonTogether && len(r.covered) > 0: // was to tell of others, and is tried again
		r.last = &bundle{until: row.UpdatedAt, members: append(r.covered, m)}
	case row.Reason != reasonTogether: // tried again by itself
	case r.open != nil && (len(r.open.members) == 0 || r.open.until.Equal(row.NextAt)):
		r.open.until, r.open.members = row.NextAt, append(append(r.open.members, r.covered...), m)
	default:
		r.begin(&bundle{until: row.NextAt, members: append(r.covered, m)})
	}
	r.covered = nil
}

// begin has a bundle follow the one that is open.
func (r *recalled) begin(b *bundle) {
	if r.open != nil {
		r.last = r.open
	}
	r.open = b
}

// knows tells whether the person's bundles are in memory.
func (b *bundles) knows(user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.of[user]
	return ok
}

// restore takes what was found, unless somebody was quicker.
func (b *bundles) restore(user string, found map[string]*recalled) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[string]map[string]*bundling{}
	}
	if _, ok := b.of[user]; !ok && len(b.of) < bundlesKept {
		mine := map[string]*bundling{}
		for source, r := range found {
			mine[source] = &r.bundling
		}
		b.of[user] = mine
	}
}
