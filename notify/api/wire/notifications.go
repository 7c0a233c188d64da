package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// Audience says who is to be told: users, identities, devices and topics together, or everyone with all, narrowed by
// platforms and apps. Nobody is told twice.
type Audience struct {
	Users      []string          `json:"users,omitempty"`
	Identities []Identity        `json:"identities,omitempty"`
	Devices    []string          `json:"devices,omitempty"` // their ids
	Topics     []string          `json:"topics,omitempty"`
	All        bool              `json:"all,omitempty"`       // everyone
	Platforms  []notify.Platform `json:"platforms,omitempty"` // only devices on these
	Apps       []string          `json:"apps,omitempty"`      // only devices with these
}

// Content is what is told. A title or a body is needed, unless it is silent.
type Content struct {
	Title    string            `json:"title,omitempty"`    // at most 1 KiB
	Subtitle string            `json:"subtitle,omitempty"` // at most 1 KiB
	Body     string            `json:"body,omitempty"`     // at most 16 KiB
	URL      string            `json:"url,omitempty"`      // absolute; opened by a tap
	Image    string            `json:"image,omitempty"`    // absolute URL
	Data     map[string]string `json:"data,omitempty"`     // for the app; at most 16 KiB
	Badge    *int              `json:"badge,omitempty"`    // the number on the app's icon
	Sound    string            `json:"sound,omitempty"`    // default, or a name that the app knows; absent: none
	Thread   string            `json:"thread,omitempty"`   // visual grouping
	Category string            `json:"category,omitempty"` // actions that the app registered
}

// NotificationInput is a notification to be sent.
type NotificationInput struct {
	_  struct{} `wire:"notification"`
	To Audience `json:"to"`
	Content
	CollapseKey string            `json:"collapseKey,omitempty"` // a later one with the same key takes its place on the device
	Priority    notify.Priority   `json:"priority,omitempty"`    // absent: normal
	Urgent      bool              `json:"urgent,omitempty"`      // breaks through quiet hours; needs the scope urgent
	Silent      bool              `json:"silent,omitempty"`      // data for the app, with nothing to show
	TTL         *int64            `json:"ttl,omitempty"`         // seconds for which it is worth telling, at most 28 days; absent: one day
	SendAt      time.Time         `json:"sendAt,omitzero"`       // when to start, at most a year ahead; absent: at once
	Rate        int               `json:"rate,omitempty"`        // deliveries a second at most; 0: as fast as it goes
	Template    string            `json:"template,omitempty"`    // the hub's own wording in each person's language, instead of title and body
	Params      map[string]string `json:"params,omitempty"`      // of the template
	Partial     bool              `json:"partial,omitempty"`     // skip and report unknown users, identities and topics
}

// Counts are the deliveries by where they stand: targeted = pending + accepted + failed + gone + expired + suppressed;
// confirmed are those of accepted that the app reported back.
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
	// EstimatedDoneAt is when it will be done if it goes on as so far: so many deliveries PerSecond.
	EstimatedDoneAt time.Time `json:"estimatedDoneAt,omitzero"`
	PerSecond       int64     `json:"perSecond,omitempty"`
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
