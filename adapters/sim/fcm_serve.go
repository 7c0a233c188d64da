package sim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// sendPath is where messages go: the project's id or number is in it.
var sendPath = regexp.MustCompile(`^/v1/projects/([^/?]+)/messages:send$`)

// serve takes one request: the scripted fault first, then Google's own judgement. It runs in the connection's read loop.
func (s *FCM) serve(c *h2conn, r *h2request) {
	if r.path == tokenPath {
		s.serveLogin(c, r)
		return
	}
	now := s.clock.Now()
	access, signedOn := s.auth.access(value(r.header, "authorization"), now)
	m, no := readFCM(r.body)
	f := s.faults.takeFor(m.target(), func() string { return access.account.Email })
	e := s.fcmEntry(c, r)
	e.Key, e.ID = m.target(), m.delivery()
	if s.misbehave(c, r, f, func(reason string) { e.Reason = reason; s.log.Add(e) }) {
		return
	}
	if f.Status != 0 && f.Status != http.StatusOK {
		no = scriptedNo(f.Status, f.Reason, access.account.Project)
	} else {
		no = s.judgeFCM(r, access, signedOn, m, no, now)
	}
	e.Status, e.Reason, e.Accepted = 200, no.word(), no.status == 0 && !m.validateOnly
	if no.status != 0 {
		e.Status = no.status
	} else if m.validateOnly {
		e.Reason = "validated"
	}
	e = s.log.Add(e)
	name := "projects/" + access.account.Project + "/messages/"
	switch {
	case e.Accepted:
		s.devices.deliver(m, r.body, now)
		if s.opts.OnAccepted != nil {
			s.opts.OnAccepted(e)
		}
		name += "0:" + strconv.FormatInt(now.UnixMicro(), 10) + "%" + strconv.FormatInt(s.number.Add(1), 16)
	case m.validateOnly:
		name += "fake_message_id"
	}
	ok, _ := json.Marshal(map[string]string{"name": name}) // a text: cannot fail
	s.finish(c, r, s.composeFCM(ok, no, f), f)
}

// misbehave plays the faults in which no request is judged; true: that was all.
func (s *FCM) misbehave(c *h2conn, r *h2request, f Fault, note func(reason string)) bool {
	switch {
	case s.muted.Load() || f.Stall:
		note("stalled")
	case f.Drop == DropBefore:
		note("dropped")
		_ = c.nc.NetConn().Close()
	case f.Reset != 0:
		note("reset")
		c.reset(r.stream, http2.ErrCode(f.Reset))
	case f.GoAway != nil && f.GoAway.Before > 0:
		note("not taken")
		c.goAway(uint32(max(int(r.stream)-2*f.GoAway.Before, 0)), *f.GoAway, f.GoAway.Close)
	case f.GoAway != nil && f.GoAway.Close && f.Drop != DropAfter:
		note("lost")
		c.goAway(r.stream, *f.GoAway, true)
	default:
		return false
	}
	return true
}

// finish sends the answer as the fault says.
func (s *FCM) finish(c *h2conn, r *h2request, a h2answer, f Fault) {
	switch {
	case f.GoAway != nil && f.GoAway.Close: // accepted, but the answer is lost
		c.goAway(r.stream, *f.GoAway, true)
		return
	case f.GoAway != nil:
		c.goAway(r.stream, *f.GoAway, false)
	case f.Drop == DropAfter:
		_ = c.nc.NetConn().Close()
		return
	}
	c.after(s.clock, s.opts.Latency+f.Delay, func() {
		if a.drip > 0 && len(a.body) > 0 {
			c.drip(s.clock, r.stream, a)
			return
		}
		c.answer(r.stream, a)
	})
}

func (s *FCM) composeFCM(ok []byte, no fcmNo, f Fault) h2answer {
	a := h2answer{status: http.StatusOK, body: ok, truncate: f.Truncate, drip: f.Drip}
	kind := "application/json; charset=UTF-8"
	if no.status != 0 {
		a.status = no.status
		a.body, kind = no.body()
	}
	if f.Body != "" {
		a.body = []byte(strings.TrimSpace(f.Body))
	}
	a.header = append(a.header, Field{"content-type", kind}, Field{"server", "ESF"})
	for name, v := range f.Header {
		a.header = append(a.header, Field{strings.ToLower(name), v})
	}
	return a
}

func (s *FCM) fcmEntry(c *h2conn, r *h2request) Entry {
	return Entry{At: s.clock.Now(), Conn: c.id, Stream: r.stream, Method: r.method, Path: r.path, Header: r.header, Body: r.body}
}

// judgeFCM checks everything: address, credentials, form, message, device, quota. no is what the body's reader found.
func (s *FCM) judgeFCM(r *h2request, access fcmAccess, signedOn bool, m fcmMessage, no fcmNo, now time.Time) fcmNo {
	path := sendPath.FindStringSubmatch(r.path)
	kind, _, _ := strings.Cut(value(r.header, "content-type"), ";")
	switch {
	case path == nil || r.method != http.MethodPost:
		return fcmNotFound()
	case !signedOn:
		return fcmUnauthenticated()
	case !access.send:
		return fcmScope()
	case access.account.Denied || path[1] != access.account.Project && path[1] != access.account.Number:
		return fcmDenied(path[1])
	}
	if who := s.devices.project(access.account.Project, now); who.status != 0 {
		return who
	}
	switch {
	case !strings.EqualFold(strings.TrimSpace(kind), "application/json"):
		return fcmParse("", "Invalid JSON payload received. Unexpected content type.")
	case r.size > maxBody:
		return fcmParse("", "Request payload size exceeds the limit.")
	case no.status != 0:
		return no
	}
	return s.devices.judge(m, access.account.Project, now)
}

// serveLogin is the token endpoint.
func (s *FCM) serveLogin(c *h2conn, r *h2request) {
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		form = url.Values{}
	}
	f := s.signIns.take(assertionEmail(form))
	e := s.fcmEntry(c, r)
	e.Key, e.Body = assertionEmail(form), Bytes("grant_type="+form.Get("grant_type"))
	if s.misbehave(c, r, f, func(reason string) { e.Reason = reason; s.logins.Add(e) }) {
		return
	}
	var no fcmNo
	var token string
	kind, _, _ := strings.Cut(value(r.header, "content-type"), ";")
	switch {
	case f.Status != 0 && f.Status != 200:
		no = fcmNo{status: f.Status, oauth: &oauthError{f.Reason, "scripted"}}
	case r.method != http.MethodPost:
		no = fcmNotFound()
	case strings.TrimSpace(kind) != "application/x-www-form-urlencoded":
		no = fcmNo{status: 400, oauth: &oauthError{"invalid_request", "Bad Request"}}
	default:
		var bad *oauthError
		if token, bad = s.auth.login(form, s.TokenURL(), s.clock.Now()); bad != nil {
			no = fcmNo{status: 400, oauth: bad}
		}
	}
	e.Status, e.Reason, e.Accepted = 200, no.word(), no.status == 0
	if no.status != 0 {
		e.Status = no.status
	}
	s.logins.Add(e)
	ok, _ := json.Marshal(map[string]any{"access_token": token, "expires_in": int64(s.opts.TokenLife / time.Second),
		"token_type": "Bearer"}) // cannot fail
	s.finish(c, r, s.composeFCM(ok, no, f), f)
}
