package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// Preferences are what a person wants: see notify.Preferences. The first choice that fits decides, after the rule.
type Preferences struct {
	Choices   []Choice       `json:"choices,omitempty"`
	Quiet     *Quiet         `json:"quiet,omitempty"`     // when not to be disturbed
	Bundle    int            `json:"bundle,omitempty"`    // seconds: mails that follow one another within it are one notice
	Privacy   notify.Privacy `json:"privacy,omitempty"`   // full, sender or none: the most that devices may show
	Language  string         `json:"language,omitempty"`  // BCP 47, of the hub's own words
	LiveFirst int            `json:"liveFirst,omitempty"` // seconds that an open page has before devices are told
	KeepRead  bool           `json:"keepRead,omitempty"`  // reading on one device does not clear the others
	Rule      string         `json:"rule,omitempty"`      // an expression that gives urgent, tell, inbox or an empty text
}

// Choice says what is to be done with some notices; what is left out fits everything.
type Choice struct {
	Source   string           `json:"source,omitempty"`
	Folder   string           `json:"folder,omitempty"`
	Calendar string           `json:"calendar,omitempty"`
	Topic    string           `json:"topic,omitempty"`
	Type     notify.EventType `json:"type,omitempty"` // such as mail.received; notice is what a system posted
	Say      notify.Say       `json:"say"`            // tell, inbox or urgent
}

// Quiet is when a person is not to be disturbed.
type Quiet struct {
	From       string   `json:"from"`                 // a time of day, such as 22:00
	To         string   `json:"to"`                   // not after from: on the next day
	Days       []string `json:"days,omitempty"`       // mon to sun, on which they begin; left out: every day
	Zone       string   `json:"zone,omitempty"`       // IANA; left out: the person's own
	HoldUrgent bool     `json:"holdUrgent,omitempty"` // urgent notices wait, too
}

// MarkInput says which items of the inbox were shown by an open page, or were read.
type MarkInput struct {
	_    struct{} `wire:"marks"`
	IDs  []string `json:"ids"` // of notifications
	Read bool     `json:"read,omitempty"`
}

// Mark is what the person did with an item of the inbox.
type Mark struct {
	Notification string    `json:"notification"`
	SeenAt       time.Time `json:"seenAt,omitzero"`
	ReadAt       time.Time `json:"readAt,omitzero"`
}

// MarkList is marks, oldest first.
type MarkList struct {
	Marks []Mark `json:"marks"`
	Next  int64  `json:"next"` // ask with after for what comes behind
}

// DeviceUpdate is a person's own name for a device, or the device's new address, as in DeviceInput: a platform may give an
// app another token, a browser another subscription. With an address, an empty name leaves the name as it is.
type DeviceUpdate struct {
	_            struct{}      `wire:"device"`
	Name         string        `json:"name,omitempty"`
	Token        string        `json:"token,omitempty"`
	Subscription *Subscription `json:"subscription,omitempty"`
}

// Session is a browser in which the person is signed in.
type Session struct {
	ID        string    `json:"id"`
	Way       string    `json:"way"`             // invitation, password or oidc
	Agent     string    `json:"agent,omitempty"` // the browser's own word for itself
	Current   bool      `json:"current,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UsedAt    time.Time `json:"usedAt,omitzero"` // to the hour
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// SessionList is a person's sessions, newest first.
type SessionList struct {
	Sessions []Session `json:"sessions"`
}

// Invitation lets a person in once. URL holds its secret and is shown once, when it is made.
type Invitation struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// RoleInput is a person's part in running the hub.
type RoleInput struct {
	_    struct{} `wire:"role"`
	Role Word     `json:"role"` // person, auditor, operator or admin
}
