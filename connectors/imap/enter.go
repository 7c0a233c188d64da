package imap

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

// enter waits for its turn, connects and logs in.
func (a *account) enter(ctx context.Context) (*link, error) {
	for {
		err := a.src.gate.enter(ctx, a.lastActive, func(reason string) {
			a.health.failed(reason)
			a.health.state(notify.HealthUnreachable, time.Time{})
		})
		if err != nil {
			return nil, err
		}
		ok, wait, changed := a.mayTry()
		if ok {
			return a.connect(ctx)
		}
		a.src.gate.unused()
		if a.src.sleep(ctx, wait, changed); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// mayTry asks whether the shared login, if there is one, may be used now.
func (a *account) mayTry() (ok bool, wait time.Duration, changed <-chan struct{}) {
	if !a.src.settings.Auth.shared() {
		return true, 0, nil
	}
	ok, wait, text, changed := a.src.credential.ask()
	if !ok && text != "" {
		a.health.failed(advise(&trouble{kind: kindAuth, text: text}))
		a.health.state(notify.HealthAuthFailed, a.src.clock.Now().Add(wait))
	}
	return ok, wait, changed
}

// connect makes the one try that the gate allowed.
func (a *account) connect(ctx context.Context) (*link, error) {
	l, opened, err := a.src.dialer.connect(ctx, a.who)
	t := asTrouble(err)
	a.src.gate.leave(verdictOf(err, opened), t.text)
	if a.src.settings.Auth.shared() {
		// That this one mailbox may not be opened says nothing of the login itself.
		refused := t.kind == kindAuth && t.code != "AUTHORIZATIONFAILED"
		a.src.credential.settle(refused, err == nil, t.text)
	}
	if err == nil {
		a.lane.accepted()
	}
	return l, err
}

func verdictOf(err error, opened bool) verdict {
	if err == nil {
		return verdictOK
	}
	switch t := asTrouble(err); t.kind {
	case kindAuth, kindRefused:
		return verdictOK
	case kindUnreachable, kindSetup:
		return verdictAway
	default:
		if !opened && t.dead {
			return verdictAway
		}
		return verdictTrouble
	}
}
