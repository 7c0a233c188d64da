package fast

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Class is what becomes of a device token.
type Class uint8

// The classes.
const (
	Taken       Class = iota
	Gone              // retired: 410 or UNREGISTERED, always
	Throttled         // 429 the first time
	Unavailable       // 503 the first time
)

const million = 1_000_000

// Classify tells what becomes of a device token: the same in every process and every run.
func (o Options) Classify(token string) Class {
	n := int(fnv(token) % million)
	switch {
	case n < o.Gone:
		return Gone
	case n < o.Gone+o.Throttled:
		return Throttled
	case n < o.Gone+o.Throttled+o.Unavailable:
		return Unavailable
	}
	return Taken
}

// fnv is FNV-1a with a last mixing step, so that its low digits are as good as the others.
func fnv(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}

// shards is a set of texts, by their hashes: a mix-up of two is one in 10^13 with a million in it.
type shards struct {
	seed maphash.Seed
	list [64]struct {
		sync.Mutex
		set map[uint64]struct{}
	}
}

func (s *shards) reset() {
	s.seed = maphash.MakeSeed()
	for i := range s.list {
		s.list[i].Lock()
		s.list[i].set = map[uint64]struct{}{}
		s.list[i].Unlock()
	}
}

// add adds a text and tells whether it was there.
func (s *shards) add(text string) bool {
	h := maphash.String(s.seed, text)
	shard := &s.list[h&63]
	shard.Lock()
	defer shard.Unlock()
	_, was := shard.set[h]
	if !was {
		shard.set[h] = struct{}{}
	}
	return was
}

// request is one request, as far as it is looked at.
type request struct {
	stream uint32
	path   string
	id     string // apns-id
	body   []byte
}

// reply is what goes back: fields are HPACK, whole.
type reply struct {
	fields []byte
	body   []byte
}

const (
	devicePath = "/3/device/"
	pushPath   = "/push/"
	fcmSuffix  = "/messages:send"
	tokenPath  = "/token"
)

// What FCM's bodies look like where they are looked into: "projects.messages" of its REST reference, and adapters/fcm for
// the delivery's id. The simulator takes any body in which these stand.
var (
	bodyID    = []byte(`"delivery":"`)
	bodyToken = []byte(`"token":"`)
	bodyFID   = []byte(`"fid":"`)
)

// judge gives the answer to a request, appended to fields.
func (s *Server) judge(r *request, fields []byte) reply {
	switch {
	case strings.HasPrefix(r.path, devicePath):
		s.counts.apns.Add(1)
		return s.apns(r, fields)
	case strings.HasSuffix(r.path, fcmSuffix):
		s.counts.fcm.Add(1)
		return s.fcm(r, fields)
	case strings.HasPrefix(r.path, pushPath):
		s.counts.webPush.Add(1)
		return s.webPush(r, fields)
	case r.path == tokenPath:
		return reply{field(status(fields, 200), "content-type", "application/json"),
			[]byte(`{"access_token":"ya29.fast","expires_in":3599,"token_type":"Bearer"}`)}
	}
	s.counts.other.Add(1)
	return reply{fields: status(fields, 404)}
}

// apns answers as "Handling notification responses from APNs" says.
func (s *Server) apns(r *request, fields []byte) reply {
	no := func(code int, reason string) reply {
		fields = field(status(fields, code), "apns-id", r.id)
		return reply{s.retryAfter(fields, code), []byte(`{"reason":"` + reason + `"}`)}
	}
	switch s.class(r.path[len(devicePath):]) {
	case Gone:
		return reply{field(status(fields, 410), "apns-id", r.id),
			[]byte(`{"reason":"Unregistered","timestamp":` + strconv.FormatInt(time.Now().UnixMilli(), 10) + `}`)}
	case Throttled:
		return no(429, "TooManyRequests")
	case Unavailable:
		return no(503, "ServiceUnavailable")
	}
	s.accepted(r.id)
	return reply{fields: field(status(fields, 200), "apns-id", r.id)}
}

// fcm answers as "FCM error codes" says.
func (s *Server) fcm(r *request, fields []byte) reply {
	no := func(code int, rpc, word, message string) reply {
		fields = field(status(fields, code), "content-type", "application/json; charset=UTF-8")
		return reply{s.retryAfter(fields, code), []byte(`{"error":{"code":` + strconv.Itoa(code) + `,"message":"` + message +
			`","status":"` + rpc + `","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"` +
			word + `"}]}}`)}
	}
	token := after(r.body, bodyToken)
	if token == nil {
		token = after(r.body, bodyFID)
	}
	switch s.class(string(token)) {
	case Gone:
		return no(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
	case Throttled:
		return no(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Device message rate exceeded.")
	case Unavailable:
		return no(503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable.")
	}
	id := string(after(r.body, bodyID))
	s.accepted(id)
	return reply{field(status(fields, 200), "content-type", "application/json; charset=UTF-8"),
		[]byte(`{"name":"projects/fast/messages/0:` + id + `"}`)}
}

// webPush answers as RFC 8030 sections 5 and 7.3 say. What is in the body nobody can read: a subscription stands for what
// it got, and none is sent away, because a push service that does so is left alone for a while.
func (s *Server) webPush(r *request, fields []byte) reply {
	subscription := r.path[len(pushPath):]
	if s.opts.Classify(subscription) == Gone {
		s.counts.gone.Add(1)
		return reply{fields: status(fields, 410)}
	}
	s.accepted(subscription)
	return reply{fields: field(status(fields, 201), "ttl", "3600")}
}

// after gives the text between the last mark in b and the next quote; nil: there is none.
func after(b, mark []byte) []byte {
	at := bytes.LastIndex(b, mark)
	if at < 0 {
		return nil
	}
	b = b[at+len(mark):]
	end := bytes.IndexByte(b, '"')
	if end < 0 {
		return nil
	}
	return b[:end]
}

// class gives what becomes of a token now, and counts it.
func (s *Server) class(token string) Class {
	switch c := s.opts.Classify(token); {
	case c == Gone:
		s.counts.gone.Add(1)
		return Gone
	case c == Throttled && !s.asked.add(token):
		s.counts.throttled.Add(1)
		return Throttled
	case c == Unavailable && !s.asked.add(token):
		s.counts.unavailable.Add(1)
		return Unavailable
	}
	return Taken
}

func (s *Server) accepted(id string) {
	s.counts.accepted.Add(1)
	if s.opts.Track && s.seen.add(id) {
		s.counts.duplicates.Add(1)
	}
}

func (s *Server) retryAfter(fields []byte, code int) []byte {
	if (code == 429 || code == 503) && s.opts.RetryAfter > 0 {
		return field(fields, "retry-after", strconv.Itoa(int((s.opts.RetryAfter+time.Second-1)/time.Second)))
	}
	return fields
}

// status appends :status (RFC 7541 section 6.1, or 6.2.2 with the name of index 8; appendix A has the static table).
func status(b []byte, code int) []byte {
	switch code {
	case 200:
		return append(b, 0x88)
	case 404:
		return append(b, 0x8d)
	}
	return append(b, 0x08, 3, byte('0'+code/100), byte('0'+code/10%10), byte('0'+code%10))
}

// field appends a literal field that is not put into the dynamic table (RFC 7541 section 6.2.2); both are short.
func field(b []byte, name, value string) []byte {
	b = append(b, 0, byte(len(name)))
	b = append(b, name...)
	if len(value) > 126 {
		value = value[:126]
	}
	b = append(b, byte(len(value)))
	return append(b, value...)
}
