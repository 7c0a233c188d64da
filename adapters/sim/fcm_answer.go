package sim

import (
	"encoding/json"
	"strings"
)

// fcmNo is a refusal: what google.rpc.Status says, with its details. The zero one is none.
type fcmNo struct {
	status  int
	rpc     string // google.rpc.Code's name
	code    string // FcmError's; empty: no such detail
	message string
	html    bool // Google's front end says it, in HTML

	field string      // BadRequest: a violation of this field, described by message
	bad   bool        // BadRequest without a violation
	quota *[2]string  // QuotaFailure: subject and description
	info  *errorInfo  // ErrorInfo
	oauth *oauthError // of the token endpoint
}

type errorInfo struct {
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// word is what the log says.
func (n fcmNo) word() string {
	switch {
	case n.oauth != nil:
		return n.oauth.word
	case n.code != "":
		return n.code
	case n.html:
		return "HTML"
	}
	return n.rpc
}

const googleTypes = "type.googleapis.com/"

// body gives a refusal as Google writes it.
func (n fcmNo) body() ([]byte, string) {
	if n.oauth != nil {
		raw, _ := json.Marshal(map[string]string{"error": n.oauth.word, "error_description": n.oauth.description})
		return raw, "application/json; charset=utf-8"
	}
	if n.html {
		return []byte("<!DOCTYPE html>\n<html lang=en>\n  <title>Error " + n.rpc + "!!1</title>\n" +
			"  <p>The requested URL was not found on this server.  <ins>That’s all we know.</ins>\n"), "text/html; charset=UTF-8"
	}
	var details []any
	switch {
	case n.field != "":
		details = append(details, map[string]any{"@type": googleTypes + "google.rpc.BadRequest",
			"fieldViolations": []any{map[string]string{"field": n.field, "description": n.message}}})
	case n.bad:
		details = append(details, map[string]any{"@type": googleTypes + "google.rpc.BadRequest"})
	}
	if n.code != "" {
		details = append(details, map[string]string{"@type": googleTypes + "google.firebase.fcm.v1.FcmError", "errorCode": n.code})
	}
	if n.quota != nil {
		details = append(details, map[string]any{"@type": googleTypes + "google.rpc.QuotaFailure",
			"violations": []any{map[string]string{"subject": n.quota[0], "description": n.quota[1]}}})
	}
	if n.info != nil {
		details = append(details, struct {
			Type string `json:"@type"`
			errorInfo
		}{googleTypes + "google.rpc.ErrorInfo", *n.info})
	}
	e := map[string]any{"code": n.status, "message": n.message, "status": n.rpc}
	if len(details) > 0 {
		e["details"] = details
	}
	raw, _ := json.MarshalIndent(map[string]any{"error": e}, "", "  ") // texts and numbers: cannot fail
	return raw, "application/json; charset=UTF-8"
}

// The refusals, in Google's own words as far as they were seen.
func fcmUnauthenticated() fcmNo {
	return fcmNo{status: 401, rpc: "UNAUTHENTICATED", message: "Request had invalid authentication credentials. Expected OAuth 2 " +
		"access token, login cookie or other valid authentication credential. See " +
		"https://developers.google.com/identity/sign-in/web/devconsole-project.",
		info: &errorInfo{Reason: "ACCESS_TOKEN_EXPIRED", Domain: "googleapis.com"}}
}

func fcmDenied(project string) fcmNo {
	return fcmNo{status: 403, rpc: "PERMISSION_DENIED", message: "Permission 'cloudmessaging.messages.create' denied on resource " +
		"'//cloudresourcemanager.googleapis.com/projects/" + project + "' (or it may not exist).",
		info: &errorInfo{Reason: "IAM_PERMISSION_DENIED", Domain: "cloudresourcemanager.googleapis.com",
			Metadata: map[string]string{"permission": "cloudmessaging.messages.create", "resource": "projects/" + project}}}
}

func fcmScope() fcmNo {
	return fcmNo{status: 403, rpc: "PERMISSION_DENIED", message: "Request had insufficient authentication scopes.",
		info: &errorInfo{Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Domain: "googleapis.com"}}
}

func fcmNotFound() fcmNo { return fcmNo{status: 404, rpc: "404 (Not Found)", html: true} }

// fcmParse is an error of the JSON reader, before FCM itself sees the message: no FcmError.
func fcmParse(field, message string) fcmNo {
	return fcmNo{status: 400, rpc: "INVALID_ARGUMENT", message: message, field: field, bad: true}
}

// fcmInvalid is an error of FCM itself.
func fcmInvalid(field, message string) fcmNo {
	return fcmNo{status: 400, rpc: "INVALID_ARGUMENT", code: "INVALID_ARGUMENT", message: message, field: field, bad: field != ""}
}

func fcmTooBig(system string) fcmNo {
	return fcmNo{status: 400, rpc: "INVALID_ARGUMENT", code: "INVALID_ARGUMENT", message: system + " message is too big", bad: true}
}

func fcmBadToken() fcmNo {
	return fcmInvalid("", "The registration token is not a valid FCM registration token")
}

func fcmUnregistered() fcmNo {
	return fcmNo{status: 404, rpc: "NOT_FOUND", code: "UNREGISTERED", message: "Requested entity was not found."}
}

func fcmProjectQuota(project string) fcmNo {
	return fcmNo{status: 429, rpc: "RESOURCE_EXHAUSTED", message: "Quota exceeded for quota metric 'Send requests' and limit " +
		"'Send requests per minute' of service 'fcm.googleapis.com' for consumer 'project_number:" + project + "'.",
		info: &errorInfo{Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com", Metadata: map[string]string{
			"quota_limit": "SendsPerMinutePerProject", "quota_metric": "fcm.googleapis.com/send_requests",
			"quota_unit": "1/min/{project}", "service": "fcm.googleapis.com", "consumer": "projects/" + project}}}
}

func fcmQuota(subject, description string) fcmNo {
	return fcmNo{status: 429, rpc: "RESOURCE_EXHAUSTED", code: "QUOTA_EXCEEDED", message: description,
		quota: &[2]string{subject, description}}
}

// FCMReasons are the words of Fault.Reason, besides the codes of FcmError, that make an answer of their own.
func FCMReasons() map[string]string {
	return map[string]string{
		"BAD_TOKEN": "400: the registration token is not one", "BAD_TOKEN_FIELD": "400: the same, as a violation of message.token",
		"BAD_PACKAGE": "400: the package name", "BAD_FIELD": "400: a violation of message.android.ttl",
		"BAD_JSON": "400: the JSON reader's, without an FcmError", "TOO_BIG": "400: the message is too big",
		"PROJECT_QUOTA": "429: of the project", "DEVICE_QUOTA": "429: of the device", "TOPIC_QUOTA": "429: of a topic",
		"UNAUTHENTICATED": "401: the access token", "PERMISSION_DENIED": "403: the account", "HTML": "any status, as a page",
	}
}

// scriptedNo makes the answer of a scripted status and reason.
func scriptedNo(status int, reason, project string) fcmNo {
	no, ok := map[string]fcmNo{
		"BAD_TOKEN": fcmBadToken(), "BAD_TOKEN_FIELD": fcmInvalid("message.token", "Invalid registration token"),
		"BAD_PACKAGE":     fcmInvalid("message.android.restricted_package_name", "The package name does not match the token's"),
		"BAD_FIELD":       fcmInvalid("message.android.ttl", "Invalid TTL"),
		"BAD_JSON":        fcmParse("message.data[0].value", "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"),
		"TOO_BIG":         fcmTooBig("Android"),
		"PROJECT_QUOTA":   fcmProjectQuota(project),
		"DEVICE_QUOTA":    fcmQuota("device:1", "Device message rate exceeded."),
		"TOPIC_QUOTA":     fcmQuota("topic:news", "Topic message rate exceeded."),
		"UNAUTHENTICATED": fcmUnauthenticated(), "PERMISSION_DENIED": fcmDenied(project),
		"HTML":         {rpc: "404 (Not Found)", html: true},
		"UNREGISTERED": fcmUnregistered(),
	}[reason]
	if !ok {
		no = fcmNo{rpc: rpcOf(status), code: reason, message: strings.ToLower(strings.ReplaceAll(reason, "_", " "))}
	}
	no.status = status
	return no
}

// rpcOf gives google.rpc.Code's name of an HTTP status.
func rpcOf(status int) string {
	switch status {
	case 400:
		return "INVALID_ARGUMENT"
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 500:
		return "INTERNAL"
	case 503:
		return "UNAVAILABLE"
	}
	return "UNKNOWN"
}
