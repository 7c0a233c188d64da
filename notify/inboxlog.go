package notify

import "context"

// InboxRow is a row of the inbox log, in which everybody's items stand one after the other.
type InboxRow struct {
	Seq int64
	// User is whose it is; empty: more than one person's.
	User string
	// Item is set when the row is an item for everybody: no other row tells anybody of the same notification. Without User
	// and Item only a look into the person's own inbox says whether the row is the person's.
	Item *InboxItem
}

// InboxLog is the inbox log as a whole, for one who follows it for many readers at once.
type InboxLog interface {
	// InboxRows gives the rows behind the cursor that somebody sees, oldest first, at most limit, and the cursor behind what
	// was read, which is the log's end when there is no more. Limit 0 gives the log's end alone.
	InboxRows(ctx context.Context, after Cursor, limit int) ([]InboxRow, Cursor, error)
}
