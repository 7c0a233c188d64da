package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// ReminderStore keeps the reminders that Record put, until their moment.
type ReminderStore interface {
	// FireReminders takes the reminders that are due at now, the earliest first, at most limit, and asks decide of each:
	// what it makes of them is recorded as events (unique by source, account and key, as in Record), and the reminders
	// are removed, all in one transaction. decide is pure and quick: it runs inside the transaction. Reminders of an
	// account that is not watched at present are removed and counted as dropped without a question. The event of a Local
	// one is for the people who are in that zone at this moment; it is none when all were told of it (KeyForAll).
	FireReminders(ctx context.Context, now time.Time, limit int, decide func(DueReminder) (Event, Firing)) (Fired, error)
}

// DueReminder is a reminder whose moment has come.
type DueReminder struct {
	Reminder
	Source  string
	Account string // id
	Object  Object
	// Superseded: a later reminder of the same sort of the same object and recurrence is due as well, for the same people.
	Superseded bool
}

// Key names the firing: the same reminder of the same moment has the same key, however often it is put.
func (d DueReminder) Key() string {
	if d.Local == nil {
		return d.KeyForAll()
	}
	return d.key(d.Local.Zone)
}

// KeyForAll is the key of a firing that was for everybody, whatever their zone: as all were once, and as one is whose object
// has a time zone of its own.
func (d DueReminder) KeyForAll() string { return d.key() }

func (d DueReminder) key(more ...string) string {
	text := string(d.Object) + "\x00" + d.RecurrenceID + "\x00" + d.Alarm + "\x00" + strconv.FormatInt(d.FireAt.UnixMilli(), 10)
	for _, m := range more {
		text += "\x00" + m
	}
	sum := sha256.Sum256([]byte(text))
	return "reminder/" + hex.EncodeToString(sum[:16])
}

// Firing says what becomes of a due reminder.
type Firing string

// The ways, as `allim_reminders_total{outcome}` has them.
const (
	FiredOnTime Firing = "fired"
	FiredLate   Firing = "late"
	FiredNot    Firing = "dropped"
)

// Fired is what became of due reminders.
type Fired struct {
	Events   []Event // new, with their ids: to be planned
	Outcomes map[Firing]int
	Count    int       // how many were taken; as many as the limit: there may be more
	Next     time.Time // when the next reminder is due (perhaps already); zero: there is none
}
