package notify

import "context"

// The kinds of identity that are addresses of push services which are gone: servers that still speak to those name people
// by them (see notify/api/compat).
const (
	KindC2DM = "c2dm" // a registration id
	KindGCM  = "gcm"  // a registration id
	KindMPNS = "mpns" // what followed the host in the channel's URI, or the whole of it
)

// Lengths of an identity's value, in bytes.
const (
	maxIdentity = 320
	maxOldID    = 4096 // as long as a device's token: GCM promised no more
)

func maxValue(kind string) int {
	switch kind {
	case KindC2DM, KindGCM, KindMPNS:
		return maxOldID
	}
	return maxIdentity
}

// Holder is who is behind an address of an old push service.
type Holder struct {
	User   string // empty: nobody
	Device string // the one device that the address is, when it is a token of today; empty: all of the user's
	Live   bool   // there is a device that is not retired
}

// OldIDStore finds people by addresses of old push services.
type OldIDStore interface {
	// Holders tells whose each of the ids is, in their order: the user's who has it as an identity of the kind (already
	// normalised), else the owner's of a device with that token on one of the platforms. A retired device is nobody's.
	Holders(ctx context.Context, kind string, platforms []Platform, ids []string) ([]Holder, error)
}
