package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wrong is what a push service does not like, before it is said in the service's own words.
type wrong string

const (
	wrongNothing  wrong = ""
	wrongMethod   wrong = "method"
	wrongPath     wrong = "path"
	wrongGone     wrong = "gone"
	wrongNoTTL    wrong = "no TTL"
	wrongTTL      wrong = "TTL"
	wrongTTLZero  wrong = "TTL 0"
	wrongUrgency  wrong = "urgency"
	wrongTopic    wrong = "topic"
	wrongNoToken  wrong = "no token"
	wrongToken    wrong = "token"
	wrongVAPIDKey wrong = "VAPID key"
	wrongOtherKey wrong = "other VAPID key"
	wrongCoding   wrong = "coding"
	wrongSize     wrong = "size"
	wrongBody     wrong = "body"
)

// refusedPush is a refusal with a word for the log.
type refusedPush struct {
	what   wrong
	detail string
}

// Sizes of RFC 8291 section 4: header, one octet, delimiter, tag; and RFC 8030 section 7.2.
const (
	leastPush = 86 + 1 + 1 + 16
	mostPush  = 4096
)

var topicForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// judgePush checks a request in the order of RFC 8030 section 5: address, headers, sender, body.
func (s *WebPush) judgePush(r *http.Request, b *browser, body []byte) (WebMessage, refusedPush) {
	m := WebMessage{Urgency: "normal"}
	switch {
	case r.Method != http.MethodPost:
		return m, refusedPush{wrongMethod, r.Method}
	case b == nil:
		return m, refusedPush{wrongPath, "no such subscription"}
	}
	b.mu.Lock()
	status, bridge := b.status, b.bridge
	b.mu.Unlock()
	m.Endpoint = b.endpoint
	switch status {
	case 0:
	case http.StatusNotFound:
		return m, refusedPush{wrongPath, "the subscription expired"}
	default:
		return m, refusedPush{wrongGone, "unsubscribed"}
	}
	if no := m.headers(r.Header, b.mode); no.what != wrongNothing {
		return m, no
	}
	if !s.opts.Blind {
		if no := s.judgeSender(r, b, body); no.what != wrongNothing {
			return m, no
		}
	}
	return m, judgeBody(r.Header, body, bridge)
}

// headers reads TTL, Urgency and Topic.
func (m *WebMessage) headers(h http.Header, mode PushMode) refusedPush {
	if no := m.readTTL(h["Ttl"], mode == ModeEdge && h.Get("X-WNS-Cache-Policy") != "no-cache"); no.what != wrongNothing {
		return no
	}
	if u := h["Urgency"]; len(u) > 0 {
		if len(u) > 1 || !slices.Contains(urgencies, u[0]) {
			return refusedPush{wrongUrgency, "not one of the four urgencies"}
		}
		m.Urgency = u[0]
	}
	if t := h["Topic"]; len(t) > 0 {
		if len(t) > 1 || !topicForm.MatchString(t[0]) || mode == ModeApple && len(t[0])%4 == 1 {
			return refusedPush{wrongTopic, "not 1 to 32 characters of base64url"}
		}
		m.Topic = t[0]
	}
	return refusedPush{}
}

func (m *WebMessage) readTTL(ttl []string, positive bool) refusedPush {
	if len(ttl) == 0 {
		return refusedPush{wrongNoTTL, "no TTL"}
	}
	seconds, err := strconv.ParseUint(ttl[0], 10, 63)
	if err != nil || len(ttl) > 1 {
		return refusedPush{wrongTTL, "TTL is not a number of seconds"}
	}
	m.TTL = time.Duration(min(seconds, 2_592_000)) * time.Second // Mozilla and Apple: 30 days
	if positive && seconds == 0 {
		return refusedPush{wrongTTLZero, "TTL 0 without X-WNS-Cache-Policy"}
	}
	return refusedPush{}
}

// judgeSender checks who sends: RFC 8292 sections 2 to 4.
func (s *WebPush) judgeSender(r *http.Request, b *browser, body []byte) refusedPush {
	header := r.Header.Get("Authorization")
	if header == "" && len(b.bound) == 0 && (b.mode == ModeRFC || b.mode == ModeMozilla || b.mode == ModeUnifiedPush) {
		return refusedPush{}
	}
	v, err := s.tokens.parse(header)
	switch {
	case errors.Is(err, errNoVAPID):
		return refusedPush{wrongNoToken, err.Error()}
	case errors.Is(err, errVAPIDKey):
		return refusedPush{wrongVAPIDKey, err.Error()}
	case err != nil:
		return refusedPush{wrongToken, err.Error()}
	case len(b.bound) != 0 && !bytes.Equal(v.key, b.bound):
		return refusedPush{wrongOtherKey, "k is not the subscription's key"}
	case len(body) >= 86 && bytes.Equal(v.key, body[21:86]): // RFC 8292 section 5
		return refusedPush{wrongBody, "the VAPID key serves as the message's key too"}
	}
	now := s.clock.Now()
	if err := v.check(originFrom(r), now); err != nil {
		return refusedPush{wrongToken, err.Error()}
	}
	if b.mode == ModeApple {
		return s.judgeForApple(b, v, header, now)
	}
	return refusedPush{}
}

func (s *WebPush) judgeForApple(b *browser, v vapid, header string, now time.Time) refusedPush {
	switch {
	case v.subject == "":
		return refusedPush{wrongToken, "no sub"}
	case s.opts.HourlyToken && !b.steady(header, now):
		return refusedPush{wrongToken, "the token was changed within an hour"}
	}
	return refusedPush{}
}

// originFrom is the origin that the client asked for (RFC 6454).
func originFrom(r *http.Request) string {
	scheme, host := "http://", strings.TrimSuffix(r.Host, ":80")
	if r.TLS != nil {
		scheme, host = "https://", strings.TrimSuffix(r.Host, ":443")
	}
	return scheme + host
}

// steady tells whether the token is the last one, or the last one is an hour old.
func (b *browser) steady(token string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token == b.token {
		return true
	}
	if b.token != "" && now.Sub(b.tokenAt) < time.Hour {
		return false
	}
	b.token, b.tokenAt = token, now
	return true
}

// judgeBody checks what a service can see of an encrypted body. No body is a push too: it only wakes up.
func judgeBody(h http.Header, body []byte, bridge int) refusedPush {
	coding := h["Content-Encoding"]
	if bridge == 0 {
		bridge = mostPush
	}
	switch {
	case len(body) == 0 && len(coding) == 0:
		return refusedPush{}
	case len(body) > bridge:
		return refusedPush{wrongSize, strconv.Itoa(len(body)) + " bytes"}
	case len(coding) != 1 || coding[0] != "aes128gcm":
		return refusedPush{wrongCoding, "Content-Encoding is not aes128gcm"}
	case len(body) < leastPush:
		return refusedPush{wrongBody, "shorter than an encrypted octet"}
	case body[20] != 65:
		return refusedPush{wrongBody, "the keyid has not 65 bytes"}
	}
	return refusedPush{}
}

// read decrypts a message in the browser and reads it as a declarative push message (W3C Push API).
func (b *browser) read(m *WebMessage, body []byte) {
	if len(body) == 0 {
		return
	}
	text, err := b.keys.decrypt(body)
	if err != nil {
		m.Problem = "cannot be decrypted: " + err.Error()
		return
	}
	m.Text = text
	var d struct {
		WebPush      any `json:"web_push"`
		Notification *struct {
			Popup
			Data json.RawMessage `json:"data"`
		}
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return // any bytes are a push: only the page's own code reads it
	}
	data := d.Data
	if d.Notification != nil {
		data = d.Notification.Data
	}
	m.Delivery = deliveryIn(data)
	if d.WebPush == nil {
		return
	}
	switch {
	case d.WebPush != float64(8030):
		m.Problem = "web_push is not the number 8030"
	case d.Notification == nil || d.Notification.Title == "":
		m.Problem = "a declarative message without a title"
	case !absolute(d.Notification.Navigate):
		m.Problem = "a declarative message whose navigate is no absolute URL"
	default:
		m.Shown = &d.Notification.Popup
	}
}

func deliveryIn(data json.RawMessage) string {
	var d struct {
		Allim struct{ Delivery string }
	}
	if len(data) == 0 || json.Unmarshal(data, &d) != nil {
		return ""
	}
	return d.Allim.Delivery
}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs()
}
