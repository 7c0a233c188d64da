package notify

import "time"

// Clock is the time, passed in, so that tests turn it by hand. notifytest has the one for tests.
type Clock interface {
	Now() time.Time
	// NewTimer fires once after d (at once when d <= 0).
	NewTimer(d time.Duration) Timer
}

// Timer is a running timer of a Clock.
type Timer interface {
	C() <-chan time.Time
	// Stop ends it; false when it fired or was stopped before.
	Stop() bool
}

// SystemClock is the machine's own clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// NewTimer implements Clock.
func (SystemClock) NewTimer(d time.Duration) Timer { return systemTimer{time.NewTimer(d)} }

type systemTimer struct{ t *time.Timer }

func (s systemTimer) C() <-chan time.Time { return s.t.C }
func (s systemTimer) Stop() bool          { return s.t.Stop() }
