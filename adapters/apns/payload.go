package apns

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/payload"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Limits: Apple, "Sending notification requests to APNs" (apns-collapse-id) and "Generating a remote notification".
const (
	maxPayload  = 4096
	maxCollapse = 64
)

// headerCollapse is the last of the fields that Render gives, and another one for every notification.
const headerCollapse = "apns-collapse-id"

// The priorities: 10 at once, 5 with regard to the battery, 1 never wakes the device (same page).
const (
	priorityNow    = apns2.PriorityHigh
	prioritySaving = apns2.PriorityLow
	priorityNever  = 1
)

// The app reads these beside aps; a notification service extension fetches the image.
const (
	keyLink     = "link"
	keyImage    = "image-url"
	keyDelivery = "delivery" // for receipts
)

// noDelivery stands in a rendered payload where the delivery's id comes: as long as every id. Nothing that a sender
// wrote can look like the whole of it, for inside of a text the quotes are escaped.
const (
	noDelivery   = "00000000-0000-0000-0000-000000000000"
	deliverySlot = `"` + keyDelivery + `":"` + noDelivery + `"`
)

// fill gives the body of one delivery; the rendered one is shared and stays as it is.
func fill(body []byte, id string) []byte {
	at := bytes.Index(body, []byte(deliverySlot))
	if at < 0 || len(id) != len(noDelivery) {
		return body // a check's own
	}
	own := bytes.Clone(body)
	copy(own[at+len(deliverySlot)-1-len(noDelivery):], id)
	return own
}

// Render implements notify.Adapter. Data are top-level keys of the payload; "link", "image-url" and "delivery" are the
// hub's own.
func (a *Adapter) Render(n notify.Notification, v notify.Variant) (notify.Payload, error) {
	kind, build := apns2.PushTypeAlert, func(c notify.Content) ([]byte, error) { return alert(c, interruption(n)) }
	if n.Silent {
		kind, build = apns2.PushTypeBackground, background
	}
	body, err := push.Shrink(n.In(v), maxPayload, build)
	if err != nil {
		return notify.Payload{}, err
	}
	return notify.Payload{Body: body, Header: []notify.Header{
		{Name: "apns-topic", Value: a.config.Topic},
		{Name: "apns-push-type", Value: string(kind)},
		{Name: "apns-priority", Value: strconv.Itoa(priority(n))},
		{Name: headerCollapse, Value: collapseID(n.Collapse())},
	}}, nil
}

// interruption says how much a notice disturbs (Apple, "Generating a remote notification", interruption-level): what is
// urgent breaks through Focus where the app has the entitlement, what is of low priority lights no screen.
func interruption(n notify.Notification) payload.EInterruptionLevel {
	switch {
	case n.Urgent:
		return payload.InterruptionLevelTimeSensitive
	case n.Priority == notify.PriorityLow:
		return payload.InterruptionLevelPassive
	}
	return ""
}

func alert(c notify.Content, level payload.EInterruptionLevel) ([]byte, error) {
	p := payload.NewPayload()
	custom(p, c)
	if level != "" {
		p.InterruptionLevel(level)
	}
	p.AlertTitle(c.Title).AlertSubtitle(c.Subtitle).AlertBody(c.Body)
	if c.Badge != nil {
		p.Badge(*c.Badge)
	}
	if c.Sound != "" {
		p.Sound(c.Sound)
	}
	p.ThreadID(c.Thread).Category(c.Category)
	if c.Image != "" {
		p.MutableContent() // the app's extension, run because of this, fetches the image
	}
	return p.MarshalJSON()
}

// background makes a push that only wakes the app: aps holds nothing but content-available ("Pushing background updates
// to your app").
func background(c notify.Content) ([]byte, error) {
	p := payload.NewPayload().ContentAvailable()
	custom(p, c)
	return p.MarshalJSON()
}

func custom(p *payload.Payload, c notify.Content) {
	for _, k := range slices.Sorted(maps.Keys(c.Data)) {
		if k != "aps" { // the domain refuses it; a data map must never replace the notice
			p.Custom(k, c.Data[k])
		}
	}
	p.Custom(keyDelivery, noDelivery)
	if c.URL != "" {
		p.Custom(keyLink, c.URL)
	}
	if c.Image != "" {
		p.Custom(keyImage, c.Image)
	}
}

// priority gives a notification's word in Apple's numbers; with a background push anything but 5 is an error.
func priority(n notify.Notification) int {
	switch {
	case n.Silent:
		return prioritySaving
	case n.Priority == notify.PriorityHigh || n.Urgent:
		return priorityNow
	case n.Priority == notify.PriorityLow:
		return priorityNever
	}
	return prioritySaving
}

// collapseID gives key as it is where it fits and can stand in a header, else its hash.
func collapseID(key string) string {
	plain := len(key) > 0 && len(key) <= maxCollapse
	for i := 0; i < len(key) && plain; i++ {
		plain = key[i] > 0x20 && key[i] < 0x7f
	}
	if plain {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
