package sim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// APNsKey is a token signing key, as a developer account has them.
type APNsKey struct {
	Team, ID    string
	Environment string   // valid only there; empty: in both
	Topics      []string // a topic-specific key; none: all of the team's
	Public      *ecdsa.PublicKey
	Private     *ecdsa.PrivateKey // the sender's half; the simulator does not need it
}

// NewAPNsKey makes a new key; team and id are 10 characters each in real life.
func NewAPNsKey(team, id string) (APNsKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return APNsKey{}, fmt.Errorf("make an APNs key: %w", err)
	}
	return APNsKey{Team: team, ID: id, Public: &key.PublicKey, Private: key}, nil
}

// File writes the private half as AuthKey_ID.p8 to dir (PEM, PKCS #8, as Apple gives them out) and gives the path.
func (k APNsKey) File(dir string) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return "", fmt.Errorf("encode the APNs key: %w", err)
	}
	path := filepath.Join(dir, "AuthKey_"+k.ID+".p8")
	block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		return "", fmt.Errorf("write the APNs key: %w", err)
	}
	return path, nil
}

// APNsCertificate is a client certificate that the simulator knows.
type APNsCertificate struct {
	Certificate tls.Certificate
	Topics      []string // what it may push to
	Environment string   // valid only there; empty: in both
}

// The rules about a token's age: Apple, "Establishing a token-based connection to APNs".
const (
	tokenMaxAge    = time.Hour
	tokenMinChange = 20 * time.Minute
)

// refusal is an error answer; the zero refusal is none.
type refusal struct {
	status int
	reason string
	since  time.Time // 410 only
}

// apnsAuth judges who sends.
type apnsAuth struct {
	environment string

	mu       sync.Mutex
	keys     map[string]APNsKey
	certs    map[[32]byte]APNsCertificate
	verified map[string]verifiedToken // tokens whose signature was found good
}

type verifiedToken struct {
	key      APNsKey
	issuedAt time.Time
}

func newAPNsAuth(environment string) *apnsAuth {
	return &apnsAuth{environment: environment, keys: map[string]APNsKey{}, certs: map[[32]byte]APNsCertificate{},
		verified: map[string]verifiedToken{}}
}

func (a *apnsAuth) addKey(k APNsKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[k.ID] = k
}

func (a *apnsAuth) revoke(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, id)
	clear(a.verified)
}

func (a *apnsAuth) addCertificate(c APNsCertificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certs[sha256.Sum256(c.Certificate.Certificate[0])] = c
}

// judge checks a request's credentials, before anything else of it, and gives the topics that they allow (none: all).
func (a *apnsAuth) judge(c *apnsConn, r *h2request, now time.Time) ([]string, refusal) {
	header := value(r.header, "authorization")
	if c.client != nil && header == "" {
		return a.judgeCertificate(c.client, now)
	}
	if header == "" {
		return nil, refusal{status: 403, reason: "MissingProviderToken"}
	}
	scheme, bearer, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return nil, refusal{status: 403, reason: "InvalidProviderToken"}
	}
	t, ok := a.verify(bearer)
	if !ok {
		return nil, refusal{status: 403, reason: "InvalidProviderToken"}
	}
	age := now.Sub(t.issuedAt)
	switch {
	case age < -tokenMaxAge:
		return nil, refusal{status: 403, reason: "InvalidProviderToken"}
	case age > tokenMaxAge:
		return nil, refusal{status: 403, reason: "ExpiredProviderToken"}
	case c.team != "" && (c.team != t.key.Team || c.kid != t.key.ID):
		return nil, refusal{status: 403, reason: "UnrelatedKeyIdInToken"}
	case t.key.Environment != "" && t.key.Environment != a.environment:
		return nil, refusal{status: 403, reason: "BadEnvironmentKeyIdInToken"}
	case bearer == c.bearer || bearer == c.previous: // the previous one may still be under way
		return t.key.Topics, refusal{}
	case c.bearer != "" && t.issuedAt.Sub(c.issuedAt).Abs() < tokenMinChange:
		return nil, refusal{status: 429, reason: "TooManyProviderTokenUpdates"}
	}
	c.team, c.kid, c.previous, c.bearer, c.issuedAt = t.key.Team, t.key.ID, c.bearer, bearer, t.issuedAt
	return t.key.Topics, refusal{}
}

func (a *apnsAuth) judgeCertificate(cert *x509.Certificate, now time.Time) ([]string, refusal) {
	a.mu.Lock()
	known, ok := a.certs[sha256.Sum256(cert.Raw)]
	a.mu.Unlock()
	switch {
	case !ok || now.After(cert.NotAfter) || now.Before(cert.NotBefore):
		return nil, refusal{status: 403, reason: "BadCertificate"}
	case known.Environment != "" && known.Environment != a.environment:
		return nil, refusal{status: 403, reason: "BadCertificateEnvironment"}
	}
	return known.Topics, refusal{}
}

// verify checks the shape and the signature of a JSON Web Token (RFC 7515, RFC 7518 section 3.4); results are kept,
// because every request carries the same one.
func (a *apnsAuth) verify(bearer string) (verifiedToken, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t, ok := a.verified[bearer]; ok {
		return t, true
	}
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		return verifiedToken{}, false
	}
	var head struct{ Alg, Kid string }
	var claims struct {
		Iss string
		Iat *int64 // a text is refused, as Apple does
	}
	if !segment(parts[0], &head) || !segment(parts[1], &claims) || head.Alg != "ES256" || claims.Iat == nil {
		return verifiedToken{}, false
	}
	key, known := a.keys[head.Kid]
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if !known || key.Team != claims.Iss || err != nil || len(sig) != 64 {
		return verifiedToken{}, false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key.Public, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return verifiedToken{}, false
	}
	t := verifiedToken{key: key, issuedAt: time.Unix(*claims.Iat, 0)}
	if len(a.verified) > 1000 {
		clear(a.verified)
	}
	a.verified[bearer] = t
	return t, true
}

func segment(s string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(raw, into) == nil
}

// allows tells whether topic (with its push type's suffix) is among those allowed.
func allows(topics []string, topic string) bool {
	return len(topics) == 0 || slices.ContainsFunc(topics, func(t string) bool {
		return topic == t || strings.HasPrefix(topic, t+".")
	})
}

func value(header []Field, name string) string {
	for _, f := range header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}
