package app

import (
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/bus/mem"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// The whole walk over the store and the bus that the program uses.
func TestWalk(t *testing.T) {
	notifytest.WalkSuite(t, func() notify.Bus { return mem.New() },
		func(t testing.TB, dir string, clock notify.Clock) notify.Store {
			s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, Clock: clock, Log: notifytest.Quiet(), Synchronous: "NORMAL"})
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
}
