package caldav

import (
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

const (
	maxNotes    = 10
	maxNote     = 400              // bytes
	reportEvery = 10 * time.Minute // of a good state that goes on
)

// tracker keeps an account's health and reports it when it changes. It is used by one goroutine at a time.
type tracker struct {
	h      notify.Health
	sent   time.Time
	dirty  bool
	report func(notify.Health)
	clock  notify.Clock
}

// state moves to a state and reports, when there is something new; next is when the next look is planned. The moment
// of the next poll alone is not news.
func (t *tracker) state(s notify.HealthState, next time.Time) {
	now := t.clock.Now()
	if t.h.State != s {
		t.h.Since = now
	}
	t.dirty = t.dirty || t.h.State != s || s != notify.HealthPolling
	t.h.State, t.h.NextTryAt = s, next
	if !t.dirty && now.Sub(t.sent) < reportEvery && !now.Before(t.sent) {
		return
	}
	t.dirty, t.sent = false, now
	h := t.h
	h.Notes = slices.Clone(h.Notes)
	t.report(h)
}

// failed notes what went wrong; the state comes with state.
func (t *tracker) failed(text string) {
	t.h.LastError, t.h.LastErrorAt, t.dirty = clip(text, 500), t.clock.Now(), true
}

// note adds what is odd but survived; about names the thing, of which only the latest note is kept.
func (t *tracker) note(about, text string) {
	note := clip(about+": "+text, maxNote)
	if slices.Contains(t.h.Notes, note) {
		return
	}
	t.unnote(about)
	notes := append(slices.Clone(t.h.Notes), note)
	t.h.Notes, t.dirty = notes[max(0, len(notes)-maxNotes):], true
}

// unnote takes back what was noted about a thing.
func (t *tracker) unnote(about string) {
	notes := slices.DeleteFunc(slices.Clone(t.h.Notes), func(n string) bool { return strings.HasPrefix(n, about+": ") })
	if len(notes) != len(t.h.Notes) {
		t.h.Notes, t.dirty = notes, true
	}
}
