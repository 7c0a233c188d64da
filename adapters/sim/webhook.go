package sim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// WebhookOptions is what a receiver of webhooks is made of; the zero value is on a free port and checks everything.
type WebhookOptions struct {
	Addr     string // host:port to listen on; empty: a free port on loopback
	CA       *CA    // whose certificate it shows; nil: a new one
	Clock    notify.Clock
	Latency  time.Duration
	LogLimit int      // see NewLog; negative also keeps no notices
	Secret   string   // what requests must be signed with
	Hosts    []string // further names of its certificate
}

// HookTolerance is how far a signature's time may be from the receiver's.
const HookTolerance = 5 * time.Minute

// HookNotice is what a hook got.
type HookNotice struct {
	XMLName  xml.Name          `xml:"urn:allim:v1 notification" json:"-"`
	Delivery string            `xml:"delivery" json:"delivery"`
	User     string            `xml:"user" json:"user"`
	Device   string            `xml:"device" json:"device"`
	ID       string            `xml:"id" json:"id"`
	Title    string            `xml:"title" json:"title"`
	Subtitle string            `xml:"subtitle" json:"subtitle"`
	Body     string            `xml:"body" json:"body"`
	URL      string            `xml:"url" json:"url"`
	Data     map[string]string `xml:"-" json:"data"`
	Entries  []struct {
		Key   string `xml:"key,attr"`
		Value string `xml:",chardata"`
	} `xml:"data>entry" json:"-"`
	Badge    *int   `xml:"badge" json:"badge"`
	Priority string `xml:"priority" json:"priority"`
	Silent   bool   `xml:"silent" json:"silent"`
}

// Webhook is a system that takes webhooks: it checks what a careful receiver checks, and misbehaves on demand.
type Webhook struct {
	stage
	opts WebhookOptions

	state   sync.Mutex
	n       int
	removed map[string]bool
	got     map[string][]HookNotice // by URL
}

// NewWebhook starts a receiver; Close ends it.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	s := &Webhook{opts: o, removed: map[string]bool{}, got: map[string][]HookNotice{}}
	s.stage.key = func(r *http.Request) string { return s.URL() + r.RequestURI }
	s.stage.judge = s.judgeHook
	err := s.open(stageOptions{addr: o.Addr, ca: o.CA, clock: o.Clock, latency: o.Latency, limit: o.LogLimit, hosts: o.Hosts})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NewHook gives the URL of a new hook; it holds what only its owner knows.
func (s *Webhook) NewHook() string {
	s.state.Lock()
	defer s.state.Unlock()
	s.n++
	return s.URL() + "/hook/" + strconv.Itoa(s.n) + "?key=k%2Fey" + strconv.Itoa(s.n)
}

// Remove ends a hook: it answers 410 from now on.
func (s *Webhook) Remove(hook string) {
	s.state.Lock()
	defer s.state.Unlock()
	s.removed[hook] = true
}

// SetSecret changes what requests must be signed with.
func (s *Webhook) SetSecret(secret string) {
	s.state.Lock()
	defer s.state.Unlock()
	s.opts.Secret = secret
}

// Got is what a hook got, oldest first.
func (s *Webhook) Got(hook string) []HookNotice {
	s.state.Lock()
	defer s.state.Unlock()
	return append([]HookNotice(nil), s.got[hook]...)
}

// Handler shows the receiver over plain HTTP: GET /log (see Log.ServeHTTP) and GET /notices?hook=….
func (s *Webhook) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /log", s.log)
	mux.HandleFunc("GET /notices", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, s.Got(r.URL.Query().Get("hook"))) })
	return mux
}

func (s *Webhook) judgeHook(r *http.Request, e *Entry, f Fault) pushAnswer {
	a := pushAnswer{status: http.StatusNoContent, header: http.Header{}}
	s.state.Lock()
	defer s.state.Unlock()
	n, status, why := s.read(r, e)
	e.ID = n.Delivery
	if status == 0 && f.Status >= 300 {
		status, why = f.Status, f.Reason
	}
	if status != 0 {
		e.Reason, a.status = why, status
		return a
	}
	e.Accepted = true
	if s.opts.LogLimit >= 0 {
		s.got[e.Key] = append(s.got[e.Key], n)
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	return a
}

// read checks a request; status is the refusal, 0 when there is none. s.state is held.
func (s *Webhook) read(r *http.Request, e *Entry) (n HookNotice, status int, why string) {
	switch {
	case !strings.HasPrefix(r.URL.Path, "/hook/"):
		return n, http.StatusNotFound, "no such hook"
	case s.removed[e.Key]:
		return n, http.StatusGone, "the hook was removed"
	case r.Method != http.MethodPost:
		return n, http.StatusMethodNotAllowed, "POST only"
	}
	if err := VerifyHook(s.opts.Secret, r.Header.Get("Allim-Signature"), e.Body, s.clock.Now()); err != nil {
		return n, http.StatusUnauthorized, err.Error()
	}
	var err error
	switch r.Header.Get("Content-Type") {
	case "application/json":
		err = json.Unmarshal(e.Body, &n)
	case "application/xml":
		if err = xml.NewDecoder(bytes.NewReader(e.Body)).Decode(&n); err == nil && len(n.Entries) > 0 {
			n.Data = map[string]string{}
			for _, x := range n.Entries {
				n.Data[x.Key] = x.Value
			}
		}
	default:
		return n, http.StatusUnsupportedMediaType, "neither JSON nor XML"
	}
	switch id := r.Header.Get("Allim-Delivery"); {
	case err != nil:
		return n, http.StatusBadRequest, "the body cannot be read"
	case id == "" || id != n.Delivery || id != r.Header.Get("Idempotency-Key"):
		return n, http.StatusBadRequest, "the delivery's id is not the same everywhere"
	}
	return n, 0, ""
}

// VerifyHook checks a signature as a receiver should: its time, then the HMAC-SHA256 of "t.body" against each v1.
func VerifyHook(secret, signature string, body []byte, now time.Time) error {
	fields := strings.Split(signature, ",")
	at, ok := strings.CutPrefix(fields[0], "t=")
	sec, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return errors.New("the signature has no time")
	}
	if now.Sub(time.Unix(sec, 0)).Abs() > HookTolerance {
		return errors.New("the signature is too old or from the future")
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	for _, f := range fields[1:] {
		got, err := hex.DecodeString(strings.TrimPrefix(f, "v1="))
		if err == nil && strings.HasPrefix(f, "v1=") && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("the signature is not right")
}
