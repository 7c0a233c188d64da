package notify

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Scope is what a key may do.
type Scope string

// The scopes of the contract.
const (
	ScopeAdmin  Scope = "admin"
	ScopeSend   Scope = "send"
	ScopeRead   Scope = "read"
	ScopeUrgent Scope = "urgent"
	// ScopeBroadcast tells everybody without a second person's word, where the configuration asks for one.
	ScopeBroadcast Scope = "broadcast"
	ScopeUser      Scope = "user" // a person's own token: /v1/me and receipts
)

// KeyScopes are those that a key can have: ScopeUser is for tokens only.
func KeyScopes() []Scope {
	return []Scope{ScopeAdmin, ScopeSend, ScopeRead, ScopeUrgent, ScopeBroadcast}
}

// Valid tells whether s is a scope that a key can have.
func (s Scope) Valid() bool { return contains(KeyScopes(), s) }

// Key is an API key, or a person's own token (then User is set and the only scope is ScopeUser). The secret itself is
// shown once and never stored: only its hash is.
type Key struct {
	ID         string
	Name       string
	Scopes     []Scope
	User       string
	CreatedAt  time.Time
	LastUsedAt time.Time
	RevokedAt  time.Time
}

// Allows tells whether the key has the scope; admin has all but ScopeUser and ScopeBroadcast, which is to be asked for by
// name: whoever may do everything is not to tell everybody alone by accident.
func (k Key) Allows(s Scope) bool {
	return contains(k.Scopes, s) || (s != ScopeUser && s != ScopeBroadcast && contains(k.Scopes, ScopeAdmin))
}

// NewSecret makes a key's secret: 256 bits of randomness with a prefix that secret scanners can know.
func NewSecret(prefix string) string {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("no randomness: " + err.Error())
	}
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// HashSecret is what the store keeps of a secret. A plain SHA-256 is enough: the secret has 256 random bits.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
