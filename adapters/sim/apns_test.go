package sim

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

const (
	goodToken = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad"
	goodTopic = "com.example.mail"
	goodID    = "123e4567-e89b-12d3-a456-426655440000"
)

// phone is a sender for tests: net/http's own client.
type phone struct {
	t      *testing.T
	sim    *APNs
	key    APNsKey
	client *http.Client
}

func newPhone(t *testing.T, o APNsOptions, certs ...tls.Certificate) *phone {
	t.Helper()
	s, err := NewAPNs(o)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		t.Fatal(err)
	}
	s.AddKey(key)
	var only2 http.Protocols
	only2.SetHTTP2(true)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA().Pool(), Certificates: certs}, Protocols: &only2}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		s.Close()
	})
	return &phone{t: t, sim: s, key: key, client: &http.Client{Transport: tr}}
}

// jwt signs a token with the given header and claims.
func (p *phone) jwt(k APNsKey, head, claims string) string { return sign(p.t, k, head, claims) }

func sign(t testing.TB, k APNsKey, head, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k.Private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(sig[:])
}

// bearer signs a good token that is age old.
func (p *phone) bearer(k APNsKey, age time.Duration) string {
	return p.jwt(k, `{"alg":"ES256","kid":"`+k.ID+`"}`,
		fmt.Sprintf(`{"iss":"%s","iat":%d}`, k.Team, p.sim.clock.Now().Add(-age).Unix()))
}

// request makes a good request.
func (p *phone) request(bearer string) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "POST", p.sim.URL()+"/3/device/"+goodToken,
		strings.NewReader(`{"aps":{"alert":"hello"}}`))
	if err != nil {
		p.t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("authorization", "bearer "+bearer)
	}
	r.Header.Set("apns-topic", goodTopic)
	r.Header.Set("apns-push-type", "alert")
	r.Header.Set("apns-id", goodID)
	return r
}

// send sends a request and gives "status reason".
func (p *phone) send(r *http.Request) string {
	p.t.Helper()
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct{ Reason string }
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil && !errors.Is(err, io.EOF) {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, said.Reason))
}

func body(r *http.Request, s string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
	r.GetBody = nil
}

func TestAPNsChecksRequests(t *testing.T) {
	p := newPhone(t, APNsOptions{})
	p.sim.Register(APNsDevice{Token: strings.Repeat("ab", 32), Environment: notify.Development})
	p.sim.Register(APNsDevice{Token: strings.Repeat("cd", 32), Topic: "com.example.other"})
	p.sim.Register(APNsDevice{Token: strings.Repeat("ef", 32), GoneSince: time.Now().Add(-time.Hour)})
	bearer := p.bearer(p.key, time.Minute)
	head := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	to := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path = "/3/device/" + token }
	}
	for _, test := range []struct {
		want   string
		change func(*http.Request)
	}{
		{"200", func(*http.Request) {}},
		{"200", func(r *http.Request) { r.Header.Del("apns-id") }},
		{"200", head("apns-expiration", "0")},
		{"200", head("apns-priority", "1")},
		{"200", head("apns-collapse-id", strings.Repeat("c", 64))},
		{"404 BadPath", func(r *http.Request) { r.URL.Path = "/2/device/" + goodToken }},
		{"405 MethodNotAllowed", func(r *http.Request) { r.Method = "PUT" }},
		{"400 MissingDeviceToken", to("")},
		{"400 MissingTopic", func(r *http.Request) { r.Header.Del("apns-topic") }},
		{"400 BadDeviceToken", to("xyz")},
		{"400 BadDeviceToken", to("abc")},
		{"400 BadDeviceToken", to(strings.Repeat("0", 64))},
		{"400 BadDeviceToken", to(strings.Repeat("ab", 32))},
		{"400 DeviceTokenNotForTopic", to(strings.Repeat("cd", 32))},
		{"410 Unregistered", to(strings.Repeat("ef", 32))},
		{"400 InvalidPushType", head("apns-push-type", "loud")},
		{"400 BadTopic", head("apns-push-type", "voip")},
		{"400 BadPriority", head("apns-priority", "7")},
		{"400 BadPriority", head("apns-push-type", "background")},
		{"400 BadExpirationDate", head("apns-expiration", "tomorrow")},
		{"400 BadCollapseId", head("apns-collapse-id", strings.Repeat("c", 65))},
		{"400 BadMessageId", head("apns-id", strings.ToUpper(goodID))},
		{"400 DuplicateHeaders", func(r *http.Request) { r.Header["Apns-Topic"] = []string{goodTopic, goodTopic} }},
		{"400 PayloadEmpty", func(r *http.Request) { body(r, "") }},
		{"400 PayloadEmpty", func(r *http.Request) { body(r, `{"aps":`) }},
		{"200", func(r *http.Request) { body(r, `{"aps":"`+strings.Repeat("x", 4096-10)+`"}`) }},
		{"413 PayloadTooLarge", func(r *http.Request) { body(r, `{"aps":"`+strings.Repeat("x", 4096-9)+`"}`) }},
		{"413 PayloadTooLarge", func(r *http.Request) { body(r, strings.Repeat("x", 200<<10)) }},
	} {
		r := p.request(bearer)
		test.change(r)
		if got := p.send(r); got != test.want {
			t.Errorf("%s %s %v: %s, want %s", r.Method, r.URL.Path, r.Header, got, test.want)
		}
	}
	if n := p.sim.Opened(); n != 1 {
		t.Errorf("%d connections for requests that are only wrong", n)
	}
}

func TestAPNsChecksTokens(t *testing.T) {
	other, err := NewAPNsKey("TEAM123456", "ABC123DEFG") // same names, other key
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, APNsOptions{})
	iat := time.Now().Unix()
	good := fmt.Sprintf(`{"iss":"TEAM123456","iat":%d}`, iat)
	for want, bearers := range map[string][]string{
		"403 MissingProviderToken": {""},
		"403 InvalidProviderToken": {
			"x", "a.b.c", p.bearer(other, 0),
			p.jwt(p.key, `{"alg":"HS256","kid":"ABC123DEFG"}`, good),
			p.jwt(p.key, `{"alg":"ES256","kid":"XXXXXXXXXX"}`, good),
			p.jwt(p.key, `{"alg":"ES256","kid":"ABC123DEFG"}`, fmt.Sprintf(`{"iss":"OTHER12345","iat":%d}`, iat)),
			p.jwt(p.key, `{"alg":"ES256","kid":"ABC123DEFG"}`, fmt.Sprintf(`{"iss":"TEAM123456","iat":"%d"}`, iat)),
			p.jwt(p.key, `{"alg":"ES256","kid":"ABC123DEFG"}`, `{"iss":"TEAM123456"}`),
			p.bearer(p.key, -2*time.Hour),
		},
		"403 ExpiredProviderToken": {p.bearer(p.key, 61*time.Minute)},
		"200":                      {p.bearer(p.key, 59*time.Minute)},
	} {
		for _, b := range bearers {
			if got := p.send(p.request(b)); got != want {
				t.Errorf("%.40s…: %s, want %s", b, got, want)
			}
		}
	}
	r := p.request("")
	r.Header.Set("authorization", "basic abc")
	if got := p.send(r); got != "403 InvalidProviderToken" {
		t.Errorf("another scheme: %s", got)
	}
}

func TestAPNsBindsAConnection(t *testing.T) {
	p := newPhone(t, APNsOptions{})
	own := p.bearer(p.key, 0)
	for _, k := range []APNsKey{{Team: "TEAM123456", ID: "SANDBOX123", Environment: notify.Development},
		{Team: "OTHER12345", ID: "OTHERKEY12"}, {Team: "TEAM123456", ID: "ONETOPIC12", Topics: []string{"com.example.other"}}} {
		made, err := NewAPNsKey(k.Team, k.ID)
		if err != nil {
			t.Fatal(err)
		}
		made.Environment, made.Topics = k.Environment, k.Topics
		p.sim.AddKey(made)
		want := map[string]string{"SANDBOX123": "403 BadEnvironmentKeyIdInToken", "OTHERKEY12": "200",
			"ONETOPIC12": "400 TopicDisallowed"}[k.ID]
		fresh := newPhoneTo(t, p.sim)
		if got := fresh.send(fresh.request(p.bearer(made, 0))); got != want {
			t.Errorf("%s on a new connection: %s, want %s", k.ID, got, want)
		}
		if got := p.send(p.request(own)); got != "200" {
			t.Fatal(got)
		}
		if got := p.send(p.request(p.bearer(made, 0))); got != "403 UnrelatedKeyIdInToken" {
			t.Errorf("%s on another's connection: %s", k.ID, got)
		}
	}
}

// newPhoneTo makes another sender, with connections of its own.
func newPhoneTo(t *testing.T, s *APNs) *phone {
	var only2 http.Protocols
	only2.SetHTTP2(true)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA().Pool()}, Protocols: &only2}
	t.Cleanup(tr.CloseIdleConnections)
	return &phone{t: t, sim: s, client: &http.Client{Transport: tr}}
}

func TestAPNsWantsTokensToLast(t *testing.T) {
	p := newPhone(t, APNsOptions{})
	for _, step := range []struct {
		age  time.Duration
		want string
	}{{40 * time.Minute, "200"}, {25 * time.Minute, "429 TooManyProviderTokenUpdates"}, {10 * time.Minute, "200"}} {
		if got := p.send(p.request(p.bearer(p.key, step.age))); got != step.want {
			t.Errorf("a token of %s: %s, want %s", step.age, got, step.want)
		}
	}
}
