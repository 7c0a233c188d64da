package sim

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest"
)

var fcmTestAccount = sync.OnceValues(func() (FCMAccount, error) { return NewFCMAccount("allim-test") })

// sending is a simulator with a client that signed on.
type sending struct {
	*FCM
	t       testing.TB
	clock   *notifytest.Clock
	account FCMAccount
	client  *http.Client
	access  string
}

func newSending(t testing.TB, o FCMOptions) *sending {
	t.Helper()
	clock := notifytest.NewClock(time.Time{})
	o.Clock = clock
	s, err := NewFCM(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	account, err := fcmTestAccount()
	if err != nil {
		t.Fatal(err)
	}
	s.AddAccount(account)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA().Pool()}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	x := &sending{FCM: s, t: t, clock: clock, account: account, client: &http.Client{Transport: tr}}
	x.access = x.login()
	return x
}

// jwt signs claims as the account.
func (s *sending) jwt(head, claims map[string]any) string {
	s.t.Helper()
	var parts []string
	for _, v := range []any{head, claims} {
		raw, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(raw))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, ".")))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.account.Key, crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(sig)), ".")
}

func (s *sending) head() map[string]any {
	return map[string]any{"alg": "RS256", "typ": "JWT", "kid": s.account.KeyID}
}

func (s *sending) claims() map[string]any {
	now := s.clock.Now()
	return map[string]any{"iss": s.account.Email, "scope": "https://www.googleapis.com/auth/firebase.messaging",
		"aud": s.TokenURL(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
}

// ask posts a form to the token endpoint.
func (s *sending) ask(form url.Values) (int, map[string]any) {
	s.t.Helper()
	resp, err := s.client.PostForm(s.TokenURL(), form)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, body
}

func (s *sending) login() string {
	s.t.Helper()
	status, body := s.ask(url.Values{"grant_type": {jwtBearer}, "assertion": {s.jwt(s.head(), s.claims())}})
	token, _ := body["access_token"].(string)
	if status != 200 || token == "" || body["token_type"] != "Bearer" || body["expires_in"] != 3599.0 {
		s.t.Fatalf("%d %v", status, body)
	}
	return token
}

func (s *sending) request(body string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL()+"/v1/projects/allim-test/messages:send", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.access)
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	return r
}

func (s *sending) do(r *http.Request) (*http.Response, string) {
	s.t.Helper()
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(raw)
}

// send posts a message (its inside) and gives status and body.
func (s *sending) send(message string) (int, string) {
	s.t.Helper()
	resp, body := s.do(s.request(`{"message":{` + message + `}}`))
	return resp.StatusCode, body
}

var fcmGood = `"token":"` + strings.Repeat("cJug2GoHzEfcshCE_OLL24:APA91b", 5) + `"`

const fcmGoodFID = `"fid":"cJug2GoHzEfcshCE_OLL24"`

func TestFCMTakesWhatTheRealOneTakes(t *testing.T) {
	s := newSending(t, FCMOptions{})
	for name, message := range map[string]string{
		"token": fcmGood, "fid": fcmGoodFID, "topic": `"topic":"news_1.~%"`,
		"condition":    `"condition":"'a' in topics && ('b' in topics || !'c' in topics)"`,
		"camel case":   fcmGood + `,"android":{"collapseKey":"x","restrictedPackageName":"a.b","notification":{"channelId":"c","bodyLocArgs":["x"]}}`,
		"null":         fcmGood + `,"android":null,"data":null`,
		"everything":   fcmGood + `,"data":{"k":"v"},"notification":{"title":"t","body":"b","image":"https://e.example/p.png"},"fcm_options":{"analytics_label":"x"},"android":{"ttl":"3.5s","priority":"HIGH","data":{"a":"b"},"direct_boot_ok":true,"notification":{"color":"#aAbBcC","sticky":false,"notification_count":3,"vibrate_timings":["0.5s"],"visibility":"SECRET","light_settings":{"color":{"red":1},"light_on_duration":"1s"},"notification_priority":"PRIORITY_MAX","proxy":"DENY"}}`,
		"relays":       fcmGood + `,"apns":{"headers":{"apns-priority":"5","apns-push-type":"background","apns-expiration":"1800000000"},"payload":{"aps":{"content-available":1},"k":{"any":[1]}},"fcm_options":{"image":"https://e.example/"}},"webpush":{"headers":{"TTL":"60","Urgency":"high"},"notification":{"title":"t","actions":[]},"fcm_options":{"link":"https://e.example/"}}`,
		"4096 bytes":   fcmGood + `,"data":{"k":"` + strings.Repeat("x", 4095) + `"}`,
		"2048 topic":   `"topic":"a","data":{"k":"` + strings.Repeat("x", 2047) + `"}`,
		"four weeks":   fcmGood + `,"android":{"ttl":"2419200s"}`,
		"now or never": fcmGood + `,"android":{"ttl":"0s"}`,
	} {
		if status, body := s.send(message); status != 200 || !strings.Contains(body, `"name":"projects/allim-test/messages/`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := s.send(fcmGood + `,"token":"x"`); status != 400 {
		t.Errorf("%d %s", status, body)
	}
}

func TestFCMRefusesWhatTheRealOneRefuses(t *testing.T) {
	s := newSending(t, FCMOptions{})
	big := strings.Repeat("x", 4096)
	for name, test := range map[string]struct {
		message, says string
		fcm           bool // with an FcmError
	}{
		"no target":        {`"data":{}`, "Recipient of the message is not set", true},
		"two targets":      {fcmGood + `,"topic":"a"`, "oneof field 'target' is already set", false},
		"token and fid":    {fcmGood + `,` + fcmGoodFID, "oneof field", false},
		"short token":      {`"token":"abc"`, "not a valid FCM registration token", true},
		"token with space": {`"token":"` + strings.Repeat("a b", 50) + `"`, "not a valid FCM registration token", true},
		"fid":              {`"fid":"xJug2GoHzEfcshCE_OLL24"`, "message.fid", true},
		"topic":            {`"topic":"/topics/a"`, "message.topic", true},
		"condition":        {`"condition":"'a' in topic"`, "message.condition", true},
		"six topics":       {`"condition":"'a' in topics` + strings.Repeat(" || 'a' in topics", 5) + `"`, "message.condition", true},
		"number in data":   {fcmGood + `,"data":{"a":"x","k":12}`, `Invalid value at 'message.data[1].value' (TYPE_STRING), 12`, false},
		"object in data":   {fcmGood + `,"data":{"k":{}}`, "message.data[0].value", false},
		"from":             {fcmGood + `,"data":{"from":"x"}`, "Invalid data payload key: from", true},
		"google":           {fcmGood + `,"android":{"data":{"google.x":"x"}}`, "message.android.data", true},
		"gcm":              {fcmGood + `,"webpush":{"data":{"gcm_x":"x"}}`, "message.webpush.data", true},
		"unknown field":    {fcmGood + `,"to":"x"`, `Unknown name \"to\" at 'message': Cannot find field.`, false},
		"unknown in it":    {fcmGood + `,"android":{"time_to_live":3}`, `Unknown name \"time_to_live\" at 'message.android'`, false},
		"named twice":      {fcmGood + `,"android":{"collapseKey":"x","collapse_key":"y"}`, "already set", false},
		"priority":         {fcmGood + `,"android":{"priority":"URGENT"}`, "AndroidMessagePriority", false},
		"ttl of a number":  {fcmGood + `,"android":{"ttl":3600}`, "google.protobuf.Duration", false},
		"ttl of minutes":   {fcmGood + `,"android":{"ttl":"60m"}`, "google.protobuf.Duration", false},
		"negative ttl":     {fcmGood + `,"android":{"ttl":"-1s"}`, "google.protobuf.Duration", false},
		"ttl too long":     {fcmGood + `,"android":{"ttl":"2419201s"}`, "message.android.ttl", true},
		"count of a text":  {fcmGood + `,"android":{"notification":{"notification_count":"x"}}`, "TYPE_INT32", false},
		"color":            {fcmGood + `,"android":{"notification":{"color":"red"}}`, "notification.color", true},
		"plain image":      {fcmGood + `,"notification":{"image":"http://e.example/p.png"}`, "message.notification.image", true},
		"args of a text":   {fcmGood + `,"android":{"notification":{"body_loc_args":"x"}}`, "body_loc_args", false},
		"apns-priority":    {fcmGood + `,"apns":{"headers":{"apns-priority":"7"}}`, "apns-priority", true},
		"a number there":   {fcmGood + `,"apns":{"headers":{"apns-priority":5}}`, "TYPE_STRING", false},
		"background":       {fcmGood + `,"apns":{"headers":{"apns-priority":"10","apns-push-type":"background"}}`, "must be 5", true},
		"no aps":           {fcmGood + `,"apns":{"payload":{}}`, "no aps", true},
		"collapse id":      {fcmGood + `,"apns":{"headers":{"apns-collapse-id":"` + strings.Repeat("x", 65) + `"}}`, "collapse", true},
		"plain link":       {fcmGood + `,"webpush":{"fcm_options":{"link":"http://e.example/"}}`, "must be https", true},
		"web TTL":          {fcmGood + `,"webpush":{"headers":{"TTL":"soon"}}`, "Invalid TTL", true},
		"Urgency":          {fcmGood + `,"webpush":{"headers":{"Urgency":"HIGH"}}`, "Invalid Urgency", true},
		"Android too big":  {fcmGood + `,"data":{"k":"` + big + `"}`, "Android message is too big", true},
		"APNs too big":     {fcmGood + `,"apns":{"payload":{"aps":{"alert":"` + big + `"}}}`, "APNS message is too big", true},
		"topic too big":    {`"topic":"a","notification":{"body":"` + big[:2049] + `"}`, "Android message is too big", true},
	} {
		status, body := s.send(test.message)
		if status != 400 || !strings.Contains(body, test.says) || !strings.Contains(body, `"status": "INVALID_ARGUMENT"`) ||
			strings.Contains(body, "fcm.v1.FcmError") != test.fcm || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	for name, body := range map[string]string{"no JSON": "{", "empty": "", "no message": "{}", "a list": "[]", "a text": `{"message":"x"}`,
		"validate_only": `{"validate_only":"yes","message":{` + fcmGood + `}}`} {
		if resp, said := s.do(s.request(body)); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, said)
		}
	}
	if n := s.Log().Counts().Accepted; n != 0 {
		t.Errorf("%d were taken", n)
	}
}

func TestFCMJudgesWhoSends(t *testing.T) {
	s := newSending(t, FCMOptions{})
	message := `{"message":{` + fcmGood + `}}`
	for name, test := range map[string]struct {
		spoil  func(*http.Request)
		status int
		says   string
	}{
		"no token":       {func(r *http.Request) { r.Header.Del("Authorization") }, 401, "UNAUTHENTICATED"},
		"another scheme": {func(r *http.Request) { r.Header.Set("Authorization", "key="+s.access) }, 401, "UNAUTHENTICATED"},
		"unknown token":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer ya29.x") }, 401, "UNAUTHENTICATED"},
		"its number":     {func(r *http.Request) { r.URL.Path = "/v1/projects/123456789012/messages:send" }, 200, "name"},
		"project":        {func(r *http.Request) { r.URL.Path = "/v1/projects/other/messages:send" }, 403, "IAM_PERMISSION_DENIED"},
		"the old API":    {func(r *http.Request) { r.URL.Path = "/fcm/send" }, 404, "<!DOCTYPE html>"},
		"a path":         {func(r *http.Request) { r.URL.Path = "/v1/projects/allim-test/messages" }, 404, "<!DOCTYPE html>"},
		"method":         {func(r *http.Request) { r.Method = http.MethodPut }, 404, "<!DOCTYPE html>"},
		"content type":   {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400, "content type"},
	} {
		r := s.request(message)
		test.spoil(r)
		if resp, body := s.do(r); resp.StatusCode != test.status || !strings.Contains(body, test.says) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	s.clock.Advance(time.Hour)
	if status, body := s.send(fcmGood); status != 401 {
		t.Errorf("an expired token: %d %s", status, body)
	}
}

func TestFCMLogin(t *testing.T) {
	s := newSending(t, FCMOptions{})
	good := func() url.Values {
		return url.Values{"grant_type": {jwtBearer}, "assertion": {s.jwt(s.head(), s.claims())}}
	}
	claim := func(k string, v any) url.Values {
		c := s.claims()
		c[k] = v
		return url.Values{"grant_type": {jwtBearer}, "assertion": {s.jwt(s.head(), c)}}
	}
	now := s.clock.Now().Unix()
	for name, test := range map[string]struct {
		form url.Values
		word string
	}{
		"grant":          {url.Values{"grant_type": {"client_credentials"}}, "unsupported_grant_type"},
		"no assertion":   {url.Values{"grant_type": {jwtBearer}}, "invalid_grant"},
		"spoilt":         {url.Values{"grant_type": {jwtBearer}, "assertion": {good().Get("assertion") + "A"}}, "invalid_grant"},
		"unknown key":    {url.Values{"grant_type": {jwtBearer}, "assertion": {s.jwt(map[string]any{"alg": "RS256", "kid": "x"}, s.claims())}}, "invalid_grant"},
		"no algorithm":   {url.Values{"grant_type": {jwtBearer}, "assertion": {s.jwt(map[string]any{"alg": "none", "kid": s.account.KeyID}, s.claims())}}, "invalid_grant"},
		"audience":       {claim("aud", "https://oauth2.googleapis.com/token"), "invalid_grant"},
		"account":        {claim("iss", "other@example.com"), "invalid_grant"},
		"over an hour":   {claim("exp", now+3601), "invalid_grant"},
		"from yesterday": {claim("iat", now-86400), "invalid_grant"},
		"no iat":         {claim("iat", nil), "invalid_grant"},
		"scope":          {claim("scope", "firebase"), "invalid_scope"},
		"no scope":       {claim("scope", ""), "invalid_scope"},
	} {
		if status, body := s.ask(test.form); status != 400 || body["error"] != test.word {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	_, body := s.ask(claim("scope", "https://www.googleapis.com/auth/analytics"))
	s.access, _ = body["access_token"].(string)
	if status, said := s.send(fcmGood); status != 403 || !strings.Contains(said, "ACCESS_TOKEN_SCOPE_INSUFFICIENT") {
		t.Errorf("another scope: %d %s", status, said)
	}
	s.access = s.login()
	s.RevokeKey(s.account.KeyID)
	if status, body := s.ask(good()); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("a revoked key: %d %v", status, body)
	}
	if status, said := s.send(fcmGood); status != 200 {
		t.Errorf("the token from before: %d %s", status, said)
	}
	for _, e := range s.Logins().Entries() {
		if bytes.Contains(e.Body, []byte("eyJ")) {
			t.Fatal("the log holds an assertion")
		}
	}
}
