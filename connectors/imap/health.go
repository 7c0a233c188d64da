package imap

import (
	"slices"
	"time"

	"allim.dev/allim/notify"
)

const (
	maxNotes    = 5
	reportEvery = time.Minute // of a good state that goes on
)

// tracker keeps an account's health and reports it when it changes. It is used by the account's goroutine only.
type tracker struct {
	h      notify.Health
	sent   time.Time
	dirty  bool
	report func(notify.Health)
	clock  notify.Clock
}

// state moves to a state; next is when the next try is planned, zero: none is.
func (t *tracker) state(s notify.HealthState, next time.Time) {
	if t.h.State != s {
		t.h.Since = t.clock.Now()
		t.dirty = true
	}
	t.h.State = s
	if !t.h.NextTryAt.Equal(next) {
		t.h.NextTryAt = next
		t.dirty = true
	}
	t.flush()
}

// failed notes what went wrong; the state comes with state.
func (t *tracker) failed(text string) {
	t.h.LastError, t.h.LastErrorAt = notify.Clip(text, 500), t.clock.Now()
	t.dirty = true
}

// ok notes a successful look at the whole.
func (t *tracker) ok() { t.h.LastOKAt = t.clock.Now() }

// event notes that something was told.
func (t *tracker) event() { t.h.LastEventAt = t.clock.Now() }

// note adds what is odd but survived; the same note is kept once, at its latest place.
func (t *tracker) note(text string) {
	text = notify.Clip(text, 200)
	if slices.Contains(t.h.Notes, text) {
		return
	}
	notes := append(slices.Clone(t.h.Notes), text)
	t.h.Notes = notes[max(0, len(notes)-maxNotes):]
	t.dirty = true
}

// unnote takes a note back.
func (t *tracker) unnote(text string) {
	if i := slices.Index(t.h.Notes, text); i >= 0 {
		t.h.Notes = slices.Delete(slices.Clone(t.h.Notes), i, i+1)
		t.dirty = true
	}
}

// flush reports, when there is something new.
func (t *tracker) flush() {
	now := t.clock.Now()
	if !t.dirty && now.Sub(t.sent) < reportEvery {
		return
	}
	t.dirty, t.sent = false, now
	t.report(t.h)
}
