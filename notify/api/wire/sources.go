package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// AccountInput adds a mailbox or calendar home at a source.
type AccountInput struct {
	_        struct{} `wire:"account"`
	Source   string   `json:"source"`
	Login    string   `json:"login"`
	Password string   `json:"password,omitempty"` // empty where the source's own login serves; never shown again
	Users    []string `json:"users"`
}

// Account is a mailbox or calendar home. Its password is never shown.
type Account struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Login     string    `json:"login"`
	Users     []string  `json:"users"`
	Explicit  bool      `json:"explicit"` // added over the API; else it follows an identity
	Health    Health    `json:"health"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
}

// Health is how an account or a source is.
type Health struct {
	State       notify.HealthState `json:"state"`
	Since       time.Time          `json:"since,omitzero"`
	LastEventAt time.Time          `json:"lastEventAt,omitzero"`
	LastOKAt    time.Time          `json:"lastOkAt,omitzero"`
	LastError   string             `json:"lastError,omitempty"`
	LastErrorAt time.Time          `json:"lastErrorAt,omitzero"`
	NextTryAt   time.Time          `json:"nextTryAt,omitzero"`
	Notes       []string           `json:"notes,omitempty"`
}

// AccountList is a page of accounts, by source and login.
type AccountList struct {
	Accounts []Account `json:"accounts"`
	Next     string    `json:"next,omitempty"`
}

// Source is a server that IT connected.
type Source struct {
	ID       string           `json:"id"`
	Kind     string           `json:"kind"`
	Health   Health           `json:"health"`
	Accounts map[string]int64 `json:"accounts"` // how many are in each state
}

// SourceList is all sources.
type SourceList struct {
	Sources []Source `json:"sources"`
}

// Lane is one app on one platform.
type Lane struct {
	App              string          `json:"app"`
	Platform         notify.Platform `json:"platform"`
	State            string          `json:"state"`
	Reason           string          `json:"reason,omitempty"`
	Since            time.Time       `json:"since,omitzero"`
	NotBefore        time.Time       `json:"notBefore,omitzero"`
	Depth            int64           `json:"depth"` // pending deliveries
	CredentialExpiry time.Time       `json:"credentialExpiry,omitzero"`
}

// LaneList is all lanes.
type LaneList struct {
	Lanes []Lane `json:"lanes"`
}
