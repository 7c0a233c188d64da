package imap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"allim.dev/allim/notify"
)

// account watches one mailbox, by one goroutine.
type account struct {
	src        *source
	id         string
	who        identity
	login      string
	lastActive time.Time

	loaded     bool
	folders    []*folder
	health     tracker
	lane       authLane
	back       backoff
	odd        bool      // an unknown response was noted
	quick      int       // reconnects in a row because of a message that breaks the connection
	shortUntil time.Time // polled with short connections until then
	done       chan struct{}
	cancel     context.CancelFunc
}

// Errors that end an account's watch.
var (
	errGone  = errors.New("the account was removed")
	errStale = errors.New("another hub watches this source now")
)

const (
	maxQuick   = 16               // reconnects to find a message that breaks the connection
	shortFor   = 30 * time.Minute // after "too many connections"
	noteShort  = "degraded to polling: the server allows no more connections"
	noteNoIdle = "degraded to polling: the server has no IDLE"
	noteFull   = "degraded to polling: max_connections is reached"
)

// run watches until ctx ends or the account is gone. errStale is the only error that concerns the whole source.
func (a *account) run(ctx context.Context) error {
	for ctx.Err() == nil {
		start := a.src.clock.Now()
		good, err := a.once(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, errGone):
			return nil
		case errors.Is(err, errStale):
			return err
		}
		if good && a.src.clock.Now().Sub(start) >= steadyAfter {
			a.back.reset()
		}
		a.pause(ctx, err)
	}
	return nil
}

// pause waits as long as what happened asks for, and says so.
func (a *account) pause(ctx context.Context, err error) {
	state, wait := notify.HealthPolling, jitter(a.src.settings.Poll)
	if err != nil {
		t := asTrouble(err)
		state, wait = a.judge(err, t)
		a.health.failed(advise(t))
		a.log(state, t, wait)
	}
	timer := a.src.clock.NewTimer(wait)
	a.health.state(state, a.src.clock.Now().Add(wait))
	a.src.sleepOn(ctx, timer, nil)
}

// log tells IT once of what only people can mend; the rest is ordinary life.
func (a *account) log(state notify.HealthState, t *trouble, wait time.Duration) {
	level := slog.LevelDebug
	if a.health.h.State != state && (t.kind == kindAuth || t.kind == kindSetup) {
		level = slog.LevelWarn
	}
	a.src.log.Log(context.Background(), level, "an IMAP account waits", "account", a.id, "error", t.text, "wait", wait)
}

// judge says what an error makes of the account and how long to wait.
func (a *account) judge(err error, t *trouble) (notify.HealthState, time.Duration) {
	now := a.src.clock.Now()
	if isPoisoned(err) && t.kind != kindThrottle {
		if a.quick++; a.quick <= maxQuick {
			return notify.HealthBackoff, jitter(backoffFirst / 2)
		}
	} else {
		a.quick = 0
	}
	switch t.kind {
	case kindUnreachable, kindSetup:
		// The gate holds everybody back while the server is away.
		return notify.HealthUnreachable, jitter(backoffFirst)
	case kindAuth:
		return notify.HealthAuthFailed, a.lane.refused(now)
	case kindThrottle:
		return notify.HealthBackoff, max(t.wait, a.back.next())
	case kindLimit:
		a.shortUntil = now.Add(shortFor)
		a.health.note(noteShort)
	}
	return notify.HealthBackoff, a.back.next()
}

// advise says what went wrong and what to do.
func advise(t *trouble) string {
	switch t.kind {
	case kindAuth:
		return "the login was refused: " + t.text + " — check the login and its password; tries are few, so that the server does not lock the account"
	case kindLimit:
		return t.text + " — the account is polled for now; let the server allow more connections for the hub's address"
	}
	return t.text
}

// once makes one connection and works with it until it breaks; good tells that the mailbox was seen whole. A fault of our
// own in it concerns this account only.
func (a *account) once(ctx context.Context) (good bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			a.src.log.Error("a fault in the IMAP connector", "account", a.id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = troublef(kindTransient, "an internal fault; see the log")
		}
	}()
	short := a.src.clock.Now().Before(a.shortUntil)
	slot, err := a.src.slots.take(ctx, short)
	if err != nil {
		return false, err
	}
	defer a.src.slots.give(slot)
	a.degraded(short, slot == slotShort)
	l, err := a.enter(ctx)
	if err != nil {
		return false, err
	}
	defer l.close()
	defer l.guard(ctx)()
	if err := a.restore(ctx); err != nil { // not before the gate: thousands begin at one moment
		return false, err
	}
	s := &session{a: a, link: l, short: slot == slotShort}
	err = s.run(ctx)
	a.observe(l)
	if t := asTrouble(err); err != nil && t.dead {
		a.src.gate.trouble()
	}
	return s.good, err
}

func (a *account) degraded(limited, short bool) {
	if short && !limited {
		a.health.note(noteFull)
		return
	}
	a.health.unnote(noteFull)
	if !short {
		a.health.unnote(noteShort)
	}
}
