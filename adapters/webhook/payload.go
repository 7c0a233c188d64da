package webhook

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"slices"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// maxPayload is more than any notification needs, in bytes: what the API takes has some 40 KiB.
const maxPayload = 128 << 10

// notice is what a receiver gets. The names are the API's (contract, section 3): an object is an element, a map has
// entries. In front of these fields Push puts those of the delivery, see addressed.
type notice struct {
	XMLName     xml.Name          `xml:"notification" json:"-"`
	Namespace   string            `xml:"xmlns,attr" json:"-"`
	ID          string            `xml:"id" json:"id"`
	Title       string            `xml:"title,omitempty" json:"title,omitempty"`
	Subtitle    string            `xml:"subtitle,omitempty" json:"subtitle,omitempty"`
	Body        string            `xml:"body,omitempty" json:"body,omitempty"`
	URL         string            `xml:"url,omitempty" json:"url,omitempty"`
	Image       string            `xml:"image,omitempty" json:"image,omitempty"`
	Data        map[string]string `xml:"-" json:"data,omitempty"`
	Entries     *entries          `xml:"data" json:"-"`
	Badge       *int              `xml:"badge,omitempty" json:"badge,omitempty"`
	Sound       string            `xml:"sound,omitempty" json:"sound,omitempty"`
	Thread      string            `xml:"thread,omitempty" json:"thread,omitempty"`
	Category    string            `xml:"category,omitempty" json:"category,omitempty"`
	CollapseKey string            `xml:"collapseKey,omitempty" json:"collapseKey,omitempty"`
	Priority    notify.Priority   `xml:"priority,omitempty" json:"priority,omitempty"`
	Urgent      bool              `xml:"urgent,omitempty" json:"urgent,omitempty"`
	Silent      bool              `xml:"silent,omitempty" json:"silent,omitempty"`
	Event       string            `xml:"event,omitempty" json:"event,omitempty"`
	CreatedAt   string            `xml:"createdAt,omitempty" json:"createdAt,omitempty"`
	ExpiresAt   string            `xml:"expiresAt,omitempty" json:"expiresAt,omitempty"`
}

type entries struct {
	List []entry `xml:"entry"`
}

type entry struct {
	Key   string `xml:"key,attr"`
	Value string `xml:",chardata"`
}

const (
	namespace = "urn:allim:v1"
	jsonHead  = "{"
	xmlHead   = xml.Header + `<notification xmlns="` + namespace + `">`
)

// Render implements notify.Adapter. What is beyond any sense is cut by push.Shrink, silent data never.
func (a *Adapter) Render(n notify.Notification, v notify.Variant) (notify.Payload, error) {
	encode, contentType := toJSON, "application/json"
	if a.cfg.Format == formatXML {
		encode, contentType = toXML, "application/xml"
	}
	build := func(c notify.Content) ([]byte, error) { return encode(noticeOf(n, c)) }
	c := n.In(v)
	var body []byte
	var err error
	if n.Silent {
		if body, err = build(c); err == nil && len(body) > maxPayload {
			err = notify.Errorf(notify.CodeTooLarge, "the silent notification needs %d bytes; a webhook gets %d", len(body), maxPayload)
		}
	} else {
		body, err = push.Shrink(c, maxPayload, build)
	}
	if err != nil {
		return notify.Payload{}, err
	}
	return notify.Payload{Body: body, Header: []notify.Header{{Name: "Content-Type", Value: contentType}}}, nil
}

func noticeOf(n notify.Notification, c notify.Content) notice {
	return notice{Namespace: namespace, ID: n.ID, Title: c.Title, Subtitle: c.Subtitle, Body: c.Body, URL: c.URL, Image: c.Image,
		Data: c.Data, Badge: c.Badge, Sound: c.Sound, Thread: c.Thread, Category: c.Category, CollapseKey: n.Collapse(),
		Priority: n.Priority, Urgent: n.Urgent, Silent: n.Silent, Event: n.Event,
		CreatedAt: stamp(n.CreatedAt), ExpiresAt: stamp(n.ExpiresAt)}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// toJSON is json.Marshal without the escapes that only HTML needs.
func toJSON(n notice) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(n)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func toXML(n notice) ([]byte, error) {
	if len(n.Data) > 0 {
		n.Entries = &entries{}
		for _, k := range slices.Sorted(maps.Keys(n.Data)) {
			n.Entries.List = append(n.Entries.List, entry{k, n.Data[k]})
		}
	}
	b, err := xml.Marshal(n)
	return append([]byte(xml.Header), b...), err
}

// address are the delivery's own fields: which one it is, whose, and to what device.
type address struct {
	Delivery string `json:"delivery"`
	User     string `json:"user,omitempty"`
	Device   string `json:"device,omitempty"`
}

// addressed gives a delivery's body: the shared one with the delivery's own fields in front, where the signature covers
// them too.
func addressed(d *notify.Delivery) []byte {
	body := d.Payload.Body
	own := address{Delivery: d.ID, User: d.Device.User, Device: d.Device.ID}
	var b bytes.Buffer
	b.Grow(len(body) + 256)
	if rest, ok := bytes.CutPrefix(body, []byte(xmlHead)); ok {
		b.WriteString(xmlHead)
		for _, f := range []struct{ name, value string }{{"delivery", own.Delivery}, {"user", own.User}, {"device", own.Device}} {
			if f.value != "" {
				b.WriteString("<" + f.name + ">")
				_ = xml.EscapeText(&b, []byte(f.value)) // a buffer takes everything
				b.WriteString("</" + f.name + ">")
			}
		}
		b.Write(rest)
		return b.Bytes()
	}
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(own) // three texts: cannot fail
	b.Truncate(b.Len() - len("}\n"))
	b.WriteByte(',')
	b.Write(bytes.TrimPrefix(body, []byte(jsonHead)))
	return b.Bytes()
}
