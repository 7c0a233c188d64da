package sqlite_test

import (
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// A hub that was killed gives nothing back. The next one on its folder must not wait until the leases have run out: mails
// would be told that much later.
func TestLeasesOfAKilledHubAreFree(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	dir := t.TempDir()
	var epochs []notify.Epoch
	for _, holder := range []string{"killed", "next"} {
		s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		epoch, err := s.Lease(t.Context(), "source/mail", holder, time.Hour, clock.Now())
		if err != nil {
			t.Fatalf("%s: %v", holder, err)
		}
		epochs = append(epochs, epoch)
		if err := s.Close(); err != nil { // without Release
			t.Fatal(err)
		}
	}
	if epochs[1] <= epochs[0] {
		t.Errorf("epochs %v: the killed hub's must be refused", epochs)
	}
}
