package notify

import (
	"log/slog"
	"time"
)

// How long before credentials end IT is told, and how often.
const (
	expirySoon      = 30 * 24 * time.Hour
	expiryWarnEvery = 24 * time.Hour
)

// expiryWarner warns of credentials that end soon, or have ended; the schedule's own.
type expiryWarner struct {
	log    *slog.Logger
	warned map[Lane]time.Time
}

func newExpiryWarner(log *slog.Logger) *expiryWarner {
	return &expiryWarner{log: log, warned: map[Lane]time.Time{}}
}

// look warns of one lane's credentials, once a day.
func (w *expiryWarner) look(name Lane, expires, now time.Time) {
	left := expires.Sub(now)
	last, before := w.warned[name]
	if left > expirySoon || before && now.Sub(last) < expiryWarnEvery && !now.Before(last) { // the clock may jump back
		return
	}
	w.warned[name] = now
	day := expires.UTC().Format(time.DateOnly)
	if left <= 0 {
		w.log.Warn("the credentials have expired: put new ones in place", "lane", name, "expired", day)
		return
	}
	w.log.Warn("the credentials expire soon: put new ones in place", "lane", name, "expires", day, "days", int(left/(24*time.Hour)))
}
