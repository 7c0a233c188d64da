package sim

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fcmMessage is a request as FCM understands it.
type fcmMessage struct {
	validateOnly bool
	message      map[string]any // names in snake case
}

// Limits: Firebase, "ErrorCode" and the REST reference of projects.messages.
const (
	fcmMaxPayload = 4096
	fcmMaxTopic   = 2048
	fcmMaxTTL     = 28 * 24 * time.Hour
	fcmMaxTopics  = 5 // in a condition
)

var (
	fcmFID       = regexp.MustCompile(`^[cdef][A-Za-z0-9_-]{21}$`)
	fcmTopic     = regexp.MustCompile(`^[a-zA-Z0-9-_.~%]+$`)
	fcmCondition = regexp.MustCompile(`^` + oneTopic + `((&&|\|\|)` + oneTopic + `)*$`)
	fcmColor     = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// fcmToken tells whether a text has the form of a registration token.
func fcmToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("_:.%-", c) < 0 {
			return false
		}
	}
	return len(s) >= 32
}

// readFCM reads and checks a body, but for what depends on who sends and who gets it.
func readFCM(body []byte) (fcmMessage, fcmNo) {
	var m fcmMessage
	var request map[string]any
	if err := json.Unmarshal(body, &request); err != nil {
		return m, fcmParse("", "Invalid JSON payload received. "+err.Error())
	}
	// What is sound is kept, so that faults and the log find the token of what is refused, too.
	no := checkFields(request, fcmSchema, "")
	m.validateOnly, _ = request["validate_only"].(bool)
	m.message, _ = request["message"].(map[string]any)
	switch {
	case no.status != 0:
		return m, no
	case m.message == nil:
		return m, fcmInvalid("message", "The message is not set.")
	}
	for _, check := range []func() fcmNo{m.checkTarget, m.checkData, m.checkAndroid, m.checkAPNs, m.checkWeb, m.checkSize} {
		if no := check(); no.status != 0 {
			return m, no
		}
	}
	return m, fcmNo{}
}

// oneTopic is a condition's smallest part; brackets are not counted.
const oneTopic = `[\s()]*!?\s*'[a-zA-Z0-9-_.~%]+' in topics[\s()]*`

// at gives what is at a path of names; nil when nothing is.
func (m fcmMessage) at(path ...string) any {
	var v any = m.message
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func (m fcmMessage) text(path ...string) string { s, _ := m.at(path...).(string); return s }

// target is the token or installation id that the message is for; empty for a topic.
func (m fcmMessage) target() string {
	if t := m.text("token"); t != "" {
		return t
	}
	return m.text("fid")
}

// delivery is the id that Allim's payloads carry.
func (m fcmMessage) delivery() string { return m.text("data", "delivery") }

func (m fcmMessage) checkTarget() fcmNo {
	n := 0
	for _, k := range []string{"token", "fid", "topic", "condition"} {
		if m.text(k) != "" {
			n++
		}
	}
	condition := m.text("condition")
	switch {
	case n == 0:
		return fcmInvalid("message", "Recipient of the message is not set.")
	case n > 1:
		return fcmParse("message", "Invalid value at 'message' (oneof), oneof field 'target' is already set.")
	case m.text("topic") != "" && !fcmTopic.MatchString(m.text("topic")):
		return fcmInvalid("message.topic", "Malformed topic name")
	case condition != "" && (!fcmCondition.MatchString(condition) || strings.Count(condition, " in topics") > fcmMaxTopics):
		return fcmInvalid("message.condition", "Invalid condition expression provided.")
	}
	return fcmNo{}
}

// checkData refuses the reserved keys.
func (m fcmMessage) checkData() fcmNo {
	for _, path := range [][]string{{"data"}, {"android", "data"}, {"webpush", "data"}} {
		data, _ := m.at(path...).(map[string]any)
		for k := range data {
			if k == "from" || k == "message_type" || strings.HasPrefix(k, "google") || strings.HasPrefix(k, "gcm") {
				return fcmInvalid("message."+strings.Join(path, "."), "Invalid data payload key: "+k)
			}
		}
	}
	return fcmNo{}
}

func (m fcmMessage) checkAndroid() fcmNo {
	color := m.text("android", "notification", "color")
	switch {
	case m.ttl() > fcmMaxTTL:
		return fcmInvalid("message.android.ttl", "Invalid TTL: must be 0 to 2419200 seconds")
	case color != "" && !fcmColor.MatchString(color):
		return fcmInvalid("message.android.notification.color", "Invalid color: must be #rrggbb")
	}
	for _, path := range [][]string{{"notification"}, {"android", "notification"}, {"apns", "fcm_options"}} {
		if image := m.text(append(path, "image")...); image != "" && !strings.HasPrefix(strings.ToLower(image), "https://") {
			return fcmInvalid("message."+strings.Join(path, ".")+".image", "Invalid image URL")
		}
	}
	return fcmNo{}
}

// ttl is how long the message is kept for a device that is away; 28 days when it does not say.
func (m fcmMessage) ttl() time.Duration {
	said := strings.TrimSuffix(m.text("android", "ttl"), "s")
	if said == "" {
		return fcmMaxTTL
	}
	sec, err := strconv.ParseFloat(said, 64)
	if err != nil || sec > 1e9 {
		sec = 1e9
	}
	return time.Duration(sec) * time.Second // fractions are rounded down
}

// checkAPNs checks the headers that are relayed ("Sending notification requests to APNs").
func (m fcmMessage) checkAPNs() fcmNo {
	headers, _ := m.at("apns", "headers").(map[string]any)
	get := func(k string) string { s, _ := headers[k].(string); return s }
	priority := get("apns-priority")
	aps, _ := m.at("apns", "payload", "aps").(map[string]any)
	_, err := strconv.ParseInt(get("apns-expiration"), 10, 64)
	switch {
	case priority != "" && priority != "10" && priority != "5" && priority != "1":
		return fcmInvalid("message.apns.headers", "Invalid apns-priority")
	case get("apns-push-type") == "background" && priority != "5":
		return fcmInvalid("message.apns.headers", "apns-priority must be 5 for a background push")
	case get("apns-expiration") != "" && err != nil:
		return fcmInvalid("message.apns.headers", "Invalid apns-expiration")
	case len(get("apns-collapse-id")) > 64:
		return fcmInvalid("message.apns.headers", "Invalid apns-collapse-id")
	case m.at("apns", "payload") != nil && aps == nil:
		return fcmInvalid("message.apns.payload", "APNS payload has no aps")
	}
	return fcmNo{}
}

// checkWeb checks the web push section (RFC 8030 sections 5.2 and 5.3) and its link.
func (m fcmMessage) checkWeb() fcmNo {
	link, ttl := m.text("webpush", "fcm_options", "link"), m.text("webpush", "headers", "TTL")
	_, err := strconv.ParseUint(ttl, 10, 63)
	switch {
	case link != "" && !strings.HasPrefix(strings.ToLower(link), "https://"):
		return fcmInvalid("message.webpush.fcm_options.link", "Invalid link: must be https")
	case ttl != "" && err != nil:
		return fcmInvalid("message.webpush.headers", "Invalid TTL")
	}
	switch m.text("webpush", "headers", "Urgency") {
	case "", "high", "normal", "low", "very-low":
		return fcmNo{}
	}
	return fcmInvalid("message.webpush.headers", "Invalid Urgency")
}

// checkSize counts keys and values of what goes to a device, for each platform by itself.
func (m fcmMessage) checkSize() fcmNo {
	limit := fcmMaxPayload
	if m.target() == "" {
		limit = fcmMaxTopic
	}
	common := weight(m.at("data")) + weight(m.at("notification"))
	for _, p := range []struct {
		name  string
		bytes int
	}{
		{"Android", weight(m.at("android", "notification")) + weight(m.at("android", "data"))},
		{"APNS", weight(m.at("apns", "payload"))},
		{"Webpush", weight(m.at("webpush", "notification")) + weight(m.at("webpush", "data"))},
	} {
		if common+p.bytes > limit {
			return fcmTooBig(p.name)
		}
	}
	return fcmNo{}
}

// weight counts the bytes of the keys and values in v.
func weight(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			n += len(k) + weight(x)
		}
	case []any:
		for _, x := range v {
			n += weight(x)
		}
	case string:
		n = len(v)
	case float64, bool:
		n = 4
	}
	return n
}
