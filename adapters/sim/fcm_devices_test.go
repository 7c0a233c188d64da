package sim

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tokenOf gives the n-th token, as a message's field.
func tokenOf(n int) (token, field string) {
	token = strings.Repeat("x", 120) + string(rune('a'+n))
	return token, `"token":"` + token + `"`
}

func TestFCMDevices(t *testing.T) {
	s := newSending(t, FCMOptions{OnlyRegistered: true})
	for i, d := range []FCMDevice{{}, {Project: "other"}, {Unregistered: true}, {Package: "com.example.mail"}} {
		d.Token, _ = tokenOf(i)
		s.Register(d)
	}
	for i, test := range []struct {
		status int
		says   string
	}{{200, "name"}, {403, "SENDER_ID_MISMATCH"}, {404, "UNREGISTERED"}, {400, "package name"}, {404, "UNREGISTERED"}} {
		_, field := tokenOf(i)
		if status, body := s.send(field + `,"android":{"restricted_package_name":"com.example.other"}`); status != test.status || !strings.Contains(body, test.says) {
			t.Errorf("%d: %d %s", i, status, body)
		}
	}
	token, field := tokenOf(0)
	if resp, body := s.do(s.request(`{"validate_only":true,"message":{` + field + `,"notification":{"title":"t"}}}`)); resp.StatusCode != 200 || !strings.Contains(body, "fake_message_id") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if len(s.Shown(token)) != 0 {
		t.Error("what was only to be validated is shown")
	}
}

// A device that is away gets what was kept: of four collapse keys the newest, the rest as it is, and nothing that expired.
func TestFCMKeepsForDevicesThatAreAway(t *testing.T) {
	s := newSending(t, FCMOptions{})
	token, field := tokenOf(0)
	post := func(tag, key, ttl string) {
		if status, body := s.send(field + `,"android":{"ttl":"` + ttl + `","collapse_key":"` + key + `","notification":{"tag":"` + tag + `"}}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	tags := func() string {
		var out []string
		for _, x := range s.Shown(token) {
			out = append(out, x.Collapse)
		}
		return strings.Join(out, " ")
	}
	s.Away(token)
	post("never", "", "0s")
	post("short", "", "30s")
	for _, k := range []string{"a", "b", "c", "d", "e"} {
		post(k, k, "60s")
	}
	post("e2", "e", "60s")
	post("plain", "", "60s")
	if got := tags(); got != "" {
		t.Errorf("shown: %s", got)
	}
	s.clock.Advance(30 * time.Second)
	s.Back(token)
	if got := tags(); got != "b c d e2 plain" {
		t.Errorf("shown: %s", got)
	}
	post("plain", "", "60s")
	if got := tags(); got != "b c d e2 plain" {
		t.Errorf("a repeat of a tag: %s", got)
	}
}

func TestFCMQuotas(t *testing.T) {
	s := newSending(t, FCMOptions{Quota: 5, DeviceQuota: 2})
	_, first := tokenOf(0)
	_, second := tokenOf(1)
	for i, want := range []string{"name", "name", "Device message rate exceeded"} {
		if _, body := s.send(first); !strings.Contains(body, want) {
			t.Errorf("%d: %s", i, body)
		}
	}
	s.send(second)
	s.send(second)
	status, body := s.send(second)
	if status != 429 || !strings.Contains(body, "RATE_LIMIT_EXCEEDED") || !strings.Contains(body, "fcm.googleapis.com/send_requests") {
		t.Errorf("%d %s", status, body)
	}
	s.clock.Advance(time.Minute)
	if status, body := s.send(second); status != 200 {
		t.Errorf("a minute later: %d %s", status, body)
	}
}

func TestFCMFaults(t *testing.T) {
	s := newSending(t, FCMOptions{})
	token, field := tokenOf(0)
	for reason := range FCMReasons() {
		s.Script(token, Fault{Status: 400, Reason: reason})
		if status, body := s.send(field); status != 400 || reason != "HTML" && !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", reason, status, body)
		}
	}
	s.Script(token, Fault{Status: 503, Reason: "UNAVAILABLE", Header: map[string]string{"Retry-After": "7"}}, Fault{Status: 500, Body: " "},
		Fault{Drop: DropAfter})
	resp, body := s.do(s.request(`{"message":{` + field + `}}`))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" || !strings.Contains(body, `"errorCode": "UNAVAILABLE"`) {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	if status, body := s.send(field); status != 500 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	r := s.request(`{"message":{` + field + `,"data":{"delivery":"d1"}}}`)
	r.GetBody = nil // or the client itself sends it again
	if resp, err := s.client.Do(r); err == nil {
		_ = resp.Body.Close()
		t.Error("an answer came although the connection was to be dropped")
	}
	if status, _ := s.send(field + `,"data":{"delivery":"d1"}`); status != 200 {
		t.Errorf("%d", status)
	}
	if c := s.Log().Counts(); c.Accepted != 1 || c.Duplicates != 1 {
		t.Errorf("%+v", c)
	}
	s.ScriptLogin(s.account.Email, Fault{Status: 400, Reason: "invalid_grant"})
	if status, body := s.ask(url.Values{"grant_type": {jwtBearer}, "assertion": {s.jwt(s.head(), s.claims())}}); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("%d %v", status, body)
	}
	s.Script(s.account.Email, Fault{Status: 403, Reason: "PERMISSION_DENIED", Times: -1})
	if status, _ := s.send(field); status != 403 {
		t.Errorf("%d", status)
	}
	s.ClearScript(s.account.Email)
	if status, _ := s.send(field); status != 200 {
		t.Errorf("%d", status)
	}
}

func TestFCMShowsItself(t *testing.T) {
	s := newSending(t, FCMOptions{})
	token, field := tokenOf(0)
	s.send(field + `,"notification":{"title":"t"}`)
	for path, want := range map[string]string{"/log": `"accepted":1`, "/logins": "grant_type=urn", "/device/" + token: `\"title\":\"t\"`} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}

func FuzzFCMMessage(f *testing.F) {
	f.Add([]byte(`{"message":{` + fcmGood + `,"android":{"ttl":"1s","notification":{"channelId":"x"}}}}`))
	f.Add([]byte(`{"validate_only":true,"message":{"condition":"'a' in topics","data":{"k":1}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, no := readFCM(body)
		_, _, _ = m.target(), m.delivery(), m.ttl()
		if no.status == 0 && !json.Valid(body) {
			t.Errorf("taken: %q", body)
		}
		if raw, _ := no.body(); !json.Valid(raw) {
			t.Errorf("the answer to %q is no JSON: %q", body, raw)
		}
	})
}
