package sim

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Subscription is what a page gives to its server; its JSON form is that of PushSubscription.toJSON().
type Subscription struct {
	Endpoint string
	P256dh   []byte
	Auth     []byte
}

// MarshalJSON implements json.Marshaler.
func (s Subscription) MarshalJSON() ([]byte, error) {
	type keys struct {
		P256dh string `json:"p256dh"`
		Auth   string `json:"auth"`
	}
	enc := base64.RawURLEncoding.EncodeToString
	return json.Marshal(struct {
		Endpoint       string  `json:"endpoint"`
		ExpirationTime *string `json:"expirationTime"`
		Keys           keys    `json:"keys"`
	}{Endpoint: s.Endpoint, Keys: keys{enc(s.P256dh), enc(s.Auth)}})
}

// WebMessage is a push as the browser got it.
type WebMessage struct {
	At       time.Time     `json:"at"` // of its arrival at the browser
	Endpoint string        `json:"endpoint"`
	TTL      time.Duration `json:"ttl"`
	Urgency  string        `json:"urgency"`
	Topic    string        `json:"topic,omitempty"`
	Text     Bytes         `json:"text"` // decrypted; empty when that was impossible, see Problem
	Problem  string        `json:"problem,omitempty"`
	Shown    *Popup        `json:"shown,omitempty"` // of a declarative message
	Delivery string        `json:"delivery,omitempty"`
	expires  time.Time     // in the queue; zero: not stored
}

// Popup is what a browser shows of a declarative push message.
type Popup struct {
	Title    string `json:"title"`
	Body     string `json:"body"`
	Navigate string `json:"navigate"`
	Tag      string `json:"tag"`
	Silent   bool   `json:"silent,omitempty"`
}

// urgencies in rising order (RFC 8030 section 5.3).
var urgencies = []string{"very-low", "low", "normal", "high"}

// Bounds of what is kept per browser.
const (
	maxMessages = 1000
	maxStored   = 100
)

// browser is one subscription with its secrets, and the push service's queue for it.
type browser struct {
	mode     PushMode
	endpoint string
	keys     pushKeys
	bound    []byte // the applicationServerKey; nil: none was given
	keep     bool   // messages

	mu       sync.Mutex
	status   int // 0: alive; else what the service answers: 404, 410
	bridge   int // greatest body; 0: the mode's own
	offline  bool
	least    int // index in urgencies: what is less is held back to save the battery
	silent   int // pushes that showed nothing
	messages []WebMessage
	stored   []WebMessage
	token    string // the last Authorization value, and since when
	tokenAt  time.Time
}

// NewSubscription makes a browser that is subscribed with the sender's public VAPID key (base64url, as pages pass it to
// PushManager.subscribe); empty: with none, which only some services allow.
func (s *WebPush) NewSubscription(mode PushMode, applicationServerKey string) (Subscription, error) {
	if _, ok := pushHosts[mode]; !ok {
		return Subscription{}, fmt.Errorf("there is no push service %q: use rfc, mozilla, google, edge, apple or unifiedpush", mode)
	}
	bound, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(applicationServerKey, "="))
	if err != nil || len(bound) != 0 && len(bound) != 65 {
		return Subscription{}, errors.New("applicationServerKey must contain a valid P-256 public key")
	}
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Subscription{}, fmt.Errorf("make a browser's key: %w", err)
	}
	random := make([]byte, 16+48)
	if _, err := rand.Read(random); err != nil {
		return Subscription{}, fmt.Errorf("make a browser's secret: %w", err)
	}
	b := &browser{mode: mode, keys: pushKeys{private, random[:16]}, bound: bound, keep: s.opts.LogLimit >= 0}
	target := targetFor(mode, base64.RawURLEncoding.EncodeToString(random[16:]))
	b.endpoint = s.origin(mode) + target
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byPath[target] = b
	return Subscription{Endpoint: b.endpoint, P256dh: private.PublicKey().Bytes(), Auth: b.keys.auth}, nil
}

// targetFor makes a path (and query) of the shape that the service's own have.
func targetFor(mode PushMode, id string) string {
	switch mode {
	case ModeMozilla:
		return "/wpush/v2/" + id
	case ModeGoogle:
		return "/fcm/send/" + id[:11] + ":APA91b" + id[11:]
	case ModeEdge:
		return "/w/?token=BQYAAA" + id + "%2bA%2f%3d"
	case ModeApple:
		return "/Q" + id
	case ModeUnifiedPush:
		return "/up" + id[:12] + "?up=1"
	}
	return "/push/" + id
}

func (s *WebPush) find(endpoint string) *browser {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, mode := range []PushMode{"", ModeRFC, ModeMozilla, ModeGoogle, ModeEdge, ModeApple, ModeUnifiedPush} {
		if target, ok := strings.CutPrefix(endpoint, s.origin(mode)); ok {
			return s.byPath[target]
		}
	}
	return nil
}

// with runs f on a browser with its lock held; nothing happens when there is none.
func (s *WebPush) with(endpoint string, f func(*browser)) {
	if b := s.find(endpoint); b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		f(b)
	}
}

// Messages gives what the browser got, oldest first; the last thousand at most.
func (s *WebPush) Messages(endpoint string) (list []WebMessage) {
	s.with(endpoint, func(b *browser) { list = slices.Clone(b.messages) })
	return list
}

// Notifications gives what stands on the browser's screen: the last message of each tag, in the order of their tags'
// first appearance.
func (s *WebPush) Notifications(endpoint string) []Popup {
	var list []Popup
	for _, m := range s.Messages(endpoint) {
		if m.Shown == nil {
			continue
		}
		i := slices.IndexFunc(list, func(x Popup) bool { return x.Tag != "" && x.Tag == m.Shown.Tag })
		if i < 0 {
			list = append(list, *m.Shown)
		} else {
			list[i] = *m.Shown
		}
	}
	return list
}

// Stored gives how many messages wait for the browser.
func (s *WebPush) Stored(endpoint string) (n int) {
	s.with(endpoint, func(b *browser) {
		b.expire(s.clock.Now())
		n = len(b.stored)
	})
	return n
}

// Unsubscribe ends a subscription: the service answers 410 (or 404) from now on.
func (s *WebPush) Unsubscribe(endpoint string, status int) {
	s.with(endpoint, func(b *browser) { b.status = status })
}

// SetBridge makes the service refuse bodies over n bytes, as those behind a bridge do.
func (s *WebPush) SetBridge(endpoint string, n int) {
	s.with(endpoint, func(b *browser) { b.bridge = n })
}

// SetOnline connects or disconnects a browser. What was stored for it arrives when it comes back.
func (s *WebPush) SetOnline(endpoint string, on bool) {
	s.arrive(endpoint, func(b *browser) { b.offline = !on })
}

// SetUrgency tells the service which urgency wakes the browser up, such as "high" on a low battery (RFC 8030 section
// 5.3); "very-low": everything.
func (s *WebPush) SetUrgency(endpoint, least string) {
	s.arrive(endpoint, func(b *browser) { b.least = max(slices.Index(urgencies, least), 0) })
}

func (s *WebPush) arrive(endpoint string, change func(*browser)) {
	var list []WebMessage
	s.with(endpoint, func(b *browser) {
		change(b)
		list = b.flush(s.clock.Now())
	})
	s.tell(list)
}

func (s *WebPush) tell(list []WebMessage) {
	if s.opts.OnMessage == nil {
		return
	}
	for _, m := range list {
		s.opts.OnMessage(m)
	}
}

// reachable tells whether a message gets through at once; b.mu is held.
func (b *browser) reachable(m WebMessage) bool {
	return !b.offline && slices.Index(urgencies, m.Urgency) >= b.least
}

// push delivers or stores a message (RFC 8030 sections 5.2 and 5.4), and gives those that arrived.
func (b *browser) push(m WebMessage, now time.Time) []WebMessage {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	if m.Topic != "" {
		b.stored = slices.DeleteFunc(b.stored, func(x WebMessage) bool { return x.Topic == m.Topic })
	}
	switch {
	case b.reachable(m):
		return b.got(m, now)
	case m.TTL > 0:
		m.expires = now.Add(m.TTL)
		if len(b.stored) == maxStored {
			b.stored = b.stored[1:]
		}
		b.stored = append(b.stored, m)
	}
	return nil
}

// expire drops what waited too long; b.mu is held.
func (b *browser) expire(now time.Time) {
	b.stored = slices.DeleteFunc(b.stored, func(m WebMessage) bool { return !m.expires.After(now) })
}

// flush delivers what waited and can get through now; b.mu is held.
func (b *browser) flush(now time.Time) []WebMessage {
	b.expire(now)
	waiting := b.stored
	b.stored = nil
	var arrived []WebMessage
	for _, m := range waiting {
		if b.reachable(m) {
			arrived = append(arrived, b.got(m, now)...)
		} else {
			b.stored = append(b.stored, m)
		}
	}
	return arrived
}

// got is the browser's side; b.mu is held. Apple takes the subscription of who shows nothing.
func (b *browser) got(m WebMessage, now time.Time) []WebMessage {
	m.At = now
	if m.Shown == nil {
		b.silent++
		if b.mode == ModeApple {
			b.status = 410
		}
	}
	if b.keep {
		if len(b.messages) == maxMessages {
			b.messages = b.messages[1:]
		}
		b.messages = append(b.messages, m)
	}
	return []WebMessage{m}
}
