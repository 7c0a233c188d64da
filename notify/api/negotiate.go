package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
)

// negotiate finds the form of the answer: what Accept wants most, else the request's own form, else JSON. The form is
// usable for an error even when there is an error: CodeNotAcceptable.
func negotiate(r *http.Request) (f codec.Form, mediaType string, err error) {
	own := codec.JSON
	if of, _, ok := codec.ParseContentType(r.Header.Get("Content-Type")); ok {
		own = of
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return own, own.MediaType(), nil
	}
	ranges := parseAccept(accept)
	other := codec.XML
	if own == codec.XML {
		other = codec.JSON
	}
	best, bestType, bestQ := own, "", 0.0
	for _, form := range []codec.Form{own, other} { // the request's own form wins a draw
		for _, t := range offers(form) {
			if q := quality(ranges, t); q > bestQ {
				best, bestType, bestQ = form, t, q
			}
		}
	}
	if bestQ == 0 {
		return own, own.MediaType(), &notify.Error{Code: notify.CodeNotAcceptable,
			Detail: "the answer can be application/json, application/xml or text/xml"}
	}
	return best, bestType, nil
}

// offers are the media types that a form is answered in, the usual one first.
func offers(f codec.Form) []string {
	if f == codec.XML {
		return []string{"application/xml", "text/xml"}
	}
	return []string{"application/json"}
}

// mediaRange is one entry of an Accept header (RFC 9110 section 12.5.1).
type mediaRange struct {
	mediaType string
	q         float64
}

// maxRanges is how many entries of an Accept header are looked at.
const maxRanges = 32

func parseAccept(header string) []mediaRange {
	var out []mediaRange
	for entry := range strings.SplitSeq(header, ",") {
		mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(entry))
		if err != nil || len(out) == maxRanges {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		out = append(out, mediaRange{canonical(mediaType), q})
	}
	return out
}

// canonical makes a type with a suffix, such as application/problem+xml, the plain one that will be answered.
func canonical(mediaType string) string {
	if mediaType == "application/xhtml+xml" { // what browsers send; they mean a page
		return mediaType
	}
	if f, ok := codec.FormOf(mediaType); ok && mediaType != "text/xml" {
		return f.MediaType()
	}
	return mediaType
}

// quality gives the q of the most specific range that holds the type; 0: not accepted.
func quality(ranges []mediaRange, mediaType string) float64 {
	main, _, _ := strings.Cut(mediaType, "/")
	q, rank := 0.0, 0
	for _, r := range ranges {
		this := 0
		switch r.mediaType {
		case mediaType:
			this = 3
		case main + "/*":
			this = 2
		case "*/*":
			this = 1
		}
		if this > rank || this == rank && this > 0 && r.q > q {
			q, rank = r.q, this
		}
	}
	return q
}
