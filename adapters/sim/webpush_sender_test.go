package sim

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// pushing is a sender of its own, which can do wrong whatever there is.
type pushing struct {
	*WebPush
	t      *testing.T
	clock  *notifytest.Clock
	key    *ecdsa.PrivateKey
	public string
	client *http.Client
}

func newPushing(t *testing.T, o WebPushOptions) *pushing {
	t.Helper()
	p := &pushing{t: t, clock: notifytest.NewClock(monday)}
	o.Clock = p.clock
	var err error
	if p.WebPush, err = NewWebPush(o); err != nil {
		t.Fatal(err)
	}
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	raw, err := p.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	p.public = base64.RawURLEncoding.EncodeToString(raw)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.CA().Pool()}, ForceAttemptHTTP2: true}
	p.client = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *pushing) subscribe(mode PushMode) Subscription {
	p.t.Helper()
	s, err := p.NewSubscription(mode, p.public)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// vapid signs claims.
func (p *pushing) vapid(claims string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, hash[:])
	if err != nil {
		p.t.Fatal(err)
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return "vapid t=" + signed + "." + base64.RawURLEncoding.EncodeToString(sig) + ", k=" + p.public
}

// claims as they should be, with the life and audience that are given.
func (p *pushing) claims(audience string, life time.Duration) string {
	b, _ := json.Marshal(map[string]any{"aud": audience, "exp": p.clock.Now().Add(life).Unix(), "sub": "mailto:it@example.com"})
	return string(b)
}

// request is a good push, to be spoilt.
func (p *pushing) request(s Subscription, text string) *http.Request {
	p.t.Helper()
	body := encryptFor(p.t, s, text)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.Endpoint, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("TTL", "60")
	req.Header.Set("Content-Encoding", "aes128gcm")
	req.Header.Set("Authorization", p.vapid(p.claims(p.URL(), time.Hour)))
	return req
}

// replace puts another body into a request.
func replace(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = nil
}

func (p *pushing) do(r *http.Request) (*http.Response, string) {
	p.t.Helper()
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(body)
}

// encryptFor is a third encoder, only as good as these tests need.
func encryptFor(t *testing.T, s Subscription, text string) []byte {
	t.Helper()
	return encryptRecord(t, s, append([]byte(text), 2))
}

// encryptRecord encrypts what is text, delimiter and padding already.
func encryptRecord(t *testing.T, s Subscription, record []byte) []byte {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	to, err := ecdh.P256().NewPublicKey(s.P256dh)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.ECDH(to)
	if err != nil {
		t.Fatal(err)
	}
	public := key.PublicKey().Bytes()
	ikm := mac(mac(s.Auth, secret), bytes.Join([][]byte{[]byte("WebPush: info\x00"), s.P256dh, public, {1}}, nil))
	return sealRecord(t, ikm, public, record)
}

// sealRecord makes a message of one record.
func sealRecord(t *testing.T, ikm, public, record []byte) []byte {
	t.Helper()
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		t.Fatal(err)
	}
	prk := mac(salt, ikm)
	block, err := aes.NewCipher(mac(prk, []byte("Content-Encoding: aes128gcm\x00\x01"))[:16])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	body := append(append(bytes.Clone(salt), 0, 0, 16, 0, 65), public...)
	return gcm.Seal(body, mac(prk, []byte("Content-Encoding: nonce\x00\x01"))[:12], record, nil)
}
