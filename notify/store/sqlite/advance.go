package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

// Advance implements notify.WalkStore. Each is a job of its own; the writer takes them into one transaction.
func (s *Store) Advance(ctx context.Context, p []notify.Progress) []error {
	errs, jobs := make([]error, len(p)), make([]*job, len(p))
	for i := range p {
		jobs[i] = newJob(func(t *tx) error { return t.advance(&p[i]) })
		errs[i] = s.w.enqueue(ctx, jobs[i])
	}
	for i, j := range jobs {
		if errs[i] == nil {
			errs[i] = storeError("advance", j.wait(ctx))
		}
	}
	return errs
}

// advance stores what became of some targets of a walk.
func (t *tx) advance(p *notify.Progress) error {
	if err := t.owns("lane/"+p.Lane.String(), p.Epoch); err != nil {
		return err
	}
	for _, c := range p.Devices {
		if err := t.learn(c); err != nil {
			return err
		}
	}
	if done, err := t.settleOnly(p); done || err != nil {
		return err
	}
	y, err := t.tally(p.Walk)
	if known, err := found(err); err != nil || !known {
		return err // the notification was erased meanwhile: nobody is left to count for
	}
	if y.stored(p) {
		return nil
	}
	if p.Woken != nil {
		if fresh, err := t.woke(p.Woken); err != nil || !fresh {
			return err
		}
	}
	smooth, err := t.putRows(y, p.Rows)
	if err != nil {
		return err
	}
	if err := t.sleep(p.Walk, p.Held); err != nil {
		return err
	}
	y.count(p.Counts)
	y.position = max(y.position, p.Position)
	switch {
	case !p.Done:
	case smooth == y.targeted && y.settled() == y.targeted && y.notification != numCancelled: // nothing is left over
		y.position, y.state = max(y.position, y.last), walkEnding
	default:
		if err := t.end(y); err != nil {
			return err
		}
	}
	return t.put(y)
}

const (
	sqlCloseOnly = `UPDATE walks SET state=3, position=max(position, last), accepted=1 WHERE id=?1 AND notification=?2 AND small=1 AND state=0
		AND targeted=1 AND accepted+confirmed+failed+gone+expired+suppressed=0
		AND EXISTS (SELECT 1 FROM deliveries WHERE notification=?2 AND device=?3 AND walk=?1 AND state<2)`
	sqlSettleOnly = `UPDATE deliveries SET state=2, attempt=?, next_at=0, expires_at=?, reason=?, updated_at=? WHERE notification=? AND device=?`
)

// settleOnly is the end of a walk to one device that the platform has taken, as most walks are, without reading anything
// first. false: it is another one, or something has happened to it meanwhile; nothing was changed.
func (t *tx) settleOnly(p *notify.Progress) (bool, error) {
	if !p.Done || p.Position == 0 || len(p.Rows) != 1 || p.Rows[0].State != notify.DeliveryAccepted || p.Counts != (notify.Counts{Accepted: 1}) {
		return false, nil
	}
	r := &p.Rows[0]
	seq, device, ok := notify.ParseDeliveryID(r.ID)
	if !ok {
		return false, nil
	}
	if n, err := t.changed(sqlCloseOnly, p.Walk, seq, device); n == 0 || err != nil {
		return false, err
	}
	if err := t.run(sqlSettleOnly, r.Attempt, ms(r.ExpiresAt), r.Reason, ms(r.UpdatedAt), seq, device); err != nil {
		return false, err
	}
	return true, t.run(sqlAllDone, seq, ms(t.now))
}

// putRows stores deliveries, and tells how many were pending and are settled now.
func (t *tx) putRows(y *tally, rows []notify.DeliveryRow) (smooth int64, err error) {
	for i := range rows {
		settled, err := t.settleRow(y, &rows[i])
		if err != nil {
			return 0, err
		}
		if settled {
			smooth++
			continue
		}
		if err := t.putRow(y, &rows[i]); err != nil {
			return 0, err
		}
	}
	return smooth, nil
}

// stored tells whether this progress was stored before: its caller did not hear the answer and comes again.
func (y *tally) stored(p *notify.Progress) bool {
	ended := y.state >= walkEnding && y.notification != numCancelled
	switch {
	case p.Position == 0 && !p.Done:
		return false // retries: their rows say what was counted; sleepers: see woke
	case p.Done && ended:
		return true
	case p.Done:
		return false
	}
	return p.Position <= y.position
}

// count adds the change of the counts.
func (y *tally) count(c notify.Counts) {
	y.targeted += c.Targeted
	y.confirmed += c.Confirmed
	y.by[stateAccepted] += c.Accepted
	y.by[stateFailed] += c.Failed
	y.by[stateGone] += c.Gone
	y.by[stateExpired] += c.Expired
	y.by[stateSuppressed] += c.Suppressed
}

const (
	sqlOldRow = `SELECT d.state, d.created_at FROM deliveries d WHERE d.notification=? AND d.device=?`
	sqlPutRow = `INSERT INTO deliveries (notification, device, walk, lane, user, state, attempt, next_at, expires_at, reason, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (notification, device) DO UPDATE SET state=excluded.state, attempt=excluded.attempt,
		next_at=excluded.next_at, expires_at=excluded.expires_at, reason=excluded.reason, updated_at=excluded.updated_at`
	sqlSettlePending = `UPDATE deliveries SET state=?, attempt=?, next_at=?, expires_at=?, reason=?, updated_at=?
		WHERE notification=? AND device=? AND walk=? AND state<2`
	sqlReceipt = `SELECT 1 FROM receipts WHERE notification=? AND device=?`
)

// settleRow settles a pending delivery that has a row; false: it is none, or is to stay pending. That is putRow's work in
// one statement, for what goes as it should.
func (t *tx) settleRow(y *tally, r *notify.DeliveryRow) (bool, error) {
	seq, device, ok := notify.ParseDeliveryID(r.ID)
	if !ok || seq != y.seq || r.State == notify.DeliveryPending {
		return false, nil
	}
	state, err := storedState(r.State, r.Attempt)
	if err != nil {
		return false, err
	}
	n, err := t.changed(sqlSettlePending, state, r.Attempt, ms(r.NextAt), ms(r.ExpiresAt), r.Reason, ms(r.UpdatedAt), seq, device, y.walk)
	return n == 1, err
}

// putRow stores one delivery. p.Counts, which is added later, says how the row is counted; what it was counted as until
// now (suppressed by a hand-over, accepted because the app has confirmed it) is taken back here.
func (t *tx) putRow(y *tally, r *notify.DeliveryRow) error {
	seq, device, ok := notify.ParseDeliveryID(r.ID)
	if !ok || seq != y.seq {
		return notify.Errorf(notify.CodeInvalid, "the delivery %q is not of this walk", r.ID)
	}
	var old int
	var created int64
	known, err := found(t.row(sqlOldRow, seq, device).Scan(&old, &created))
	if err != nil {
		return err
	}
	if !known {
		old, created = stateFresh, ms(r.CreatedAt)
	}
	y.add(old, -1)
	state, err := storedState(r.State, max(r.Attempt, 1))
	if err != nil {
		return err
	}
	user, err := t.ownerOf(y, r, device)
	if err != nil || user == 0 {
		return err // the person was erased meanwhile: counted, but no row
	}
	if state < stateAccepted {
		if state, err = t.keepSettled(y, ownedDevice{key: device, user: user}); err != nil {
			return err
		}
	}
	lane, err := t.lane(r.Lane)
	if err != nil {
		return err
	}
	return t.run(sqlPutRow, seq, device, y.walk, lane, user, state, r.Attempt, ms(r.NextAt), ms(r.ExpiresAt), r.Reason, created, ms(r.UpdatedAt))
}

// keepSettled gives the state of a row that is to be tried again: unless the app has said meanwhile that it has it, the
// notification was cancelled, or the device is no longer there or no longer the person's.
func (t *tx) keepSettled(y *tally, d ownedDevice) (int, error) {
	var one, owner int64
	confirmed, err := found(t.row(sqlReceipt, y.seq, d.key).Scan(&one))
	if err != nil {
		return 0, err
	}
	if _, err := found(t.row(sqlLiveOwner, d.key).Scan(&owner)); err != nil {
		return 0, err
	}
	state := stateRetry
	if confirmed {
		state = stateAccepted
	} else if y.notification == numCancelled || owner != d.user {
		state = stateSuppressed
	}
	y.add(state, 1)
	return state, nil
}

const (
	sqlLiveOwner = `SELECT user FROM devices WHERE key=? AND state<2`
	// ?1 notification, ?2 device: the device's owner, if in the audience.
	sqlMergedInto = `SELECT d.user FROM devices d WHERE d.key=?2 AND EXISTS (SELECT 1 FROM audience a WHERE a.notification=?1 AND ` + sqlIsOf + `)`
	// sqlIsOf tells whether the device d is of the audience's row a.
	sqlIsOf = `(a.kind=4 OR a.user=d.user AND (a.kind<2 OR a.ref=d.key)
		OR a.kind=3 AND EXISTS (SELECT 1 FROM members m CROSS JOIN users z ON z.key=m.user WHERE m.topic=a.ref AND m.user=d.user AND m.joined<a.seq
			AND ` + sqlOfWhom + `))`
)

// ownerOf gives the key of the row's user; 0 when there is no such user any more, neither by that name nor, merged, by
// another.
func (t *tx) ownerOf(y *tally, r *notify.DeliveryRow, device int64) (user int64, err error) {
	if _, err = found(t.row(sqlUserKey, r.User).Scan(&user)); err != nil || user != 0 {
		return user, err
	}
	_, err = found(t.row(sqlMergedInto, y.seq, device).Scan(&user))
	return user, err
}

const (
	sqlLeftOver  = `SELECT count(*), coalesce(sum(state=0), 0) FROM deliveries WHERE notification=? AND walk=? AND state<2`
	sqlDropFresh = `UPDATE deliveries SET state=6, reason='no longer in the audience', updated_at=? WHERE notification=? AND walk=? AND state=0`
)

// end takes a walk to its end. Deliveries that it did not come to are suppressed: their devices have left the audience.
// In a big walk, which has no rows for them, the target count is set right instead.
func (t *tx) end(y *tally) error {
	y.position, y.state = max(y.position, y.last), walkEnding
	var pending, fresh int64
	if err := t.row(sqlLeftOver, y.seq, y.walk).Scan(&pending, &fresh); err != nil {
		return err
	}
	if fresh > 0 {
		if err := t.run(sqlDropFresh, ms(t.now), y.seq, y.walk); err != nil {
			return err
		}
		y.by[stateSuppressed] += fresh
	}
	if y.notification != numCancelled {
		var asleep int64
		if err := t.row(sqlAllSleepers, y.walk).Scan(&asleep); err != nil {
			return err
		}
		y.targeted = y.settled() + pending - fresh + asleep
	}
	return nil
}
