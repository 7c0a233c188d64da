package compat

import (
	"net/http"

	"allim.dev/allim/notify"
)

// maxC2DM is C2DM's limit on all data.* of a message, in bytes.
const maxC2DM = 1024

// serveC2DM answers POST /c2dm/send: one address, a form, and one line back. Its words came with 200.
func (c *Compat) serveC2DM(w http.ResponseWriter, a *Ask) {
	f, err := form{}, a.Err
	if err == nil {
		f, err = readForm(a)
	}
	if err != nil {
		c.refuse(w, serviceC2DM, err)
		return
	}
	m := &message{kind: notify.KindC2DM, ids: []string{f.fields["registration_id"]}, n: dataMessage(f.data)}
	m.n.CollapseKey = f.fields["collapse_key"]
	switch {
	case m.ids[0] == "":
		c.line(w, serviceC2DM, wordMissing)
	case m.n.CollapseKey == "":
		c.line(w, serviceC2DM, wordNoKey)
	case sizeOf(f.data) > maxC2DM:
		c.line(w, serviceC2DM, wordTooBig)
	default:
		c.oneLine(w, a, serviceC2DM, m)
	}
}

// oneLine sends a message to one address and answers as C2DM and GCM's form did.
func (c *Compat) oneLine(w http.ResponseWriter, a *Ask, service string, m *message) {
	results, id, err := c.tell(a, m)
	if word := wordOf(err); word != "" {
		c.line(w, service, word)
		return
	}
	if err != nil {
		c.refuse(w, service, err)
		return
	}
	if results[0].word != "" {
		c.line(w, service, results[0].word)
		return
	}
	c.count(service, resultOK)
	plain(w, http.StatusOK, "id="+sentID(m, id, 0))
}

// line answers with an error word.
func (c *Compat) line(w http.ResponseWriter, service, word string) {
	c.count(service, word)
	plain(w, http.StatusOK, "Error="+word)
}

// dryID is what GCM answered to a dry run.
const dryID = "fake_message_id"

func sentID(m *message, id string, i int) string {
	if m.dry {
		return dryID
	}
	return messageID(id, i)
}

// dataMessage makes the notification of a message that has only data: with words when the data has some under the usual
// names, else one for the app alone. C2DM and GCM kept messages for four weeks.
func dataMessage(data map[string]string) notify.Notification {
	n := notify.Notification{TTL: notify.MaxTTL, Priority: notify.PriorityNormal}
	if len(data) > 0 {
		n.Content.Data = data
	}
	n.Content.Title, n.Content.Body = wordsOf(data)
	n.Silent = n.Content.Title == "" && n.Content.Body == ""
	return n
}

func sizeOf(data map[string]string) int {
	size := 0
	for k, v := range data {
		size += len(k) + len(v)
	}
	return size
}
