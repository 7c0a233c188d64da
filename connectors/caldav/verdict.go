package caldav

import (
	"context"
	"log/slog"
	"time"

	"allim.dev/allim/notify"
)

// settle plans the next look by how this one went, and says so.
func (a *account) settle(err error) {
	now := a.src.clock.Now()
	if err == nil {
		a.tries.well()
		a.health.h.LastOKAt = now
		a.next = now.Add(early(a.src.settings.Poll))
		a.health.state(notify.HealthPolling, a.next)
		return
	}
	t := asTrouble(err)
	state, wait := a.judge(t)
	level := slog.LevelDebug
	if a.health.h.State != state && (t.kind == kindAuth || t.kind == kindSetup) {
		level = slog.LevelWarn // only people can help
	}
	a.src.log.Log(context.Background(), level, "a CalDAV account waits", "account", a.id, "error", t.text, "wait", wait)
	a.next = now.Add(wait)
	a.health.failed(advise(t))
	a.health.state(state, a.next)
}

// judge says what an error makes of the account and how long to wait.
func (a *account) judge(t *trouble) (notify.HealthState, time.Duration) {
	switch t.kind {
	case kindAuth:
		return notify.HealthAuthFailed, a.tries.refusedLogin()
	case kindUnreachable:
		return notify.HealthUnreachable, min(a.tries.trouble(), early(probeLast)) // the gate holds the others back
	case kindSetup:
		return notify.HealthUnreachable, max(a.tries.trouble(), a.src.settings.Poll)
	case kindBusy:
		return notify.HealthBackoff, max(a.tries.trouble(), t.wait)
	case kindRefused, kindForbidden, kindGone, kindForeign:
		return notify.HealthBackoff, max(a.tries.trouble(), early(a.src.settings.Poll))
	}
	return notify.HealthBackoff, a.tries.trouble()
}

// heldBack is what an account says while the gate is closed.
func (a *account) heldBack(t *trouble, again time.Time) {
	a.next = again
	state := notify.HealthUnreachable
	switch t.kind {
	case kindAuth:
		state = notify.HealthAuthFailed
	case kindBusy:
		state = notify.HealthBackoff
	}
	if a.health.h.State != state {
		a.health.failed(advise(t))
		a.health.state(state, again)
	}
}

// advise says what went wrong and what to do.
func advise(t *trouble) string {
	if t.kind == kindAuth {
		return "the login was refused: " + t.text + " — check the login and its password; tries are few, so that the server does not lock the account"
	}
	return t.text
}
