package notify

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// Delivery is one notification to one device, as an adapter gets it.
type Delivery struct {
	ID      string // from DeliveryID: the same at every attempt
	Device  Device
	Payload Payload // shared by all deliveries of one variant: read only
	Expires time.Time
	Attempt int // 1 at the first try
}

// DeliveryID derives a delivery's id from its notification's and its device's number, both from 1: a UUIDv8 (RFC 9562
// section 5.8) that holds both (48 and 40 bits) and 34 bits of checksum. So a repeat carries the same id without a row
// being kept, and a receipt can be traced back to its notification. It is a name, not a secret.
func DeliveryID(notification, device int64) string {
	return deliveryUUID(notification, device).String()
}

func deliveryUUID(notification, device int64) uuid.UUID {
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[0:8], uint64(notification)<<16)
	// The version nibble stands at bits 48..51: the device's number is split around it and the variant.
	d := uint64(device)
	u[6] = 0x80 | byte(d>>36)&0x0f
	u[7] = byte(d >> 28)
	sum := checksum(notification, device)
	u[8] = 0x80 | byte(d>>22)&0x3f
	u[9], u[10] = byte(d>>14), byte(d>>6)
	u[11] = byte(d<<2) | byte(sum>>32)&0x03
	binary.BigEndian.PutUint32(u[12:16], uint32(sum))
	return u
}

func checksum(notification, device int64) uint64 {
	var in [16]byte
	binary.BigEndian.PutUint64(in[:8], uint64(notification))
	binary.BigEndian.PutUint64(in[8:], uint64(device))
	sum := sha256.Sum256(append([]byte("allim delivery "), in[:]...))
	return binary.BigEndian.Uint64(sum[:8])
}

// ParseDeliveryID gives the two numbers that a delivery id holds; ok is false when s is not a delivery id.
func ParseDeliveryID(s string) (notification, device int64, ok bool) {
	u, err := uuid.Parse(s)
	if err != nil {
		return 0, 0, false
	}
	notification = int64(binary.BigEndian.Uint64(u[0:8]) >> 16)
	device = int64(uint64(u[6]&0x0f)<<36 | uint64(u[7])<<28 | uint64(u[8]&0x3f)<<22 | uint64(u[9])<<14 |
		uint64(u[10])<<6 | uint64(u[11])>>2)
	return notification, device, deliveryUUID(notification, device) == u
}

// Verdict is what became of one attempt.
type Verdict string

// The verdicts that an adapter can give.
const (
	// Accepted: the platform took it.
	Accepted Verdict = "accepted"
	// Retry: not now; again at Outcome.At (zero: by the hub's own backoff).
	Retry Verdict = "retry"
	// Gone: the platform's definite word that the device is dead.
	Gone Verdict = "gone"
	// Suspect: the device may be dead or misfiled (wrong environment, app, sender); it is counted, not retired at once.
	Suspect Verdict = "suspect"
	// Failed: this message can never be delivered to this device; a retry would not help.
	Failed Verdict = "failed"
	// Misconfigured: our credentials or settings are wrong; the lane stops and keeps its queue.
	Misconfigured Verdict = "misconfigured"
)

// Outcome is an adapter's word on one delivery.
type Outcome struct {
	Verdict Verdict
	// WholeLane: what was said reaches beyond this device (Retry: the platform is down or throttles us).
	WholeLane bool
	At        time.Time // Retry: not before; zero: the hub decides
	Reason    string    // the platform's own word, such as "BadDeviceToken" or "429 TooManyRequests"; never a secret
	Status    int       // the HTTP status, 0 when there was none
}

// DeliveryState is where a stored delivery stands. It has Verdict's words and some of the hub's own.
type DeliveryState string

// The states of a stored delivery.
const (
	DeliveryPending    DeliveryState = "pending" // waits for its first or next attempt
	DeliveryAccepted   DeliveryState = "accepted"
	DeliveryConfirmed  DeliveryState = "confirmed"
	DeliveryFailed     DeliveryState = "failed" // a dead letter: see GET /v1/dead
	DeliveryGone       DeliveryState = "gone"
	DeliveryExpired    DeliveryState = "expired"
	DeliverySuppressed DeliveryState = "suppressed"
)

// DeliveryRow is a delivery as it is stored: every one of a small audience, else only what did not go smoothly.
type DeliveryRow struct {
	ID           string
	Walk         int64
	Notification string // id
	Device       string // id
	DeviceKey    int64
	User         string
	Lane         Lane
	State        DeliveryState
	Attempt      int       // attempts made
	NextAt       time.Time // pending: not before
	ExpiresAt    time.Time // a replayed one's own deadline; zero: the notification's
	Reason       string    // the last outcome's
	CreatedAt    time.Time
	UpdatedAt    time.Time
	ConfirmedAt  time.Time
	OpenedAt     time.Time
}

// Receipt is the app's own word on a delivery.
type Receipt struct {
	Delivery string
	Opened   bool // else only received
	At       time.Time
}
