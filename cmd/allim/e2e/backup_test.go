package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
)

// TestRestoredHubTellsNothingAgain: a backup is made while mails arrive; more are told after it; the hub is lost, and its
// data with it. The restored one tells what comes from then on, nothing that was told before, and gives no id twice.
func TestRestoredHubTellsNothingAgain(t *testing.T) {
	const folks, each = 4, 40 // each: mails before the backup, after it, and after the restore
	s, source := promptServer(t, folks)
	w := newWorld(t, worldOptions{binary: checked(t), people: folks, mails: 3 * each, source: source + quickStart})
	deliver := func(_ context.Context, login string, raw []byte) error {
		_, err := s.Deliver(login, raw, imaptest.Delivery{})
		return err
	}
	pushed := func(n int) func() bool {
		return func() bool { told, _ := w.ledger.told(); return told == n }
	}
	w.send(0, each, 200, deliver)
	file := filepath.Join(w.hub.dir, "backup.tar")
	if said := w.hub.allim("backup", file, "--data", w.hub.data()); !strings.Contains(said, "secret.key") {
		t.Errorf("the backup says %q, which does not tell of the keys", said)
	}
	w.send(each, 2*each, 200, deliver)
	until(t, time.Minute, "the mails before and after the backup to be told", pushed(2*each))
	w.hub.kill()
	if err := os.RemoveAll(w.hub.data()); err != nil {
		t.Fatal(err)
	}

	if said := w.hub.allim("restore", file, "-c", w.hub.conf()); !strings.Contains(said, "4 users, 4 accounts") {
		t.Errorf("the restore says %q", said)
	}
	if _, said, code := w.hub.try("restore", file, "-c", w.hub.conf()); code != 1 || !strings.Contains(said, "holds the data of a hub") {
		t.Errorf("a second restore into the same folder: %d, %q", code, said)
	}
	w.hub.start()
	until(t, time.Minute, "every mailbox to be watched", func() bool { return w.watched() == folks })
	w.send(2*each, 3*each, 200, deliver)
	until(t, time.Minute, "the mails after the restore to be told", pushed(3*each))
	w.hub.stop()
	w.ledger.checkPushes(t)
}
