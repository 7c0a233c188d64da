package describe

import (
	"math"
	"reflect"
	"regexp"
	"strings"

	"allim.dev/allim/notify"
)

// Param is a parameter of a call.
type Param struct {
	Name, In string // In: path, query or header
	Text     string
	Example  string
	Words    []string // one of these; nil: any text
	Integer  bool
	Min, Max int // of an Integer
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// params gives a call's parameters: those of its path, of its query, and of its header.
func (b *Book) params(c Call) []Param {
	var out []Param
	for _, m := range inPath.FindAllStringSubmatch(c.Path, -1) {
		out = append(out, pathParam(c.Path, m[1]))
	}
	for _, name := range c.Query {
		out = append(out, queryParam(c.Path, name))
	}
	if c.name() == "POST /v1/notifications" {
		out = append(out, Param{Name: "Idempotency-Key", In: "header", Example: "order-4711",
			Text: "1 to 255 ASCII characters that name this request: a repeat of it sends nothing"})
	}
	return out
}

// uuid is what the hub's own ids look like.
const uuid = "01938c4e-7f2a-7c3d-9b1e-2f6a8d4c5e70"

func pathParam(path, name string) Param {
	p := Param{Name: name, In: "path", Example: uuid}
	switch {
	case name == "user" || name == "id" && strings.HasPrefix(path, "/v1/users/"):
		p.Text, p.Example = "the person's id", "kim"
	case name == "topic":
		p.Text, p.Example = "the topic's name", "staff"
	case name == "app":
		p.Text, p.Example = "the app's id in the configuration", "corp"
	case name == "mapping":
		p.Text, p.Example = "the mapping's id in the configuration", "erp"
	case name == "channel":
		p.Text, p.Example = "the old channel, an identity of kind mpns", "01.00/AAFRQo"
	case name == "call":
		p.Text, p.Example = "the call's id, as in the OpenAPI document", "send"
	case name == "token":
		p.Text = "the token's id"
	default:
		p.Text = idText(path)
	}
	return p
}

// idText says whose {id} stands in the path.
func idText(path string) string {
	for _, k := range []struct{ prefix, text string }{
		{"/v1/notifications/", "the notification's id"},
		{"/v1/dead/", "the delivery's id"},
		{"/v1/devices/", "the device's id"},
		{"/v1/me/devices/", "the device's id"},
		{"/v1/me/sessions/", "the session's id"},
		{"/v1/accounts/", "the account's id"},
		{"/v1/keys/", "the key's id"},
		{"/v1/trace/", "the id of an event, a notification or a delivery"},
	} {
		if strings.HasPrefix(path, k.prefix) {
			return k.text
		}
	}
	return ""
}

func queryParam(path, name string) Param {
	p := Param{Name: name, In: "query"}
	switch name {
	case "cursor":
		p.Text = "where to go on: next of the page before"
	case "limit":
		p.Text, p.Integer, p.Min, p.Max = "how many at most", true, 1, 1000
	case "after":
		p.Text, p.Integer, p.Min, p.Max = "where to go on: next of an answer before", true, 0, math.MaxInt
	case "identity":
		p.Text, p.Example = "finds the one person whom this identity names, as kind:value", "email:kim@example.com"
	case "user":
		p.Text, p.Example = "those that name this person", "kim"
	case "event":
		p.Text = "those that tell of this event"
	case "source":
		p.Text, p.Example = "those of this source", "mail"
	case "state":
		p.Text, p.Words = stateWords(path)
	}
	return p
}

func stateWords(path string) (text string, words []string) {
	const those = "those in this state"
	switch {
	case path == "/v1/notifications":
		return those, typeWords()[reflect.TypeFor[notify.State]()]
	case strings.HasSuffix(path, "/deliveries"):
		return those, typeWords()[reflect.TypeFor[notify.DeliveryState]()]
	}
	return "", nil
}
