package ical

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// what happened to an object or instance.
type what string

const (
	whatNothing   what = ""
	whatCreated   what = "created"
	whatUpdated   what = "updated"
	whatCancelled what = "cancelled"
	whatCompleted what = "completed"
	whatReopened  what = "reopened" // told as updated
)

// told is one thing to tell.
type told struct {
	what    what
	s       *series
	i       instance
	words   *instance // whose words and times are shown instead of i's: a cancelled instance's former ones
	series  bool      // it is of the whole series, and i is its next instance
	changed []string
	old     *instance // as it was, when it changed
	reason  string
}

// types are the events of what happened, by the kind of object.
var types = map[Kind]map[what]notify.EventType{
	KindEvent: {whatCreated: notify.CalendarCreated, whatUpdated: notify.CalendarUpdated, whatCancelled: notify.CalendarCancelled},
	KindTask: {whatCreated: notify.TaskAssigned, whatUpdated: notify.TaskUpdated, whatCancelled: notify.TaskUpdated,
		whatCompleted: notify.TaskCompleted},
}

// tell adds the event.
func (l *look) tell(t told) {
	e := l.event(t)
	e.Key = string(t.what) + "/" + key(e.Told, l.version(l.old), l.version(l.new))
	l.out.Events = append(l.out.Events, e)
}

// event makes an event, but for its key.
func (l *look) event(t told) notify.Event {
	show := t.i
	if t.words != nil {
		show = *t.words
	}
	e := notify.Event{Type: types[t.s.o.Kind][t.what], At: l.at(t), SeenAt: l.Now}
	e.Params = l.params(t, show)
	if e.Params["private"] == "" {
		e.URL = webURL(show.e.c.value("URL"))
	}
	id := ""
	if !t.series {
		id = t.i.id
	}
	e.Told = l.told(t, id, show)
	return e
}

// version names a version of an object: the same bytes give the same.
func (l *look) version(s *series) string {
	if s == nil {
		return ""
	}
	return s.o.Hash() + s.o.stamps()
}

// told names the thing itself, whichever calendar it lies in. Copies of a meeting carry the organizer's SEQUENCE; of what has
// no organizer there are no copies, but the same object seen by several accounts, which LAST-MODIFIED tells apart.
func (l *look) told(t told, id string, show instance) string {
	version := "sequence " + strconv.Itoa(sequence(t.i.e.c))
	if !t.i.e.me.organized {
		version = t.i.e.c.value("LAST-MODIFIED")
	}
	when := show.start.Format(time.RFC3339) + "/" + show.end.Format(time.RFC3339)
	if e := show.e; e.floats || e.endFloats { // the same in every zone
		when = startText(show) + "/" + wallOf(show.end, e.endLoc).Format(localText)
	}
	switch t.what {
	case whatCancelled: // gone in one calendar, marked in another: the same
		return key("cancelled", t.s.o.UID, id, when)
	case whatUpdated: // the state that was reached, whatever the steps to it that each calendar was seen to take
		return key("updated", t.s.o.UID, id, when, show.e.title, show.e.place, strconv.FormatBool(slices.Contains(t.changed, changedReopened)), version)
	}
	return key(string(t.what), t.s.o.UID, id, when, strconv.FormatBool(show.e.me.attends), version)
}

func key(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// at gives when it happened, by the object's own word, but not in the future.
func (l *look) at(t told) time.Time {
	if l.new != nil {
		for _, name := range []string{"LAST-MODIFIED", "DTSTAMP"} {
			if s, err := parseMoment(t.i.e.c.value(name)); err == nil && s.form == formUTC && s.wall.Year() >= 1970 && !s.wall.After(l.Now) {
				return s.wall
			}
		}
	}
	return l.Now
}

// params makes the words' material, as the package says.
func (l *look) params(t told, show instance) map[string]string {
	p := map[string]string{}
	put := func(name, value string) {
		if value != "" {
			p[name] = value
		}
	}
	private := t.s.private(show.e)
	put("calendar", l.Owner.Calendar)
	l.times(put, t, show)
	if t.series {
		put("recurring", "true")
	} else {
		put("recurrence", t.i.id)
	}
	put("changed", strings.Join(l.changedOf(t), ","))
	if t.s.o.Kind == KindEvent {
		put("reason", t.reason)
	}
	if private {
		put("private", "true")
		return p
	}
	put("title", show.e.title)
	put("place", show.e.place)
	if o := show.e.organizer(); o != nil {
		address := organizerAddress(o)
		put("organizerAddress", address)
		if put("organizer", notify.Clip(notify.CleanText(o.param("CN")), maxShown)); p["organizer"] == "" {
			put("organizer", address)
		}
	}
	for _, c := range t.changed {
		switch {
		case t.old == nil || t.old.e == nil:
		case c == changedTitle:
			put("oldTitle", t.old.e.title)
		case c == changedPlace:
			put("oldPlace", t.old.e.place)
		}
	}
	return p
}

func (l *look) changedOf(t told) []string {
	if t.s.o.Kind == KindTask && t.what == whatCancelled {
		return []string{"cancelled"}
	}
	return t.changed
}

// times puts when it is, and when it was.
func (l *look) times(put func(name, value string), t told, show instance) {
	if !show.e.timed() {
		return
	}
	if t.s.o.Kind == KindTask {
		if show.e.ends {
			put("due", dueText(show))
		}
		if show.e.ends && show.e.endDays {
			put("allDay", "true")
		}
		if show.e.completed() {
			if s, err := parseMoment(show.e.c.value("COMPLETED")); err == nil && s.form == formUTC {
				put("completed", s.wall.Format(time.RFC3339))
			}
		}
		if t.old != nil && t.old.e != nil && t.old.e.ends && dueText(*t.old) != dueText(show) {
			put("oldDue", dueText(*t.old))
		}
		return
	}
	start, end := startText(show), endText(show)
	put("start", start)
	put("end", end)
	if show.e.days {
		put("allDay", "true")
	}
	if t.old == nil || t.old.e == nil {
		return
	}
	for _, c := range t.changed {
		if c != changedTime {
			continue
		}
		if old := startText(*t.old); old != start {
			put("oldStart", old)
		}
		if old := endText(*t.old); old != end {
			put("oldEnd", old)
		}
	}
}

const (
	dayText   = "2006-01-02"
	localText = "2006-01-02T15:04:05" // of a floating time: the same on every wall
)

func startText(i instance) string {
	switch {
	case i.e.days:
		return i.wall.Format(dayText)
	case i.e.floats: // what the clock shows at that moment: daylight saving may skip the time that is written
		return wallOf(i.start, i.e.loc).Format(localText)
	}
	return i.start.UTC().Format(time.RFC3339)
}

// endText gives the end; of an all-day event its last day, not the day after.
func endText(i instance) string {
	switch {
	case i.e.days:
		return wallOf(i.end, i.e.loc).Add(-time.Second).Format(dayText)
	case i.e.floats:
		return wallOf(i.end, i.e.loc).Format(localText)
	}
	return i.end.UTC().Format(time.RFC3339)
}

func dueText(i instance) string {
	switch {
	case i.e.endDays:
		return wallOf(i.end, i.e.endLoc).Format(dayText)
	case i.e.endFloats:
		return wallOf(i.end, i.e.endLoc).Format(localText)
	}
	return i.end.UTC().Format(time.RFC3339)
}

// private tells whether an entry's words may not be shown: it is private itself, or its series is.
func (s *series) private(e *entry) bool { return e.private() || s.master != nil && s.master.private() }

func organizerAddress(o *prop) string {
	v := strings.TrimSpace(o.value)
	if len(v) >= 7 && strings.EqualFold(v[:7], "mailto:") {
		v = v[7:]
	}
	if !strings.Contains(v, "@") || strings.Contains(v, ":") { // a principal's URL or urn:uuid says nothing to people
		return ""
	}
	return notify.Clip(notify.CleanText(v), maxShown)
}

// webURL lets only links through that a browser may open.
func webURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s) > 1000 {
		return ""
	}
	return u.String()
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
