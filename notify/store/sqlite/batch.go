package sqlite

import (
	"strings"
)

// Most rows that the writer inserts are those of requests: some four for each, in four tables. SQLite takes longer to begin
// and end such a statement than to insert its row; so the rows of a transaction's jobs are kept and inserted many at a
// time. No other statement is run before what is kept is in the file, except those that look at other tables alone.

// kept is a table whose rows are kept for a while.
type kept int

const (
	keptNotifications kept = iota
	keptAudience
	keptWalks
	keptDeliveries
	keptTables
)

// keptRows are inserted with one statement at most; fewer with a statement for each power of two.
const keptRows = 16

// batch is the rows of one table that are not inserted yet.
type batch struct {
	args []any
	rows int
	next int64 // the next row's number; 0: not known
}

// keptTable is how rows get into a table.
type keptTable struct {
	name    string // of the table whose rows are numbered; empty: they are not
	into    string
	columns int // that are given
	row     string
}

func (k kept) table() keptTable {
	switch k {
	case keptNotifications:
		return keptTable{"notifications", `INSERT INTO notifications (seq, id, state, created_at, expires_at, send_at, done_at, event, doc) VALUES `,
			8, `(?, ?, ?, ?, ?, ?, 0, ?, ?)`}
	case keptAudience:
		return keptTable{"audience", `INSERT INTO audience (seq, notification, kind, ref, user, label, shown, zone, wall, event) VALUES `,
			10, `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`}
	case keptWalks:
		return keptTable{"walks", `INSERT INTO walks (id, notification, lane, state, small, position, last, not_before, expires_at, targeted) VALUES `,
			7, `(?, ?, ?, 0, ?, 0, ?, 0, ?, ?)`}
	default:
		return keptTable{"", `INSERT INTO deliveries (notification, device, walk, lane, user, state, attempt, next_at, expires_at, reason, created_at, updated_at, named) VALUES `,
			8, `(?, ?, ?, ?, ?, 0, 0, 0, 0, '', ?, ?, ?)`}
	}
}

const sqlLastNumber = `SELECT seq FROM sqlite_sequence WHERE name=?`

// keep adds a row to a numbered table and gives its number: the next one, as SQLite would give it.
func (t *tx) keep(k kept, args ...any) (number int64, err error) {
	b := &t.batches[k]
	if b.next == 0 {
		if _, err := found(t.conn.row(sqlLastNumber, k.table().name).Scan(&b.next)); err != nil {
			return 0, err
		}
		b.next++
	}
	number = b.next
	b.next++
	b.args = append(b.args, number)
	return number, t.keepRow(k, args...)
}

// keepRow adds a row to a table; with keep, the rest of one.
func (t *tx) keepRow(k kept, args ...any) error {
	t.wrote = true
	b := &t.batches[k]
	b.args = append(b.args, args...)
	b.rows++
	if b.rows < keptRows {
		return nil
	}
	return t.insertKept(k)
}

// insertAllKept inserts what is kept.
func (t *tx) insertAllKept() error {
	for k := range keptTables {
		if err := t.insertKept(k); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) insertKept(k kept) error {
	b := &t.batches[k]
	if b.rows == 0 {
		return nil
	}
	columns := k.table().columns
	args := b.args
	for rows := keptRows; rows > 0; rows /= 2 {
		for ; b.rows >= rows; b.rows -= rows {
			if err := t.conn.exec(t.insertOf(k, rows), args[:rows*columns]); err != nil {
				return err
			}
			args = args[rows*columns:]
		}
	}
	clear(b.args)
	b.args = b.args[:0]
	return nil
}

// insertOf gives the statement that inserts so many rows.
func (c *conn) insertOf(k kept, rows int) string {
	key := [2]int{int(k), rows}
	query := c.inserts[key]
	if query == "" {
		table := k.table()
		query = table.into + table.row + strings.Repeat(", "+table.row, rows-1)
		c.inserts[key] = query
	}
	return query
}

// looksElsewhere are the statements that need nothing of what is kept: they read tables whose rows are not.
func looksElsewhere(query string) bool {
	switch query {
	case sqlUserKey, sqlTakenBy, sqlUserTargets, sqlOneTarget, sqlLaneKey, sqlLastDevice, sqlEpoch, sqlAnswered, sqlRemember:
		return true
	}
	return false
}
