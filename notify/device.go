package notify

import (
	"time"

	"golang.org/x/text/language"
)

// Platform is a push platform's name, as in the contract.
type Platform string

// The platforms that devices register for.
const (
	APNs    Platform = "apns"
	FCM     Platform = "fcm"
	WNS     Platform = "wns"
	WebPush Platform = "webpush"
	Webhook Platform = "webhook"
)

// successors maps retired platforms to what replaced them (C2DM closed 2015, GCM 2019, MPNS 2018).
var successors = map[Platform]Platform{"c2dm": FCM, "gcm": FCM, "mpns": WNS}

// Successor tells whether p is a retired platform, and which one took its place.
func (p Platform) Successor() (Platform, bool) {
	s, ok := successors[p]
	return s, ok
}

// Known tells whether p is a platform of today.
func (p Platform) Known() bool {
	switch p {
	case APNs, FCM, WNS, WebPush, Webhook:
		return true
	}
	return false
}

// Lane is one app on one platform: its credentials, connections, pacing and breaker.
type Lane struct {
	App      string
	Platform Platform
}

// String is "app/platform".
func (l Lane) String() string { return l.App + "/" + string(l.Platform) }

// DeviceState is where a device stands in its life.
type DeviceState string

// A device is active; suspect while its platform says that it may be dead; retired when that was sure.
const (
	DeviceActive  DeviceState = "active"
	DeviceSuspect DeviceState = "suspect"
	DeviceRetired DeviceState = "retired"
)

// Environments of a device token (APNs only): decided when the app was signed.
const (
	Production  = "production"
	Development = "development"
)

// Device is one address to push to. (App, Platform, Token) is unique: the same token registered again updates the
// device, and hands it over when the user is another one.
type Device struct {
	Key          int64 // grows with every new device; the walks go along it
	ID           string
	User         string
	App          string
	Platform     Platform
	Token        string // APNs hex token, FCM token, channel URI, webhook URL; for Web Push the endpoint
	P256dh       []byte // Web Push: the browser's public key, 65 bytes uncompressed
	Auth         []byte // Web Push: the auth secret, 16 bytes
	Name         string
	Locale       string // BCP 47; empty: the user's
	TimeZone     string // IANA; empty: the user's
	Environment  string // Production or Development; empty: the app's own
	State        DeviceState
	StateReason  string    // the platform's word for why it is suspect or retired
	StateSince   time.Time // when State became what it is
	CreatedAt    time.Time
	RegisteredAt time.Time // the last time the app itself said that this token is its own
}

// Lane gives the lane that the device is reached through.
func (d Device) Lane() Lane { return Lane{App: d.App, Platform: d.Platform} }

// Validate checks everything that needs no knowledge of the platform's token; adapters check that (DeviceChecker).
// Errors: CodeRetiredPlatform naming the successor, CodeInvalid naming every bad field.
func (d Device) Validate() error {
	if s, retired := d.Platform.Successor(); retired {
		return &Error{Code: CodeRetiredPlatform, Detail: "the platform " + string(d.Platform) +
			" was shut down by its vendor; register the device as " + string(s),
			Fields: []FieldError{{Path: "platform", Message: "use " + string(s)}}}
	}
	var p problems
	if d.App == "" {
		p.add("app", "is required")
	}
	if !d.Platform.Known() {
		p.add("platform", "must be one of apns, fcm, wns, webpush, webhook")
	}
	switch {
	case d.Token == "" && d.Platform == WebPush:
		p.add("subscription", "is required for webpush, as PushSubscription.toJSON() gives it")
	case d.Token == "":
		p.add("token", "is required")
	case len(d.Token) > 4096:
		p.add("token", "is longer than 4096 bytes")
	}
	if d.Locale != "" {
		if _, err := language.Parse(d.Locale); err != nil {
			p.add("locale", "is not a BCP 47 language tag such as ko-KR")
		}
	}
	checkZone(&p, "timeZone", d.TimeZone)
	if d.Environment != "" && d.Environment != Production && d.Environment != Development {
		p.add("environment", "must be production or development")
	}
	if len(d.Name) > 200 {
		p.add("name", "is longer than 200 bytes")
	}
	return p.err("the device cannot be registered")
}

func checkZone(p *problems, path, zone string) {
	if zone == "" {
		return
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
		p.add(path, "is not an IANA time zone such as Asia/Seoul")
	}
}
