package fcm

import (
	"bytes"
	"encoding/json"
	"strings"

	"allim.dev/allim/adapters/push"
)

// status is an error as Google says it: google.rpc.Status with the details that matter. Firebase, "FCM error codes";
// AIP-193. Nothing in it is repeated to people but single words.
type status struct {
	code    string      // FcmError.errorCode; empty: there was none
	status  string      // google.rpc.Code's name
	message string      // lower case, for looking into; may hold a token
	reason  string      // ErrorInfo.reason
	metric  string      // ErrorInfo's quota_metric
	fields  []violation // BadRequest
	quota   []violation // QuotaFailure
}

// violation is one of a BadRequest's (field) or a QuotaFailure's (subject), in lower case.
type violation struct{ what, description string }

// The details' types end so.
const (
	typeFCM   = ".FcmError"
	typeBad   = ".BadRequest"
	typeQuota = ".QuotaFailure"
	typeInfo  = ".ErrorInfo"
)

// maxDetails bounds how many details, and violations in each, are looked at.
const maxDetails = 32

// parseStatus reads an error's body. Whatever cannot be read is left out: bodies may be empty, HTML, or cut short.
func parseStatus(body []byte) status {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' { // Google's front end wraps some errors in a list
		var list []json.RawMessage
		if json.Unmarshal(body, &list) != nil || len(list) == 0 {
			return status{}
		}
		body = list[0]
	}
	var outer struct{ Error json.RawMessage }
	if json.Unmarshal(body, &outer) != nil {
		return status{}
	}
	var s status
	var inner struct{ Message, Status, Details json.RawMessage }
	if json.Unmarshal(outer.Error, &inner) != nil {
		return s
	}
	s.message = strings.ToLower(text(inner.Message))
	s.status = push.Word(text(inner.Status))
	var details []json.RawMessage
	if json.Unmarshal(inner.Details, &details) != nil {
		return s
	}
	for _, d := range details[:min(len(details), maxDetails)] {
		s.detail(d)
	}
	return s
}

// detail takes one detail in.
func (s *status) detail(raw json.RawMessage) {
	var d map[string]json.RawMessage
	if json.Unmarshal(raw, &d) != nil {
		return
	}
	kind := text(d["@type"])
	switch {
	case strings.HasSuffix(kind, typeFCM) && s.code == "":
		s.code = push.Word(text(d["errorCode"]))
	case strings.HasSuffix(kind, typeBad):
		s.fields = append(s.fields, violations(d["fieldViolations"], "field")...)
	case strings.HasSuffix(kind, typeQuota):
		s.quota = append(s.quota, violations(d["violations"], "subject")...)
	case strings.HasSuffix(kind, typeInfo):
		s.reason = push.Word(text(d["reason"]))
		var meta map[string]json.RawMessage
		if json.Unmarshal(d["metadata"], &meta) == nil {
			s.metric = strings.ToLower(text(meta["quota_metric"]))
		}
	}
}

func violations(raw json.RawMessage, key string) []violation {
	var list []map[string]json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	out := make([]violation, 0, min(len(list), maxDetails))
	for _, v := range list[:min(len(list), maxDetails)] {
		out = append(out, violation{strings.ToLower(text(v[key])), strings.ToLower(text(v["description"]))})
	}
	return out
}

// text gives a JSON string's value; "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// mentions tells whether the message or a field's violation names one of the words.
func (s status) mentions(words ...string) bool {
	for _, w := range words {
		if strings.Contains(s.message, w) {
			return true
		}
		for _, v := range s.fields {
			if strings.Contains(v.what, w) || strings.Contains(v.description, w) {
				return true
			}
		}
	}
	return false
}

// aboutToken tells whether an invalid argument is the device's token: "The registration token is not a valid FCM
// registration token", or a violation of message.token.
func (s status) aboutToken() bool {
	if strings.Contains(s.message, "registration token") || strings.Contains(s.message, "installation id") {
		return true
	}
	for _, v := range s.fields {
		switch v.what {
		case "message.token", "message.fid":
			return true
		}
	}
	return false
}

// word is the platform's own word, with the field that it is about: safe to keep and show.
func (s status) word() string {
	w := s.code
	switch {
	case w != "":
	case s.reason != "" && s.status != "":
		w = s.status + " " + s.reason
	default:
		w = s.status
	}
	if w != "" && len(s.fields) > 0 {
		if f := push.Word(s.fields[0].what); f != "" {
			w += " " + f
		}
	}
	return w
}
