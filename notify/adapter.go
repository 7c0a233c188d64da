package notify

import (
	"context"
	"log/slog"
	"time"
)

// Adapter speaks one platform's protocol for one app.
type Adapter interface {
	// Render makes the payload of one variant; it is called once for all deliveries of that variant. Pure. What is too
	// long for the platform is cut (push.Shrink); an error means that it cannot be told on this platform at all.
	Render(n Notification, v Variant) (Payload, error)
	// Push sends many. It calls settle exactly once for each delivery, from any goroutine, before it returns; settle
	// does not block. It returns when all are settled: when ctx ends, the rest is settled as Retry. Every attempt has
	// its own deadline. Push is called from several goroutines.
	Push(ctx context.Context, deliveries []Delivery, settle func(i int, o Outcome))
	// Close ends its connections and goroutines; no Push is running then.
	Close() error
}

// DeviceChecker is an adapter that knows the shape of its tokens: called when a device is registered. It may give the
// device back in its canonical form. Errors: CodeInvalidToken with the field.
type DeviceChecker interface {
	CheckDevice(d Device) (Device, error)
}

// Expirer is an adapter whose credentials expire; zero time: never.
type Expirer interface {
	CredentialExpiry() time.Time
}

// KeyPublisher is an adapter with a public key for clients (Web Push's applicationServerKey, base64url).
type KeyPublisher interface {
	PublicKey() (string, error)
}

// Previewer is an adapter that shows what its platform would get, to people who are about to send.
type Previewer interface {
	// Preview gives the request that Push would make of a delivery, by the same code, but for what is secret: no credentials,
	// no signature, and the device's address as the delivery has it. A body that is encrypted on its way is shown before
	// that. Pure.
	Preview(d Delivery) (Request, error)
}

// Request is what a platform gets.
type Request struct {
	Target    string // the method and the path or address
	Header    []Header
	Body      []byte
	Encrypted bool // on its way; Body is what the device decrypts
}

// Variant is what a payload depends on besides the notification.
type Variant struct {
	Locale      string
	Privacy     Privacy
	Environment string
	TimeZone    string // IANA; empty: the words show no time, or the reader has none (UTC)
}

// Payload is a rendered notification: shared by all deliveries of a variant, never changed after Render.
type Payload struct {
	Body   []byte
	Header []Header // constant request headers, in order
}

// Header is one request header.
type Header struct{ Name, Value string }

// AdapterKind registers a platform's adapter; adapters/adapters.go lists them.
type AdapterKind struct {
	Platform Platform
	Title    string     // for people
	Example  func() any // the kind's settings with their defaults, for the configuration reference
	New      func(AdapterEnv) (Adapter, error)
}

// AdapterEnv is what an adapter is made of. New makes no connection and starts nothing.
type AdapterEnv struct {
	App       string
	Section   Section
	PublicURL string // the hub's own address, as users see it
	DataDir   string // for keys that the adapter makes on first use
	Outgoing  Outgoing
	Clock     Clock
	Log       *slog.Logger
}
