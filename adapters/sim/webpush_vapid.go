package sim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// vapid is what a sender said of itself (RFC 8292), with a signature that verifies.
type vapid struct {
	key      []byte // 65 bytes
	audience string
	subject  string
	expires  time.Time
}

var (
	errNoVAPID  = errors.New("there is no VAPID token")
	errVAPIDKey = errors.New("k is not a P-256 key in base64url without padding")
)

// parseVAPID reads an Authorization header (RFC 8292 section 3) and verifies the token's signature with its k.
func parseVAPID(header string) (vapid, error) {
	t, k := vapidParam(header, "t"), vapidParam(header, "k")
	if t == "" || k == "" {
		return vapid{}, errNoVAPID
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(k)
	if err != nil {
		return vapid{}, errVAPIDKey
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	if err != nil {
		return vapid{}, errVAPIDKey
	}
	v := vapid{key: key}
	return v, v.parseToken(t, public)
}

// vapidParam gives a parameter of the vapid scheme; empty when there is none.
func vapidParam(header, name string) (found string) {
	scheme, params, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "vapid") {
		return ""
	}
	for _, p := range strings.Split(params, ",") {
		if n, value, _ := strings.Cut(strings.TrimSpace(p), "="); n == name {
			found = value
		}
	}
	return found
}

// parseToken verifies a JWS in compact form with ES256 (RFC 7515, RFC 7518 section 3.4) and reads the claims.
func (v *vapid) parseToken(t string, public *ecdsa.PublicKey) error {
	parts := strings.Split(t, ".")
	if len(parts) != 3 {
		return errors.New("the token has not three parts")
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return errors.New("the token is not base64url without padding")
		}
	}
	var head struct{ Typ, Alg string }
	if err := json.Unmarshal(raw[0], &head); err != nil || head.Alg != "ES256" || head.Typ != "" && head.Typ != "JWT" {
		return errors.New("the token is not a JWT with ES256")
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	sig := raw[2]
	if len(sig) != 64 {
		return fmt.Errorf("the signature has %d bytes, not 64", len(sig))
	}
	if !ecdsa.Verify(public, hash[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return errors.New("the signature does not verify with k")
	}
	var claims struct {
		Aud *string
		Exp *int64 // a number with a fraction, or a text, does not decode
		Sub string
	}
	if err := json.Unmarshal(raw[1], &claims); err != nil || claims.Aud == nil || claims.Exp == nil {
		return errors.New("the claims have no aud, or no exp that is an integer")
	}
	v.audience, v.subject, v.expires = *claims.Aud, claims.Sub, time.Unix(*claims.Exp, 0)
	return nil
}

// check looks at the claims (RFC 8292 section 2).
func (v vapid) check(origin string, now time.Time) error {
	switch {
	case v.audience != origin:
		return errors.New("aud is not the endpoint's origin")
	case !v.expires.After(now):
		return errors.New("the token is expired")
	case v.expires.After(now.Add(24 * time.Hour)):
		return errors.New("exp is more than a day ahead")
	case v.subject != "" && !strings.HasPrefix(v.subject, "mailto:") && !strings.HasPrefix(v.subject, "https:"):
		return errors.New("sub is no mailto: or https: address")
	case strings.HasPrefix(v.subject, "mailto:mailto:"), strings.ContainsAny(v.subject, " <>"):
		return errors.New("sub is not well formed")
	}
	return nil
}

// vapidCache remembers verified headers: a service sees the same one for hours.
type vapidCache struct {
	mu   sync.RWMutex
	seen map[string]vapid
}

const maxVAPIDCache = 1000

func (c *vapidCache) parse(header string) (vapid, error) {
	c.mu.RLock()
	v, ok := c.seen[header]
	c.mu.RUnlock()
	if ok {
		return v, nil
	}
	v, err := parseVAPID(header)
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) >= maxVAPIDCache {
		c.seen = map[string]vapid{}
	}
	c.seen[header] = v
	return v, nil
}
