package notify

import (
	"context"
	"time"
)

// Mark is what a person did with something told.
type Mark struct {
	SeenAt time.Time // an open page showed it
	ReadAt time.Time // zero: not yet
}

// ReadMark is a mark as open pages follow it.
type ReadMark struct {
	Seq          int64
	Notification string // id
	Mark         Mark
}

// MarkStore keeps what people saw and read, so that their devices agree.
type MarkStore interface {
	// MarkInbox marks notifications of the person's inbox as seen, and with read also as read. It gives the ids for which
	// that was new; ids that are not in the person's inbox are left out. CodeUnknownUser.
	MarkInbox(ctx context.Context, user string, ids []string, read bool, now time.Time) (changed []string, err error)
	// Marks gives the marks of the person on the notifications, by id; those without one are left out.
	Marks(ctx context.Context, user string, ids []string) (map[string]Mark, error)
	// MarksAfter gives the person's marks after a number, oldest first, and the number of the newest.
	MarksAfter(ctx context.Context, user string, after int64, limit int) (marks []ReadMark, end int64, err error)
	// Unread counts the items of the person's inbox that are not read, up to most.
	Unread(ctx context.Context, user string, most int) (int, error)
}
