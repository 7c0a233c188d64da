package compat

import (
	"encoding/base64"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// maxMPNS is the limit of a payload, in bytes (MSDN ff402558).
const maxMPNS = 3072

// mpnsStatus is an answer of the Microsoft Push Notification Service: a status and three headers (MSDN ff941100). Empty
// words are left out.
type mpnsStatus struct {
	code                               int
	notification, device, subscription string
}

var (
	mpnsReceived = mpnsStatus{http.StatusOK, "Received", "Connected", "Active"}
	mpnsInactive = mpnsStatus{http.StatusPreconditionFailed, "Dropped", "Inactive", ""}
	mpnsExpired  = mpnsStatus{http.StatusNotFound, "Dropped", "Disconnected", "Expired"}
	mpnsSlow     = mpnsStatus{http.StatusNotAcceptable, "Dropped", "Connected", "Active"}
)

const mpnsPath = "/compat/mpns/"

// serveMPNS answers a post to a channel. Why something is refused stands in the body, which MPNS left empty.
func (c *Compat) serveMPNS(w http.ResponseWriter, a *Ask) {
	if id := a.Header.Get("X-MessageID"); id != "" && len(id) <= maxIdempotencyKey {
		w.Header().Set("X-MessageID", id)
	}
	if a.Err != nil {
		c.refuseMPNS(w, a.Err)
		return
	}
	n, err := readMPNS(a)
	if err != nil {
		c.refuseMPNS(w, err)
		return
	}
	m := &message{kind: notify.KindMPNS, ids: []string{channelOf(a.URL)}, n: n}
	results, _, err := c.tell(a, m)
	switch {
	case err != nil:
		c.refuseMPNS(w, err)
	case results[0].word != "":
		c.answerMPNS(w, mpnsExpired, "nobody has the channel as an identity of the kind mpns")
	case results[0].dead:
		c.answerMPNS(w, mpnsInactive, "")
	default:
		c.answerMPNS(w, mpnsReceived, "")
	}
}

// channelOf gives the channel: all that follows in the path, whose slashes may be escaped.
func channelOf(u *url.URL) string {
	return strings.TrimPrefix(u.Path, mpnsPath)
}

func (c *Compat) answerMPNS(w http.ResponseWriter, s mpnsStatus, text string) {
	result := resultOK
	if s.code != http.StatusOK {
		result = strconv.Itoa(s.code)
	}
	c.count(serviceMPNS, result)
	for name, value := range map[string]string{"X-NotificationStatus": s.notification, "X-DeviceConnectionStatus": s.device,
		"X-SubscriptionStatus": s.subscription} {
		if value != "" {
			w.Header().Set(name, value)
		}
	}
	if text == "" {
		w.WriteHeader(s.code)
		return
	}
	plain(w, s.code, text)
}

// refuseMPNS answers an error. 401 makes client libraries drop the channel, so a missing or wrong key is 403, which was
// "a certificate problem" and drops nothing; a body that is too large is a bad request here.
func (c *Compat) refuseMPNS(w http.ResponseWriter, err error) {
	t := troubleOf(err, http.StatusNotAcceptable)
	s := mpnsStatus{code: t.status, notification: "Dropped"}
	switch t.status {
	case http.StatusNotAcceptable:
		s = mpnsSlow
	case http.StatusUnauthorized:
		s.code = http.StatusForbidden
	case http.StatusRequestEntityTooLarge:
		s.code = http.StatusBadRequest
	case http.StatusInternalServerError:
		s.code = http.StatusServiceUnavailable // MPNS had no 500
	}
	if t.retryAfter != "" {
		w.Header().Set("Retry-After", t.retryAfter)
	}
	c.answerMPNS(w, s, t.text)
}

// readMPNS makes a notification of a toast, a tile or a raw message. Errors: CodeMalformed, CodeUnsupportedMedia,
// CodeTooLarge.
func readMPNS(a *Ask) (notify.Notification, error) {
	n := notify.Notification{TTL: notify.DefaultTTL}
	if len(a.Body) > maxMPNS {
		return n, notify.Errorf(notify.CodeTooLarge, "the payload is longer than %d bytes", maxMPNS)
	}
	class, err := mpnsClass(a.Header.Get("X-NotificationClass"))
	if err != nil {
		return n, err
	}
	target, want := strings.ToLower(a.Header.Get("X-WindowsPhone-Target")), 0
	switch target {
	case "toast":
		want, err = classToast, readToast(a, &n)
	case "token", "tile": // "token" is what tiles are called on the wire
		want, err = classTile, readTile(a, &n)
	case "":
		want, err = classRaw, readRaw(a, &n)
	default:
		return n, notify.Errorf(notify.CodeMalformed, "X-WindowsPhone-Target must be toast or token, or be left out for a raw message")
	}
	if err == nil && class != 0 && class%10 != want {
		err = notify.Errorf(notify.CodeMalformed, "X-NotificationClass %d is not one for this X-WindowsPhone-Target", class)
	}
	switch { // at once, within 450 seconds, within 900 seconds
	case class < 10:
		n.Priority = notify.PriorityHigh
	case class < 20:
		n.Priority = notify.PriorityNormal
	default:
		n.Priority = notify.PriorityLow
	}
	return n, err
}

// The last digit of a class says what it is.
const (
	classTile  = 1
	classToast = 2
	classRaw   = 3
)

func mpnsClass(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	class, err := strconv.Atoi(s)
	if err != nil || class < 1 || class > 23 || class%10 < classTile || class%10 > classRaw {
		return 0, notify.Errorf(notify.CodeMalformed, "X-NotificationClass must be 1, 2, 3, 11, 12, 13, 21, 22 or 23")
	}
	return class, nil
}

// readToast: Param is a page of the old app; an address that opens everywhere is a tap's.
func readToast(a *Ask, n *notify.Notification) error {
	fields, err := readWP(a, "Toast")
	if err != nil {
		return err
	}
	n.Content.Title, n.Content.Body = fields["Text1"], fields["Text2"]
	if n.Content.Title == "" && n.Content.Body == "" {
		return notify.Errorf(notify.CodeMalformed, "the toast has neither a wp:Text1 nor a wp:Text2")
	}
	if param := fields["Param"]; param != "" {
		if u, err := url.Parse(param); err == nil && u.IsAbs() && u.Host != "" {
			n.Content.URL = param
		} else {
			n.Content.Data = map[string]string{"param": param}
		}
	}
	return nil
}

// readTile: today's devices have no tiles, but a number on the app's icon; the rest is for the app.
func readTile(a *Ask, n *notify.Notification) error {
	fields, err := readWP(a, "Tile")
	if err != nil {
		return err
	}
	n.Silent = true
	n.CollapseKey = "tile:" + fields["Id"]
	if count, err := strconv.Atoi(fields["Count"]); err == nil && count >= 0 {
		n.Content.Badge = &count
	}
	n.Content.Data = map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if fields[k] != "" {
			n.Content.Data["tile."+strings.ToLower(k[:1])+k[1:]] = fields[k]
		}
	}
	return nil
}

// readRaw: the app gets the body as it is, when it is text.
func readRaw(a *Ask, n *notify.Notification) error {
	n.Silent = true
	if len(a.Body) == 0 {
		return notify.Errorf(notify.CodeMalformed, "the raw message is empty")
	}
	mediaType, params, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	isXML := strings.HasSuffix(mediaType, "xml") && strings.HasPrefix(strings.TrimSpace(string(a.Body)), "<")
	body, err := strict.ToUTF8(isXML, a.Body, params["charset"])
	if err != nil || !utf8.Valid(body) || strings.ContainsRune(string(body), 0) {
		n.Content.Data = map[string]string{"rawBase64": base64.StdEncoding.EncodeToString(a.Body)}
		return nil // bytes that are no text are what raw messages are for
	}
	n.Content.Data = map[string]string{"raw": string(body)}
	return nil
}
