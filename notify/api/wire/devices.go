package wire

import (
	"time"

	"allim.dev/allim/notify"
)

// DeviceInput registers a device: with a token, or, for Web Push, with the browser's subscription.
type DeviceInput struct {
	_            struct{}        `wire:"device"`
	App          string          `json:"app"`
	Platform     notify.Platform `json:"platform"`
	Token        string          `json:"token,omitempty"`
	Subscription *Subscription   `json:"subscription,omitempty"`
	Name         string          `json:"name,omitempty"`
	Locale       string          `json:"locale,omitempty"`
	TimeZone     string          `json:"timeZone,omitempty"`
	Environment  Word            `json:"environment,omitempty"` // production or development
}

// Word is a text out of a few known ones, or in a known form; in XML the spaces around it mean nothing.
type Word string

// Subscription is what PushSubscription.toJSON() gives in a browser (W3C Push API, section 8).
type Subscription struct {
	Endpoint string           `json:"endpoint"`
	Keys     SubscriptionKeys `json:"keys"`
	// ExpirationTime is in milliseconds since 1970, mostly null. It is taken and not used: the platform says when an
	// endpoint is gone.
	ExpirationTime *float64 `json:"expirationTime,omitempty"`
}

// SubscriptionKeys are base64url or base64, with or without padding.
type SubscriptionKeys struct {
	P256dh Word `json:"p256dh"`
	Auth   Word `json:"auth"`
}

// Device is a registered device. Its token is shortened: who has it can push to the device.
type Device struct {
	ID           string             `json:"id"`
	User         string             `json:"user"`
	App          string             `json:"app"`
	Platform     notify.Platform    `json:"platform"`
	Token        string             `json:"token"`
	Name         string             `json:"name,omitempty"`
	Locale       string             `json:"locale,omitempty"`
	TimeZone     string             `json:"timeZone,omitempty"`
	Environment  string             `json:"environment,omitempty"`
	State        notify.DeviceState `json:"state"`
	StateReason  string             `json:"stateReason,omitempty"`
	StateSince   time.Time          `json:"stateSince,omitzero"`
	CreatedAt    time.Time          `json:"createdAt,omitzero"`
	RegisteredAt time.Time          `json:"registeredAt,omitzero"`
}

// DeviceList is devices, oldest first.
type DeviceList struct {
	Devices []Device `json:"devices"`
	Next    string   `json:"next,omitempty"`
}

// WebPushKey is the applicationServerKey of an app, for PushManager.subscribe.
type WebPushKey struct {
	PublicKey string `json:"publicKey"` // base64url, 65 bytes uncompressed
}
