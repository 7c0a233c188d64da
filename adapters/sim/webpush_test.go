package sim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Bodies and a header that the npm packages web-push 3.6.7 and http_ece 1.2.1 made for the browser of RFC 8291 section
// 5: another implementation, so that this one is not judged by its own mirror only.
const (
	peerBody   = "vBdg_2WZtr7TbYJoyqbpdwAAEABBBH5dvX09aherx3w7-NWf1XF1sfArBg0YCpfeT7wFgCA0BxExqeuLFCEKyRtsoGBNnjLev549H_OEMyEInD5cDOEWF3geQ6heZosRlgF2nyN29D1hodI9BVd7EplBhEihBwzNcpCCQo_Q"
	peerKorean = "EnfpujYEq45Vo1vFLnhifgAAEABBBFzlx3KTA9hZhGCFguXj8mAtNqs41o-jcCN0J73xuWhfKo0e9s_jrRPfQdJLWAA30bfdKlvdEubPoq3r4u6RHVv9Jf2gxcp2oceCojpeUB8Cso9xtyAVyT4ZQdIIaqyUfdnR4w"
	peerVAPID  = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE3OTU0ODM1NTcsInN1YiI6Im1haWx0bzppdEBleGFtcGxlLmNvbSJ9.FeMZyGCKTmy03IN4QnLD7CRFCcSCYe2xr5KKZyDgr87fW_BTq2EFeHk7Zc8T8LQActk3yP0tWDo-dIN6viWWOA, k=BJyIBCeBWSk6DEZibMJLDStPz4qs_YdpWZTLFQVOXZgnCsvbcv4eNpYVe0uMaXUhWE8aS_kPJAMAlTHzzFvD0iA"
)

func TestAnotherImplementationsMessages(t *testing.T) {
	keys := rfc8291Keys(t)
	for body, want := range map[string]string{peerBody: "hello from npm web-push", peerKorean: "한글 알림 🔔"} {
		if got, err := keys.decrypt(b64(t, body)); err != nil || string(got) != want {
			t.Errorf("decrypted %q, %v; want %q", got, err, want)
		}
	}
	v, err := parseVAPID(peerVAPID)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.check("https://push.example.net", time.Unix(1795483557-43200, 0)); err != nil || v.subject != "mailto:it@example.com" {
		t.Errorf("%+v, %v", v, err)
	}
}

const declarativeText = `{"web_push":8030,"notification":{"title":"t","navigate":"https://x.example/","tag":"g","data":{"allim":{"delivery":"d1"}}}}`

// spoilt is a push with one thing wrong, and what each service answers.
type spoilt struct {
	name                              string
	spoil                             func(*http.Request)
	rfc, mozilla, google, edge, apple int
	says                              string // at Apple
}

func spoiltPushes(p *pushing) []spoilt {
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	drop := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	claims := func(audience string, life time.Duration) func(*http.Request) {
		return set("Authorization", p.vapid(p.claims(audience, life)))
	}
	good := p.vapid(p.claims(p.URL(), time.Hour))
	return []spoilt{
		{"nothing", func(*http.Request) {}, 201, 201, 201, 201, 201, ""},
		{"24 hours", claims(p.URL(), 24*time.Hour), 201, 201, 201, 201, 201, ""},
		{"method", func(r *http.Request) { r.Method = "PUT" }, 405, 405, 405, 405, 405, ""},
		{"path", func(r *http.Request) { r.URL.Path += "x" }, 404, 404, 404, 404, 404, ""},
		{"no TTL", drop("TTL"), 400, 400, 400, 400, 400, "BadTtl"},
		{"TTL of letters", set("TTL", "soon"), 400, 400, 400, 400, 400, "BadTtl"},
		{"negative TTL", set("TTL", "-1"), 400, 400, 400, 400, 400, "BadTtl"},
		{"signed TTL", set("TTL", "+1"), 400, 400, 400, 400, 400, "BadTtl"},
		{"two TTLs", set("TTL", "1", "2"), 400, 400, 400, 400, 400, "BadTtl"},
		{"TTL 0", set("TTL", "0"), 201, 201, 201, 400, 201, ""},
		{"urgency", set("Urgency", "urgent"), 400, 400, 400, 400, 400, "BadUrgency"},
		{"two urgencies", set("Urgency", "low", "high"), 400, 400, 400, 400, 400, "BadUrgency"},
		{"long topic", set("Topic", strings.Repeat("a", 33)), 400, 400, 400, 400, 400, "BadWebPushTopic"},
		{"padded topic", set("Topic", "YQ=="), 400, 400, 400, 400, 400, "BadWebPushTopic"},
		{"topic that is no base64url", set("Topic", strings.Repeat("a", 13)), 201, 201, 201, 201, 400, "BadWebPushTopic"},
		{"no token", drop("Authorization"), 401, 401, 401, 401, 403, "BadJwtToken"},
		{"another scheme", set("Authorization", "WebPush x"), 401, 401, 401, 401, 403, "BadJwtToken"},
		{"padded k", set("Authorization", good+"="), 403, 401, 403, 401, 403, "BadVapidPublicKey"},
		{"spoilt signature", set("Authorization", strings.Replace(good, ", k=", "A, k=", 1)), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"other claims", set("Authorization", swapClaims(good, p.claims(p.URL(), 2*time.Hour))), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"audience with a slash", claims(p.URL()+"/", time.Hour), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"another audience", claims("https://push.example.com", time.Hour), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"expired", claims(p.URL(), 0), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"over 24 hours", claims(p.URL(), 24*time.Hour+time.Second), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"exp as a text", set("Authorization", p.vapid(`{"aud":"`+p.URL()+`","exp":"1795424400"}`)), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"no sub", set("Authorization", p.vapid(`{"aud":"`+p.URL()+`","exp":1795428000}`)), 201, 201, 201, 201, 403, "BadJwtToken"},
		{"mailto twice", set("Authorization", p.vapid(`{"aud":"`+p.URL()+`","exp":1795428000,"sub":"mailto:mailto:a@b.c"}`)), 403, 401, 403, 401, 403, "BadJwtToken"},
		{"coding", set("Content-Encoding", "aesgcm"), 400, 400, 400, 400, 400, "BadWebPushRequest"},
		{"no coding", drop("Content-Encoding"), 400, 400, 400, 400, 400, "BadWebPushRequest"},
		{"long body", func(r *http.Request) { replace(r, bytes.Repeat([]byte{65}, 4097)) }, 413, 413, 413, 413, 413, "PayloadTooLarge"},
		{"short body", func(r *http.Request) { replace(r, bytes.Repeat([]byte{65}, 102)) }, 400, 400, 400, 400, 400, "BadWebPushRequest"},
		{"keyid", func(r *http.Request) { replace(r, bytes.Repeat([]byte{1}, 200)) }, 400, 400, 400, 400, 400, "BadWebPushRequest"},
	}
}

// Every rule that a request can break, and what each service says then.
func TestWebPushRefuses(t *testing.T) {
	p := newPushing(t, WebPushOptions{})
	for _, c := range spoiltPushes(p) {
		for mode, want := range map[PushMode]int{ModeRFC: c.rfc, ModeMozilla: c.mozilla, ModeGoogle: c.google, ModeEdge: c.edge, ModeApple: c.apple} {
			r := p.request(p.subscribe(mode), declarativeText)
			c.spoil(r)
			resp, body := p.do(r)
			if resp.StatusCode != want {
				t.Errorf("%s, %s: %d %s, want %d", mode, c.name, resp.StatusCode, body, want)
			}
			if mode == ModeApple && c.says != "" && body != `{"reason":"`+c.says+`"}` {
				t.Errorf("Apple, %s: %s, want %s", c.name, body, c.says)
			}
			if mode == ModeMozilla && want == 401 && !strings.Contains(body, `"errno":109`) {
				t.Errorf("Mozilla, %s: %s", c.name, body)
			}
		}
	}
	if got := p.Problems(); len(got) != 0 {
		t.Errorf("problems: %q", got)
	}
}

// swapClaims keeps the signature and says something else.
func swapClaims(header, claims string) string {
	parts := strings.Split(header, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(claims))
	return strings.Join(parts, ".")
}

func TestWebPushOtherKeyAndOwnKeyInTheBody(t *testing.T) {
	p := newPushing(t, WebPushOptions{})
	theirs := newPushing(t, WebPushOptions{})
	for mode, want := range map[PushMode]int{ModeRFC: 403, ModeMozilla: 401, ModeGoogle: 403, ModeEdge: 401, ModeApple: 400, ModeUnifiedPush: 403} {
		s, err := p.NewSubscription(mode, theirs.public)
		if err != nil {
			t.Fatal(err)
		}
		if resp, body := p.do(p.request(s, "x")); resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", mode, resp.StatusCode, body, want)
		}
	}
	s := p.subscribe(ModeRFC)
	r := p.request(s, "x")
	body := encryptFor(t, s, "x")
	copy(body[21:], b64(t, p.public))
	replace(r, body)
	if resp, _ := p.do(r); resp.StatusCode != 400 {
		t.Errorf("the VAPID key as the message's key: %d, want 400", resp.StatusCode)
	}
	if _, err := p.NewSubscription(ModeRFC, "AAAA"); err == nil {
		t.Error("subscribed with a key that is none")
	}
}

// What no service can see, the browser does: it is taken and lost, and the simulator tells.
func TestWebPushProblems(t *testing.T) {
	p := newPushing(t, WebPushOptions{})
	s := p.subscribe(ModeGoogle)
	send := func(body []byte) {
		r := p.request(s, "")
		replace(r, body)
		if resp, _ := p.do(r); resp.StatusCode != 201 {
			t.Errorf("%d", resp.StatusCode)
		}
	}
	flipped := encryptFor(t, s, "x")
	flipped[len(flipped)-1] ^= 1
	send(flipped)
	send(encryptFor(t, Subscription{P256dh: s.P256dh, Auth: make([]byte, 16)}, "x"))
	for _, text := range []string{`{"web_push":"8030"}`, `{"web_push":8030,"notification":{"navigate":"https://x/"}}`,
		`{"web_push":8030,"notification":{"title":"t","navigate":"/relative"}}`} {
		send(encryptFor(t, s, text))
	}
	if got := p.Problems(); len(got) != 5 {
		t.Errorf("problems: %q", got)
	}
	send(encryptFor(t, s, "any bytes"))
	r := p.request(s, "")
	r.Header.Del("Content-Encoding")
	r.Body, r.ContentLength = http.NoBody, 0
	if resp, _ := p.do(r); resp.StatusCode != 201 {
		t.Errorf("a push without a body: %d", resp.StatusCode)
	}
	if got := p.Problems(); len(got) != 5 {
		t.Errorf("problems: %q", got)
	}
	if list := p.Messages(s.Endpoint); len(list) != 7 || list[0].Problem == "" || string(list[5].Text) != "any bytes" {
		t.Errorf("messages: %+v", list)
	}
}

func TestWebPushQueue(t *testing.T) {
	var arrived []string
	p := newPushing(t, WebPushOptions{OnMessage: func(m WebMessage) { arrived = append(arrived, string(m.Text)) }})
	s := p.subscribe(ModeRFC)
	send := func(text, ttl, topic, urgency string) *http.Response {
		r := p.request(s, text)
		r.Header.Set("TTL", ttl)
		if topic != "" {
			r.Header.Set("Topic", topic)
		}
		r.Header.Set("Urgency", urgency)
		resp, body := p.do(r)
		if resp.StatusCode != 201 {
			t.Errorf("%s: %d %s", text, resp.StatusCode, body)
		}
		return resp
	}
	p.SetUrgency(s.Endpoint, "high")
	send("held back", "60", "", "low")
	send("wakes up", "60", "", "high")
	p.SetOnline(s.Endpoint, false)
	send("lost", "0", "", "high")
	send("old", "60", "T", "high")
	send("short", "30", "", "high")
	send("new", "60", "T", "normal")
	if n := p.Stored(s.Endpoint); n != 3 {
		t.Errorf("%d stored, want held back, short and new", n)
	}
	p.clock.Advance(30 * time.Second)
	p.SetOnline(s.Endpoint, true)
	p.SetUrgency(s.Endpoint, "very-low")
	if got := strings.Join(arrived, ", "); got != "wakes up, held back, new" {
		t.Errorf("arrived: %s", got)
	}
	if resp := send("long", "99999999999", "", "low"); resp.Header.Get("TTL") != "2592000" {
		t.Errorf("granted TTL %s", resp.Header.Get("TTL"))
	}
	for _, status := range []int{404, 410} {
		p.Unsubscribe(s.Endpoint, status)
		if resp, _ := p.do(p.request(s, "x")); resp.StatusCode != status {
			t.Errorf("%d, want %d", resp.StatusCode, status)
		}
	}
}

func TestWebPushAppleRules(t *testing.T) {
	p := newPushing(t, WebPushOptions{HourlyToken: true})
	s := p.subscribe(ModeApple)
	first := p.request(s, declarativeText)
	token := first.Header.Get("Authorization")
	resp, _ := p.do(first)
	if resp.StatusCode != 201 || resp.Header.Get("apns-id") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, body := p.do(p.request(s, declarativeText)); resp.StatusCode != 403 {
		t.Errorf("another token at once: %d %s", resp.StatusCode, body)
	}
	p.clock.Advance(time.Hour - time.Second)
	silent := p.request(s, `{"data":{}}`)
	silent.Header.Set("Authorization", token)
	if resp, body := p.do(silent); resp.StatusCode != 201 {
		t.Errorf("a silent push: %d %s", resp.StatusCode, body)
	}
	p.clock.Advance(time.Second)
	if resp, _ := p.do(p.request(s, declarativeText)); resp.StatusCode != 410 {
		t.Errorf("after a silent push: %d, want 410", resp.StatusCode)
	}
}

func TestWebPushFaults(t *testing.T) {
	p := newPushing(t, WebPushOptions{})
	s := p.subscribe(ModeMozilla)
	p.Script(s.Endpoint, Fault{Status: 503, Reason: "busy"}, Fault{Status: 307, Header: map[string]string{"Location": "https://127.0.0.1/"}},
		Fault{Status: 410, Body: "not JSON"}, Fault{Drop: DropAfter})
	resp, body := p.do(p.request(s, declarativeText))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "120" || !strings.Contains(body, `"errno":201`) {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	if resp, _ := p.do(p.request(s, declarativeText)); resp.StatusCode != 307 || resp.Header.Get("Location") == "" {
		t.Errorf("%d", resp.StatusCode)
	}
	if resp, body := p.do(p.request(s, declarativeText)); resp.StatusCode != 410 || body != "not JSON" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, err := p.client.Do(p.request(s, declarativeText)); err == nil {
		resp.Body.Close()
		t.Error("an answer came although the connection was to be dropped")
	}
	if resp, _ := p.do(p.request(s, declarativeText)); resp.StatusCode != 201 {
		t.Errorf("%d", resp.StatusCode)
	}
	if c := p.Log().Counts(); c.Accepted != 1 || c.Duplicates != 1 || c.Requests != 5 {
		t.Errorf("%+v", c)
	}
	if p.Opened() < 2 {
		t.Errorf("%d connections", p.Opened())
	}
}

func TestWebPushSubscriptionAsBrowsersGiveIt(t *testing.T) {
	p := newPushing(t, WebPushOptions{VendorHosts: true})
	for mode, host := range pushHosts {
		s := p.subscribe(mode)
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Endpoint string
			Keys     struct{ P256dh, Auth string }
		}
		if err := json.Unmarshal(b, &got); err != nil || !strings.HasPrefix(got.Endpoint, "https://"+host+":") ||
			len(got.Keys.P256dh) != 87 || len(got.Keys.Auth) != 22 || len(got.Endpoint) > 1000 {
			t.Errorf("%s: %s %v", mode, b, err)
		}
	}
}

func TestWebPushShowsItself(t *testing.T) {
	p := newPushing(t, WebPushOptions{})
	s := p.subscribe(ModeGoogle)
	p.do(p.request(s, declarativeText))
	p.do(p.request(s, declarativeText))
	if got := p.Notifications(s.Endpoint); len(got) != 1 || got[0].Title != "t" {
		t.Errorf("%+v", got)
	}
	for path, want := range map[string]string{"/log": `"duplicates":1`, "/messages?endpoint=" + s.Endpoint: `"delivery":"d1"`, "/problems": "null"} {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	for query, want := range map[string]int{"mode=edge&key=" + p.public: 200, "mode=edge": 200, "mode=opera": 400, "mode=rfc&key=x": 400} {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/subscriptions?"+query, nil))
		if w.Code != want || want == 200 && !strings.Contains(w.Body.String(), `"p256dh":"B`) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}
