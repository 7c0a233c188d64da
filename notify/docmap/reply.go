package docmap

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/text/encoding"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// Reply is an answer in the sender's own form.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte
}

// maxReply is the greatest answer, in bytes.
const maxReply = 1 << 20

// reply makes answers of one sort.
type reply struct {
	contentType string
	status      int
	body        *tmpl
	escape      func(string) string
	encoder     func() *encoding.Encoder // nil: UTF-8
}

// newReply compiles an answer; bad has what is wrong by field.
func newReply(s *replySpec, names map[string]any) (r *reply, bad map[string]error) {
	bad = map[string]error{}
	r = &reply{contentType: string(s.ContentType), status: s.Status, escape: func(s string) string { return s }}
	mediaType, params, err := mime.ParseMediaType(r.contentType)
	if err != nil {
		bad["contentType"] = errors.New("must be a media type such as text/xml; charset=euc-kr")
	}
	markup := strings.Contains(mediaType, "xml") || strings.Contains(mediaType, "html")
	switch {
	case markup:
		r.escape = escapeXML
	case strings.Contains(mediaType, "json"):
		r.escape = escapeJSON
	}
	if label := params["charset"]; label != "" && !strings.EqualFold(label, "utf-8") {
		enc, err := strict.Encoding(label)
		if err != nil {
			bad["contentType"] = fmt.Errorf("the encoding %q is not known", label)
		} else {
			r.encoder = func() *encoding.Encoder {
				if markup {
					return encoding.HTMLEscapeUnsupported(enc.NewEncoder())
				}
				return encoding.ReplaceUnsupported(enc.NewEncoder())
			}
		}
	}
	if s.Status != 0 && (s.Status < 200 || s.Status > 599) {
		bad["status"] = errors.New("must be an HTTP status of 200 to 599")
	}
	if r.body, err = newTemplate(string(s.Body), names); err != nil {
		bad["body"] = err
	}
	return r, bad
}

func escapeXML(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

func escapeJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // cannot be: a string always is JSON
		return ""
	}
	return string(b[1 : len(b)-1])
}

// make renders and encodes an answer.
func (r *reply) make(env map[string]any, status int) (Reply, error) {
	body, err := r.body.render(r.escaped(env).(map[string]any), maxReply)
	if err != nil {
		return Reply{}, fmt.Errorf("the reply %w", err)
	}
	out := Reply{Status: status, ContentType: r.contentType, Body: []byte(body)}
	if r.status != 0 {
		out.Status = r.status
	}
	if r.encoder != nil {
		if out.Body, err = r.encoder().Bytes(out.Body); err != nil {
			return Reply{}, fmt.Errorf("the reply cannot be encoded: %w", err)
		}
	}
	return out, nil
}

// escaped makes every text in it safe to stand in the answer.
func (r *reply) escaped(v any) any {
	switch v := v.(type) {
	case string:
		return r.escape(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = r.escape(s)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, one := range v {
			out[k] = r.escaped(one)
		}
		return out
	case []map[string]any:
		out := make([]map[string]any, len(v))
		for i, one := range v {
			out[i] = r.escaped(one).(map[string]any)
		}
		return out
	}
	return v
}

// replyNames are what a reply can name besides the variables of the first match.
func replyNames() map[string]any {
	return map[string]any{"id": "", "ids": []string{}, "count": 0, "matches": []map[string]any{}}
}

// Reply makes the answer to a document that was taken; false when the mapping has none of its own.
func (m *Mapping) Reply(r *Result, accepted []notify.Acceptance) (Reply, bool, error) {
	if m.reply == nil {
		return Reply{}, false, nil
	}
	env := m.blankVariables()
	ids := make([]string, len(accepted))
	matches := make([]map[string]any, len(accepted))
	for i, a := range accepted {
		ids[i] = a.Notification.ID
		matches[i] = maps.Clone(r.matches[i])
		matches[i]["id"] = ids[i]
		if i == 0 {
			maps.Copy(env, r.matches[0])
		}
	}
	env["id"], env["ids"], env["count"], env["matches"] = "", ids, len(ids), matches
	if len(ids) > 0 {
		env["id"] = ids[0]
	}
	out, err := m.reply.make(env, http.StatusOK)
	return out, true, err
}

// blankVariables are those of a document without a match.
func (m *Mapping) blankVariables() map[string]any {
	env := map[string]any{}
	for _, group := range [][]variable{m.common, m.vars} {
		for _, v := range group {
			if env[v.name] = v.path.zero; v.path.zero == nil {
				env[v.name] = ""
			}
		}
	}
	for _, v := range m.lists {
		env[v.name] = []string{}
	}
	return env
}

// Refusal is why a document was not taken.
type Refusal struct {
	Status        int
	Code          notify.Code
	Title, Detail string
	Errors        []notify.FieldError
}

func errorNames() map[string]any {
	return map[string]any{"status": 0, "code": "", "title": "", "detail": "", "errors": []map[string]any{}}
}

// ErrorReply makes the answer to a refused document; false when the mapping has none of its own.
func (m *Mapping) ErrorReply(why Refusal) (Reply, bool, error) {
	if m.errorReply == nil {
		return Reply{}, false, nil
	}
	fields := make([]map[string]any, len(why.Errors))
	for i, f := range why.Errors {
		fields[i] = map[string]any{"path": f.Path, "message": f.Message}
	}
	out, err := m.errorReply.make(map[string]any{"status": why.Status, "code": string(why.Code), "title": why.Title,
		"detail": why.Detail, "errors": fields}, why.Status)
	return out, true, err
}

func checkCharset(label string) error {
	if label == "" || strings.EqualFold(label, "utf-8") {
		return nil
	}
	if _, err := strict.Encoding(label); err != nil {
		return fmt.Errorf("the encoding %q is not known", label)
	}
	return nil
}
