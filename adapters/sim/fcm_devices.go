package sim

import (
	"sync"
	"time"
)

// FCMDevice is a registration token or installation id that the simulator knows.
type FCMDevice struct {
	Token        string
	Project      string // that it was registered with; empty: any
	Package      string // the Android app's name; empty: any
	System       string // ios or web, which Firebase relays to; empty: android
	Unregistered bool   // the app was removed: 404 UNREGISTERED
}

// Limits: Firebase, "FCM throttling and quotas" and "Non-collapsible and collapsible messages".
const (
	fcmQuotaMinute  = 600_000
	fcmDeviceMinute = 240
	fcmDeviceHour   = 5000
	fcmCollapseKeys = 4   // that are kept for a device that is away
	fcmKept         = 100 // messages kept for a device; one more, and all are thrown away
)

// fcmDevices models the devices: which tokens are good, what their screens show, what is kept for those that are away,
// and the quotas.
type fcmDevices struct {
	opts FCMOptions
	on   bool // model the screens and the devices' quota

	mu       sync.Mutex
	known    map[string]FCMDevice
	away     map[string]bool
	kept     map[string][]fcmKeptMessage
	screens  map[string][]Shown
	projects map[string]*window
	minutes  map[string]*window
	hours    map[string]*window
}

type fcmKeptMessage struct {
	key     string // collapse key
	message fcmMessage
	body    []byte
	expires time.Time
}

// window counts in fixed windows: FCM's buckets are filled anew each minute.
type window struct {
	since time.Time
	n     int
}

// take counts one more, up to limit in each window; false when it is full.
func (w *window) take(now time.Time, length time.Duration, limit int) bool {
	if now.Sub(w.since) >= length || now.Before(w.since) {
		w.since, w.n = now, 0
	}
	if w.n >= limit {
		return false
	}
	w.n++
	return true
}

func newFCMDevices(o FCMOptions) *fcmDevices {
	if o.Quota == 0 {
		o.Quota = fcmQuotaMinute
	}
	if o.DeviceQuota == 0 {
		o.DeviceQuota = fcmDeviceMinute
	}
	return &fcmDevices{opts: o, on: o.LogLimit >= 0, known: map[string]FCMDevice{}, away: map[string]bool{},
		kept: map[string][]fcmKeptMessage{}, screens: map[string][]Shown{}, projects: map[string]*window{},
		minutes: map[string]*window{}, hours: map[string]*window{}}
}

// Register makes a token or installation id known, or changes what is known of it.
func (s *FCM) Register(d FCMDevice) {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	s.devices.known[d.Token] = d
}

// Away takes a device off the net; messages for it are kept until it is back, unless their time to live is 0: the newest
// of each of four collapse keys, and a hundred without one.
func (s *FCM) Away(token string) {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	s.devices.away[token] = true
}

// Back brings a device back; what was kept for it and is not expired arrives.
func (s *FCM) Back(token string) {
	now := s.clock.Now()
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	delete(s.devices.away, token)
	list := s.devices.kept[token]
	delete(s.devices.kept, token)
	for _, k := range list {
		if now.Before(k.expires) {
			s.devices.show(k.message, k.body, now)
		}
	}
}

// Shown gives what a device shows, oldest first: a notification with the tag of an earlier one took its place; messages
// of data only, and those without a section for the device's system, are not shown.
func (s *FCM) Shown(token string) []Shown {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	return append([]Shown{}, s.devices.screens[token]...)
}

// project takes one message from the project's quota.
func (d *fcmDevices) project(id string, now time.Time) fcmNo {
	if d.opts.Quota < 0 {
		return fcmNo{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.projects[id]
	if w == nil {
		w = &window{}
		d.projects[id] = w
	}
	if !w.take(now, time.Minute, d.opts.Quota) {
		return fcmProjectQuota(id)
	}
	return fcmNo{}
}

// judge tells whether a message's device is good for it.
func (d *fcmDevices) judge(m fcmMessage, project string, now time.Time) fcmNo {
	token, fid := m.text("token"), m.text("fid")
	switch {
	case token != "":
		if !fcmToken(token) {
			return fcmBadToken()
		}
	case fid == "": // a topic
		return fcmNo{}
	case !fcmFID.MatchString(fid):
		return fcmInvalid("message.fid", "Invalid Firebase installation ID")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, known := d.known[token+fid]
	if !known && d.opts.OnlyRegistered || dev.Unregistered {
		return fcmUnregistered()
	}
	if dev.Project != "" && dev.Project != project {
		return fcmNo{status: 403, rpc: "PERMISSION_DENIED", code: "SENDER_ID_MISMATCH", message: "SenderId mismatch"}
	}
	restricted := m.text("android", "restricted_package_name")
	if dev.Package != "" && restricted != "" && dev.Package != restricted {
		return fcmInvalid("message.android.restricted_package_name", "The package name does not match the registration's")
	}
	if !m.validateOnly && !d.deviceQuota(token+fid, now) {
		return fcmQuota("device:"+token[:min(len(token), 8)], "Device message rate exceeded.")
	}
	return fcmNo{}
}

// deviceQuota takes one message from a device's quota; d.mu is held.
func (d *fcmDevices) deviceQuota(token string, now time.Time) bool {
	if !d.on || d.opts.DeviceQuota < 0 {
		return true
	}
	if d.minutes[token] == nil {
		d.minutes[token], d.hours[token] = &window{}, &window{}
	}
	return d.hours[token].take(now, time.Hour, fcmDeviceHour) && d.minutes[token].take(now, time.Minute, d.opts.DeviceQuota)
}

// deliver brings an accepted message to its device, or keeps it for one that is away.
func (d *fcmDevices) deliver(m fcmMessage, body []byte, now time.Time) {
	token := m.target()
	if !d.on || token == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.away[token] {
		d.show(m, body, now)
		return
	}
	if m.ttl() == 0 {
		return
	}
	d.kept[token] = keepFCM(d.kept[token], fcmKeptMessage{m.text("android", "collapse_key"), m, body, now.Add(m.ttl())})
}

// keepFCM adds a message to those kept for a device, by the rules of collapse keys.
func keepFCM(list []fcmKeptMessage, k fcmKeptMessage) []fcmKeptMessage {
	keys := map[string]bool{}
	var out []fcmKeptMessage
	for _, old := range list {
		if k.key == "" || old.key != k.key {
			out = append(out, old)
		}
		if old.key != "" {
			keys[old.key] = true
		}
	}
	if k.key != "" && !keys[k.key] && len(keys) >= fcmCollapseKeys {
		for i, old := range out { // one of the four gives way: FCM does not say which
			if old.key != "" {
				out = append(out[:i:i], out[i+1:]...)
				break
			}
		}
	}
	if len(out) >= fcmKept {
		out = nil
	}
	return append(out, k)
}

// show puts a message on a device's screen; d.mu is held.
func (d *fcmDevices) show(m fcmMessage, body []byte, now time.Time) {
	token := m.target()
	tag, shown := m.shownOn(d.known[token].System)
	if !shown {
		return
	}
	s := Shown{ID: m.delivery(), Collapse: tag, Body: body, At: now}
	screen := d.screens[token]
	for i, old := range screen {
		if tag != "" && old.Collapse == tag {
			screen[i] = s
			return
		}
	}
	if len(screen) == maxShown {
		screen = append(screen[:0], screen[1:]...)
	}
	d.screens[token] = append(screen, s)
}

// shownOn tells whether a system shows the message by itself, and under which tag.
func (m fcmMessage) shownOn(system string) (tag string, shown bool) {
	top := m.at("notification") != nil
	switch system {
	case "ios":
		return m.text("apns", "headers", "apns-collapse-id"), top || m.at("apns", "payload", "aps", "alert") != nil
	case "web":
		return m.text("webpush", "notification", "tag"), top || m.at("webpush", "notification") != nil
	}
	return m.text("android", "notification", "tag"), top || m.at("android", "notification") != nil
}
