package sim

import (
	"strings"
	"sync"
	"time"
)

// APNsDevice is a device token that the simulator knows.
type APNsDevice struct {
	Token       string
	Topic       string    // the app's bundle id; empty: any
	Environment string    // empty: any
	GoneSince   time.Time // when the app was removed: 410 Unregistered; zero: it is there
}

// Shown is a notification as a device shows it.
type Shown struct {
	ID       string    `json:"id"`
	Collapse string    `json:"collapse,omitempty"`
	Body     Bytes     `json:"body"`
	At       time.Time `json:"at"`
}

// maxShown bounds what is kept of one device.
const maxShown = 100

// apnsDevices models the devices: which tokens are good, what their screens show, and the one message that Apple keeps
// for a device that is away ("Viewing the status of push notifications": one per bundle id, the newest).
type apnsDevices struct {
	on bool // model the screens

	mu      sync.Mutex
	known   map[string]APNsDevice
	away    map[string]bool
	kept    map[string]keptPush // by token and bundle
	screens map[string][]Shown
}

type keptPush struct {
	push push
	body []byte
}

func newAPNsDevices(on bool) *apnsDevices {
	return &apnsDevices{on: on, known: map[string]APNsDevice{}, away: map[string]bool{}, kept: map[string]keptPush{},
		screens: map[string][]Shown{}}
}

// Register makes a device token known, or changes what is known of it.
func (s *APNs) Register(d APNsDevice) {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	d.Token = strings.ToLower(d.Token)
	s.devices.known[d.Token] = d
}

// Away takes a device off the net; the newest message for it is kept until it is back, unless its expiration is 0.
func (s *APNs) Away(token string) {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	s.devices.away[token] = true
}

// Back brings a device back; what was kept for it and is not expired is shown.
func (s *APNs) Back(token string) {
	now := s.clock.Now()
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	delete(s.devices.away, token)
	for key, k := range s.devices.kept {
		if k.push.token != token {
			continue
		}
		delete(s.devices.kept, key)
		if k.push.expiration.IsZero() || now.Before(k.push.expiration) {
			s.devices.show(k.push, k.body, now)
		}
	}
}

// Shown gives what a device shows, oldest first: a notification with the collapse id of an earlier one took its place,
// background pushes are not shown.
func (s *APNs) Shown(token string) []Shown {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	return append([]Shown{}, s.devices.screens[token]...)
}

// judge tells whether a token is good for a push.
func (d *apnsDevices) judge(p push, environment string, onlyKnown bool) refusal {
	bad := refusal{status: 400, reason: "BadDeviceToken"}
	token := strings.ToLower(p.token)
	if !isHex(token) || len(token)%2 == 1 || strings.Trim(token, "0") == "" {
		return bad
	}
	d.mu.Lock()
	dev, known := d.known[token]
	d.mu.Unlock()
	switch {
	case !known && onlyKnown, known && dev.Environment != "" && dev.Environment != environment:
		return bad
	case !dev.GoneSince.IsZero():
		return refusal{status: 410, reason: "Unregistered", since: dev.GoneSince}
	case dev.Topic != "" && dev.Topic != p.bundle:
		return refusal{status: 400, reason: "DeviceTokenNotForTopic"}
	}
	return refusal{}
}

// deliver brings an accepted push to its device, or keeps it for one that is away.
func (d *apnsDevices) deliver(p push, body []byte, now time.Time) {
	if !d.on || p.kind == "background" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.away[p.token] {
		d.show(p, body, now)
		return
	}
	if p.store {
		d.kept[p.token+" "+p.bundle] = keptPush{p, body}
	}
}

// show puts a notification on a device's screen; d.mu is held.
func (d *apnsDevices) show(p push, body []byte, now time.Time) {
	screen := d.screens[p.token]
	shown := Shown{ID: p.id, Collapse: p.collapse, Body: body, At: now}
	for i, old := range screen {
		// Without a collapse id the notification's own id is its name on the device.
		if p.collapse != "" && old.Collapse == p.collapse || p.collapse == "" && old.ID == p.id {
			screen[i] = shown
			return
		}
	}
	if len(screen) == maxShown {
		screen = append(screen[:0], screen[1:]...)
	}
	d.screens[p.token] = append(screen, shown)
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}
