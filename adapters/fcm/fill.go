package fcm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// slot is a place in a rendered message that each delivery fills in. Its value is JSON as nobody else writes it: the
// encoder never escapes a digit, and in a text from outside the quotes around it would be escaped, so that a slot cannot
// be met in one.
type slot struct {
	value json.RawMessage
	whole []byte // with its key, as it stands in the message
}

func newSlot(key, value string) slot {
	return slot{value: json.RawMessage(value), whole: []byte(`"` + key + `":` + value)}
}

var (
	slotTTL        = newSlot("ttl", `"\u0030s"`)
	slotExpiration = newSlot("apns-expiration", `"\u0030"`)
	slotWebTTL     = newSlot("TTL", `"\u0030"`)
)

const (
	noDelivery = "00000000-0000-0000-0000-000000000000" // as long as every delivery id
	beginning  = `{"message":{"data":{"` + keyDelivery + `":"`
	ending     = `}}`
)

// maxTTL is the longest that FCM keeps a message, in seconds: four weeks ("projects.messages", android.ttl).
const maxTTL = 2_419_200

// fill makes the body for one delivery of a rendered message.
func fill(d notify.Delivery, now time.Time) ([]byte, error) {
	body := d.Payload.Body
	if !bytes.HasPrefix(body, []byte(beginning+noDelivery)) || !bytes.HasSuffix(body, []byte(ending)) ||
		len(d.ID) != len(noDelivery) {
		return nil, fmt.Errorf("the payload is not one of FCM's")
	}
	target, err := marshal(d.Device.Token)
	if err != nil {
		return nil, err
	}
	seconds, expires := left(d.Expires, now)
	out := make([]byte, 0, len(body)+len(target)+64)
	out = append(out, beginning...)
	out = append(out, d.ID...)
	body = body[len(beginning)+len(noDelivery) : len(body)-len(ending)]
	for _, s := range []struct {
		slot
		value string
	}{{slotTTL, seconds + "s"}, {slotExpiration, expires}, {slotWebTTL, seconds}} { // in their order
		at := bytes.Index(body, s.whole)
		if at < 0 {
			continue
		}
		at += len(s.whole) - len(s.slot.value)
		out = append(out, body[:at]...)
		out = append(out, '"')
		out = append(out, s.value...)
		out = append(out, '"')
		body = body[at+len(s.slot.value):]
	}
	out = append(out, body...)
	out = append(out, `,"`+targetKind(d.Device.Token)+`":`...)
	out = append(out, target...)
	return append(out, ending...), nil
}

// left gives the seconds that are left, and the end in seconds since 1970; "0" when it is over: one attempt, nothing kept.
func left(expires, now time.Time) (seconds, end string) {
	s := int64(maxTTL)
	if !expires.IsZero() {
		s = min(max(int64(expires.Sub(now)/time.Second), 0), maxTTL)
	}
	if s == 0 {
		return "0", "0"
	}
	return strconv.FormatInt(s, 10), strconv.FormatInt(now.Unix()+s, 10)
}

const idLength = 22 // of a Firebase installation id

// The shapes of an address. A Firebase installation id is 17 bytes in base64url, cut to 22 characters, whose first four
// bits are 0111; it stands at the head of most registration tokens too.
var (
	installationID    = regexp.MustCompile(`^[cdef][A-Za-z0-9_-]{21}$`)
	registrationToken = regexp.MustCompile(`^[A-Za-z0-9_:.%-]{100,}$`)
)

// targetKind is the message's field for an address: Firebase moves from registration tokens to installation ids.
func targetKind(address string) string {
	if len(address) == idLength && installationID.MatchString(address) {
		return "fid"
	}
	return "token"
}

// CheckDevice implements notify.DeviceChecker.
func (a *Adapter) CheckDevice(d notify.Device) (notify.Device, error) {
	token := strings.TrimSpace(d.Token)
	if !registrationToken.MatchString(token) && !installationID.MatchString(token) {
		return d, &notify.Error{Code: notify.CodeInvalidToken, Detail: "the token is not one of FCM",
			Fields: []notify.FieldError{{Path: "token", Message: "must be the app's FCM registration token " +
				"(100 characters and more: letters, digits and _-:.%) or its Firebase installation id (22 characters)"}}}
	}
	d.Token = token
	return d, nil
}
