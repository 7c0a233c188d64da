package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// Ingested is the answer to a foreign document that was taken.
type Ingested struct {
	// IDs are the notifications' ids, in the order of the document.
	IDs []string `json:"ids"`
	// Replayed is how many of them had been accepted before.
	Replayed int `json:"replayed,omitempty"`
}

// Trial is what a foreign document would send, and to whom.
type Trial struct {
	Notifications []TrialNotification `json:"notifications"`
}

// TrialNotification is one notification of a trial.
type TrialNotification struct {
	Where string `json:"where"`          // such as match[2]
	Line  int    `json:"line,omitempty"` // of the document
	// Idempotency is the name under which it is sent once; Replayed tells that it had been sent before.
	Idempotency string   `json:"idempotency,omitempty"`
	Replayed    bool     `json:"replayed,omitempty"`
	To          Audience `json:"to"`
	// People are the users whom the audience names, at most a hundred; Targeted is how many devices they have.
	People   []string `json:"people,omitempty"`
	Targeted int64    `json:"targeted"`
	Content
	CollapseKey string              `json:"collapseKey,omitempty"`
	Priority    notify.Priority     `json:"priority,omitempty"`
	Urgent      bool                `json:"urgent,omitempty"`
	Silent      bool                `json:"silent,omitempty"`
	TTL         int64               `json:"ttl"` // seconds
	SendAt      time.Time           `json:"sendAt,omitzero"`
	Template    string              `json:"template,omitempty"`
	Params      map[string]string   `json:"params,omitempty"`
	Skipped     []notify.FieldError `json:"skipped,omitempty"`
}
