package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// KeyInput makes an API key.
type KeyInput struct {
	_      struct{}       `wire:"key"`
	Name   string         `json:"name"`
	Scopes []notify.Scope `json:"scopes"`
}

// Key is an API key. Its secret is shown once, when it is made.
type Key struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Scopes     []notify.Scope `json:"scopes"`
	Secret     string         `json:"secret,omitempty"`
	CreatedAt  time.Time      `json:"createdAt,omitzero"`
	LastUsedAt time.Time      `json:"lastUsedAt,omitzero"`
	RevokedAt  time.Time      `json:"revokedAt,omitzero"`
}

// KeyList is all API keys.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// Trace is the life of an event, notification or delivery.
type Trace struct {
	ID    string `json:"id"`
	Steps []Step `json:"steps"`
}

// Step is one step of a life.
type Step struct {
	At   time.Time `json:"at,omitzero"`
	Step string    `json:"step"`
	ID   string    `json:"id,omitempty"`
	Text string    `json:"text,omitempty"`
}

// Status is how the hub is: "ok", "degraded" (it works, but see Faults) or "unready".
type Status struct {
	Status string  `json:"status"`
	Faults []Fault `json:"faults,omitempty"`
}

// Fault is a part that does not work.
type Fault struct {
	Part    string `json:"part"`
	Message string `json:"message"`
}

// Problem is an error by RFC 9457; its XML form is the RFC's own (appendix B).
type Problem struct {
	_        struct{}            `wire:"problem,ns=urn:ietf:rfc:7807,item=i"`
	Type     string              `json:"type"`
	Title    string              `json:"title"`
	Status   int                 `json:"status"`
	Detail   string              `json:"detail,omitempty"`
	Instance string              `json:"instance,omitempty"` // names the request in the hub's log
	Code     notify.Code         `json:"code"`
	Errors   []notify.FieldError `json:"errors,omitempty"`
}
