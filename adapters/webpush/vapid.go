package webpush

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// Life of a VAPID token. RFC 8292 section 2 allows 24 hours, measured by the service's clock: half of it leaves room
// for clocks that are wrong. It is renewed at its half.
const (
	tokenLife  = 12 * time.Hour
	tokenRenew = tokenLife / 2
)

// Least time between two tokens for one origin when the service refuses the first: a fresh token can only help when
// our clock was put right meanwhile. Apple forbids more than one an hour.
const (
	tokenPause      = time.Minute
	tokenPauseApple = time.Hour
)

// signer makes VAPID tokens (RFC 8292).
type signer struct {
	key     *ecdsa.PrivateKey
	public  string // the key as clients need it: base64url without padding, 87 characters
	subject string
}

// claims of a token (RFC 8292 section 2).
type claims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Subject  string `json:"sub"`
}

// jwtHeader is {"typ":"JWT","alg":"ES256"}.
const jwtHeader = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9"

func newSigner(key *ecdsa.PrivateKey, subject string) (*signer, error) {
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode the public key: %w", err)
	}
	return &signer{key: key, public: base64.RawURLEncoding.EncodeToString(raw), subject: subject}, nil
}

// authorization makes the value of the Authorization header for an origin (RFC 8292 section 3).
func (s *signer) authorization(origin string, now time.Time) (string, error) {
	body, err := json.Marshal(claims{origin, now.Add(tokenLife).Unix(), s.subject})
	if err != nil {
		return "", fmt.Errorf("encode the token: %w", err)
	}
	signed := jwtHeader + "." + base64.RawURLEncoding.EncodeToString(body)
	hash := sha256.Sum256([]byte(signed))
	r, ss, err := ecdsa.Sign(rand.Reader, s.key, hash[:])
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	var sig [64]byte // r and s side by side (RFC 7518 section 3.4), not ASN.1
	r.FillBytes(sig[:32])
	ss.FillBytes(sig[32:])
	return "vapid t=" + signed + "." + base64.RawURLEncoding.EncodeToString(sig[:]) + ", k=" + s.public, nil
}

// checkSubject checks a contact (RFC 8292 section 2.1) as strictly as the strictest service: Apple refuses every push
// (403 BadJwtToken) when there is a space, a bracket or a local name in it.
func checkSubject(s string) error {
	if strings.ContainsAny(s, " \t<>\"") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("must not hold spaces, brackets, quotes or characters beyond ASCII")
	}
	host := ""
	switch {
	case strings.HasPrefix(s, "mailto:"):
		addr, err := mail.ParseAddress(strings.TrimPrefix(s, "mailto:"))
		if err != nil || strings.Contains(addr.Address, ":") {
			return fmt.Errorf("must be one e-mail address after the word mailto")
		}
		host = addr.Address[strings.LastIndexByte(addr.Address, '@')+1:]
	case strings.HasPrefix(s, "https:"):
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			return fmt.Errorf("must be an absolute https URL")
		}
		host = u.Hostname()
	default:
		return fmt.Errorf("must be a contact that begins with mailto: or https: in small letters")
	}
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || !strings.Contains(host, ".") {
		return fmt.Errorf("must not name a local host: Apple refuses it")
	}
	return nil
}
