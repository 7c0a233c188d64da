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
	// account that is not watched at present are removed and counted as dropped without a question.
	FireReminders(ctx context.Context, now time.Time, limit int, decide func(DueReminder) (Event, Firing)) (Fired, error)
}

// DueReminder is a reminder whose moment has come.
type DueReminder struct {
	Reminder
	Source  string
	Account string // id
	Object  Object
	// Superseded: a later reminder of the same sort of the same object and recurrence is due as well.
	Superseded bool
}

// Key names the firing: the same reminder of the same moment has the same key, however often it is put.
func (d DueReminder) Key() string {
	sum := sha256.Sum256([]byte(string(d.Object) + "\x00" + d.RecurrenceID + "\x00" + d.Alarm + "\x00" +
		strconv.FormatInt(d.FireAt.UnixMilli(), 10)))
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
