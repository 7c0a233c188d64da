package notify

import (
	"net/url"
	"strings"
	"time"
)

// Priority of a notification; each platform has its own word for it.
type Priority string

// The priorities.
const (
	PriorityHigh   Priority = "high"
	PriorityNormal Priority = "normal"
	PriorityLow    Priority = "low"
)

// Limits and defaults of a notification.
const (
	DefaultTTL = 24 * time.Hour
	MaxTTL     = 28 * 24 * time.Hour // FCM's and Web Push's common maximum
	// SmallAudience is the greatest audience that keeps a row per delivery, so that trace can tell of each.
	SmallAudience = 100
)

// Audience says who is to be told: the union of users, identities, devices and topics, or everyone with All, narrowed
// by Platforms and Apps. Nobody is told twice.
type Audience struct {
	Users      []string
	Identities []Identity
	Devices    []string // device ids
	Topics     []string
	All        bool
	Platforms  []Platform
	Apps       []string
}

// Empty tells whether the audience names nobody.
func (a Audience) Empty() bool {
	return !a.All && len(a.Users)+len(a.Identities)+len(a.Devices)+len(a.Topics) == 0
}

// Includes tells whether devices on lane may be in the audience, by Platforms and Apps.
func (a Audience) Includes(l Lane) bool {
	return (len(a.Platforms) == 0 || contains(a.Platforms, l.Platform)) && (len(a.Apps) == 0 || contains(a.Apps, l.App))
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// Content is what is told.
type Content struct {
	Title    string
	Subtitle string
	Body     string
	URL      string
	Image    string
	Data     map[string]string
	Badge    *int
	Sound    string // "default", a name that the app knows, or empty for none
	Thread   string // visual grouping
	Category string // actions that the app registered
}

// State is where a notification stands.
type State string

// The states of the contract.
const (
	StateAwaitingApproval State = "awaitingApproval"
	StateScheduled        State = "scheduled"
	StateSending          State = "sending"
	StatePaused           State = "paused"
	StateDone             State = "done"
	StateCancelled        State = "cancelled"
)

// Counts are the deliveries of a notification by where they stand. Targeted = Pending + Accepted + Failed + Gone +
// Expired + Suppressed; Confirmed are those of Accepted that the app reported back.
type Counts struct {
	Targeted   int64
	Pending    int64
	Accepted   int64
	Confirmed  int64
	Failed     int64
	Gone       int64
	Expired    int64
	Suppressed int64
}

// Add sums two counts.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.Targeted + d.Targeted, c.Pending + d.Pending, c.Accepted + d.Accepted, c.Confirmed + d.Confirmed,
		c.Failed + d.Failed, c.Gone + d.Gone, c.Expired + d.Expired, c.Suppressed + d.Suppressed}
}

// Notification is what is to be told, to whom, and how.
type Notification struct {
	Seq         int64  // the store's number of it; part of every delivery id
	ID          string // UUIDv7
	To          Audience
	Content     Content
	CollapseKey string // what replaces an earlier notice on the device; empty: the notification's own id
	Priority    Priority
	Urgent      bool // breaks through quiet hours
	Silent      bool // data for the app, nothing to show
	TTL         time.Duration
	SendAt      time.Time // zero: at once
	Rate        int       // deliveries a second at most; 0: as fast as the lanes go
	Template    string    // words.go's template; the event type for an event's notice; empty: Content as it is
	Params      map[string]string
	Words       *Templates // the configuration's templates; nil: the built-in ones only. Not stored
	Privacy     Privacy
	Partial     bool // skip and report unknown users, identities and topics
	// Released needs no second person's word, whatever the configuration asks for. Not stored.
	Released bool

	Event     string // id of the event that it tells of; empty when it was posted
	By        string // key id or name of who posted it; empty for events
	State     State
	Counts    Counts
	Skipped   []FieldError // what Partial skipped
	CreatedAt time.Time
	ExpiresAt time.Time
	DoneAt    time.Time
	// Fresh is set by Accept alone, where it is cheap: the small walks that it made, with their targets.
	Fresh []Fresh
}

// Collapse gives the key under which a repeat replaces this notice on a device.
func (n Notification) Collapse() string {
	if n.CollapseKey != "" {
		return n.CollapseKey
	}
	if n.Event != "" {
		return n.Event
	}
	return n.ID
}

// Validate checks a notification as it was posted, and fills in its defaults.
// Errors: CodeInvalid naming every bad field.
func (n Notification) Validate(norm Normalizer, now time.Time) (Notification, error) {
	var p problems
	n.To = n.To.validate(&p, norm)
	n.Content.validate(&p)
	if n.Template == "" && !n.Silent && n.Content.Title == "" && n.Content.Body == "" {
		p.add("title", "a notification that is not silent needs a title or a body")
	}
	n.Words.check(n, &p)
	switch n.Priority {
	case "":
		n.Priority = PriorityNormal
	case PriorityHigh, PriorityNormal, PriorityLow:
	default:
		p.add("priority", "must be high, normal or low")
	}
	if n.TTL < 0 || n.TTL > MaxTTL {
		p.add("ttl", "must be 0 to %d seconds", int64(MaxTTL/time.Second))
	}
	if !n.SendAt.IsZero() && n.SendAt.After(now.Add(366*24*time.Hour)) {
		p.add("sendAt", "is more than a year ahead")
	}
	if n.Rate < 0 {
		p.add("rate", "must not be negative")
	}
	if len(n.CollapseKey) > 200 {
		p.add("collapseKey", "is longer than 200 bytes")
	}
	if n.Privacy == "" {
		n.Privacy = PrivacyFull
	}
	return n, p.err("the notification is not valid")
}

func (a Audience) validate(p *problems, norm Normalizer) Audience {
	if a.Empty() {
		p.add("to", "names nobody: give users, identities, devices, topics, or all")
	}
	ids := make([]Identity, 0, len(a.Identities))
	for i, id := range a.Identities {
		clean, err := norm.Normalize(id)
		if err != nil {
			p.add(indexed("to.identities", i), "%s", detail(err))
			continue
		}
		ids = append(ids, clean)
	}
	a.Identities = ids
	for i, pl := range a.Platforms {
		if s, retired := pl.Successor(); retired {
			p.add(indexed("to.platforms", i), "%s was shut down by its vendor; its successor is %s", pl, s)
		} else if !pl.Known() {
			p.add(indexed("to.platforms", i), "must be one of apns, fcm, wns, webpush, webhook")
		}
	}
	return a
}

// Limits of a content's fields, in bytes: what is longer is an error to the sender, not cut in silence.
const (
	maxTitle = 1024
	maxBody  = 16 << 10
	maxField = 2048
	maxData  = 16 << 10
)

func (c Content) validate(p *problems) {
	for _, f := range []struct {
		path, value string
		max         int
	}{
		{"title", c.Title, maxTitle}, {"subtitle", c.Subtitle, maxTitle}, {"body", c.Body, maxBody},
		{"url", c.URL, maxField}, {"image", c.Image, maxField}, {"sound", c.Sound, maxField},
		{"thread", c.Thread, maxField}, {"category", c.Category, maxField},
	} {
		if len(f.value) > f.max {
			p.add(f.path, "is longer than %d bytes", f.max)
		}
	}
	checkURL(p, "url", c.URL)
	checkURL(p, "image", c.Image)
	size := 0
	for k, v := range c.Data {
		size += len(k) + len(v)
		if k == "" || k == "aps" || strings.ContainsAny(k, "\x00\r\n") {
			p.add("data", "the key %q is empty, reserved (aps) or unprintable", k)
		}
	}
	if size > maxData {
		p.add("data", "is longer than %d bytes", maxData)
	}
	if c.Badge != nil && *c.Badge < 0 {
		p.add("badge", "must not be negative")
	}
}

func checkURL(p *problems, path, s string) {
	if s == "" {
		return
	}
	if u, err := url.Parse(s); err != nil || u.Scheme == "" || (u.Host == "" && u.Opaque == "") {
		p.add(path, "is not an absolute URL")
	}
}
