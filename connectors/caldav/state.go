package caldav

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// What is stored of an account, by key:
//
//	place        where its calendars are
//	plan         when its reminders were last planned as a whole
//	c/ID         a collection: how far it was seen
//	o/ID/ID      an object of a collection: its etag and its content
//
// A poll that finds nothing new reads and writes none of it; a change rewrites its object and its collection only. The
// objects are not kept in memory.
const (
	keyPlace = "place"
	keyPlan  = "plan"
)

// placeState is place with the time when it was found.
type placeState struct {
	place
	FoundAt time.Time `json:"foundAt"`
}

// planState is the last planning of all reminders.
type planState struct {
	At time.Time `json:"at"`
	// Of is what it was made with: the person's time zone, the addresses and the default reminder.
	Of string `json:"of"`
}

// collectionState is how far a collection was seen.
type collectionState struct {
	URL        string   `json:"url"`
	Name       string   `json:"name,omitempty"`
	Components []string `json:"components,omitempty"` // none: all
	Zone       string   `json:"zone,omitempty"`       // calendar-timezone (RFC 4791 section 5.2.2), a VTIMEZONE
	Foreign    bool     `json:"foreign,omitempty"`    // somebody else's
	// CTag and Seen are the server's getctag and sync-token at the last complete look: as long as they stay, nothing changed.
	CTag string `json:"ctag,omitempty"`
	Seen string `json:"seen,omitempty"`
	// Token is the next sync-collection's; empty: by listing.
	Token string `json:"token,omitempty"`
	// BadTokens counts tokens in a row that the server refused though it had just given them.
	BadTokens int       `json:"badTokens,omitempty"`
	Since     time.Time `json:"since"`              // the first look: what was there then was not told
	CheckedAt time.Time `json:"checkedAt"`          // the last complete listing
	Again     bool      `json:"again,omitempty"`    // a full listing has to follow at the next look
	Absent    int       `json:"absent,omitempty"`   // complete listings of its home in a row that did not have it
	HeldUntil time.Time `json:"heldUntil,omitzero"` // many objects vanished at once: not believed until then
}

// shownName is a collection's name as people see it and choose by it: the last part of its URL's path where it has no other.
func shownName(name, place string) string {
	if name = notify.CleanText(name); name == "" {
		name = notify.CleanText(path.Base(place))
	}
	return notify.Clip(name, 60)
}

// shown is the collection's name as people see it.
func (c collectionState) shown() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		u = &url.URL{}
	}
	return shownName(c.Name, u.Path)
}

// objectState is what is known of one object.
type objectState struct {
	Href string `json:"h"`
	ETag string `json:"e,omitempty"`
	// Bad is why the object as it is on the server now, with this etag, was set aside; the content is the last good one.
	Bad    string `json:"b,omitempty"`
	Again  bool   `json:"r,omitempty"` // Bad may pass: it is fetched again at the next complete look
	Absent int    `json:"a,omitempty"` // complete listings in a row that did not have it
	// Silent: it was there at the first look, but bad: nobody is told of it as new when it gets good.
	Silent bool     `json:"s,omitempty"`
	Plan   string   `json:"p,omitempty"` // names the reminders that were planned last; empty: none
	UIDs   []string `json:"u,omitempty"` // shortHash of what is in it

	packed []byte // iCalendar, compressed; empty: never had a good one
}

// shortHash is a short name for a text.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// collectionID names a collection by where it is.
func collectionID(u *url.URL) string { return shortHash(strings.ToLower(u.Host) + pathKey(u)) }

func collectionKey(id string) string { return "c/" + id }

func objectID(u *url.URL) string { return shortHash(pathKey(u)) }

func objectKey(collection, id string) string { return "o/" + collection + "/" + id }

func encodeJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("caldav: the state is always JSON: %v", err))
	}
	return b
}

// encode is a line of JSON, then the content.
func (o *objectState) encode() []byte {
	return append(append(encodeJSON(o), '\n'), o.packed...)
}

// decodeObject reads an object; nil when it is none of ours: then it is fetched again.
func decodeObject(b []byte) *objectState {
	head, rest, found := bytes.Cut(b, []byte{'\n'})
	o := &objectState{packed: rest}
	if !found || json.Unmarshal(head, o) != nil {
		return nil
	}
	return o
}

// pack keeps a content.
func (o *objectState) pack(content []byte) {
	w, ok := packers.Get().(*flate.Writer)
	if !ok {
		panic("caldav: not a packer")
	}
	defer packers.Put(w)
	var buf bytes.Buffer
	w.Reset(&buf)
	_, err := w.Write(content)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("caldav: a buffer takes everything: %v", err))
	}
	o.packed = buf.Bytes()
}

// content gives what was packed; nil: nothing, or nothing of ours.
func (o *objectState) content() []byte {
	if o == nil || len(o.packed) == 0 {
		return nil
	}
	content, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(bytes.NewReader(o.packed), dictionary), maxObject+1))
	if err != nil || len(content) > maxObject {
		return nil
	}
	return content
}

// packers are compressors, which are large: 600 KB each.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriterDict(io.Discard, flate.DefaultCompression, dictionary)
	if err != nil {
		panic(fmt.Sprintf("caldav: the level is good: %v", err))
	}
	return w
}}

// dictionary is what iCalendar objects have in common: it halves what one takes. It must never change; another one needs
// another key.
var dictionary = []byte("BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n" +
	"BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n" +
	"DTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n" +
	"DTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
	"TZID:Asia/Seoul\r\nTZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nTZNAME:KST\r\nBEGIN:VTODO\r\nDUE:202\r\nPERCENT-COMPLETE:" +
	"\r\nSTATUS:NEEDS-ACTION\r\nEND:VTODO\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//CALENDARSERVER.ORG//NONSGML Version 1//EN\r\n" +
	"CALSCALE:GREGORIAN\r\nBEGIN:VEVENT\r\nCREATED:20260101T000000Z\r\nLAST-MODIFIED:20260101T000000Z\r\nDTSTAMP:20260101T000000Z\r\n" +
	"UID:\r\nSEQUENCE:0\r\nSUMMARY:\r\nLOCATION:\r\nDESCRIPTION:\r\nDTSTART;TZID=Asia/Seoul:2026\r\nDTEND;TZID=Asia/Seoul:2026\r\n" +
	"RRULE:FREQ=WEEKLY;BYDAY=MO\r\nEXDATE;TZID=\r\nRECURRENCE-ID;TZID=\r\nSTATUS:CONFIRMED\r\nCLASS:PUBLIC\r\nTRANSP:OPAQUE\r\n" +
	"ORGANIZER;CN=\"\":mailto:\r\nATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\r\n :mailto:" +
	"\r\nX-MICROSOFT-CDO-BUSYSTATUS:BUSY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
