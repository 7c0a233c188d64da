package fcm

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// maxPayload is the limit in bytes: Firebase, "ErrorCode" (INVALID_ARGUMENT), which counts keys and values. The whole
// message is held under it here, all but the device's token, so that nobody's way of counting finds more.
const maxPayload = 4096

// The keys of data that are the hub's own; a sender's key of the same name gives way.
const (
	keyDelivery = "delivery" // for receipts
	keyLink     = "link"
	keyImage    = "image-url" // where the system does not show the image by itself
	keySubtitle = "subtitle"
	keyThread   = "thread"
	keyCategory = "category"
)

// message is what is the same for all devices of a variant: "projects.messages" of the REST reference. The delivery's id,
// the time to live and the token are put in by fill. Field order matters to it: data begins the message.
type message struct {
	Data    json.RawMessage `json:"data"`
	Android androidSection  `json:"android"`
	APNs    *apnsSection    `json:"apns,omitempty"`
	WebPush *webSection     `json:"webpush,omitempty"`
}

type androidSection struct {
	TTL          json.RawMessage      `json:"ttl"`
	Priority     string               `json:"priority"`
	CollapseKey  string               `json:"collapse_key,omitempty"`
	Package      string               `json:"restricted_package_name,omitempty"`
	Notification *androidNotification `json:"notification,omitempty"`
}

type androidNotification struct {
	Title       string `json:"title,omitempty"`
	Body        string `json:"body,omitempty"`
	Tag         string `json:"tag"`
	ChannelID   string `json:"channel_id,omitempty"`
	ClickAction string `json:"click_action,omitempty"`
	Sound       string `json:"sound,omitempty"`
	Image       string `json:"image,omitempty"`
	Priority    string `json:"notification_priority,omitempty"`
	Count       *int   `json:"notification_count,omitempty"`
}

// Render implements notify.Adapter. What is too long is cut by push.Shrink. Errors: CodeInvalid for a key of data that
// FCM keeps for itself; CodeTooLarge, for silent data over the limit too: half of it would be wrong.
func (a *Adapter) Render(n notify.Notification, v notify.Variant) (notify.Payload, error) {
	c := n.In(v)
	if err := checkData(c.Data); err != nil {
		return notify.Payload{}, err
	}
	build := func(c notify.Content) ([]byte, error) { return a.config.encode(n, c) }
	var body []byte
	var err error
	if !n.Silent {
		body, err = push.Shrink(c, maxPayload, build)
	} else if body, err = build(c); err == nil && len(body) > maxPayload {
		err = notify.Errorf(notify.CodeTooLarge, "the silent notification takes %d bytes; the platform's limit is %d",
			len(body), maxPayload)
	}
	if err != nil {
		return notify.Payload{}, err
	}
	return notify.Payload{Body: body}, nil
}

// CheckData implements notify.DataChecker.
func (a *Adapter) CheckData(data map[string]string) error { return checkData(data) }

// checkData refuses the keys that FCM refuses ("projects.messages", data).
func checkData(data map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(data)) {
		if k == "from" || k == "message_type" || strings.HasPrefix(k, "google") || strings.HasPrefix(k, "gcm") {
			return &notify.Error{Code: notify.CodeInvalid, Detail: fmt.Sprintf("FCM keeps the data key %q for itself", k),
				Fields: []notify.FieldError{{Path: "data", Message: fmt.Sprintf(
					"the key %q is FCM's own, as are from, message_type and what begins with google or gcm", k)}}}
		}
	}
	return nil
}

// encode makes a message's body of c.
func (cfg Config) encode(n notify.Notification, c notify.Content) ([]byte, error) {
	data, err := appData(n, c)
	if err != nil {
		return nil, err
	}
	m := message{Data: data, Android: androidSection{TTL: slotTTL.value, Priority: priority(n),
		// Only a sender's own key: a device that is away keeps the messages of four keys at most, and with a key of its own
		// for every notice all others would be lost.
		CollapseKey: n.CollapseKey, Package: cfg.Package}}
	if !n.Silent {
		m.Android.Notification = cfg.android(n, c)
	}
	if cfg.relays(relayAPNs) {
		m.APNs = apnsOf(n, c)
	}
	if cfg.relays(relayWebPush) {
		m.WebPush = webOf(n, c)
	}
	return marshal(map[string]message{"message": m})
}

func (cfg Config) android(n notify.Notification, c notify.Content) *androidNotification {
	out := &androidNotification{Title: c.Title, Body: c.Body, Tag: n.Collapse(), ChannelID: c.Category,
		ClickAction: cfg.ClickAction, Sound: c.Sound, Image: secureOnly(c.Image), Count: c.Badge}
	if c.Subtitle != "" { // there is no field for it
		out.Body = strings.TrimSuffix(c.Subtitle+"\n"+c.Body, "\n")
	}
	if out.ChannelID == "" {
		out.ChannelID = cfg.Channel
	}
	if n.Priority == notify.PriorityLow && !n.Urgent {
		out.Priority = "PRIORITY_LOW"
	}
	return out
}

// appData makes the data: texts only, the delivery's id first.
func appData(n notify.Notification, c notify.Content) (json.RawMessage, error) {
	all := maps.Clone(c.Data)
	if all == nil {
		all = map[string]string{}
	}
	for k, v := range map[string]string{keyLink: c.URL, keyThread: c.Thread, keyCategory: c.Category, keySubtitle: c.Subtitle} {
		if v != "" {
			all[k] = v
		}
	}
	if c.Image != "" && (n.Silent || secureOnly(c.Image) == "") {
		all[keyImage] = c.Image
	}
	if n.Silent {
		delete(all, keySubtitle)
	}
	delete(all, keyDelivery)
	rest, err := marshal(all)
	if err != nil {
		return nil, err
	}
	out := []byte(`{"` + keyDelivery + `":"` + noDelivery + `"`)
	if len(all) > 0 {
		out = append(out, ',')
	}
	return append(out, rest[1:]...), nil
}

// priority gives a notification's word: HIGH wakes the device at once. Data that shows nothing must not: Android takes
// the right away from an app that wakes up and tells its user nothing ("Set and manage message priority").
func priority(n notify.Notification) string {
	if !n.Silent && (n.Urgent || n.Priority == notify.PriorityHigh) {
		return "HIGH"
	}
	return "NORMAL"
}

// secureOnly gives an address where it is https, else "": Firebase shows images and follows links of no other kind.
func secureOnly(address string) string {
	if len(address) > 8 && strings.EqualFold(address[:8], "https://") {
		return address
	}
	return ""
}

// hashed gives a key's hash in base64url, 32 characters.
func hashed(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// marshal is json.Marshal without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the payload: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
