package sqlite

import (
	"cmp"
	"context"
	"slices"

	"allim.dev/allim/notify"
)

// bigList is the number of named recipients from which on their rows are a transaction of their own.
const bigList = 200

// Accept implements notify.NotificationStore.
func (s *Store) Accept(ctx context.Context, n notify.Notification, lanes []notify.Lane, idem notify.Idempotency) (notify.Notification, bool, error) {
	type answer struct {
		n        notify.Notification
		replayed bool
	}
	put := writeEarly[*answer]
	if to := n.To; len(to.Users)+len(to.Identities)+len(to.Devices) > bigList {
		put = writeAlone[*answer]
	}
	a, err := put(ctx, s, "accept", func(t *tx) (*answer, error) {
		var a answer
		var err error
		if idem.Key != "" {
			if a.n, a.replayed, err = t.answered(s, idem); err != nil || a.replayed {
				return &a, err
			}
		}
		n, entries, err := t.resolve(s, n)
		if err != nil {
			return nil, err
		}
		if a.n, err = t.store(s, n, entries, lanes); err != nil {
			return nil, err
		}
		if idem.Key != "" {
			err = t.remember(idem, a.n)
		}
		return &a, err
	})
	if err != nil {
		return notify.Notification{}, false, err
	}
	return a.n, a.replayed, nil
}

// store writes a resolved notification, and starts it unless it waits for its time or an approval.
func (t *tx) store(s *Store, n notify.Notification, entries []entry, lanes []notify.Lane) (notify.Notification, error) {
	n = t.complete(n)
	var event any
	if n.Event != "" {
		event = uid(n.Event)
	}
	seq, err := t.keep(keptNotifications, uid(n.ID), stateNumber(n.State), ms(n.CreatedAt), ms(n.ExpiresAt), ms(n.SendAt),
		event, encodeDoc(n))
	if err != nil {
		return n, err
	}
	n.Seq = seq
	waits := n.State == notify.StateScheduled || n.State == notify.StateAwaitingApproval
	if err := t.insertAudience(seq, entries, !waits && !n.Silent); err != nil || waits {
		return n, err
	}
	return t.startWalks(s, n, entries, lanes)
}

// complete fills in what the caller left to the store.
func (t *tx) complete(n notify.Notification) notify.Notification {
	if n.ID == "" {
		n.ID = notify.NewID()
	}
	if n.CreatedAt.IsZero() {
		n.CreatedAt = t.now
	}
	n.State = cmp.Or(n.State, notify.StateSending)
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = n.CreatedAt.Add(n.TTL)
	}
	n.CreatedAt, n.ExpiresAt, n.SendAt, n.DoneAt = stored(n.CreatedAt), stored(n.ExpiresAt), stored(n.SendAt), stored(n.DoneAt)
	n.Counts = notify.Counts{}
	return n
}

const sqlLastDevice = `SELECT coalesce(max(key), 0) FROM devices`

// startWalks makes one walk for each lane with targets, and a row for each delivery of a small audience. With no
// targets at all the notification is done: it still stands in the inboxes.
func (t *tx) startWalks(s *Store, n notify.Notification, entries []entry, lanes []notify.Lane) (notify.Notification, error) {
	wanted := make([]int64, 0, len(lanes))
	for _, l := range lanes {
		if n.To.Includes(l) {
			key, err := t.lane(l)
			if err != nil {
				return n, err
			}
			wanted = append(wanted, key)
		}
	}
	counts, targets, err := t.count(s, n.Seq, entries, wanted)
	if err != nil {
		return n, err
	}
	n.State = notify.StateSending
	for _, c := range counts {
		n.Counts.Targeted += c
	}
	n.Counts.Pending = n.Counts.Targeted
	if n.Counts.Targeted == 0 {
		n.State, n.DoneAt = notify.StateDone, stored(t.now)
		return n, t.run(sqlSetState, stateNumber(n.State), ms(n.DoneAt), n.Seq)
	}
	last, err := t.greatestDevice()
	if err != nil {
		return n, err
	}
	small := n.Counts.Targeted <= notify.SmallAudience
	walks := make(map[int64]int64, len(wanted))
	for _, lane := range wanted {
		if counts[lane] > 0 {
			walks[lane], err = t.keep(keptWalks, n.Seq, lane, flag(small), last, ms(n.ExpiresAt), counts[lane])
			if err != nil {
				return n, err
			}
		}
	}
	named := whoIsNamed(entries)
	for _, d := range targets {
		if err := t.keepRow(keptDeliveries, n.Seq, d.key, walks[d.lane], d.lane, d.user, ms(t.now), ms(t.now), flag(named[d.user])); err != nil {
			return n, err
		}
	}
	n.Fresh = freshWalks(n, targets, walks, last)
	return n, nil
}

// whoIsNamed gives the people in whose name an entry is: their deliveries are found along the audience.
func whoIsNamed(entries []entry) map[int64]bool {
	named := make(map[int64]bool, min(len(entries), notify.SmallAudience))
	for _, e := range entries {
		if e.user != 0 {
			named[e.user] = true
		}
	}
	return named
}

// greatestDevice gives the greatest key of a device. One that was removed since does no harm: no key is used again.
func (t *tx) greatestDevice() (int64, error) {
	if t.lastDevice == 0 {
		if err := t.row(sqlLastDevice).Scan(&t.lastDevice); err != nil {
			return 0, err
		}
	}
	return t.lastDevice, nil
}

// freshWalks are the walks with their targets, where all of them were read as the dispatcher reads them.
func freshWalks(n notify.Notification, targets []targetKey, walks map[int64]int64, last int64) []notify.Fresh {
	at := map[int64]int{}
	var fresh []notify.Fresh
	slices.SortFunc(targets, func(a, b targetKey) int { return cmp.Compare(a.key, b.key) })
	for _, d := range targets {
		if d.target == nil {
			return nil
		}
		i, known := at[d.lane]
		if !known {
			i = len(fresh)
			at[d.lane] = i
			fresh = append(fresh, notify.Fresh{Walk: notify.Walk{ID: walks[d.lane], Notification: n.ID, Seq: n.Seq, Lane: d.target.Device.Lane(),
				Last: last, Small: true, ExpiresAt: n.ExpiresAt}})
		}
		fresh[i].Targets = append(fresh[i].Targets, *d.target)
		fresh[i].Walk.Counts.Targeted++
		fresh[i].Walk.Counts.Pending++
	}
	return fresh
}

// targetKey is a device that is in an audience.
type targetKey struct {
	key, lane, user int64
	target          *notify.Target // nil: not read
}

func scanTargetKey(r scanner) (d targetKey, err error) {
	err = r.Scan(&d.key, &d.lane, &d.user)
	return d, err
}

const (
	sqlTheirTargets = sqlTargetColumns + `, d.lane, d.user FROM devices d` + sqlTargetJoins
	sqlUserTargets  = sqlTheirTargets + `WHERE d.user=? AND d.state<2`
	sqlOneTarget    = sqlTheirTargets + `WHERE d.key=? AND d.state<2`
	sqlLaneCount    = `SELECT devices FROM lanes WHERE key=?`
	sqlAllTargets   = `SELECT key, lane, user FROM devices WHERE lane=? AND state<2`
	sqlAudienceKeys = sqlMembersOf + ` SELECT d.key AS key, d.lane AS lane, d.user AS user FROM who CROSS JOIN devices d ON d.user=who.user WHERE d.state<2
		UNION SELECT d.key, d.lane, d.user FROM audience a CROSS JOIN devices d ON d.key=a.ref WHERE a.notification=?1 AND a.kind=2 AND d.user=a.user AND d.state<2`
	sqlAudienceCount = `SELECT lane, count(*) FROM (` + sqlAudienceKeys + `) GROUP BY lane`
)

// count gives the number of targets by lane, and the targets themselves when they are few. Devices count once, however
// many ways lead to them; retired ones do not count.
func (t *tx) count(s *Store, seq int64, entries []entry, lanes []int64) (map[int64]int64, []targetKey, error) {
	switch {
	case personal(entries):
		return t.countPersonal(s, entries, lanes)
	case slices.ContainsFunc(entries, func(e entry) bool { return e.kind == toAll }):
		return t.countAll(lanes)
	}
	counts := map[int64]int64{}
	rows, err := collect(t, func(r scanner) (c [2]int64, err error) {
		err = r.Scan(&c[0], &c[1])
		return c, err
	}, sqlAudienceCount, seq)
	if err != nil {
		return nil, nil, err
	}
	total := int64(0)
	for _, c := range rows {
		if slices.Contains(lanes, c[0]) {
			counts[c[0]] = c[1]
			total += c[1]
		}
	}
	if total > notify.SmallAudience {
		return counts, nil, nil
	}
	targets, err := collect(t, scanTargetKey, sqlAudienceKeys, seq)
	return counts, onLanes(targets, lanes), err
}

func onLanes(targets []targetKey, lanes []int64) []targetKey {
	return slices.DeleteFunc(targets, func(d targetKey) bool { return !slices.Contains(lanes, d.lane) })
}

// scanTheirTarget reads a target with the keys of its lane and user.
func (s *Store) scanTheirTarget(r scanner) (d targetKey, err error) {
	t, err := s.scanTarget(also{r, []any{&d.lane, &d.user}})
	d.key, d.target = t.Device.Key, &t
	return d, err
}

// countPersonal looks up the devices of a few people.
func (t *tx) countPersonal(s *Store, entries []entry, lanes []int64) (map[int64]int64, []targetKey, error) {
	counts, seen := map[int64]int64{}, map[int64]bool{}
	var targets []targetKey
	for _, e := range entries {
		query := sqlUserTargets
		if e.kind == toDevice {
			query = sqlOneTarget
		}
		found, err := collect(t, s.scanTheirTarget, query, e.ref)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range onLanes(found, lanes) {
			if !seen[d.key] && d.user == e.user { // a named device may have another owner since
				seen[d.key] = true
				counts[d.lane]++
				targets = append(targets, d)
			}
		}
	}
	if len(targets) > notify.SmallAudience {
		targets = nil
	}
	return counts, targets, nil
}

// countAll takes the numbers that the lanes keep.
func (t *tx) countAll(lanes []int64) (map[int64]int64, []targetKey, error) {
	counts, total := map[int64]int64{}, int64(0)
	for _, lane := range lanes {
		var n int64
		if err := t.row(sqlLaneCount, lane).Scan(&n); err != nil {
			return nil, nil, err
		}
		counts[lane] = n
		total += n
	}
	var targets []targetKey
	for _, lane := range lanes {
		if total > notify.SmallAudience {
			break
		}
		found, err := collect(t, scanTargetKey, sqlAllTargets, lane)
		if err != nil {
			return nil, nil, err
		}
		targets = append(targets, found...)
	}
	return counts, targets, nil
}
