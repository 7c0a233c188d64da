package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"

	"allim.dev/allim/connectors/ical"
)

// maxItems is how many items of one feed are looked at, the newest first as feeds have them.
const maxItems = 5000

// document is what an answer holds: items, or a calendar.
type document struct {
	title    string
	link     string
	items    []item
	calendar *ical.Calendar // nil: it is no calendar
}

// item is one thing that was published.
type item struct {
	guid      string
	title     string
	link      string
	summary   string
	author    string
	category  string
	date      string    // as it is written
	published time.Time // zero: it says none that can be read
}

// decode finds out what an answer is and reads it. Errors are troubles: such an answer changes nothing.
func decode(body []byte, contentType string, s *Settings) (*document, error) {
	if isCalendar(body) {
		cal, err := ical.Parse(body, firstOf(s.Charset, charsetOf(contentType)))
		if err != nil {
			return nil, asTrouble(err)
		}
		return &document{title: cal.Name, calendar: cal}, nil
	}
	text := readable(toUTF8(body, contentType, s.Charset))
	switch {
	case len(text) == 0:
		return nil, unreadable("the answer is empty")
	case text[0] == '{':
		if err := looksLikeJSONFeed(text); err != nil {
			return nil, err
		}
	case text[0] == '<':
		if err := looksLikeXMLFeed(text); err != nil {
			return nil, err
		}
	default:
		return nil, unreadable("the answer is neither RSS, Atom, JSON Feed nor iCalendar")
	}
	return parse(text, s)
}

func isCalendar(body []byte) bool {
	head := bytes.TrimLeft(body[:min(len(body), 256)], "\xef\xbb\xbf \t\r\n")
	return bytes.HasPrefix(bytes.ToUpper(head), []byte("BEGIN:VCALENDAR"))
}

// looksLikeXMLFeed keeps web pages, cut answers and hostile nesting from the parser.
func looksLikeXMLFeed(text []byte) error {
	name, local := root(text)
	switch local {
	case "rss", "rdf", "feed":
	case "html", "head", "body":
		return unreadable("a web page came instead of a feed, perhaps a login page")
	default:
		return unreadable("the answer is XML, but neither RSS nor Atom")
	}
	if !ends(text, name) {
		return unreadable("the answer is cut off: it has no end")
	}
	if tooDeep(text) {
		return unreadable("the answer is nested deeper than %d elements", maxDepth)
	}
	return nil
}

// looksLikeJSONFeed: any object is JSON, a feed says so or has items.
func looksLikeJSONFeed(text []byte) error {
	var head struct {
		Version any               `json:"version"`
		Items   []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return unreadable("the answer is JSON that is broken or cut off")
	}
	version, _ := head.Version.(string)
	if !strings.Contains(version, "jsonfeed.org") && head.Items == nil {
		return unreadable("the answer is JSON, but no JSON Feed")
	}
	return nil
}

// parse has gofeed read a text that was looked at; a panic of it costs this answer only.
func parse(text []byte, s *Settings) (d *document, err error) {
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, unreadable("the answer cannot be read")
		}
	}()
	f, err := gofeed.NewParser().Parse(bytes.NewReader(text))
	if err != nil {
		return nil, unreadable("the answer cannot be read as a feed: %s", plainText(err.Error(), 200))
	}
	d = &document{title: plainText(f.Title, maxTitle), link: linkOf(f.Link, nil)}
	for _, i := range f.Items[:min(len(f.Items), maxItems)] {
		if i != nil {
			d.items = append(d.items, fromItem(i, s.zone()))
		}
	}
	return d, nil
}

func fromItem(i *gofeed.Item, zone *time.Location) item {
	out := item{guid: strings.TrimSpace(i.GUID), title: plainText(i.Title, maxTitle), link: strings.TrimSpace(i.Link),
		summary: plainText(firstOf(i.Description, i.Content), maxSummary), date: firstOf(i.Published, i.Updated)}
	if out.link == "" && (strings.HasPrefix(out.guid, "http://") || strings.HasPrefix(out.guid, "https://")) {
		out.link = out.guid // RSS 2.0: a guid is a permalink unless it says otherwise
	}
	if len(i.Authors) > 0 && i.Authors[0] != nil {
		out.author = plainText(firstOf(i.Authors[0].Name, i.Authors[0].Email), maxAuthor)
	}
	if len(i.Categories) > 0 {
		out.category = plainText(i.Categories[0], maxAuthor)
	}
	if out.published = parseDate(out.date, zone); !out.published.IsZero() {
		return out
	}
	for _, t := range []*time.Time{i.PublishedParsed, i.UpdatedParsed} {
		if t != nil {
			out.published = t.UTC()
			break
		}
	}
	return out
}

// resolve makes the items' links whole, against the address that answered.
func (d *document) resolve(at *url.URL) {
	for i := range d.items {
		d.items[i].link = linkOf(d.items[i].link, at)
	}
}

// oldestFirst orders the items as they were published, as far as they say so.
func oldestFirst(items []item) {
	slices.Reverse(items) // feeds begin with the newest
	if !slices.ContainsFunc(items, func(i item) bool { return i.published.IsZero() }) {
		slices.SortStableFunc(items, func(a, b item) int { return a.published.Compare(b.published) })
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}

// String names an item in tests.
func (i item) String() string { return fmt.Sprintf("%s (%s)", i.title, i.guid) }
