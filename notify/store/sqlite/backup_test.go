//go:build unix

package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

var lane = notify.Lane{App: "corp", Platform: notify.APNs}

// TestRestoreTellsNothingAgain: what was under way when the backup was made is not told from the copy, and no number is
// given out twice.
func TestRestoreTellsNothingAgain(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	now := time.Now()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.PutUser(t.Context(), notify.User{ID: "kim", CreatedAt: now})
	must(err)
	device, _, err := s.PutDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.APNs, Token: "aa"})
	must(err)
	a, _, err := s.PutAccount(t.Context(), notify.Account{Source: "mail", Login: "kim", Secret: "pass", Users: []string{"kim"}, Explicit: true})
	must(err)
	epoch, err := s.Lease(t.Context(), "source/mail", "me", time.Hour, now)
	must(err)
	_, err = s.Record(t.Context(), "mail", notify.Batch{Account: a.ID, Epoch: epoch, State: map[string][]byte{"uid": []byte("7")},
		Events: []notify.Event{{Key: "1", Type: notify.MailReceived, At: now, SeenAt: now}},
		Reminders: map[notify.Object][]notify.Reminder{"x": {{FireAt: now.Add(time.Minute), Event: notify.Event{Key: "r",
			Type: notify.CalendarReminder, At: now}}}}})
	must(err)
	accept := func(sendAt time.Time, state notify.State) string {
		n := notify.Notification{ID: notify.NewID(), To: notify.Audience{Users: []string{"kim"}}, State: state, SendAt: sendAt,
			CreatedAt: now, ExpiresAt: now.Add(48 * time.Hour), TTL: 48 * time.Hour, Content: notify.Content{Title: "a"}}
		n, _, err := s.Accept(t.Context(), n, []notify.Lane{lane}, notify.Idempotency{})
		must(err)
		return n.ID
	}
	sending, overdue := accept(time.Time{}, notify.StateSending), accept(now.Add(-time.Minute), notify.StateScheduled)
	later := accept(now.Add(24*time.Hour), notify.StateScheduled)
	last, err := s.InboxEnd(t.Context(), "kim")
	must(err)
	seq := func(s *Store, id string) int64 {
		n, err := s.Notification(t.Context(), id)
		must(err)
		return n.Seq
	}
	first := seq(s, later)

	// The copy is made while the hub runs, and holds what was committed.
	other := filepath.Join(t.TempDir(), "restored")
	must(os.Mkdir(other, 0o700))
	if _, err := Backup(t.Context(), dir, filepath.Join(other, dataFile)); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	must(err)
	must(os.WriteFile(filepath.Join(other, keyFile), key, 0o600))
	must(s.Close())

	found, err := Restore(t.Context(), Options{Dir: other})
	must(err)
	if want := (Restored{Users: 1, Accounts: 1, Ended: 2, Passwords: 1}); found != want {
		t.Errorf("found %+v, want %+v", found, want)
	}
	r := openIn(t, other)
	defer r.Close()
	for id, want := range map[string]notify.State{sending: notify.StateCancelled, overdue: notify.StateCancelled, later: notify.StateScheduled} {
		if n, err := r.Notification(t.Context(), id); err != nil || n.State != want {
			t.Errorf("%s is %s, want %s: %v", id, n.State, want, err)
		}
	}
	walks, err := r.Ready(t.Context(), lane, now.Add(time.Hour), 10)
	if err != nil || len(walks) != 0 {
		t.Errorf("walks go on: %+v, %v", walks, err)
	}
	if list, err := r.Unplanned(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("events wait to be told: %+v, %v", list, err)
	}
	if state, err := r.Load(t.Context(), a.ID); err != nil || len(state) != 0 {
		t.Errorf("the connector goes on where it stood: %v, %v", state, err)
	}
	if end, err := r.InboxEnd(t.Context(), "kim"); err != nil || end.Epoch == last.Epoch {
		t.Errorf("open pages do not notice: %v, %v", end, err)
	}
	next, _, err := r.Accept(t.Context(), notify.Notification{ID: notify.NewID(), To: notify.Audience{Users: []string{"kim"}},
		State: notify.StateSending, CreatedAt: now, ExpiresAt: now.Add(time.Hour), TTL: time.Hour,
		Content: notify.Content{Title: "b"}}, []notify.Lane{lane}, notify.Idempotency{})
	must(err)
	if next.Seq <= first+skipped-1 {
		t.Errorf("the number %d may have been given out by the lost hub, which had %d", next.Seq, first)
	}
	fresh, _, err := r.PutDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.APNs, Token: "bb"})
	must(err)
	if fresh.Key <= device.Key+skipped-1 {
		t.Errorf("the device key %d may have been given out before: the lost hub had %d", fresh.Key, device.Key)
	}
}

// TestRestoreWithoutTheKey says how many passwords are lost.
func TestRestoreWithoutTheKey(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	withPassword(t, dir)
	if _, err := Backup(t.Context(), dir, filepath.Join(other, dataFile)); err != nil {
		t.Fatal(err)
	}
	found, err := Restore(t.Context(), Options{Dir: other})
	if err != nil || found.Passwords != 1 || found.Unreadable != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := Backup(t.Context(), t.TempDir(), filepath.Join(other, "x")); notify.CodeOf(err) != notify.CodeNotFound {
		t.Errorf("a folder without data: %v", err)
	}
}

// withPassword makes a folder with one stored password.
func withPassword(t *testing.T, dir string) {
	t.Helper()
	s := openIn(t, dir)
	defer s.Close()
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.PutAccount(t.Context(), notify.Account{Source: "mail", Login: "kim", Secret: "pass", Users: []string{"kim"}}); err != nil {
		t.Fatal(err)
	}
}

func password(t *testing.T, dir string) string {
	t.Helper()
	s := openIn(t, dir)
	defer s.Close()
	list, err := s.WatchedAccounts(t.Context(), "mail")
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	return list[0].Secret
}

func TestRekey(t *testing.T) {
	dir := t.TempDir()
	withPassword(t, dir)
	path := filepath.Join(dir, keyFile)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Rekey(t.Context(), Options{Dir: dir}); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	fresh, err := os.ReadFile(path)
	if err != nil || bytes.Equal(fresh, old) || len(fresh) != keySize {
		t.Fatalf("the key has %d bytes and is the old one: %v; %v", len(fresh), bytes.Equal(fresh, old), err)
	}
	if got := password(t, dir); got != "pass" {
		t.Errorf("the password reads %q", got)
	}
	// Killed between the writing of the two keys and the sealing, or between the sealing and the last writing: both open.
	for _, both := range [][]byte{append(bytes.Clone(old), fresh...), append(bytes.Clone(fresh), old...)} {
		if err := os.WriteFile(path, both, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := password(t, dir); got != "pass" {
			t.Errorf("with both keys the password reads %q", got)
		}
	}
	if n, err := Rekey(t.Context(), Options{Dir: dir}); err != nil || n != 1 || password(t, dir) != "pass" {
		t.Errorf("after a rekey that was cut off: %d, %v", n, err)
	}
	// A wrong key changes nothing.
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Rekey(t.Context(), Options{Dir: dir}); err == nil {
		t.Error("passwords that do not open were sealed anew")
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, old) {
		t.Errorf("the key file was changed: %v", err)
	}
	s := openIn(t, dir)
	defer s.Close()
	if _, err := Rekey(t.Context(), Options{Dir: dir}); notify.CodeOf(err) != notify.CodeWrongState {
		t.Errorf("beside a running hub: %v", err)
	}
}
