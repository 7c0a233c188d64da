package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fcmKind is a field's type, as the JSON reader of Google's front end has it.
type fcmKind uint8

const (
	kindText     fcmKind = iota
	kindBool             // true or false
	kindInt              // int32: a number, or a text that is one
	kindNumber           // a number
	kindMap              // texts by texts: "map<string, string>"
	kindTexts            // a list of texts
	kindDuration         // "3.5s"
	kindDurations
	kindEnum
	kindStruct // any JSON object: google.protobuf.Struct
	kindMessage
)

// fcmField is one field of the schema.
type fcmField struct {
	kind   fcmKind
	name   string // of the enum's type
	values []string
	sub    map[string]fcmField
}

func fields(kind fcmKind, names ...string) map[string]fcmField {
	out := map[string]fcmField{}
	for _, n := range names {
		out[n] = fcmField{kind: kind}
	}
	return out
}

func merge(list ...map[string]fcmField) map[string]fcmField {
	out := map[string]fcmField{}
	for _, m := range list {
		maps.Copy(out, m)
	}
	return out
}

func sub(f map[string]fcmField) fcmField { return fcmField{kind: kindMessage, sub: f} }

func enum(name string, values ...string) fcmField {
	return fcmField{kind: kindEnum, name: "type.googleapis.com/google.firebase.fcm.v1." + name, values: values}
}

// fcmSchema is the request's: the REST reference of projects.messages:send, and fid of 2026.
var fcmSchema = map[string]fcmField{
	"validate_only": {kind: kindBool},
	"message": sub(merge(fields(kindText, "name", "token", "topic", "condition", "fid"), map[string]fcmField{
		"data":         {kind: kindMap},
		"notification": sub(fields(kindText, "title", "body", "image")),
		"fcm_options":  sub(fields(kindText, "analytics_label")),
		"android": sub(merge(fields(kindText, "collapse_key", "restricted_package_name"),
			fields(kindBool, "direct_boot_ok", "bandwidth_constrained_ok", "restricted_satellite_ok"), map[string]fcmField{
				"priority": enum("AndroidMessagePriority", "NORMAL", "HIGH"), "ttl": {kind: kindDuration}, "data": {kind: kindMap},
				"fcm_options": sub(fields(kindText, "analytics_label")), "notification": sub(androidFields),
			})),
		"apns": sub(merge(fields(kindText, "live_activity_token"), map[string]fcmField{"headers": {kind: kindMap},
			"payload": {kind: kindStruct}, "fcm_options": sub(fields(kindText, "analytics_label", "image"))})),
		"webpush": sub(map[string]fcmField{"headers": {kind: kindMap}, "data": {kind: kindMap}, "notification": {kind: kindStruct},
			"fcm_options": sub(fields(kindText, "link", "analytics_label"))}),
	})),
}

var androidFields = merge(
	fields(kindText, "title", "body", "icon", "color", "sound", "tag", "click_action", "body_loc_key", "title_loc_key",
		"channel_id", "ticker", "image", "event_time"),
	fields(kindTexts, "body_loc_args", "title_loc_args"),
	fields(kindBool, "sticky", "local_only", "default_sound", "default_vibrate_timings", "default_light_settings",
		"bypass_proxy_notification"),
	map[string]fcmField{
		"notification_count": {kind: kindInt}, "vibrate_timings": {kind: kindDurations},
		"notification_priority": enum("AndroidNotification.NotificationPriority", "PRIORITY_UNSPECIFIED", "PRIORITY_MIN",
			"PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"),
		"visibility": enum("AndroidNotification.Visibility", "VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"),
		"proxy":      enum("AndroidNotification.Proxy", "PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"),
		"light_settings": sub(map[string]fcmField{"color": sub(fields(kindNumber, "red", "green", "blue", "alpha")),
			"light_on_duration": {kind: kindDuration}, "light_off_duration": {kind: kindDuration}}),
	})

var duration = regexp.MustCompile(`^\d+(\.\d{1,9})?s$`)

// snake gives a field's name as the schema has it: JSON may say collapseKey or collapse_key.
func snake(name string) string {
	if strings.ToLower(name) == name {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			b.WriteByte(c + 'a' - 'A')
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// checkFields checks an object against the schema and gives its fields new names, in snake case.
func checkFields(object map[string]any, schema map[string]fcmField, path string) fcmNo {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		f, known := schema[snake(name)]
		if !known {
			at := ""
			if path != "" {
				at = " at '" + path + "'"
			}
			return fcmParse(path, fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: Cannot find field.", name, at))
		}
		v := object[name]
		if s := snake(name); s != name {
			if _, twice := object[s]; twice {
				return fcmParse(path, fmt.Sprintf("Invalid value (oneof), field %q is already set.", s))
			}
			delete(object, name)
			object[s] = v
		}
		if v == nil { // null is the default
			continue
		}
		if no := checkField(v, f, strings.TrimPrefix(path+"."+snake(name), ".")); no.status != 0 {
			return no
		}
	}
	return fcmNo{}
}

func checkField(v any, f fcmField, path string) fcmNo {
	switch f.kind {
	case kindMessage:
		m, ok := v.(map[string]any)
		if !ok {
			return wrongType(path, "an object", v)
		}
		return checkFields(m, f.sub, path)
	case kindMap:
		return checkTexts(v, path)
	case kindTexts, kindDurations:
		list, ok := v.([]any)
		if !ok {
			return wrongType(path, "a list", v)
		}
		for i, x := range list {
			one := fcmField{kind: kindText}
			if f.kind == kindDurations {
				one.kind = kindDuration
			}
			if no := checkField(x, one, path+"["+strconv.Itoa(i)+"]"); no.status != 0 {
				return no
			}
		}
		return fcmNo{}
	}
	if name := scalar(v, f); name != "" {
		return wrongType(path, name, v)
	}
	return fcmNo{}
}

// scalar gives the name of the type that v should be of; "" when it is.
func scalar(v any, f fcmField) string {
	text, isText := v.(string)
	number, isNumber := v.(float64)
	ok := false
	name := f.name
	switch f.kind {
	case kindText:
		ok, name = isText, "TYPE_STRING"
	case kindBool:
		_, ok = v.(bool)
		name = "TYPE_BOOL"
	case kindInt:
		if isNumber {
			text = strconv.FormatFloat(number, 'f', -1, 64)
		}
		_, err := strconv.ParseInt(text, 10, 32)
		ok, name = err == nil, "TYPE_INT32"
	case kindNumber:
		ok, name = isNumber, "TYPE_FLOAT"
	case kindDuration:
		ok, name = isText && duration.MatchString(text), "type.googleapis.com/google.protobuf.Duration"
	case kindEnum:
		ok = isText && slices.Contains(f.values, text)
	case kindStruct:
		_, ok = v.(map[string]any)
		name = "type.googleapis.com/google.protobuf.Struct"
	}
	if ok {
		return ""
	}
	return name
}

// checkTexts checks a map of texts; a violation names its entry by number, as Google does.
func checkTexts(v any, path string) fcmNo {
	m, ok := v.(map[string]any)
	if !ok {
		return wrongType(path, "Map", v)
	}
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if _, ok := m[k].(string); !ok {
			return wrongType(path+"["+strconv.Itoa(i)+"].value", "TYPE_STRING", m[k])
		}
	}
	return fcmNo{}
}

func wrongType(path, name string, v any) fcmNo {
	raw, _ := json.Marshal(v) // it came from JSON
	return fcmParse(path, fmt.Sprintf("Invalid value at '%s' (%s), %s", path, name, raw))
}
