package imap

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

// session is the work on one connection that is logged in.
type session struct {
	a       *account
	link    *link
	short   bool      // look once and leave
	noIdle  bool      // IDLE was refused
	good    bool      // all folders were seen whole
	first   *folder   // the one that IDLE watches
	others  []*folder // by STATUS
	otherAt time.Time // the next look at them
	spins   int       // how often it was woken for nothing, in a row
	listAt  time.Time // the next look for new folders, where patterns are watched
}

// listEvery is how often patterns are looked up anew.
const listEvery = time.Hour

// run looks at all folders, then watches until the connection breaks; a short session ends after the look, without an
// error.
func (s *session) run(ctx context.Context) error {
	if err := s.resolve(); err != nil {
		return err
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	s.good, s.a.quick = true, 0
	s.noIdle = !s.link.caps.idle
	if s.noIdle && !s.short {
		s.a.health.note(noteNoIdle)
	}
	for !s.short {
		start, last := s.a.src.clock.Now(), s.first.st.Last
		if err := s.wait(ctx); err != nil {
			return err
		}
		if err := s.look(ctx); err != nil {
			return err
		}
		s.calm(ctx, start, last != s.first.st.Last)
	}
	s.link.logout()
	return nil
}

// A server that announces without end what is not there is looked at no oftener than this.
const (
	maxSpins  = 10 // looks in a row that come at once and find nothing
	spinTime  = 100 * time.Millisecond
	spinPause = 2 * time.Second
)

// calm slows down a session that is woken again and again for nothing.
func (s *session) calm(ctx context.Context, start time.Time, found bool) {
	if found || s.a.src.clock.Now().Sub(start) > spinTime {
		s.spins = 0
		return
	}
	if s.spins++; s.spins > maxSpins {
		s.a.src.sleep(ctx, spinPause, nil)
	}
}

// look brings everything up to date: the other folders when their time has come, then the first one, until nothing new was
// announced meanwhile.
func (s *session) look(ctx context.Context) error {
	if err := s.lookAtOthers(ctx); err != nil {
		return err
	}
	var err error
	if s.link.selected != s.first.name || s.link.validity != s.first.st.UIDValidity || s.noIdle {
		err = s.reopen(ctx, s.first)
	} else {
		err = s.fetchNew(ctx, s.first)
	}
	// What was announced during the look; a gap is looked at again later.
	for err == nil && s.link.dirty && s.first.absent == 0 {
		err = s.fetchNew(ctx, s.first)
	}
	if err != nil {
		return err
	}
	s.a.health.ok()
	s.a.observe(s.link)
	s.a.health.flush()
	return nil
}

// lookAtOthers sees to the folders that are not under IDLE, when their time has come.
func (s *session) lookAtOthers(ctx context.Context) error {
	clock := s.a.src.clock
	if !s.listAt.IsZero() && !clock.Now().Before(s.listAt) {
		if err := s.resolve(); err != nil {
			return err
		}
	}
	if len(s.others) == 0 || clock.Now().Before(s.otherAt) {
		return nil
	}
	for _, f := range s.others {
		if err := s.lookAside(ctx, f); err != nil {
			return err
		}
	}
	s.otherAt = clock.Now().Add(jitter(s.a.src.settings.Poll))
	return nil
}

func (s *session) reopen(ctx context.Context, f *folder) error {
	o, err := s.link.examine(f.name)
	if err != nil {
		return err
	}
	return s.open(ctx, f, o)
}

// lookAside sees to a folder that is not the one under IDLE. One that cannot be opened, as when it was deleted or a right
// was taken away, does not keep the others from being watched.
func (s *session) lookAside(ctx context.Context, f *folder) error {
	err := s.aside(ctx, f)
	if t := asTrouble(err); err != nil && t.kind == kindRefused && !t.dead {
		s.a.note("the folder " + quote(notify.Clip(notify.CleanText(f.name), 60)) + " cannot be looked at: " + t.text)
		return nil
	}
	return err
}

// aside asks for STATUS first, and opens the folder only when something changed.
func (s *session) aside(ctx context.Context, f *folder) error {
	o, err := s.link.status(f.name)
	if err != nil {
		return err
	}
	complete := o.uidNext != 0 && o.uidValidity != 0
	switch {
	case complete && !f.known:
		return s.baseline(ctx, f, o)
	case complete && o.uidValidity == f.st.UIDValidity && o.uidNext == f.st.Last+1:
		return s.looked(ctx, f)
	}
	return s.reopen(ctx, f)
}

// wait is IDLE, or a pause where there is none.
func (s *session) wait(ctx context.Context) error {
	src := s.a.src
	if !s.noIdle {
		s.a.health.state(notify.HealthWatching, time.Time{})
		err := s.idle()
		if t := asTrouble(err); err == nil || t.kind != kindRefused {
			return err
		}
		s.noIdle = true
		s.a.note(noteNoIdle)
	}
	pause := jitter(src.settings.Poll)
	s.a.health.state(notify.HealthPolling, src.clock.Now().Add(pause))
	s.link.in.shrink()
	src.sleep(ctx, pause, nil)
	return ctx.Err()
}

// idle is one IDLE, until something may be new or it is time to look by oneself.
func (s *session) idle() error {
	src := s.a.src
	d := src.renewal.length()
	renewing := true
	if len(s.others) > 0 {
		if due := s.otherAt.Sub(src.clock.Now()); due < d {
			d, renewing = due, false
		}
	}
	if n := s.first.absent; n > 0 {
		if gap := absentDelays[min(n, len(absentDelays))-1]; gap < d {
			d, renewing = gap, false
		}
	}
	al := src.alarms.after(d, s.link.wake)
	err := s.link.idle()
	src.alarms.stop(al)
	if renewing {
		src.renewal.saw(err, s.link.rang)
	}
	return err
}
