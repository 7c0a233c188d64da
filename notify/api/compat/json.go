package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// Old clients write "3" for 3 and "true" for true, and their services took it.

// text is a string, or what else stands there as it is written; null is empty.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		return json.Unmarshal(b, (*string)(t))
	case 'n':
		*t = ""
	case '{', '[':
		var out bytes.Buffer
		if err := json.Compact(&out, b); err != nil {
			return err
		}
		*t = text(out.String())
	default:
		*t = text(b)
	}
	return nil
}

// flag is true, or a text or number that means it.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"true"`, "1", `"1"`:
		*f = true
	case "false", `"false"`, "0", `"0"`, "null", `""`:
		*f = false
	default:
		return errors.New("must be true or false")
	}
	return nil
}

// readJSON reads a JSON body. Errors: CodeMalformed, CodeUnsupportedMedia.
func readJSON(a *Ask, into any) error {
	_, params, _ := mime.ParseMediaType(a.Header.Get("Content-Type")) // without one it is UTF-8
	body, err := strict.ToUTF8(false, a.Body, params["charset"])
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is something after the end of the document")
		}
	}
	if err == nil {
		return nil
	}
	return wrongJSON(err, "", d.InputOffset())
}

// wrongJSON says what is wrong with a document, as GCM did, below the path where.
func wrongJSON(err error, where string, offset int64) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return notify.Errorf(notify.CodeMalformed, "Field %q must be %s: it is a JSON %s (byte %d)", where+strict.Shorten(wrong.Field),
			jsonType(wrong.Type.Kind().String()), wrong.Value, wrong.Offset)
	}
	if where != "" {
		return notify.Wrap(notify.CodeMalformed, err, fmt.Sprintf("JSON_PARSING_ERROR: %s %v", strings.TrimSuffix(where, "."), err))
	}
	return notify.Wrap(notify.CodeMalformed, err, fmt.Sprintf("JSON_PARSING_ERROR: %v (byte %d)", err, offset))
}

// jsonType is what JSON calls a kind of Go's.
func jsonType(kind string) string {
	switch kind {
	case "slice":
		return "a JSON array"
	case "map", "struct":
		return "a JSON object"
	case "string":
		return "a JSON string"
	case "bool":
		return "a JSON boolean"
	}
	return "a JSON number"
}
