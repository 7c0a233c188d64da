package notify

import (
	"strconv"
	"strings"
	"time"
)

// Cursor is a place in a person's inbox: "<epoch>.<seq>". The epoch changes when the log was rebuilt (a restore), seq
// only grows and is never used again. Clients treat it as opaque.
type Cursor struct {
	Epoch string
	Seq   int64
}

// String is the cursor's outside form.
func (c Cursor) String() string { return c.Epoch + "." + strconv.FormatInt(c.Seq, 10) }

// ParseCursor reads a cursor; CodeInvalid when it is none (at most 64 bytes).
func ParseCursor(s string) (Cursor, error) {
	epoch, seq, ok := strings.Cut(s, ".")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !ok || err != nil || n < 0 || epoch == "" || len(s) > 64 {
		return Cursor{}, Errorf(CodeInvalid, "the cursor is not one that this hub gave out")
	}
	return Cursor{Epoch: epoch, Seq: n}, nil
}

// InboxItem is one thing that a person was told. Personal items are rows of the person's; what went to a topic or to
// all is stored once and merged on reading.
type InboxItem struct {
	Seq          int64
	Notification Notification // To and Counts are left empty
	CreatedAt    time.Time
}

// InboxPage is a stretch of a person's inbox.
type InboxPage struct {
	Items []InboxItem
	// Next continues after the last item; with no items it is where the log ends.
	Next Cursor
	// Resync: the asked cursor is of another epoch or older than what is kept; items start at the oldest kept.
	Resync bool
}
