package sim

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// wnsLimit is the greatest payload, in bytes: Microsoft, "Push notification service request and response headers".
const wnsLimit = 5000

// wnsPause is the Retry-After of a 406.
const wnsPause = time.Minute

// keyOf is what faults are scripted for: the channel, or WNSToken.
func (s *WNS) keyOf(r *http.Request) string {
	if isLogin(r.URL.Path) {
		return WNSToken
	}
	s.state.Lock()
	defer s.state.Unlock()
	if c := s.channels[r.RequestURI]; c != nil {
		return c.uri
	}
	return r.RequestURI
}

// senderOf names whose token a push carries: the application's id or the package SID.
func (s *WNS) senderOf(r *http.Request) string {
	app, _ := s.wnsSubject(r)
	_, id, _ := strings.Cut(app, "/")
	return id
}

func (s *WNS) judgeAny(r *http.Request, e *Entry, f Fault) pushAnswer {
	if isLogin(r.URL.Path) {
		return s.signOn(r, e, f)
	}
	return s.judgePush(r, e, f)
}

// wnsWord is an answer of WNS: the status, its word, and what was wrong.
type wnsWord struct {
	status int
	word   string
	detail string
	retry  time.Duration
}

// judgePush judges a push, acts on it and makes the answer.
func (s *WNS) judgePush(r *http.Request, e *Entry, f Fault) pushAnswer {
	app, known := s.wnsSubject(r)
	s.state.Lock()
	defer s.state.Unlock()
	c := s.channels[r.RequestURI]
	e.ID = deliveryOf(r.Header)
	w := s.refusePush(r, e.Body, c, app, known)
	if w.status == 0 && (f.Status >= 300 || f.Status >= 200 && f.Header[wnsStatusHeader] != "") {
		w = wnsWord{status: f.Status, word: "dropped", detail: f.Reason}
	}
	if w.status == 0 {
		w = s.takePush(r, e, c)
		if f.Status != 0 {
			w.status = f.Status
		}
	}
	e.Reason = w.detail
	if w.detail == "" && w.status >= 300 {
		e.Reason = strconv.Itoa(w.status)
	}
	return s.answerOf(r, c, w)
}

// wnsStatusHeader carries WNS's word.
const wnsStatusHeader = "X-WNS-NotificationStatus"

func (s *WNS) answerOf(r *http.Request, c *wnsChannel, w wnsWord) pushAnswer {
	a := pushAnswer{status: w.status, header: http.Header{}}
	a.header.Set(wnsStatusHeader, w.word)
	a.header.Set("X-WNS-Status", w.word)
	a.header.Set("X-WNS-Msg-ID", strings.ToUpper(strconv.FormatInt(s.clock.Now().UnixNano(), 16)))
	a.header.Set("X-WNS-Debug-Trace", "ALLIMSIM")
	if cv := r.Header.Get("MS-CV"); cv != "" {
		a.header.Set("MS-CV", cv)
	}
	if w.detail != "" {
		a.header.Set("X-WNS-Error-Description", w.detail)
	}
	if w.status == http.StatusUnauthorized {
		a.header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	if w.retry > 0 {
		a.header.Set("Retry-After", strconv.Itoa(int(w.retry/time.Second)))
	}
	if c != nil && r.Header.Get("X-WNS-RequestForStatus") == "true" {
		a.header.Set("X-WNS-DeviceConnectionStatus", c.device)
	}
	return a
}

// refusePush says what is wrong with a push; the zero wnsWord: nothing. s.state is held.
func (s *WNS) refusePush(r *http.Request, body []byte, c *wnsChannel, app string, known bool) wnsWord {
	no := func(status int, detail string) wnsWord {
		return wnsWord{status: status, word: "dropped", detail: detail}
	}
	switch {
	case r.Method != http.MethodPost:
		return no(http.StatusMethodNotAllowed, "Only POST is allowed")
	case len(r.TransferEncoding) > 0 || r.ContentLength < 0:
		return no(http.StatusLengthRequired, "Content-Length is required")
	case c == nil:
		return no(http.StatusNotFound, "The channel URI is not valid or not recognized")
	case !known:
		return no(http.StatusUnauthorized, "The bearer token is not valid")
	case c.app != app:
		return no(http.StatusForbidden, "The bearer token is for another app than the channel")
	case s.blocked:
		return no(http.StatusGone, "Domain Blocked")
	case !s.clock.Now().Before(c.expires):
		return no(http.StatusGone, "The channel expired")
	}
	if why := badHeaders(r.Header); why != "" {
		return no(http.StatusBadRequest, why)
	}
	return s.refuseBody(r, body, c, app)
}

// refuseBody goes on with a push whose sender, channel and headers are right. s.state is held.
func (s *WNS) refuseBody(r *http.Request, body []byte, c *wnsChannel, app string) wnsWord {
	switch {
	case len(body) > wnsLimit:
		return wnsWord{status: http.StatusRequestEntityTooLarge, word: "dropped", detail: "The payload exceeds 5000 bytes"}
	case len(body) == 0:
		return wnsWord{status: http.StatusBadRequest, word: "dropped", detail: "The payload is empty"}
	case s.over(app):
		return wnsWord{status: http.StatusNotAcceptable, word: "dropped", detail: "Throttled", retry: wnsPause}
	case c.limited:
		return wnsWord{status: http.StatusOK, word: "channelthrottled"}
	case c.refuses[r.Header.Get("X-WNS-Type")]:
		return wnsWord{status: http.StatusOK, word: "dropped"}
	case c.device == "disconnected" && policy(r.Header) == "no-cache":
		return wnsWord{status: http.StatusOK, word: "dropped"}
	}
	return wnsWord{}
}

// over counts an app's pushes and tells whether it sent too many in this minute.
func (s *WNS) over(app string) bool {
	if s.opts.PerMinute == 0 {
		return false
	}
	m := s.sent[app]
	now := s.clock.Now()
	if m == nil || now.Sub(m.began) >= wnsPause {
		m = &wnsMinute{began: now}
		s.sent[app] = m
	}
	m.n++
	return m.n > s.opts.PerMinute
}

// contentTypes are the types of a push, and what each is sent as.
var contentTypes = map[string]string{"wns/toast": "text/xml", "wns/tile": "text/xml", "wns/badge": "text/xml",
	"wns/raw": "application/octet-stream"}

var wnsLabel = regexp.MustCompile(`^[A-Za-z0-9]{1,16}$`)

// wnsHeaders are the headers with a shape of their own.
var wnsHeaders = []struct {
	name  string
	valid *regexp.Regexp
}{
	{"X-WNS-Cache-Policy", regexp.MustCompile(`^(cache|no-cache)$`)},
	{"X-WNS-TTL", regexp.MustCompile(`^[0-9]{1,10}$`)},
	{"X-WNS-Tag", wnsLabel},
	{"X-WNS-Group", wnsLabel},
	{"X-WNS-RequestForStatus", regexp.MustCompile(`^(true|false)$`)},
	{"X-WNS-PRIORITY", regexp.MustCompile(`^[1-4]$`)},
}

// badHeaders says what is wrong with the headers of a push; headers that WNS does not know are no fault.
func badHeaders(h http.Header) string {
	kind := h.Get("X-WNS-Type")
	want, ok := contentTypes[kind]
	contentType, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	switch {
	case kind == "":
		return "X-WNS-Type is required"
	case !ok:
		return "X-WNS-Type is not known"
	case strings.TrimSpace(contentType) != want:
		return "Content-Type does not go with X-WNS-Type"
	case h.Get("X-WNS-SuppressPopup") != "":
		return "X-WNS-SuppressPopup is for phones only"
	case h.Get("X-WNS-Match") != "":
		return "X-WNS-Match is for DELETE on phones only"
	}
	for _, x := range wnsHeaders {
		if v := h.Values(x.name); len(v) > 1 || len(v) == 1 && !x.valid.MatchString(v[0]) {
			return x.name + " is not valid"
		}
	}
	if ttl, err := strconv.Atoi(h.Get("X-WNS-TTL")); err == nil && ttl == 0 && policy(h) == "cache" {
		return "Ttl value conflicts with X-WNS-Cache-Policy."
	}
	return ""
}

// policy is the cache policy, by default that of the type.
func policy(h http.Header) string {
	if p := h.Get("X-WNS-Cache-Policy"); p != "" {
		return p
	}
	if h.Get("X-WNS-Type") == "wns/raw" {
		return "no-cache"
	}
	return "cache"
}

// takePush hands a push to the device. s.state is held.
func (s *WNS) takePush(r *http.Request, e *Entry, c *wnsChannel) wnsWord {
	kind := r.Header.Get("X-WNS-Type")
	m := WNSMessage{Type: kind, At: e.At, Tag: r.Header.Get("X-WNS-Tag"), Group: r.Header.Get("X-WNS-Group"), TTL: r.Header.Get("X-WNS-TTL")}
	e.Accepted = true
	s.counts[kind]++
	if kind != "wns/toast" {
		e.ID = "" // a badge beside a toast has the toast's correlation, and is no repeat of it
	}
	var err error
	switch kind {
	case "wns/toast":
		var t Toast
		if t, err = ParseToast(e.Body); err == nil {
			m.Toast = &t
		}
	case "wns/badge":
		m.Badge, err = ParseBadge(e.Body)
	case "wns/raw":
		m.Raw = append(Bytes(nil), e.Body...)
	}
	if err != nil {
		m.Dropped = err.Error()
		if len(s.problems) < maxProblems {
			s.problems = append(s.problems, m.Dropped)
		}
	}
	if s.opts.LogLimit >= 0 {
		c.messages = append(c.messages, m)
	}
	return wnsWord{status: http.StatusOK, word: "received"}
}

// deliveryOf reads the delivery's id out of the correlation vector, where the hub puts it; empty: it is not there.
func deliveryOf(h http.Header) string {
	base, _, _ := strings.Cut(h.Get("MS-CV"), ".")
	b, err := base64.RawStdEncoding.DecodeString(base)
	if err != nil || len(b) != 16 {
		return ""
	}
	x := hex.EncodeToString(b)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
