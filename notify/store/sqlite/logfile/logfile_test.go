package logfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	engine "zombiezen.com/go/sqlite"

	"allim.dev/allim/notify/store/sqlite/logfile"
)

// base is a connection in a test.
type base struct {
	*testing.T
	c *engine.Conn
}

// open opens the database as the store does; plain: as SQLite does.
func open(t *testing.T, path string, plain bool) base {
	t.Helper()
	flags := engine.OpenReadWrite | engine.OpenCreate
	if !plain {
		var err error
		if path, err = logfile.URI(path); err != nil {
			t.Fatal(err)
		}
		flags |= engine.OpenURI
	}
	c, err := engine.OpenConn(path, flags)
	if err != nil {
		t.Fatal(err)
	}
	b := base{t, c}
	for _, p := range []string{"synchronous=full", "journal_mode=wal", "cache_size=20", "wal_autocheckpoint=300"} {
		b.run("PRAGMA " + p)
	}
	return b
}

// run runs a statement to its end and gives the first column of its first row.
func (b base) run(query string) string {
	b.Helper()
	first, err := b.try(query)
	if err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	return first
}

func (b base) try(query string) (first string, err error) {
	s, _, err := b.c.PrepareTransient(query)
	for more, n := err == nil, 0; more && err == nil; n++ {
		if more, err = s.Step(); more && n == 0 {
			first = s.ColumnText(0)
		}
	}
	if s != nil {
		err = errors.Join(err, s.Finalize())
	}
	return first, err
}

func (b base) close() {
	b.Helper()
	if err := b.c.Close(); err != nil {
		b.Error(err)
	}
}

const (
	sums = `SELECT count(*) || ' ' || coalesce(sum(length(x)), 0) FROM rows`
	rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d) INSERT INTO rows (x) SELECT zeroblob(%d) FROM n`
)

// What is committed is seen by everybody at once, be it a row or many times what is held, and what is undone by nobody.
func TestOthersSeeWhatIsCommitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b#?%.db") // a name that a URI must spell
	w := open(t, path, false)
	defer w.close()
	w.run(`CREATE TABLE rows (id INTEGER PRIMARY KEY, x BLOB)`)
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	other := open(t, path, true)
	defer other.close()
	count, length := 0, 0
	for i, size := range []int{1, 7, 2000, 1, 400, 3000, 2} { // rows of 1 KiB, through a cache of 20 pages
		w.run(`BEGIN IMMEDIATE`)
		w.run(fmt.Sprintf(rows, size, 1024))
		w.run(`UPDATE rows SET x=zeroblob(1024) WHERE id%7=0`) // pages that stand in the log are written again
		if got, want := w.run(sums), fmt.Sprintf("%d %d", count+size, length+size*1024); got != want {
			t.Fatalf("transaction %d sees %s, want %s", i, got, want)
		}
		if i%3 == 2 {
			w.run(`ROLLBACK`)
		} else {
			w.run(`COMMIT`)
			count, length = count+size, length+size*1024
		}
		if got, want := other.run(sums), fmt.Sprintf("%d %d", count, length); got != want {
			t.Fatalf("after transaction %d another sees %s, want %s", i, got, want)
		}
		if i == 4 {
			w.run(`PRAGMA wal_checkpoint(TRUNCATE)`)
		}
	}
	if got := other.run(`PRAGMA integrity_check`); got != "ok" {
		t.Error(got)
	}
}

// A process that ends in the middle leaves what was committed: the files are copied as they are at that moment.
func TestLogAsItStands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	w := open(t, path, false)
	defer w.close()
	w.run(`PRAGMA wal_autocheckpoint=0`)
	w.run(`CREATE TABLE rows (id INTEGER PRIMARY KEY, x BLOB)`)
	for i := 1; i <= 20; i++ {
		w.run(fmt.Sprintf(rows, i*5, 900))
		w.run(`BEGIN IMMEDIATE`)
		w.run(fmt.Sprintf(rows, 300, 900)) // some of it is in the log already
		found := copied(t, path)
		w.run(`ROLLBACK`)
		want := w.run(sums)
		if got := found.run(sums); got != want {
			t.Fatalf("after %d transactions the files hold %s, want %s", i, got, want)
		}
		found.close()
	}
}

// copied opens a copy of the files.
func copied(t *testing.T, path string) base {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, to, true)
}

// What was undone is not written over what somebody else has committed since, neither by a read nor at the end.
func TestOthersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	w := open(t, path, false)
	w.run(`PRAGMA wal_autocheckpoint=0`)
	w.run(`CREATE TABLE rows (id INTEGER PRIMARY KEY, x BLOB)`)
	other := open(t, path, true)
	defer other.close()
	want := ""
	for range 5 {
		w.run(`PRAGMA wal_checkpoint(TRUNCATE)`) // or to undo would be to read the log
		w.run(`BEGIN IMMEDIATE`)
		w.run(fmt.Sprintf(rows, 40, 3000)) // more than the cache: some of it goes to the log
		if logfile.Held() == 0 {
			t.Fatal("nothing is held")
		}
		w.run(`ROLLBACK`)
		other.run(fmt.Sprintf(rows, 1, 500))
		want = other.run(sums)
		if got := w.run(sums); got != want {
			t.Fatalf("it reads %s, the other wrote %s", got, want)
		}
		found := copied(t, path)
		if got := found.run(sums); got != want {
			t.Fatalf("the files hold %s, the other wrote %s", got, want)
		}
		found.close()
	}
	w.run(`BEGIN IMMEDIATE`)
	w.run(fmt.Sprintf(rows, 40, 3000))
	w.close()
	found := copied(t, path)
	defer found.close()
	if got := found.run(sums); got != want {
		t.Fatalf("after the close the files hold %s, the other wrote %s", got, want)
	}
}

// When what is held cannot be written, the whole transaction is undone, not a statement of it.
func TestDiskFullAtARead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	w := open(t, path, false)
	defer w.close()
	w.run(`CREATE TABLE rows (id INTEGER PRIMARY KEY, x BLOB)`)
	w.run(fmt.Sprintf(rows, 30, 900))
	want := w.run(sums)
	for _, size := range []int{30, 33, 36, 40, 45} { // more than the cache: some go to the log
		w.run(`BEGIN IMMEDIATE`)
		w.run(fmt.Sprintf(rows, size, 3000))
		w.run(`SAVEPOINT job`)
		if logfile.Held() == 0 {
			t.Fatalf("with %d rows nothing is held", size)
		}
		mend := logfile.Fill()
		_, _ = w.try(`INSERT INTO rows SELECT id+1000, x || x FROM rows`)
		_, _ = w.try(`ROLLBACK TO job`)
		_, _ = w.try(`RELEASE job`)
		mend() // just in time for what would miss something
		_, committed := w.try(`COMMIT`)
		if committed == nil {
			t.Errorf("with %d rows it was committed", size)
		}
		_, _ = w.try(`ROLLBACK`)
		if got := w.run(sums); got != want {
			t.Fatalf("after %d rows there are %s, want %s", size, got, want)
		}
	}
	found := copied(t, path)
	defer found.close()
	if got := found.run(`PRAGMA integrity_check`); got != "ok" {
		t.Error(got)
	}
}

// It is what it is there for: a tenth of the system calls that write.
func TestFewWrites(t *testing.T) {
	if _, err := os.Stat("/proc/self/io"); err != nil {
		t.Logf("this system does not count the writes of a process: %v", err)
		return
	}
	var calls [2]int
	for i, plain := range []bool{true, false} {
		w := open(t, filepath.Join(t.TempDir(), "a.db"), plain)
		w.run(`PRAGMA cache_size=1000`)
		w.run(`CREATE TABLE rows (id INTEGER PRIMARY KEY, x BLOB)`)
		before := writes(t)
		w.run(fmt.Sprintf(rows, 200, 3000))
		calls[i] = writes(t) - before
		w.close()
	}
	if calls[1]*10 > calls[0] {
		t.Errorf("a transaction of 200 pages took %d writes, SQLite's own %d", calls[1], calls[0])
	}
}

// writes gives how many system calls of this process have written.
func writes(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "syscw: ")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
