package caldav

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// The namespaces that matter.
const (
	nsDAV    = "DAV:"
	nsCalDAV = "urn:ietf:params:xml:ns:caldav"
	nsCS     = "http://calendarserver.org/ns/"
)

// response is one resource of a multistatus (RFC 4918 section 14.24). Only properties that were found (2xx) are in it.
type response struct {
	href   string
	status int // of the resource as a whole; 0: not said
	props
}

// props are the properties that we ask for.
type props struct {
	etag       string
	ctag       string
	syncToken  string
	name       string
	data       []byte // calendar-data
	hasData    bool
	collection bool
	calendar   bool
	inbox      bool // schedule-inbox or -outbox
	hidden     bool // a trash bin, or a calendar in it
	components []string
	timezone   string
	principal  string
	owner      string
	nobody     bool // current-user-principal: unauthenticated
	homes      []string
	addresses  []string
	principals []string // principal-collection-set
	reports    []string
}

// multistatus is what a whole answer says beside its responses.
type multistatus struct {
	syncToken string
	count     int
	// complete: it ended as it should. What came before a break is good, but says nothing of what is not in it.
	complete bool
}

// Bounds of an answer.
const (
	maxDepth     = 64
	maxText      = 8 << 10 // of a property but calendar-data, in bytes
	maxResponses = 500_000
	maxListed    = 200 // values in one property
)

// readMultistatus reads an answer as a stream and gives each response to each as soon as it is whole; an error of each
// ends it. A response that makes no sense is left out. A broken document is no error: complete is false then, and what
// came before stands. The error is of each, or of reading.
func readMultistatus(r io.Reader, each func(*response) error) (multistatus, error) {
	d := &decoder{x: xml.NewDecoder(newCleaner(r))}
	d.x.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var m multistatus
	err := d.document(&m, each)
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
		m.complete = true
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errShape),
		strings.HasPrefix(err.Error(), "xml: "): // encoding/xml's error of another XML version has no type
		err = nil
	}
	return m, err
}

// errShape is a document that is XML but no multistatus.
var errShape = errors.New("the answer is no multistatus")

type decoder struct {
	x     *xml.Decoder
	depth int
}

// document reads the root and its responses.
func (d *decoder) document(m *multistatus, each func(*response) error) error {
	root, err := d.root()
	if err != nil {
		return err
	}
	if root.Name.Space != nsDAV || root.Name.Local != "multistatus" {
		return errShape
	}
	return d.children(func(e xml.StartElement) error {
		switch name(e) {
		case "DAV: response":
			r, err := d.response()
			if err != nil {
				return err
			}
			if m.count++; m.count > maxResponses {
				return troublef(kindRefused, "the server's answer is too large")
			}
			if r.href == "" {
				return nil
			}
			return each(r)
		case "DAV: sync-token":
			m.syncToken, err = d.text(maxText)
			return err
		}
		return d.skip()
	})
}

func (d *decoder) root() (xml.StartElement, error) {
	for {
		t, err := d.x.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if e, ok := t.(xml.StartElement); ok {
			d.depth = 1
			return e, nil
		}
	}
}

// children gives the start of each child of the element that was opened last; what f does not read to its end is an error
// of ours.
func (d *decoder) children(f func(xml.StartElement) error) error {
	for {
		t, err := d.x.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if d.depth++; d.depth > maxDepth {
				return errShape
			}
			if err := f(t); err != nil {
				return err
			}
		case xml.EndElement:
			d.depth--
			return nil
		}
	}
}

// skip reads the element that was opened last to its end.
func (d *decoder) skip() error {
	return d.children(func(xml.StartElement) error { return d.skip() })
}

// text reads the element that was opened last to its end and gives its text, without that of its children, at most limit
// bytes of it.
func (d *decoder) text(limit int) (string, error) {
	var b strings.Builder
	for {
		t, err := d.x.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			if room := limit - b.Len(); room > 0 {
				b.Write(t[:min(room, len(t))])
			}
		case xml.StartElement:
			if d.depth++; d.depth > maxDepth {
				return "", errShape
			}
			if err := d.skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			d.depth--
			return strings.TrimSpace(b.String()), nil
		}
	}
}

func name(e xml.StartElement) string { return e.Name.Space + " " + e.Name.Local }

// response reads one response. Properties are only taken from propstats that say 2xx; a propstat without a status counts
// as one, as some servers leave it out.
func (d *decoder) response() (*response, error) {
	r := &response{}
	err := d.children(func(e xml.StartElement) (err error) {
		switch name(e) {
		case "DAV: href":
			var href string
			if href, err = d.text(maxText); r.href == "" {
				r.href = href
			}
		case "DAV: status":
			var line string
			line, err = d.text(maxText)
			r.status = statusOf(line)
		case "DAV: propstat":
			err = d.propstat(&r.props)
		default:
			err = d.skip()
		}
		return err
	})
	return r, err
}

func (d *decoder) propstat(into *props) error {
	var p props
	ok := true
	err := d.children(func(e xml.StartElement) (err error) {
		switch name(e) {
		case "DAV: status":
			var line string
			line, err = d.text(maxText)
			ok = statusOf(line)/100 == 2
		case "DAV: prop":
			err = d.children(func(e xml.StartElement) error { return d.prop(&p, e) })
		default:
			err = d.skip()
		}
		return err
	})
	if ok {
		into.merge(p)
	}
	return err
}

// statusOf reads a status line, such as "HTTP/1.1 404 Not Found". 0: it is none.
func statusOf(line string) int {
	f := strings.Fields(line)
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(f[1]) // 0 is what it is then
	return n
}
