package compat

import (
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// maxFields is how many fields a form may have.
const maxFields = 1000

// form is an application/x-www-form-urlencoded body with its data.* fields apart. The first value of a field counts, as
// it did at Google's.
type form struct {
	fields map[string]string
	data   map[string]string
}

// readForm reads one. Errors: CodeMalformed. Texts may be in the encoding that the Content-Type names.
func readForm(a *Ask) (form, error) {
	f := form{fields: map[string]string{}, data: map[string]string{}}
	if n := strings.Count(string(a.Body), "&"); n >= maxFields {
		return f, notify.Errorf(notify.CodeMalformed, "the form has more than %d fields", maxFields)
	}
	_, params, _ := mime.ParseMediaType(a.Header.Get("Content-Type")) // without one it is UTF-8
	values, err := url.ParseQuery(strings.TrimSpace(string(a.Body)))
	if err != nil {
		return f, notify.Wrap(notify.CodeMalformed, err, "the body is not application/x-www-form-urlencoded")
	}
	for name, list := range values {
		value, err := readable(list[0], params["charset"])
		if err != nil {
			return f, err
		}
		if key, ok := strings.CutPrefix(name, "data."); ok {
			f.data[key] = value
		} else {
			f.fields[name] = value
		}
	}
	return f, nil
}

// readable makes a text UTF-8.
func readable(s, charset string) (string, error) {
	if charset == "" || strings.EqualFold(charset, "utf-8") {
		if !utf8.ValidString(s) {
			return "", notify.Errorf(notify.CodeMalformed, "a field is not UTF-8; another encoding must be named in the Content-Type")
		}
		return s, nil
	}
	if s == "" {
		return "", nil
	}
	text, err := strict.ToUTF8(false, []byte(s), charset)
	return string(text), err
}

// flag reads a flag of a form: "1" or "true".
func (f form) flag(name string) bool {
	v := f.fields[name]
	return v == "1" || strings.EqualFold(v, "true")
}
