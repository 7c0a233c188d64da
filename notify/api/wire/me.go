package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// Me is the signed-in person.
type Me struct {
	ID         string     `json:"id"`
	Name       string     `json:"name,omitempty"`
	Locale     string     `json:"locale,omitempty"`
	TimeZone   string     `json:"timeZone,omitempty"`
	Identities []Identity `json:"identities"`
	// Cursor is the end of the person's inbox at this moment: a live stream that starts there misses nothing.
	Cursor string `json:"cursor"`
}

// InboxItem is one thing that the person was told, in the person's language; open pages get the same items live.
type InboxItem struct {
	ID    string `json:"id"` // the notification's
	Seq   int64  `json:"seq"`
	Event string `json:"event,omitempty"` // the event that it tells of
	Content
	CollapseKey string          `json:"collapseKey"` // a later item with the same key replaces this one
	Priority    notify.Priority `json:"priority,omitempty"`
	Urgent      bool            `json:"urgent,omitempty"`
	Silent      bool            `json:"silent,omitempty"`
	CreatedAt   time.Time       `json:"createdAt,omitzero"`
	ExpiresAt   time.Time       `json:"expiresAt,omitzero"`
	ReadAt      time.Time       `json:"readAt,omitzero"` // left out: not read
}

// Inbox is a stretch of the person's inbox, oldest first.
type Inbox struct {
	Items []InboxItem `json:"items"`
	// Next continues after the last item; with no items it is where the inbox ends.
	Next string `json:"next"`
	// Resync: the cursor was of another epoch, or older than what is kept; the items start at the oldest kept one.
	Resync bool `json:"resync"`
}
