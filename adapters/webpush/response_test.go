package webpush

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

var vendors = []vendor{stranger, known, google, mozilla, edge, apple}

const never = time.Duration(-1) // no time is given

func apples(reason string) string { return `{"reason":"` + reason + `"}` }

func mozillas(errno, message string) string {
	return `{"code":401,"errno":` + errno + `,"error":"Unauthorized","message":"` + message + `","more_info":"http://x"}`
}

// judgements are what every answer means.
var judgements = []struct {
	vendors []vendor
	status  int
	body    string
	header  string // "Name: value"
	want    notify.Verdict
	redo    redo
	reason  string
	in      time.Duration
}{
	{vendors, 201, "", "", notify.Accepted, redoNothing, "", never},
	{vendors, 200, `{"id":"x"}`, "", notify.Accepted, redoNothing, "", never},
	{vendors, 202, "", "", notify.Accepted, redoNothing, "", never},
	{vendors, 204, "", "", notify.Accepted, redoNothing, "", never},
	{vendors, 301, "", "Location: https://127.0.0.1/", notify.Suspect, redoNothing, "301 Moved Permanently", never},
	{vendors, 307, "", "", notify.Suspect, redoNothing, "307 ", never},
	{vendors, 400, "", "", notify.Failed, redoNothing, "400 Bad Request", never},
	{vendors, 402, "", "", notify.Failed, redoNothing, "402 ", never},
	{vendors, 405, "", "", notify.Failed, redoNothing, "405 ", never},
	{vendors, 406, "", "", notify.Retry, redoNothing, "406 ", 15 * time.Minute},
	{vendors, 406, "", "Retry-After: 30", notify.Retry, redoNothing, "406 ", 30 * time.Second},
	{vendors, 408, "", "", notify.Retry, redoNothing, "408 ", never},
	{vendors, 410, "", "", notify.Gone, redoNothing, "410 Gone", never},
	{vendors, 413, "", "", notify.Failed, redoSmaller, "413 ", never},
	{vendors, 429, "", "", notify.Retry, redoNothing, "429 Too Many Requests", never},
	{vendors, 429, "", "Retry-After: 90", notify.Retry, redoNothing, "429 ", 90 * time.Second},
	{vendors, 429, "", "Retry-After: Mon, 23 Nov 2026 10:00:00 GMT", notify.Retry, redoNothing, "429 ", time.Hour},
	{vendors, 429, "", "Retry-After: 99999999", notify.Retry, redoNothing, "429 ", 24 * time.Hour},
	{vendors, 429, "", "Retry-After: soon", notify.Retry, redoNothing, "429 ", never},
	{vendors, 500, "", "", notify.Retry, redoNothing, "500 ", never},
	{vendors, 503, "", "Retry-After: 120", notify.Retry, redoNothing, "503 ", 2 * time.Minute},
	{vendors, 507, "", "", notify.Retry, redoNothing, "507 Insufficient Storage", time.Hour},
	{vendors, 599, "", "", notify.Retry, redoNothing, "599", never},
	{vendors[1:], 404, "", "", notify.Gone, redoNothing, "404 ", never},
	{vendors[:1], 404, "", "", notify.Suspect, redoNothing, "404 ", never},
	{vendors, 401, "", "", notify.Suspect, redoToken, "401 ", never},
	{vendors, 403, "", "", notify.Suspect, redoToken, "403 ", never},

	{[]vendor{apple}, 400, apples("BadTtl"), "", notify.Failed, redoNothing, "400 BadTtl", never},
	{[]vendor{apple}, 400, apples("BadWebPushTopic"), "", notify.Failed, redoNothing, "400 BadWebPushTopic", never},
	{[]vendor{apple}, 400, apples("VapidPkHashMismatch"), "", notify.Suspect, redoNothing, "400 VapidPkHashMismatch", never},
	{[]vendor{apple}, 403, apples("VapidPkHashMismatch"), "", notify.Suspect, redoNothing, "403 VapidPkHashMismatch", never},
	{[]vendor{apple}, 403, apples("BadJwtToken"), "", notify.Misconfigured, redoToken, "403 BadJwtToken", never},
	{[]vendor{apple}, 403, apples("BadVapidPublicKey"), "", notify.Misconfigured, redoToken, "403 BadVapidPublicKey", never},
	{[]vendor{apple}, 413, apples("PayloadTooLarge"), "", notify.Failed, redoSmaller, "413 PayloadTooLarge", never},
	{[]vendor{apple}, 400, "{", "", notify.Failed, redoNothing, "400 Bad Request", never},

	{[]vendor{mozilla}, 401, mozillas("109", "VAPID public key mismatch"), "", notify.Suspect, redoNothing, "401 errno 109 VAPID public key mismatch", never},
	{[]vendor{mozilla}, 401, mozillas("109", "Invalid VAPID audience"), "", notify.Misconfigured, redoToken, "401 errno 109 Invalid VAPID audience", never},
	{[]vendor{mozilla}, 404, mozillas("102", "Invalid token"), "", notify.Gone, redoNothing, "404 errno 102 Invalid token", never},
	{[]vendor{mozilla}, 410, mozillas("106", "No such subscription"), "", notify.Gone, redoNothing, "410 errno 106 No such subscription", never},
	{[]vendor{mozilla}, 503, mozillas("201", "Use exponential back-off"), "Retry-After: 120", notify.Retry, redoNothing, "503 errno 201 ", 2 * time.Minute},
	{[]vendor{mozilla}, 503, mozillas("202", "Retry"), "Retry-After: 120", notify.Retry, redoNothing, "503 errno 202 Retry", never},
	{[]vendor{mozilla}, 502, mozillas("901", "bridge"), "", notify.Retry, redoNothing, "502 errno 901 bridge", never},

	{[]vendor{google}, 403, "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n",
		"", notify.Suspect, redoNothing, "403 the VAPID credentials ", never},
	{[]vendor{google}, 400, "UnauthorizedRegistration", "", notify.Suspect, redoToken, "400 UnauthorizedRegistration", never},
	{[]vendor{google}, 403, "invalid JWT provided\n", "", notify.Misconfigured, redoToken, "403 invalid JWT provided", never},
	{[]vendor{google}, 401, "authorization header must be specified.", "", notify.Misconfigured, redoToken, "401 authorization header", never},
	{[]vendor{google}, 404, "<html>The requested URL /fcm/send/abc was not found</html>", "", notify.Gone, redoNothing, "404 Not Found", never},

	{[]vendor{edge}, 400, "", "X-WNS-Error-Description: Ttl value conflicts with X-WNS-Cache-Policy.", notify.Failed, redoNothing, "400 Ttl value conflicts", never},
	{[]vendor{edge}, 401, "", "X-WNS-Error-Description: JWT Authentication Failed", notify.Suspect, redoToken, "401 JWT Authentication Failed", never},
	{[]vendor{edge}, 410, "", "X-WNS-NotificationStatus: channelexpired", notify.Gone, redoNothing, "410 channelexpired", never},

	// A stranger's words stop no lane.
	{vendors[:2], 403, apples("BadJwtToken"), "", notify.Suspect, redoToken, "403 Forbidden", never},
	{vendors[:2], 401, mozillas("109", "Invalid VAPID token"), "", notify.Suspect, redoToken, "401 Unauthorized", never},
}

func TestJudge(t *testing.T) {
	for _, c := range judgements {
		for _, v := range c.vendors {
			r := push.Reply{Status: c.status, Body: []byte(c.body), Header: http.Header{}}
			if name, value, ok := strings.Cut(c.header, ": "); ok {
				r.Header.Set(name, value)
			}
			got := judge(v, r, start)
			if got.Verdict != c.want || got.redo != c.redo || got.Status != c.status || !strings.HasPrefix(got.Reason, c.reason) || got.WholeLane {
				t.Errorf("vendor %d, %d %q: %+v, want %s %q redo %d", v, c.status, c.body, got, c.want, c.reason, c.redo)
			}
			if want := start.Add(c.in); c.in != never && !got.At.Equal(want) || c.in == never && !got.At.IsZero() {
				t.Errorf("vendor %d, %d %q %s: at %s, want in %s", v, c.status, c.body, c.header, got.At, c.in)
			}
		}
	}
}

// Whatever a service says in an error, nobody is gone or stops a lane but by the statuses and words for it.
func FuzzJudge(f *testing.F) {
	f.Add(uint8(5), 403, `{"reason":"BadJwtToken"}`, "120")
	f.Add(uint8(3), 401, `{"errno":109,"message":"x"}`, "Mon, 23 Nov 2026 10:00:00 GMT")
	f.Fuzz(func(t *testing.T, v uint8, status int, body, after string) {
		r := push.Reply{Status: status, Body: []byte(body), Header: http.Header{"Retry-After": {after}, "X-Wns-Status": {body}}}
		got := judge(vendors[int(v)%len(vendors)], r, start)
		switch {
		case got.Verdict == notify.Gone && status != 404 && status != 410,
			got.Verdict == notify.Accepted && (status < 200 || status > 299),
			got.Verdict == notify.Misconfigured && status != 400 && status != 401 && status != 403,
			got.Verdict != notify.Retry && !got.At.IsZero(),
			got.At.After(start.Add(push.MaxRetryAfter)) || !got.At.IsZero() && got.At.Before(start),
			len(got.Reason) > 250 || strings.ContainsAny(got.Reason, "\r\n/"):
			t.Errorf("status %d, body %q: %+v", status, body, got)
		}
	})
}
