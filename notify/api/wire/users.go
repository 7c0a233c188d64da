package wire

import "time"

// Identity is how the outside world names a user; in XML <identity kind="email">kim@example.com</identity>.
type Identity struct {
	Kind  string `json:"kind" xml:"kind,attr"`
	Value string `json:"value" xml:",chardata"`
}

// UserInput replaces what is known of a user.
type UserInput struct {
	_          struct{}   `wire:"user"`
	Name       string     `json:"name,omitempty"`
	Locale     string     `json:"locale,omitempty"`   // BCP 47
	TimeZone   string     `json:"timeZone,omitempty"` // IANA
	Identities []Identity `json:"identities,omitempty"`
}

// User is a person.
type User struct {
	ID         string     `json:"id"`
	Name       string     `json:"name,omitempty"`
	Locale     string     `json:"locale,omitempty"`
	TimeZone   string     `json:"timeZone,omitempty"`
	Identities []Identity `json:"identities"`
	CreatedAt  time.Time  `json:"createdAt,omitzero"`
	UpdatedAt  time.Time  `json:"updatedAt,omitzero"`
}

// UserList is a page of users, by id.
type UserList struct {
	Users []User `json:"users"`
	Next  string `json:"next,omitempty"` // the cursor of the next page; empty: there is none
}

// Merge names the user that another one becomes a part of.
type Merge struct {
	Into string `json:"into"`
}

// TokenInput asks for a person's own token.
type TokenInput struct {
	_    struct{} `wire:"token"`
	Name string   `json:"name,omitempty"` // for people, such as the app that it is for
}

// Token is a person's own token. Token itself is shown once, when it is made.
type Token struct {
	ID         string    `json:"id"`
	User       string    `json:"user"`
	Name       string    `json:"name,omitempty"`
	Token      string    `json:"token,omitempty"`
	CreatedAt  time.Time `json:"createdAt,omitzero"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
}

// TokenList is all tokens of a person.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// Topic is a named group of users. Members and Next are a page of it; in a listing they are left out.
type Topic struct {
	Name    string   `json:"name"`
	Count   int64    `json:"count,omitempty"` // how many members; in a listing only
	Members []string `json:"members,omitempty"`
	Next    string   `json:"next,omitempty"`
}

// TopicList is a page of topics, by name.
type TopicList struct {
	Topics []Topic `json:"topics"`
	Next   string  `json:"next,omitempty"`
}
