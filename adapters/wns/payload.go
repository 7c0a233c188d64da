package wns

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Limits: headers, "413" and "X-WNS-Tag".
const (
	maxPayload = 5000
	maxTag     = 16
)

// The types of a push, and what they are sent as: headers, "X-WNS-Type" and "Content-Type".
const (
	typeToast = "wns/toast"
	typeBadge = "wns/badge"
	typeRaw   = "wns/raw"
	asXML     = "text/xml"
	asBytes   = "application/octet-stream"
)

// headerBadge carries the number on the app's icon from Render to Push, which makes a push of its own of it. It is no
// header of WNS and is not sent.
const headerBadge = ":badge"

// keyDelivery is the name under which an app finds the delivery's id: in a toast's arguments, in a raw push.
const keyDelivery = "allim-delivery"

// noDelivery stands for the delivery's id in a rendered body, which many deliveries share; Push puts the id in.
const noDelivery = "00000000-0000-0000-0000-000000000000"

// placeholders begin every body that has room for the delivery's id.
var placeholders = [...][]byte{
	[]byte(`<toast launch="` + keyDelivery + `=`), []byte(`{"` + keyDelivery + `":"`),
}

// Render implements notify.Adapter: a toast, with a badge beside it where the notification has one; for a silent one a
// raw push, or a badge alone where that is all it has.
func (a *Adapter) Render(n notify.Notification, v notify.Variant) (notify.Payload, error) {
	c := n.In(v)
	switch {
	case n.Silent && c.Badge != nil && onlyBadge(c):
		return notify.Payload{Body: badge(strconv.Itoa(*c.Badge)), Header: header(n, typeBadge, asXML)}, nil
	case n.Silent: // the data is all there is: half of it would be wrong
		body, err := raw(n, c)
		if err == nil && len(body) >= maxPayload { // "must be less than 5 KB"
			err = notify.Errorf(notify.CodeTooLarge, "the silent notification needs %d bytes; WNS takes %d", len(body), maxPayload-1)
		}
		return notify.Payload{Body: body, Header: header(n, typeRaw, asBytes)}, err
	}
	body, err := push.Shrink(c, maxPayload, func(c notify.Content) ([]byte, error) { return a.toast(n, c, v) })
	if err != nil {
		return notify.Payload{}, err
	}
	h := append(header(n, typeToast, asXML), notify.Header{Name: "X-WNS-Tag", Value: tag(n.Collapse())})
	if c.Thread != "" {
		h = append(h, notify.Header{Name: "X-WNS-Group", Value: tag(c.Thread)})
	}
	if c.Badge != nil {
		h = append(h, notify.Header{Name: headerBadge, Value: strconv.Itoa(*c.Badge)})
	}
	return notify.Payload{Body: body, Header: h}, nil
}

func onlyBadge(c notify.Content) bool {
	return len(c.Data) == 0 && c.URL == "" && c.Image == "" && c.Title == "" && c.Body == "" && c.Category == ""
}

// header are the headers of every push. X-WNS-TTL and X-WNS-Cache-Policy depend on the time left, and are Push's.
func header(n notify.Notification, kind, contentType string) []notify.Header {
	return []notify.Header{
		{Name: "X-WNS-Type", Value: kind},
		{Name: "Content-Type", Value: contentType},
		{Name: "X-WNS-PRIORITY", Value: priority(n)},
		{Name: "X-WNS-RequestForStatus", Value: "true"},
	}
}

// priority maps the priority: "Push notification priorities". A raw push that is not urgent may wait for the device.
func priority(n notify.Notification) string {
	switch {
	case n.Urgent || n.Priority == notify.PriorityHigh:
		return "1"
	case n.Priority == notify.PriorityLow:
		return "3"
	}
	return "2"
}

// tag makes what X-WNS-Tag and X-WNS-Group take of a key: 16 letters and digits.
func tag(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base32.StdEncoding.EncodeToString(sum[:])[:maxTag]
}

// badge is the number on the app's icon: "Badge schema". Windows shows more than 99 as 99+, and nothing for 0.
func badge(value string) []byte { return []byte(`<badge value="` + value + `"/>`) }

// silent is the JSON of a raw push; the names are the API's. The delivery's id stands first, see placeholders.
type silent struct {
	Delivery string            `json:"allim-delivery"`
	Collapse string            `json:"collapseKey"`
	Title    string            `json:"title,omitempty"`
	Subtitle string            `json:"subtitle,omitempty"`
	Body     string            `json:"body,omitempty"`
	URL      string            `json:"url,omitempty"`
	Image    string            `json:"image,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	Badge    *int              `json:"badge,omitempty"`
	Thread   string            `json:"thread,omitempty"`
	Category string            `json:"category,omitempty"`
}

func raw(n notify.Notification, c notify.Content) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(silent{Delivery: noDelivery, Collapse: n.Collapse(), Title: c.Title, Subtitle: c.Subtitle, Body: c.Body,
		URL: c.URL, Image: c.Image, Data: c.Data, Badge: c.Badge, Thread: c.Thread, Category: c.Category})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// arguments are what the app gets when a toast is clicked: a query string, the delivery's id first.
func arguments(c notify.Content) string {
	var b strings.Builder
	b.WriteString(keyDelivery + "=" + noDelivery)
	add := func(key, value string) {
		if value != "" {
			b.WriteString("&" + url.QueryEscape(key) + "=" + url.QueryEscape(value))
		}
	}
	add("link", c.URL)
	add("thread", c.Thread)
	add("category", c.Category)
	for _, k := range slices.Sorted(maps.Keys(c.Data)) {
		if k != keyDelivery && k != "link" && k != "thread" && k != "category" {
			add(k, c.Data[k])
		}
	}
	return b.String()
}

// addressed gives the body with the delivery's id in it; the shared one is not changed.
func addressed(body []byte, id string) []byte {
	for _, prefix := range placeholders {
		if bytes.HasPrefix(body, prefix) && len(id) == len(noDelivery) && bytes.HasPrefix(body[len(prefix):], []byte(noDelivery)) {
			out := bytes.Clone(body)
			copy(out[len(prefix):], id)
			return out
		}
	}
	return body
}
