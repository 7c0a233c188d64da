package sqlite

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"allim.dev/allim/notify"
)

// sleepersMost is how many devices one row holds: as many as a lane sends at once.
const sleepersMost = 256

const (
	// Those of paused notifications sleep on.
	sqlSleepersDue = `SELECT ` + sqlWalkColumns + `, s.seq, s.count, s.keys FROM lanes l CROSS JOIN sleepers s INDEXED BY sleepers_due ON s.lane=l.key
		CROSS JOIN walks w ON w.id=s.walk CROSS JOIN notifications n ON n.seq=w.notification AND n.state=2
		WHERE l.app=? AND l.platform=? AND s.wake_at<=? ORDER BY s.wake_at, s.seq LIMIT ?`
	sqlNextSleepers = `SELECT s.wake_at FROM lanes l CROSS JOIN sleepers s INDEXED BY sleepers_due ON s.lane=l.key
		CROSS JOIN walks w ON w.id=s.walk CROSS JOIN notifications n ON n.seq=w.notification AND n.state=2
		WHERE l.app=? AND l.platform=? AND s.wake_at>? ORDER BY s.wake_at LIMIT 1`
	sqlLastSleepers = `SELECT seq, count, keys FROM sleepers WHERE walk=? AND wake_at=? ORDER BY seq DESC LIMIT 1`
	sqlPutSleepers  = `INSERT INTO sleepers (walk, lane, wake_at, count, keys) SELECT id, lane, ?, ?, ? FROM walks WHERE id=?`
	sqlSetSleepers  = `UPDATE sleepers SET count=?, keys=? WHERE seq=?`
	sqlSleepersOf   = `SELECT count, keys FROM sleepers WHERE seq=?`
	sqlDropSleepers = `DELETE FROM sleepers WHERE seq=?`
	sqlAllSleepers  = `SELECT coalesce(sum(count), 0) FROM sleepers WHERE walk=?`
)

// DueSleepers implements notify.WalkStore. When there are more due than limit, next is a time that has come already.
func (s *Store) DueSleepers(ctx context.Context, l notify.Lane, now time.Time, limit int) (due []notify.Walk, next time.Time, err error) {
	type answer struct {
		due  []notify.Walk
		next int64
	}
	a, err := snapshot(ctx, s, "list sleepers", func(q querier) (a answer, err error) {
		if a.due, err = collect(q, scanSleepers, sqlSleepersDue, l.App, string(l.Platform), ms(now), limit+1); err != nil {
			return a, err
		}
		if len(a.due) > limit {
			a.due, a.next = a.due[:limit], ms(now)
			return a, nil
		}
		_, err = found(q.row(sqlNextSleepers, l.App, string(l.Platform), ms(now)).Scan(&a.next))
		return a, err
	})
	return a.due, at(a.next), err
}

func scanSleepers(r scanner) (notify.Walk, error) {
	p := &notify.Sleepers{}
	var count int
	var keys []byte
	w, err := scanWalk(behind{r, []any{&p.ID, &count, &keys}})
	if err != nil {
		return w, err
	}
	p.Keys, err = unpack(keys, count)
	w.Sleepers = p
	return w, err
}

// behind scans further columns behind those that the scan function it is given to knows of.
type behind struct {
	scanner
	last []any
}

// Scan implements scanner.
func (b behind) Scan(dest ...any) error { return b.scanner.Scan(append(dest, b.last...)...) }

// sleep stores devices that the walk comes back to, behind those that it comes back to at the same time.
func (t *tx) sleep(walk int64, held []notify.Held) error {
	byTime := map[int64][]int64{}
	var times []int64
	for _, h := range held {
		wake := ms(h.At)
		if byTime[wake] == nil {
			times = append(times, wake)
		}
		byTime[wake] = append(byTime[wake], h.Key)
	}
	for _, wake := range times {
		if err := t.sleepUntil(walk, wake, byTime[wake]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) sleepUntil(walk, wake int64, keys []int64) error {
	var seq int64
	var count int
	var packed []byte
	known, err := found(t.row(sqlLastSleepers, walk, wake).Scan(&seq, &count, &packed))
	if err != nil {
		return err
	}
	if room := min(sleepersMost-count, len(keys)); known && room > 0 {
		before, err := unpack(packed, count)
		if err != nil {
			return err
		}
		if err := t.run(sqlSetSleepers, count+room, pack(append(before, keys[:room]...)), seq); err != nil {
			return err
		}
		keys = keys[room:]
	}
	for len(keys) > 0 {
		some := keys[:min(sleepersMost, len(keys))]
		keys = keys[len(some):]
		if err := t.run(sqlPutSleepers, wake, len(some), pack(some), walk); err != nil {
			return err
		}
	}
	return nil
}

// woke forgets sleepers that were woken, the first of a row; false when that was stored before. Those behind them, which may
// have joined them since they were read, stay.
func (t *tx) woke(p *notify.Sleepers) (bool, error) {
	var count int
	var packed []byte
	known, err := found(t.row(sqlSleepersOf, p.ID).Scan(&count, &packed))
	if err != nil || !known {
		return false, err
	}
	keys, err := unpack(packed, count)
	if err != nil || len(keys) < len(p.Keys) || !slices.Equal(keys[:len(p.Keys)], p.Keys) {
		return false, err
	}
	if count == len(p.Keys) {
		return true, t.run(sqlDropSleepers, p.ID)
	}
	left := keys[len(p.Keys):]
	return true, t.run(sqlSetSleepers, len(left), pack(left), p.ID)
}

func pack(keys []int64) []byte {
	out := make([]byte, 0, 2*len(keys)+8)
	var before int64
	for _, k := range keys {
		out = binary.AppendVarint(out, k-before)
		before = k
	}
	return out
}

func unpack(packed []byte, count int) ([]int64, error) {
	keys := make([]int64, 0, count)
	var k int64
	for len(packed) > 0 {
		step, n := binary.Varint(packed)
		if n <= 0 {
			return nil, fmt.Errorf("the sleepers' keys are broken after %d", len(keys))
		}
		k += step
		keys, packed = append(keys, k), packed[n:]
	}
	if len(keys) != count {
		return nil, fmt.Errorf("the sleepers' keys are %d, not %d", len(keys), count)
	}
	return keys, nil
}

// asJSON is for json_each.
func asJSON(keys []int64) string {
	text, _ := json.Marshal(keys) // numbers are always written
	return string(text)
}
