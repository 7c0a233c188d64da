package webpush

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// content is the plaintext: a declarative push message (W3C Push API, "declarative push message"). Browsers that do not
// know it hand the same JSON to the page's service worker, and UnifiedPush apps read it themselves.
//
// The delivery's id stands at the very end, at the same place in every payload, so that Push can put it in.
type content struct {
	WebPush      int             `json:"web_push,omitempty"` // 8030, or absent for silent ones
	AppBadge     *int            `json:"app_badge,omitempty"`
	Notification *notification   `json:"notification,omitempty"`
	Data         json.RawMessage `json:"data,omitempty"` // silent ones only
}

type notification struct {
	Title              string          `json:"title"`
	Navigate           string          `json:"navigate"` // required by the format
	Body               string          `json:"body,omitempty"`
	Lang               string          `json:"lang,omitempty"`
	Dir                string          `json:"dir"`
	Tag                string          `json:"tag"`
	Image              string          `json:"image,omitempty"`
	Silent             bool            `json:"silent,omitempty"`
	RequireInteraction bool            `json:"requireInteraction,omitempty"`
	Renotify           bool            `json:"renotify,omitempty"`
	Timestamp          int64           `json:"timestamp,omitempty"` // milliseconds since 1970
	Data               json.RawMessage `json:"data"`
}

// extras are what only an app's own code can use, under one key of data that senders' own keys do not meet.
type extras struct {
	Thread   string `json:"thread,omitempty"`
	Category string `json:"category,omitempty"`
	Sound    string `json:"sound,omitempty"`
	Delivery string `json:"delivery"` // last, see content
}

const (
	declarative = 8030
	extrasKey   = "allim"
	noDelivery  = "00000000-0000-0000-0000-000000000000" // as long as every delivery id
	noSound     = "none"
	nowhere     = "about:blank" // where a notice leads when neither it nor the hub has an address
)

// shown begins the plaintext of every push that shows something; silent ones begin otherwise.
var shown = []byte(`{"web_push":8030,`)

// Render implements notify.Adapter. What is too long is cut by push.Shrink; the error is for what no push service would
// carry, such as silent data over MaxPayload bytes.
func (a *Adapter) Render(n notify.Notification, v notify.Variant) (notify.Payload, error) {
	build := func(c notify.Content) ([]byte, error) { return a.encode(n, c, v) }
	c := n.In(v)
	var body []byte
	var err error
	if n.Silent { // the data is all there is: half of it would be wrong
		if body, err = build(c); err == nil && len(body) > MaxPayload {
			err = notify.Errorf(notify.CodeTooLarge, "the silent notification needs %d bytes; Web Push takes %d", len(body), MaxPayload)
		}
	} else {
		body, err = push.Shrink(c, MaxPayload, build)
	}
	if err != nil {
		return notify.Payload{}, err
	}
	return notify.Payload{Body: body, Header: []notify.Header{
		{Name: headerUrgency, Value: urgency(n)}, {Name: "Topic", Value: topic(n.Collapse())},
	}}, nil
}

// encode makes the plaintext of c.
func (a *Adapter) encode(n notify.Notification, c notify.Content, v notify.Variant) ([]byte, error) {
	data, err := appData(c.Data, extras{Thread: c.Thread, Category: c.Category, Sound: c.Sound})
	if err != nil {
		return nil, err
	}
	if n.Silent {
		return encode(content{AppBadge: c.Badge, Data: data})
	}
	return encode(content{WebPush: declarative, AppBadge: c.Badge, Notification: a.notification(n, c, v, data)})
}

func (a *Adapter) notification(n notify.Notification, c notify.Content, v notify.Variant, data json.RawMessage) *notification {
	out := &notification{
		Title: c.Title, Body: c.Body, Navigate: cmp.Or(c.URL, a.home, nowhere), Lang: v.Locale, Dir: "auto",
		Tag: n.Collapse(), Image: c.Image, Silent: c.Sound == noSound, RequireInteraction: n.Urgent,
		// A repeat of the same notice must not ring again; another one under the sender's own key should.
		Renotify: n.CollapseKey != "" && c.Sound != noSound,
		Data:     data,
	}
	if c.Subtitle != "" { // there is no field for it
		out.Body = strings.TrimSuffix(c.Subtitle+"\n"+c.Body, "\n")
	}
	if out.Title == "" { // required by the format
		out.Title, out.Body = out.Body, ""
	}
	if !n.CreatedAt.IsZero() {
		out.Timestamp = n.CreatedAt.UnixMilli()
	}
	return out
}

// refit makes a rendered body fit into fewer bytes, for a service that refused it as too large.
func refit(body []byte, limit int) ([]byte, error) {
	if len(body) <= limit {
		return body, nil
	}
	var msg content
	if err := json.Unmarshal(body, &msg); err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	if msg.Notification == nil {
		return nil, notify.Errorf(notify.CodeTooLarge, "the silent notification needs %d bytes; this service takes %d", len(body), limit)
	}
	var data map[string]json.RawMessage
	var x extras
	if err := json.Unmarshal(msg.Notification.Data, &data); err != nil {
		return nil, fmt.Errorf("read the payload's data: %w", err)
	}
	if err := json.Unmarshal(data[extrasKey], &x); err != nil {
		return nil, fmt.Errorf("read the payload's data: %w", err)
	}
	c := notify.Content{Title: msg.Notification.Title, Body: msg.Notification.Body, Image: msg.Notification.Image}
	return push.Shrink(c, limit, func(c notify.Content) ([]byte, error) {
		n := *msg.Notification
		n.Title, n.Body, n.Image = c.Title, c.Body, c.Image
		var err error
		if n.Data, err = appData(c.Data, x); err != nil {
			return nil, err
		}
		return encode(content{WebPush: declarative, AppBadge: msg.AppBadge, Notification: &n})
	})
}

// appData makes the data member: the sender's map with the extras at its end.
func appData(own map[string]string, x extras) (json.RawMessage, error) {
	x.Delivery = noDelivery
	tail, err := encode(x)
	if err != nil {
		return nil, err
	}
	clean := make(map[string]string, len(own))
	for k, v := range own {
		if k != extrasKey {
			clean[k] = v
		}
	}
	out, err := encode(clean)
	if err != nil {
		return nil, err
	}
	out = out[:len(out)-1]
	if len(clean) > 0 {
		out = append(out, ',')
	}
	out = append(append(out, `"`+extrasKey+`":`...), tail...)
	return append(out, '}'), nil
}

// encode is json.Marshal without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the payload: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// urgency maps the priority (RFC 8030 section 5.3).
func urgency(n notify.Notification) string {
	switch {
	case n.Urgent || n.Priority == notify.PriorityHigh:
		return "high"
	case n.Priority == notify.PriorityLow:
		return "low"
	}
	return "normal"
}

// topic makes the Topic header (RFC 8030 section 5.4) of a collapse key: 32 characters of base64url, which Apple can
// decode too. What replaces on the device is the tag; this one replaces in the service's queue.
func topic(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// address puts a delivery's id into a rendered body.
func address(body []byte, id string) {
	if at := deliveryAt(body); at >= 0 && len(id) == len(noDelivery) {
		copy(body[at:], id)
	}
}

// deliveryAt gives where the delivery's id stands in a rendered body; -1 when it is not one of ours.
func deliveryAt(body []byte) int {
	end := len(bytes.TrimRight(body, "}")) - 1
	at := end - len(noDelivery)
	if at < 0 || body[end] != '"' || string(body[at:end]) != noDelivery {
		return -1
	}
	return at
}
