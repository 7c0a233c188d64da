package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// pushAnswer is what goes back.
type pushAnswer struct {
	status int
	header http.Header
	body   []byte
}

// say is a refusal in one service's words.
type say struct {
	status int
	errno  int // Mozilla only
	text   string
}

// sayings are the services' words. What a service has no word of its own for is said as RFC 8030 and 8292 say it.
// Mozilla: autopush-rs, autoendpoint/src/error.rs and headers/vapid.rs. Apple: "Sending web push notifications in web
// apps and browsers". Google and Microsoft: as reported by users of web-push, pywebpush and webpush-go.
var sayings = map[PushMode]map[wrong]say{
	ModeRFC: {
		wrongMethod: {405, 0, ""}, wrongPath: {404, 0, ""}, wrongGone: {410, 0, ""}, wrongNoTTL: {400, 0, "TTL is required"},
		wrongTTL: {400, 0, "bad TTL"}, wrongTTLZero: {400, 0, "bad TTL"}, wrongUrgency: {400, 0, "bad Urgency"},
		wrongTopic: {400, 0, "bad Topic"}, wrongNoToken: {401, 0, ""}, wrongToken: {403, 0, ""}, wrongVAPIDKey: {403, 0, ""},
		wrongOtherKey: {403, 0, ""}, wrongCoding: {400, 0, "bad Content-Encoding"}, wrongSize: {413, 0, ""}, wrongBody: {400, 0, "bad body"},
	},
	ModeMozilla: {
		wrongPath: {404, 102, "Invalid token"}, wrongGone: {410, 106, "No such subscription"}, wrongNoTTL: {400, 111, "Missing TTL value"},
		wrongTTL: {400, 114, "TTL must be greater than 0"}, wrongTopic: {400, 113, "Topic must be no greater than 32 characters"},
		wrongNoToken: {401, 109, "Missing VAPID token"}, wrongToken: {401, 109, "Invalid VAPID token"},
		wrongVAPIDKey: {401, 109, "Invalid VAPID public key"}, wrongOtherKey: {401, 109, "VAPID public key mismatch"},
		wrongCoding: {400, 110, "Unknown Content-Encoding header"}, wrongSize: {413, 104, "This message is too large"},
		wrongBody: {400, 110, "Invalid encryption"},
	},
	ModeGoogle: {
		wrongPath:  {404, 0, "<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found on this server."},
		wrongGone:  {410, 0, "push subscription has unsubscribed or expired.\n"},
		wrongNoTTL: {400, 0, "TTL header must be specified.\n"}, wrongNoToken: {401, 0, "authorization header must be specified.\n"},
		wrongToken: {403, 0, "invalid JWT provided\n"}, wrongVAPIDKey: {403, 0, "invalid JWT provided\n"},
		wrongOtherKey: {403, 0, "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n"},
	},
	ModeEdge: {
		wrongTTLZero: {400, 0, "Ttl value conflicts with X-WNS-Cache-Policy."}, wrongGone: {410, 0, "channelexpired"},
		wrongNoToken: {401, 0, "JWT Authentication Failed"}, wrongToken: {401, 0, "JWT Authentication Failed"},
		wrongOtherKey: {401, 0, "JWT Authentication Failed"}, wrongVAPIDKey: {401, 0, "JWT Authentication Failed"},
	},
	ModeApple: {
		wrongNoTTL: {400, 0, "BadTtl"}, wrongTTL: {400, 0, "BadTtl"}, wrongUrgency: {400, 0, "BadUrgency"},
		wrongTopic: {400, 0, "BadWebPushTopic"}, wrongNoToken: {403, 0, "BadJwtToken"}, wrongToken: {403, 0, "BadJwtToken"},
		wrongVAPIDKey: {403, 0, "BadVapidPublicKey"}, wrongOtherKey: {400, 0, "VapidPkHashMismatch"},
		wrongCoding: {400, 0, "BadWebPushRequest"}, wrongBody: {400, 0, "BadWebPushRequest"}, wrongSize: {413, 0, "PayloadTooLarge"},
	},
	ModeUnifiedPush: {
		wrongSize: {413, 41301, "attachment too large, or bandwidth limit reached"}, wrongCoding: {400, 0, "encryption is required"},
	},
}

func sayingFor(mode PushMode, w wrong) say {
	if x, ok := sayings[mode][w]; ok {
		return x
	}
	return sayings[ModeRFC][w]
}

// refusePush says what is wrong as the service does.
func refusePush(mode PushMode, x say) pushAnswer {
	a := pushAnswer{status: x.status, header: http.Header{}}
	if x.status == http.StatusUnauthorized {
		a.header.Set("WWW-Authenticate", "vapid")
	}
	switch mode {
	case ModeMozilla:
		if x.status == http.StatusGone {
			a.header.Set("Cache-Control", "max-age=86400")
		}
		if x.status == http.StatusServiceUnavailable {
			a.header.Set("Retry-After", "120")
		}
		a.json(map[string]any{"code": x.status, "errno": x.errno, "error": http.StatusText(x.status), "message": x.text,
			"more_info": "http://autopush.readthedocs.io/en/latest/http.html#error-codes"})
	case ModeApple:
		if x.text != "" {
			a.json(map[string]string{"reason": x.text})
		}
	case ModeEdge:
		a.header.Set("X-WNS-Status", "dropped")
		a.header.Set("X-WNS-NotificationStatus", "dropped")
		a.header.Set("X-WNS-Error-Description", x.text)
	case ModeUnifiedPush:
		code := x.errno
		if code == 0 {
			code = x.status * 100
		}
		a.json(map[string]any{"code": code, "http": x.status, "error": strings.ToLower(http.StatusText(x.status))})
	default:
		a.header.Set("Content-Type", "text/plain; charset=utf-8")
		a.body = []byte(x.text)
	}
	return a
}

func (a *pushAnswer) json(v any) {
	a.header.Set("Content-Type", "application/json")
	a.body, _ = json.Marshal(v) // texts and numbers: cannot fail
}

// takePush is the answer to what was taken (RFC 8030 section 5).
func takePush(mode PushMode, m WebMessage, origin string, n int64) pushAnswer {
	a := pushAnswer{status: http.StatusCreated, header: http.Header{}}
	a.header.Set("TTL", strconv.FormatInt(int64(m.TTL.Seconds()), 10))
	switch mode {
	case ModeUnifiedPush: // ntfy answers with its own message
		a.status = http.StatusOK
		a.json(map[string]any{"id": fmt.Sprintf("up%010d", n), "event": "message"})
		return a
	case ModeApple:
		a.header.Set("apns-id", fmt.Sprintf("00000000-0000-4000-8000-%012x", n))
	case ModeEdge:
		a.header.Set("X-WNS-Status", "received")
	}
	a.header.Set("Location", origin+"/m/"+strconv.FormatInt(n, 10))
	return a
}
