package sim

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/http2"

	"allim.dev/allim/notify"
)

const devicePath = "/3/device/"

// serve takes one request: the scripted fault first, then Apple's own judgement. It runs in the connection's read loop.
func (s *APNs) serve(c *apnsConn, r *h2request) {
	if !c.ready {
		c.ready = true
		if certs := c.nc.ConnectionState().PeerCertificates; len(certs) > 0 {
			c.client = certs[0]
		}
	}
	token := strings.TrimPrefix(r.path, devicePath)
	f := s.faults.takeFor(token, func() string { return apnsSender(c, r) })
	switch {
	case s.muted.Load() || f.Stall:
		s.note(c, r, "stalled")
	case f.Drop == DropBefore:
		s.note(c, r, "dropped")
		c.nc.NetConn().Close()
	case f.Reset != 0:
		s.note(c, r, "reset")
		c.reset(r.stream, http2.ErrCode(f.Reset))
	case f.GoAway != nil && f.GoAway.Before > 0:
		s.note(c, r, "not taken")
		c.goAway(uint32(max(int(r.stream)-2*f.GoAway.Before, 0)), *f.GoAway, f.GoAway.Close)
	case f.GoAway != nil && f.GoAway.Close && f.Drop != DropAfter:
		s.note(c, r, "lost")
		c.goAway(r.stream, *f.GoAway, true)
	default:
		s.process(c, r, f)
	}
}

// note logs a request that was not judged.
func (s *APNs) note(c *apnsConn, r *h2request, reason string) {
	e := s.entry(c, r)
	e.Reason = reason
	s.log.Add(e)
}

// process judges a request, acts on it, and sends the answer as the fault says.
func (s *APNs) process(c *apnsConn, r *h2request, f Fault) {
	now := s.clock.Now()
	p, no := s.judge(c, r, now)
	if no.status == 0 && f.Status != 0 && f.Status != 200 {
		no = refusal{status: f.Status, reason: f.Reason, since: f.Timestamp}
	}
	e := s.entry(c, r)
	e.ID, e.Status, e.Reason, e.Accepted = p.id, 200, no.reason, no.status == 0
	if no.status != 0 {
		e.Status = no.status
	}
	e = s.log.Add(e)
	if e.Accepted {
		s.devices.deliver(p, r.body, now)
		if s.opts.OnAccepted != nil {
			s.opts.OnAccepted(e)
		}
	}
	if s.opts.OneStream && no.status != 403 {
		c.raise(s.opts.Streams)
	}
	switch {
	case f.GoAway != nil && f.GoAway.Close: // accepted, but the answer is lost
		c.goAway(r.stream, *f.GoAway, true)
		return
	case f.GoAway != nil:
		c.goAway(r.stream, *f.GoAway, false)
	case f.Drop == DropAfter:
		c.nc.NetConn().Close()
		return
	}
	a := s.compose(p.id, no, f)
	c.after(s.clock, s.opts.Latency+f.Delay, func() {
		if a.drip > 0 && len(a.body) > 0 {
			c.drip(s.clock, r.stream, a)
			return
		}
		c.answer(r.stream, a)
	})
}

// compose makes the answer: Apple, "Handling notification responses from APNs".
func (s *APNs) compose(id string, no refusal, f Fault) h2answer {
	a := h2answer{status: 200, truncate: f.Truncate, drip: f.Drip, header: []Field{{"apns-id", id}}}
	if no.status == 0 && s.opts.Environment == notify.Development {
		a.header = append(a.header, Field{"apns-unique-id", uuid.NewString()})
	}
	if no.status != 0 {
		a.status = no.status
		body := map[string]any{"reason": no.reason}
		if !no.since.IsZero() {
			body["timestamp"] = no.since.UnixMilli()
		}
		a.body, _ = json.Marshal(body) // a text and a number: cannot fail
		a.header = append(a.header, Field{"content-type", "application/json"})
	}
	if f.Body != "" {
		a.body = []byte(f.Body)
	}
	for name, v := range f.Header {
		a.header = append(a.header, Field{strings.ToLower(name), v})
	}
	return a
}

// apnsSender names who sends, unverified: the token's key id, or the certificate's common name.
func apnsSender(c *apnsConn, r *h2request) string {
	var head struct{ Kid string }
	_, bearer, _ := strings.Cut(value(r.header, "authorization"), " ")
	first, _, _ := strings.Cut(bearer, ".")
	if segment(first, &head) && head.Kid != "" {
		return head.Kid
	}
	if c.client != nil {
		return c.client.Subject.CommonName
	}
	return ""
}

func (s *APNs) entry(c *apnsConn, r *h2request) Entry {
	e := Entry{At: s.clock.Now(), Conn: c.id, Stream: r.stream, Method: r.method, Path: r.path, Header: r.header,
		Body: r.body, Key: strings.TrimPrefix(r.path, devicePath), ID: value(r.header, "apns-id")}
	if c.client != nil {
		e.Client = c.client.Subject.String()
	}
	return e
}

// push is a request as Apple understands it.
type push struct {
	id, token, topic, bundle, kind, collapse string
	expiration                               time.Time // zero: not said, or one attempt only
	store                                    bool      // kept for a device that is away
}

// pushTypes are the push types with the suffix of their topic and their limit: Apple, "Sending notification requests to
// APNs" and "Generating a remote notification". mdm has a topic of its own.
var pushTypes = map[string]struct {
	suffix string
	limit  int
}{
	"alert": {"", 4096}, "background": {"", 4096}, "voip": {".voip", 5120}, "complication": {".complication", 4096},
	"fileprovider": {".pushkit.fileprovider", 4096}, "location": {".location-query", 4096},
	"liveactivity": {".push-type.liveactivity", 4096}, "widgets": {".push-type.widgets", 4096},
	"controls": {".push-type.controls", 4096}, "pushtotalk": {".voip-ptt", 4096}, "mdm": {"", 4096},
}

// judge checks everything in Apple's order: credentials, path, method, token, topic, then the rest.
func (s *APNs) judge(c *apnsConn, r *h2request, now time.Time) (push, refusal) {
	p := push{id: value(r.header, "apns-id"), token: strings.TrimPrefix(r.path, devicePath)}
	if p.id == "" {
		p.id = uuid.NewString()
	}
	topics, no := s.auth.judge(c, r, now)
	if no.status != 0 {
		return p, no
	}
	p.topic = value(r.header, "apns-topic")
	if p.topic == "" && c.client != nil && len(topics) == 1 {
		p.topic = topics[0]
	}
	p.kind = value(r.header, "apns-push-type")
	if p.kind == "" {
		p.kind = "alert"
	}
	p.bundle = strings.TrimSuffix(p.topic, pushTypes[p.kind].suffix)
	switch {
	case !strings.HasPrefix(r.path, devicePath):
		return p, refusal{status: 404, reason: "BadPath"}
	case r.method != "POST":
		return p, refusal{status: 405, reason: "MethodNotAllowed"}
	case p.token == "":
		return p, refusal{status: 400, reason: "MissingDeviceToken"}
	case p.topic == "":
		return p, refusal{status: 400, reason: "MissingTopic"}
	}
	if no := s.devices.judge(p, s.opts.Environment, s.opts.OnlyRegistered); no.status != 0 {
		return p, no
	}
	if !allows(topics, p.topic) {
		return p, refusal{status: 400, reason: "TopicDisallowed"}
	}
	if reason := judgeHeaders(&p, r, c.client != nil); reason != "" {
		return p, refusal{status: 400, reason: reason}
	}
	switch {
	case r.size == 0 || !json.Valid(r.body) && r.size <= maxBody:
		return p, refusal{status: 400, reason: "PayloadEmpty"}
	case r.size > pushTypes[p.kind].limit:
		return p, refusal{status: 413, reason: "PayloadTooLarge"}
	}
	return p, refusal{}
}

// judgeHeaders checks the apns- headers and gives Apple's word for what is wrong.
func judgeHeaders(p *push, r *h2request, certificate bool) string {
	kind, known := pushTypes[p.kind]
	priority := value(r.header, "apns-priority")
	p.collapse = value(r.header, "apns-collapse-id")
	switch {
	case !known || p.kind == "location" && certificate:
		return "InvalidPushType"
	case !strings.HasSuffix(p.topic, kind.suffix):
		return "BadTopic"
	case priority != "" && priority != "10" && priority != "5" && priority != "1",
		p.kind == "background" && priority != "5":
		return "BadPriority"
	case len(p.collapse) > 64:
		return "BadCollapseId"
	case value(r.header, "apns-id") != "" && !canonicalUUID(p.id):
		return "BadMessageId"
	case repeated(r.header):
		return "DuplicateHeaders"
	}
	p.store = true
	if exp := value(r.header, "apns-expiration"); exp != "" {
		sec, err := strconv.ParseInt(exp, 10, 64)
		if err != nil || sec < 0 {
			return "BadExpirationDate"
		}
		p.store = sec != 0
		p.expiration = time.Unix(sec, 0)
	}
	return ""
}

// canonicalUUID tells whether s is 8-4-4-4-12 in lower case.
func canonicalUUID(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s
}

func repeated(header []Field) bool {
	for i, f := range header {
		if strings.HasPrefix(f.Name, "apns-") && value(header[:i], f.Name) != "" {
			return true
		}
	}
	return false
}
