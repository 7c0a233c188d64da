package fcm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// account is a service account: who signs on. Google, "Using OAuth 2.0 for server to server applications".
type account struct {
	project  string
	email    string
	keyID    string
	key      *rsa.PrivateKey
	audience string   // the key file's token_uri
	tokenURL *url.URL // where access tokens come from
}

// scope is all that sending needs: "Authorize send requests" of Firebase's documentation.
const scope = "https://www.googleapis.com/auth/firebase.messaging"

// assertionLife is how long an assertion is valid; Google takes an hour at most.
const assertionLife = time.Hour

// maxKeyFile bounds the key file, which has some 2.4 KB.
const maxKeyFile = 64 << 10

// loadAccount reads a service account's key file. Errors repeat nothing of it.
func loadAccount(path string) (*account, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	var file struct {
		Type         string `json:"type"`
		ProjectID    string `json:"project_id"`
		PrivateKeyID string `json:"private_key_id"`
		PrivateKey   string `json:"private_key"`
		ClientEmail  string `json:"client_email"`
		TokenURI     string `json:"token_uri"`
	}
	if len(raw) > maxKeyFile || json.Unmarshal(raw, &file) != nil {
		return nil, errors.New("the file is not a service account's key in JSON")
	}
	switch {
	case file.Type != "service_account":
		return nil, errors.New("the file is not a service account's key: its type must be service_account " +
			"(google-services.json is the app's own file, not this one)")
	case file.ClientEmail == "" || file.PrivateKey == "":
		return nil, errors.New("the file lacks client_email or private_key")
	case file.ProjectID != "" && !projectID.MatchString(file.ProjectID):
		return nil, errors.New("the file's project_id is not a project's id")
	}
	if file.TokenURI == "" {
		file.TokenURI = googleTokenEndpoint
	}
	a := &account{project: file.ProjectID, email: file.ClientEmail, keyID: file.PrivateKeyID, audience: file.TokenURI}
	if a.tokenURL, err = secureURL(file.TokenURI); err != nil {
		return nil, errors.New("the file's token_uri is not an https address")
	}
	if a.key, err = parseKey(file.PrivateKey); err != nil {
		return nil, err
	}
	return a, nil
}

// parseKey reads an RSA key: PEM with PKCS #8, or PKCS #1.
func parseKey(text string) (*rsa.PrivateKey, error) {
	bad := errors.New("the file's private_key is not an RSA key in PEM")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, bad
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, bad // the parser's own error might quote the key
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, bad
	}
	return key, nil
}

// assertion makes the JSON Web Token that asks for an access token (RFC 7523 section 3), signed with RS256 (RFC 7518
// section 3.3). golang.org/x/oauth2/jwt reads the machine's clock and can neither renew early nor when it is told to.
func (a *account) assertion(now time.Time) (string, error) {
	head := map[string]string{"alg": "RS256", "typ": "JWT"}
	if a.keyID != "" {
		head["kid"] = a.keyID
	}
	claims := map[string]any{"iss": a.email, "scope": scope, "aud": a.audience,
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix()}
	var parts [2]string
	for i, v := range []any{head, claims} {
		raw, err := json.Marshal(v)
		if err != nil {
			return "", fmt.Errorf("make the assertion: %w", err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(raw)
	}
	text := strings.Join(parts[:], ".")
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
