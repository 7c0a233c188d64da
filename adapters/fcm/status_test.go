package fcm

import (
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// Bodies as they were seen in the wild, and broken ones.
func TestParseStatus(t *testing.T) {
	const fcm = `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}`
	for name, test := range map[string]struct {
		http    int
		body    string
		verdict notify.Verdict
		lane    bool
		reason  string
	}{
		"code under another status": {400, `{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[` + fcm + `]}}`, notify.Gone, false, "UNREGISTERED"},
		"broken details before it":  {404, `{"error":{"code":"x","message":7,"details":[1,null,"x",{"@type":5},{"@type":"x.BadRequest","fieldViolations":{}},` + fcm + `]}}`, notify.Gone, false, "UNREGISTERED"},
		"in a list":                 {404, `[{"error":{"status":"NOT_FOUND","details":[` + fcm + `]}}]`, notify.Gone, false, "UNREGISTERED"},
		"an empty list":             {404, `[]`, notify.Misconfigured, false, "HTTP 404"},
		"no FcmError":               {404, `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}`, notify.Misconfigured, false, "NOT_FOUND"},
		"a word of OAuth":           {400, `{"error":"invalid_request"}`, notify.Failed, false, "HTTP 400"},
		"token without FcmError": {400, `{"error":{"status":"INVALID_ARGUMENT","details":[{"@type":"a/google.rpc.BadRequest",` +
			`"fieldViolations":[{"field":"message.token","description":"Invalid registration token"}]}]}}`, notify.Suspect, false, "registration token"},
		"recipient not set": {400, `{"error":{"status":"INVALID_ARGUMENT","message":"Recipient of the message is not set."}}`, notify.Failed, false, "INVALID_ARGUMENT"},
		"project called device": {429, `{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"@type":"a/google.rpc.QuotaFailure",` +
			`"violations":[{"subject":"project:my-device-app","description":"x"}]}]}}`, notify.Retry, true, "RESOURCE_EXHAUSTED"},
		"sends a minute":         {429, `{"error":{"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded for quota metric 'Send requests' of consumer 'device'"}}`, notify.Retry, true, "RESOURCE_EXHAUSTED"},
		"device in the message":  {429, `{"error":{"status":"RESOURCE_EXHAUSTED","message":"Device message rate exceeded"}}`, notify.Retry, false, "RESOURCE_EXHAUSTED device"},
		"exhausted under 400":    {400, `{"error":{"status":"RESOURCE_EXHAUSTED"}}`, notify.Retry, true, "RESOURCE_EXHAUSTED"},
		"unauthenticated, 400":   {400, `{"error":{"status":"UNAUTHENTICATED"}}`, notify.Misconfigured, false, "UNAUTHENTICATED"},
		"another project's, 404": {404, `{"error":{"details":[{"@type":"a.FcmError","errorCode":"SENDER_ID_MISMATCH"}]}}`, notify.Suspect, false, "SENDER_ID_MISMATCH"},
		"words are made safe":    {400, `{"error":{"status":"<b>` + strings.Repeat("x", 100) + `"}}`, notify.Failed, false, "b" + strings.Repeat("x", 63)},
	} {
		o := outcome(answer{status: test.http, said: parseStatus([]byte(test.body))}, 1, time.Now())
		if o.Verdict != test.verdict || o.WholeLane != test.lane || !strings.Contains(o.Reason, test.reason) || o.Status != test.http {
			t.Errorf("%s: %+v, want %s %v %q", name, o, test.verdict, test.lane, test.reason)
		}
	}
}

// Whatever comes, there is an outcome, no device dies without a word of FCM, and nothing of the body's free text is told.
func FuzzParseStatus(f *testing.F) {
	for _, s := range []string{"", "<html>", "[", `{"error":{"message":"SECRET","status":"INVALID_ARGUMENT","details":[{"@type":"x.FcmError","errorCode":"UNREGISTERED"}]}}`,
		`[{"error":{"details":[{"@type":"x.QuotaFailure","violations":[{"subject":"device:SECRET"}]}]}}]`, `{"error":{"details":{}}}`} {
		for _, status := range []int{200, 400, 401, 403, 404, 429, 500, 503} {
			f.Add(status, s)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 599 {
			return
		}
		now := time.Now()
		said := parseStatus([]byte(body))
		o := outcome(answer{status: status, said: said}, 1, now)
		if o.Verdict == "" || len(o.Reason) > 300 || strings.ContainsAny(o.Reason, "\"<>\r\n\x00:/@") {
			t.Errorf("%d %q: %+v", status, body, o)
		}
		if o.Verdict == notify.Gone && said.code != codeUnregistered && said.code != codeInvalid {
			t.Errorf("%d %q: gone without FCM's word", status, body)
		}
		if !o.At.IsZero() && o.Verdict != notify.Retry {
			t.Errorf("%d %q: %+v", status, body, o)
		}
	})
}
