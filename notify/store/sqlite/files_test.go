//go:build unix

package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"allim.dev/allim/notify"
	"allim.dev/allim/schemas"
)

func TestFolderIsForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "data")
	s := openIn(t, dir)
	defer s.Close()
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", path, mode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"allim.db", "allim.db-wal", "secret.key", "allim.lock"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestSecondHubIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	_, err := Open(t.Context(), Options{Dir: dir})
	if notify.CodeOf(err) != notify.CodeWrongState || !strings.Contains(err.Error(), dir) {
		t.Errorf("the second one got %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the first one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openIn(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{}, {Dir: t.TempDir(), Synchronous: "OFF"}} {
		if _, err := Open(t.Context(), o); notify.CodeOf(err) != notify.CodeInvalid {
			t.Errorf("%+v gave %v", o, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: file}); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestSomethingElseInTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "allim.db"), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "allim.db") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "allim.db")); err != nil {
		t.Error(err)
	}
}

// raw opens the data file beside the store.
func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "allim.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func version(t *testing.T, db *sql.DB) (v int) {
	t.Helper()
	if err := db.QueryRow(`PRAGMA user_version`).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMigrateFromNothing(t *testing.T) {
	files, err := fs.Glob(schemas.SQL(), "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	dir := t.TempDir()
	for range 2 { // the second time there is nothing to do
		if err := openIn(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		if v := version(t, raw(t, dir)); v != len(files) {
			t.Fatalf("version %d after %d migrations", v, len(files))
		}
	}
	checkIntegrity(t, dir)
}

func TestNewerFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := openIn(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	if _, err := db.Exec(`PRAGMA user_version=9000`); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{Dir: dir})
	if notify.CodeOf(err) != notify.CodeWrongState || !strings.Contains(err.Error(), "9000") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a newer file gave %v", err)
	}
	if v := version(t, db); v != 9000 {
		t.Errorf("the version became %d", v)
	}
}

func TestMigrationsStepByStep(t *testing.T) {
	db := raw(t, t.TempDir())
	files := fstest.MapFS{"0001_a.sql": {Data: []byte("CREATE TABLE a (x); INSERT INTO a VALUES (1);")}}
	migrated := func(want int, fails string) {
		t.Helper()
		err := migrateWith(t.Context(), db, "test.db", files)
		if (fails == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), fails)) {
			t.Fatalf("migrating gave %v, want %q", err, fails)
		}
		if v := version(t, db); v != want {
			t.Fatalf("version %d, want %d", v, want)
		}
	}
	migrated(1, "")
	files["0002_b.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE b (x); INSERT INTO none VALUES (1);")}
	files["0003_c.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE c (x);")}
	migrated(1, "0002_b.sql") // as a whole or not at all
	if _, err := db.Exec(`SELECT * FROM b`); err == nil {
		t.Error("half a migration stayed")
	}
	files["0002_b.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE b (x);")}
	migrated(3, "")
	files["0005_e.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE e (x);")}
	migrated(3, "0005_e.sql")
}

func TestSecretsAreSealed(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	const secret = "correct horse battery staple"
	put := func(login string) notify.Account {
		a, _, err := s.PutAccount(t.Context(), notify.Account{Source: "mail", Login: login, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a, b := put("a"), put("b")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"allim.db", "allim.lock"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || bytes.Contains(data, []byte("horse")) {
			t.Errorf("%s holds the secret, or %v", name, err)
		}
	}
	// A secret that is moved to another account's row does not open there.
	db := raw(t, dir)
	if _, err := db.Exec(`UPDATE accounts SET secret=(SELECT secret FROM accounts WHERE login='a') WHERE login='b'`); err != nil {
		t.Fatal(err)
	}
	s = openIn(t, dir)
	checkSecrets(t, s, map[string]string{a.ID: secret, b.ID: ""})
	put("b") // set again
	checkSecrets(t, s, map[string]string{a.ID: secret, b.ID: secret})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "secret.key")); err != nil {
		t.Fatal(err)
	}
	s = openIn(t, dir)
	defer s.Close()
	checkSecrets(t, s, map[string]string{a.ID: "", b.ID: ""})
	put("a")
	checkSecrets(t, s, map[string]string{a.ID: secret, b.ID: ""})
}

// checkSecrets checks the secrets of all accounts by id; an empty one is one that cannot be read, which the account's
// health must tell.
func checkSecrets(t *testing.T, s *Store, want map[string]string) {
	t.Helper()
	list, err := s.WatchedAccounts(t.Context(), "mail")
	if err != nil || len(list) != len(want) {
		t.Fatal(list, err)
	}
	for _, a := range list {
		one, err := s.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []notify.Account{a, one} {
			lost := got.Health.State == notify.HealthAuthFailed && strings.Contains(got.Health.LastError, "secret.key")
			if lost != (want[a.ID] == "") {
				t.Errorf("health of %s: %+v", a.Login, got.Health)
			}
		}
		if a.Secret != want[a.ID] || one.Secret != "" {
			t.Errorf("secrets of %s: %q and %q, want %q", a.Login, a.Secret, one.Secret, want[a.ID])
		}
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret.key")
	var log bytes.Buffer
	logged := func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	if err := openIn(t, dir, logged).Close(); err != nil || log.Len() > 0 {
		t.Fatal(err, log.String())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := openIn(t, dir, logged).Close(); err != nil || !strings.Contains(log.String(), path) {
		t.Errorf("%v, and the log says %q", err, log.String())
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a short key gave %v", err)
	}
}

// TestDiskFull: what does not fit is refused with a word that says so; reading goes on, and writing when there is space.
func TestDiskFull(t *testing.T) {
	s := opened(t, func(o *Options) { o.MaxPages = 160 })
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	a, _, err := s.PutAccount(t.Context(), notify.Account{Source: "mail", Login: "a", Users: []string{"kim"}})
	if err != nil {
		t.Fatal(err)
	}
	epoch, err := s.Lease(t.Context(), "source/mail", "hub", 1<<40, s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	record := func(name string) error {
		_, err := s.Record(t.Context(), "mail", notify.Batch{Account: a.ID, Epoch: epoch, State: map[string][]byte{name: make([]byte, 4000)}})
		return err
	}
	full := 0
	for ; full < 200; full++ {
		if err = record(string(rune('a' + full))); err != nil {
			break
		}
	}
	var e *notify.Error
	if !errors.As(err, &e) || e.Code != notify.CodeUnavailable || e.RetryAfter <= 0 || !strings.Contains(e.Detail, "full") {
		t.Fatalf("after %d records: %v", full, err)
	}
	fullTogether(t, s)
	state := map[string][]byte{}
	for i := range full {
		state[string(rune('a'+i))] = nil
	}
	if _, err := s.Record(t.Context(), "mail", notify.Batch{Account: a.ID, Epoch: epoch, State: state}); err != nil {
		t.Fatalf("making space: %v", err)
	}
	if err := record("again"); err != nil {
		t.Errorf("with space there again: %v", err)
	}
}

// fullTogether writes some that do not fit and some that need no space, at once: the latter are done.
func fullTogether(t *testing.T, s *Store) {
	t.Helper()
	release := hold(t, s)
	big := func(x *tx) error {
		key, _, err := x.putAccount(s.sealer, notify.Account{Source: "mail", Login: "a"})
		if err != nil {
			return err
		}
		return x.putState(key, map[string][]byte{"huge": make([]byte, 400_000)})
	}
	small := func(x *tx) error { return x.run(`UPDATE users SET name='Kim' WHERE id='kim'`) }
	jobs := enqueue(t, s, small, big, small, small, big, small)
	release()
	errs := answers(t, jobs)
	for _, i := range []int{1, 4} {
		if err := storeError("test", errs[i]); notify.CodeOf(err) != notify.CodeUnavailable {
			t.Errorf("a write that does not fit gave %v", err)
		}
	}
	if errs[5] != nil {
		t.Errorf("a write that fits gave %v", errs[5])
	}
	if u, err := s.User(t.Context(), "kim"); err != nil || u.Name != "Kim" {
		t.Errorf("reading gave %+v, %v", u, err)
	}
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Open(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if err := openIn(t, dir).Close(); err != nil { // nothing is left behind, not even the lock
		t.Fatal(err)
	}
}
