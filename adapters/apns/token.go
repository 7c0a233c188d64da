package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/sideshow/apns2/token"

	"allim.dev/allim/notify"
)

// Apple, "Establishing a token-based connection to APNs": renew a token no more often than every 20 minutes and at
// least every 60.
const (
	tokenRenew    = 45 * time.Minute
	tokenMinRenew = 20 * time.Minute
)

// signer makes the provider token that all connections of one key share. There is one writer: whoever finds it too old
// holds the lock, the others wait for it. apns2's own Token is not used for that: it swallows signing errors, reads the
// machine's clock and cannot be made to renew.
type signer struct {
	clock  notify.Clock
	key    *ecdsa.PrivateKey
	keyID  string
	teamID string

	mu       sync.Mutex
	current  string
	issuedAt time.Time
}

// loadKey reads a .p8 file: a P-256 key in PKCS #8 and PEM.
func loadKey(path string) (*ecdsa.PrivateKey, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, err := token.AuthKeyFromBytes(pem)
	if err != nil {
		// The parser's own error might quote the file.
		return nil, errors.New("the file is not a .p8 key as Apple gives them out (PEM, PKCS #8, P-256)")
	}
	if key.Curve != elliptic.P256() {
		return nil, errors.New("the key is not on the curve P-256, the only one that Apple takes")
	}
	return key, nil
}

// bearer gives the token to send with, a new one when the last is 45 minutes old.
func (s *signer) bearer() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.clock.Now().Sub(s.issuedAt)
	// A clock that was turned back leaves a token from the future, which Apple refuses.
	if s.current != "" && age < tokenRenew && age > -time.Minute {
		return s.current, nil
	}
	return s.sign()
}

// refused tells that Apple called the token used too old. It gives true when a send with the present token may help:
// because somebody renewed it already, or because it was renewed now. It does not renew a young one: then a clock is
// wrong, and a new token would be too.
func (s *signer) refused(used string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used != s.current {
		return true, nil
	}
	if s.clock.Now().Sub(s.issuedAt) < tokenMinRenew {
		return false, nil
	}
	_, err := s.sign()
	return err == nil, err
}

// sign makes a token: a JSON Web Token signed with ES256 (RFC 7515, RFC 7518 section 3.4); s.mu is held.
func (s *signer) sign() (string, error) {
	now := s.clock.Now()
	head, err := segment(map[string]any{"alg": "ES256", "kid": s.keyID})
	if err != nil {
		return "", err
	}
	claims, err := segment(map[string]any{"iss": s.teamID, "iat": now.Unix()})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(head + "." + claims))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the provider token: %w", err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	t.FillBytes(sig[32:])
	s.current = head + "." + claims + "." + base64.RawURLEncoding.EncodeToString(sig[:])
	s.issuedAt = now
	return s.current, nil
}

func segment(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("make the provider token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}
