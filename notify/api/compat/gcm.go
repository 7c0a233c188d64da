package compat

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// GCM's limits (FCM legacy HTTP, "Downstream HTTP messages").
const (
	maxAddresses = 1000
	maxGCM       = 4096 // of all data, in bytes
	maxTTL       = 2419200
)

// gcmAnswer is the answer to a JSON message to addresses.
type gcmAnswer struct {
	MulticastID  int64       `json:"multicast_id"`
	Success      int         `json:"success"`
	Failure      int         `json:"failure"`
	CanonicalIDs int         `json:"canonical_ids"`
	Results      []gcmResult `json:"results"`
}

type gcmResult struct {
	MessageID      string `json:"message_id,omitempty"`
	RegistrationID string `json:"registration_id,omitempty"`
	Error          string `json:"error,omitempty"`
}

// serveGCM answers POST /gcm/send and /fcm/send, in JSON and as a form.
func (c *Compat) serveGCM(w http.ResponseWriter, a *Ask) {
	if a.Err != nil {
		c.refuse(w, serviceGCM, a.Err)
		return
	}
	mediaType, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err == nil && mediaType == "application/json" {
		c.serveGCMJSON(w, a)
		return
	}
	c.serveGCMForm(w, a)
}

// serveGCMForm: one address in, one line out.
func (c *Compat) serveGCMForm(w http.ResponseWriter, a *Ask) {
	f, err := readForm(a)
	if err != nil {
		c.refuse(w, serviceGCM, err)
		return
	}
	m := &message{kind: notify.KindGCM, platforms: []notify.Platform{notify.FCM}, ids: []string{f.fields["registration_id"]},
		n: dataMessage(f.data), dry: f.flag("dry_run")}
	m.n.CollapseKey = f.fields["collapse_key"]
	ttl, ok := readTTL(f.fields["time_to_live"])
	m.n.TTL = ttl
	switch word := dataWord(f.data); {
	case m.ids[0] == "":
		c.line(w, serviceGCM, wordMissing)
	case !ok:
		c.line(w, serviceGCM, wordTTL)
	case word != "":
		c.line(w, serviceGCM, word)
	default:
		c.oneLine(w, a, serviceGCM, m)
	}
}

func readTTL(s string) (time.Duration, bool) {
	if s == "" {
		return notify.MaxTTL, true
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 || n > maxTTL {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// dataWord gives what GCM had against the data; empty: nothing.
func dataWord(data map[string]string) string {
	for k := range data {
		if k == "from" || k == "message_type" || strings.HasPrefix(k, "google") || strings.HasPrefix(k, "gcm") {
			return wordDataKey
		}
	}
	if sizeOf(data) > maxGCM {
		return wordTooBig
	}
	return ""
}

func (c *Compat) serveGCMJSON(w http.ResponseWriter, a *Ask) {
	var in gcmMessage
	if err := readJSON(a, &in); err != nil {
		c.refuse(w, serviceGCM, err)
		return
	}
	m, word, err := in.message()
	if err != nil {
		c.refuse(w, serviceGCM, err)
		return
	}
	var results []result
	var id string
	if word == "" {
		results, id, err = c.tell(a, m)
		if word = wordOf(err); word == "" && err != nil {
			c.refuse(w, serviceGCM, err)
			return
		}
	}
	if len(m.topics) > 0 {
		c.answerTopic(w, m, id, word)
		return
	}
	c.answerGCM(w, m, gcmOutcome{results, id, word})
}

// gcmOutcome is what became of a message: word is what was wrong with all of it.
type gcmOutcome struct {
	results []result
	id      string
	word    string
}

func (c *Compat) answerGCM(w http.ResponseWriter, m *message, o gcmOutcome) {
	seed := o.id
	if seed == "" {
		seed = notify.NewID()
	}
	out := gcmAnswer{MulticastID: number(seed), Results: make([]gcmResult, len(m.ids))}
	for i := range m.ids {
		r := &out.Results[i]
		r.Error = o.word
		if o.word == "" {
			r.Error = o.results[i].word
		}
		if r.Error != "" {
			out.Failure++
			c.count(serviceGCM, r.Error)
			continue
		}
		out.Success++
		c.count(serviceGCM, resultOK)
		r.MessageID = sentID(m, o.id, i)
		if same := o.results[i].same; same >= 0 && m.ids[same] != m.ids[i] {
			r.RegistrationID = m.ids[same]
			out.CanonicalIDs++
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// answerTopic answers a message to a topic or a condition.
func (c *Compat) answerTopic(w http.ResponseWriter, m *message, id, word string) {
	if word != "" {
		c.count(serviceGCM, word)
		writeJSON(w, http.StatusOK, map[string]string{"error": word})
		return
	}
	c.count(serviceGCM, resultOK)
	if m.dry {
		id = dryID
	}
	writeJSON(w, http.StatusOK, map[string]int64{"message_id": number(id)})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a client that left is not our trouble
}
