package web

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"

	"allim.dev/allim/notify"
)

// preview is how a platform shows the notice at most, and what it gets for that.
type preview struct {
	Lane        notify.Lane
	Title, Body string // as the device shows them
	Request     notify.Request
	Text        string // the request's body, for reading
	Size        int64  // of the body, in bytes
	Error       string
}

// maxPreviews is how many platforms are shown.
const maxPreviews = 12

// shown is how much of a text fits a banner, in characters, as the platforms' own guides say or show.
var shown = map[notify.Platform]struct{ title, body int }{notify.APNs: {50, 178}, notify.FCM: {65, 240}, notify.WNS: {60, 200}, notify.WebPush: {60, 160}}

// previews asks the platforms' own code what it would send.
func (p *Pages) previews(v *visit, n notify.Notification) ([]preview, error) {
	list, err := p.o.Hub.Previews(n, n.VariantFor(v.lang, v.user.TimeZone, ""))
	if err != nil {
		return nil, err
	}
	var out []preview
	for _, one := range list[:min(len(list), maxPreviews)] {
		s := preview{Lane: one.Lane, Request: one.Request, Size: int64(len(one.Request.Body)), Text: readable(one.Request.Body)}
		s.Title, s.Body = told(one.Request.Body)
		if limit, ok := shown[one.Lane.Platform]; ok {
			s.Title, s.Body = cut(s.Title, limit.title), cut(s.Body, limit.body)
		}
		if one.Err != nil {
			s.Error = one.Err.Error()
			var e *notify.Error
			if errors.As(one.Err, &e) {
				s.Error = e.Detail
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func cut(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// readable indents JSON.
func readable(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") == nil {
		return b.String()
	}
	return string(body)
}

// told finds the words for the person in a payload: of JSON, the first object with a title or a body; of XML, its texts.
func told(body []byte) (title, text string) {
	if strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return toldXML(body)
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return "", ""
	}
	title, text, _ = toldIn(v)
	return title, text
}

func toldIn(v any) (title, text string, ok bool) {
	o, ok := v.(map[string]any)
	if !ok {
		return "", "", false
	}
	title, isTitle := o["title"].(string)
	text, isText := o["body"].(string)
	if isTitle || isText {
		return title, text, true
	}
	for _, name := range []string{"aps", "alert", "message", "android", "notification"} {
		if title, text, ok = toldIn(o[name]); ok {
			return title, text, true
		}
	}
	return "", "", false
}

func toldXML(body []byte) (title, text string) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var texts []string
	for {
		t, err := d.Token()
		if err != nil {
			break
		}
		s, ok := t.(xml.StartElement)
		if !ok || s.Name.Local != "text" && s.Name.Local != "title" && s.Name.Local != "body" {
			continue
		}
		var one string
		if d.DecodeElement(&one, &s) == nil {
			texts = append(texts, one)
		}
	}
	if len(texts) == 0 {
		return "", ""
	}
	return texts[0], strings.Join(texts[1:], "\n")
}
