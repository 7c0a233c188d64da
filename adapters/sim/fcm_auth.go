package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// FCMAccount is a service account of a Firebase project.
type FCMAccount struct {
	Project string // its id
	Number  string // its number, which addresses may have instead of the id; may be empty
	Email   string
	KeyID   string
	Key     *rsa.PrivateKey
	Denied  bool // it lacks cloudmessaging.messages.create: 403 PERMISSION_DENIED
}

// NewFCMAccount makes an account with a new key (RSA, 2048 bits).
func NewFCMAccount(project string) (FCMAccount, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return FCMAccount{}, fmt.Errorf("make a service account's key: %w", err)
	}
	sum := sha256.Sum256(key.N.Bytes())
	return FCMAccount{Project: project, Number: "123456789012", Email: "allim@" + project + ".iam.gserviceaccount.com",
		KeyID: fmt.Sprintf("%x", sum[:20]), Key: key}, nil
}

// File writes the key file as Google gives it out to dir, and gives the path. tokenURI is the simulator's TokenURL.
func (a FCMAccount) File(dir, tokenURI string) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.Key)
	if err != nil {
		return "", fmt.Errorf("encode the service account's key: %w", err)
	}
	raw, err := json.MarshalIndent(map[string]string{"type": "service_account", "project_id": a.Project,
		"private_key_id": a.KeyID, "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": a.Email, "client_id": "100000000000000000000", "token_uri": tokenURI,
		"universe_domain": "googleapis.com"}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode the key file: %w", err)
	}
	path := filepath.Join(dir, "service-account.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return "", fmt.Errorf("write the key file: %w", err)
	}
	return path, nil
}

// The token endpoint's own words.
const (
	tokenPath    = "/token"
	jwtBearer    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	maxAssertion = time.Hour
	clockSkew    = 5 * time.Minute
)

// scopes are those that may send.
var scopes = []string{"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}

// fcmAuth judges who sends.
type fcmAuth struct {
	life time.Duration

	mu       sync.Mutex
	accounts map[string]FCMAccount // by key id
	given    map[string]fcmAccess  // by access token
}

// fcmAccess is an access token that was given.
type fcmAccess struct {
	account FCMAccount
	expires time.Time
	send    bool // its scope covers sending
}

func newFCMAuth(life time.Duration) *fcmAuth {
	return &fcmAuth{life: life, accounts: map[string]FCMAccount{}, given: map[string]fcmAccess{}}
}

func (a *fcmAuth) add(acc FCMAccount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accounts[acc.KeyID] = acc
}

func (a *fcmAuth) revokeKey(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.accounts, id)
}

func (a *fcmAuth) revokeTokens() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.given)
}

func (a *fcmAuth) tokens(now time.Time) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for t, g := range a.given {
		if now.Before(g.expires) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// access gives what an Authorization header stands for; false: UNAUTHENTICATED.
func (a *fcmAuth) access(header string, now time.Time) (fcmAccess, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return fcmAccess{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g, ok := a.given[token]
	return g, ok && now.Before(g.expires)
}

// oauthError is a refusal by the token endpoint (RFC 6749 section 5.2).
type oauthError struct{ word, description string }

// assertionClaims is what an assertion says (RFC 7523 section 3).
type assertionClaims struct {
	Iss, Scope, Aud string
	Iat, Exp        int64
}

// email gives whose assertion a form holds, unverified: what faults are scripted for.
func assertionEmail(form url.Values) string {
	var c assertionClaims
	if parts := strings.Split(form.Get("assertion"), "."); len(parts) == 3 {
		_ = segment(parts[1], &c)
	}
	return c.Iss
}

// login judges a form of the JWT bearer grant and gives an access token.
func (a *fcmAuth) login(form url.Values, audience string, now time.Time) (string, *oauthError) {
	if form.Get("grant_type") != jwtBearer {
		return "", &oauthError{"unsupported_grant_type", "Invalid grant_type: " + form.Get("grant_type")}
	}
	parts := strings.Split(form.Get("assertion"), ".")
	var head struct{ Alg, Typ, Kid string }
	var c assertionClaims
	if len(parts) != 3 || !segment(parts[0], &head) || !segment(parts[1], &c) {
		return "", &oauthError{"invalid_grant", "Bad Request"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc, known := a.accounts[head.Kid]
	if !known || head.Alg != "RS256" || !signedBy(&acc.Key.PublicKey, parts) {
		return "", &oauthError{"invalid_grant", "Invalid JWT Signature."}
	}
	if no := c.judge(acc, audience, now); no != nil {
		return "", no
	}
	may := slices.ContainsFunc(strings.Fields(c.Scope), func(s string) bool { return slices.Contains(scopes, s) })
	token := "ya29.sim." + rand.Text() + rand.Text()
	a.given[token] = fcmAccess{account: acc, expires: now.Add(a.life), send: may}
	return token, nil
}

// judge checks what an assertion says whose signature is good; nil: nothing is wrong.
func (c assertionClaims) judge(acc FCMAccount, audience string, now time.Time) *oauthError {
	switch {
	case c.Iss != acc.Email:
		return &oauthError{"invalid_grant", "Invalid grant: account not found"}
	case c.Aud != audience:
		return &oauthError{"invalid_grant", "Invalid JWT: Failed audience check."}
	case !timely(c, now):
		return &oauthError{"invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a " +
			"reasonable timeframe. Check your iat and exp values in the JWT claim."}
	case !strings.HasPrefix(c.Scope, "https://www.googleapis.com/auth/"):
		return &oauthError{"invalid_scope", "Invalid OAuth scope or ID token audience provided."}
	}
	return nil
}

// timely tells whether an assertion is short-lived and of now.
func timely(c assertionClaims, now time.Time) bool {
	iat, exp := time.Unix(c.Iat, 0), time.Unix(c.Exp, 0)
	return c.Iat > 0 && exp.Sub(iat) <= maxAssertion && exp.After(iat) && now.Before(exp.Add(clockSkew)) &&
		now.After(iat.Add(-clockSkew))
}

// signedBy verifies a JSON Web Token with RS256 (RFC 7518 section 3.3).
func signedBy(key *rsa.PublicKey, parts []string) bool {
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
}
