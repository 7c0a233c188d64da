package live

import (
	"time"

	"allim.dev/allim/notify"
)

// item is an inbox item with the fields of GET /v1/me/inbox, the words already in the reader's language.
type item struct {
	ID          string            `json:"id"`
	Seq         int64             `json:"seq"`
	Event       string            `json:"event,omitempty"`
	Title       string            `json:"title,omitempty"`
	Subtitle    string            `json:"subtitle,omitempty"`
	Body        string            `json:"body,omitempty"`
	URL         string            `json:"url,omitempty"`
	Image       string            `json:"image,omitempty"`
	Data        map[string]string `json:"data,omitempty"`
	Badge       *int              `json:"badge,omitempty"`
	Sound       string            `json:"sound,omitempty"`
	Thread      string            `json:"thread,omitempty"`
	Category    string            `json:"category,omitempty"`
	CollapseKey string            `json:"collapseKey"` // a later item with the same key replaces this one
	Priority    notify.Priority   `json:"priority,omitempty"`
	Urgent      bool              `json:"urgent,omitempty"`
	Silent      bool              `json:"silent,omitempty"`
	CreatedAt   time.Time         `json:"createdAt"`
	ExpiresAt   time.Time         `json:"expiresAt,omitzero"`

	epoch string
}

func newItem(i notify.InboxItem, epoch string, v notify.Variant) item {
	n := i.Notification
	c := n.In(v)
	return item{
		ID: n.ID, Seq: i.Seq, Event: n.Event,
		Title: c.Title, Subtitle: c.Subtitle, Body: c.Body, URL: c.URL, Image: c.Image, Data: c.Data,
		Badge: c.Badge, Sound: c.Sound, Thread: c.Thread, Category: c.Category, CollapseKey: n.Collapse(),
		Priority: n.Priority, Urgent: n.Urgent, Silent: n.Silent, CreatedAt: i.CreatedAt.UTC(),
		ExpiresAt: n.ExpiresAt.UTC(), epoch: epoch,
	}
}

// cursor is the place right behind the item.
func (i item) cursor() notify.Cursor { return notify.Cursor{Epoch: i.epoch, Seq: i.Seq} }
