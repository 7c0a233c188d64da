package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// Audience says who is to be told: see notify.Audience.
type Audience struct {
	Users      []string          `json:"users,omitempty"`
	Identities []Identity        `json:"identities,omitempty"`
	Devices    []string          `json:"devices,omitempty"`
	Topics     []string          `json:"topics,omitempty"`
	All        bool              `json:"all,omitempty"`
	Platforms  []notify.Platform `json:"platforms,omitempty"`
	Apps       []string          `json:"apps,omitempty"`
}

// Content is what is told.
type Content struct {
	Title    string            `json:"title,omitempty"`
	Subtitle string            `json:"subtitle,omitempty"`
	Body     string            `json:"body,omitempty"`
	URL      string            `json:"url,omitempty"`
	Image    string            `json:"image,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	Badge    *int              `json:"badge,omitempty"`
	Sound    string            `json:"sound,omitempty"`
	Thread   string            `json:"thread,omitempty"`
	Category string            `json:"category,omitempty"`
}

// NotificationInput is a notification to be sent.
type NotificationInput struct {
	_  struct{} `wire:"notification"`
	To Audience `json:"to"`
	Content
	CollapseKey string            `json:"collapseKey,omitempty"`
	Priority    notify.Priority   `json:"priority,omitempty"`
	Urgent      bool              `json:"urgent,omitempty"`
	Silent      bool              `json:"silent,omitempty"`
	TTL         *int64            `json:"ttl,omitempty"` // seconds; absent: one day
	SendAt      time.Time         `json:"sendAt,omitzero"`
	Rate        int               `json:"rate,omitempty"` // deliveries a second at most; 0: as fast as it goes
	Template    string            `json:"template,omitempty"`
	Params      map[string]string `json:"params,omitempty"`
	Partial     bool              `json:"partial,omitempty"` // skip and report unknown users, identities and topics
}

// Counts are the deliveries by where they stand: see notify.Counts.
type Counts struct {
	Targeted   int64 `json:"targeted"`
	Pending    int64 `json:"pending"`
	Accepted   int64 `json:"accepted"`
	Confirmed  int64 `json:"confirmed"`
	Failed     int64 `json:"failed"`
	Gone       int64 `json:"gone"`
	Expired    int64 `json:"expired"`
	Suppressed int64 `json:"suppressed"`
}

// Accepted is the answer to a notification that was sent.
type Accepted struct {
	_       struct{}            `wire:"notification"`
	ID      string              `json:"id"`
	State   notify.State        `json:"state"`
	Counts  Counts              `json:"counts"`
	Skipped []notify.FieldError `json:"skipped,omitempty"`
}

// Notification is a notification and how far it is. What was made of an event shows its template, not its words: they
// are for the person who was told.
type Notification struct {
	ID     string       `json:"id"`
	State  notify.State `json:"state"`
	Counts Counts       `json:"counts"`
	To     Audience     `json:"to"`
	Content
	CollapseKey string              `json:"collapseKey,omitempty"`
	Priority    notify.Priority     `json:"priority,omitempty"`
	Urgent      bool                `json:"urgent,omitempty"`
	Silent      bool                `json:"silent,omitempty"`
	TTL         int64               `json:"ttl"` // seconds
	SendAt      time.Time           `json:"sendAt,omitzero"`
	Rate        int                 `json:"rate,omitempty"`
	Template    string              `json:"template,omitempty"`
	Params      map[string]string   `json:"params,omitempty"`
	Event       string              `json:"event,omitempty"` // the event that it tells of
	By          string              `json:"by,omitempty"`    // the id of the key that sent it
	Skipped     []notify.FieldError `json:"skipped,omitempty"`
	CreatedAt   time.Time           `json:"createdAt,omitzero"`
	ExpiresAt   time.Time           `json:"expiresAt,omitzero"`
	DoneAt      time.Time           `json:"doneAt,omitzero"`
	// EstimatedDoneAt is when it will be done if it goes on as so far.
	EstimatedDoneAt time.Time `json:"estimatedDoneAt,omitzero"`
}

// NotificationList is a page of notifications, newest first.
type NotificationList struct {
	Notifications []Notification `json:"notifications"`
	Next          string         `json:"next,omitempty"`
}

// Delivery is one notification to one device, where a row of it is kept.
type Delivery struct {
	ID           string               `json:"id"`
	Notification string               `json:"notification"`
	Device       string               `json:"device"`
	User         string               `json:"user"`
	App          string               `json:"app"`
	Platform     notify.Platform      `json:"platform"`
	State        notify.DeliveryState `json:"state"`
	Attempt      int                  `json:"attempt"` // attempts made
	NextAt       time.Time            `json:"nextAt,omitzero"`
	Reason       string               `json:"reason,omitempty"` // the platform's own word on the last attempt
	CreatedAt    time.Time            `json:"createdAt,omitzero"`
	UpdatedAt    time.Time            `json:"updatedAt,omitzero"`
	ConfirmedAt  time.Time            `json:"confirmedAt,omitzero"`
	OpenedAt     time.Time            `json:"openedAt,omitzero"`
}

// DeliveryList is a page of deliveries.
type DeliveryList struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       string     `json:"next,omitempty"`
}

// Receipt is the app's own word on a delivery.
type Receipt struct {
	Delivery Word `json:"delivery"`
	State    Word `json:"state"` // received or opened
}

// The states of a receipt.
const (
	ReceiptReceived Word = "received"
	ReceiptOpened   Word = "opened"
)
