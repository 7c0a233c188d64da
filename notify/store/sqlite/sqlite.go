// Package sqlite is the hub's store in one SQLite file. Everything that changes something goes through one goroutine
// (writer.go), which commits groups of changes in one transaction each and answers after the commit; reading goes through
// a pool of read-only connections (reader.go). Each table has a file of its own name; the schema is in schemas/sql.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver

	"allim.dev/allim/notify"
)

// How hard a commit is made: FULL survives power loss, NORMAL only a crash of the process.
const (
	Full   = "FULL"
	Normal = "NORMAL"
)

// Options says where the data is, and how it is kept.
type Options struct {
	// Dir is the data folder; it is made (0700) when it is not there. It holds allim.db, secret.key and allim.lock.
	Dir         string
	Clock       notify.Clock // nil: the machine's
	Log         *slog.Logger // nil: nothing is logged
	Synchronous string       // Full or Normal; empty: Full
	MaxPages    int          // the file's greatest size in pages of 4 KiB; 0: none (for tests of a full disk)
}

// Store is the hub's data. All methods may be called from any goroutine.
type Store struct {
	dir    string
	clock  notify.Clock
	log    *slog.Logger
	lock   *os.File
	db     *sql.DB // one connection: holds the file's log open, and empties it at the end
	sealer *sealer
	w      *writer
	r      *reader
	salt   []byte // makes device ids
	epoch  string // of inbox cursors
	follow followers
	wishes wishes
}

var _ notify.Store = (*Store)(nil)

// Open opens the data folder, makes the file or brings it to this version, and takes the folder's lock.
// Errors: CodeWrongState naming the folder when another process has it, or when a newer version wrote the file.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Synchronous == "" {
		o.Synchronous = Full
	}
	if o.Synchronous != Full && o.Synchronous != Normal {
		return nil, notify.Errorf(notify.CodeInvalid, "synchronous must be %s or %s", Full, Normal)
	}
	s := &Store{dir: o.Dir, clock: o.Clock, log: o.Log, follow: followers{sources: map[string]*follower{}}}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open does Open's steps; Close undoes those that were done.
func (s *Store) open(ctx context.Context, o Options) (err error) {
	path := filepath.Join(o.Dir, dataFile)
	if err := makeFolder(o.Dir, path); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if s.lock, err = lockFolder(o.Dir); err != nil {
		return err
	}
	if s.sealer, err = openSealer(filepath.Join(o.Dir, keyFile), s.log); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(path, o, false))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, path); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := freeLeases(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := s.loadMeta(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	s.db = db
	s.w = startWriter(func() (*conn, error) { return connect(path, o, false) }, s.clock)
	s.r = newReader(func() (*conn, error) { return connect(path, o, true) }, max(4, 2*runtime.GOMAXPROCS(0)))
	return nil
}

// pragmas are the settings of every connection: those of a pragma run once would hold on one connection only.
func pragmas(o Options, readOnly bool) []string {
	if readOnly {
		return []string{"foreign_keys(1)", "query_only(1)"}
	}
	p := []string{
		"foreign_keys(1)", "journal_mode(wal)", "synchronous(" + o.Synchronous + ")",
		"secure_delete(1)",   // what is erased is overwritten
		"cache_size(-16384)", // KiB
		"temp_store(memory)", // savepoints keep the pages that they may have to restore
		"wal_autocheckpoint(4000)",
	}
	if o.MaxPages > 0 {
		p = append(p, "max_page_count("+strconv.Itoa(o.MaxPages)+")")
	}
	return p
}

// dsn is the file's name for database/sql, with the settings of its connections.
func dsn(path string, o Options, readOnly bool) string {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout("+strconv.FormatInt(busyTimeout.Milliseconds(), 10)+")")
	for _, p := range pragmas(o, readOnly) {
		q.Add("_pragma", p)
	}
	if readOnly {
		q.Set("mode", "ro")
	} else {
		q.Set("_txlock", "immediate")
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

// Close stops taking writes, waits for those that were taken, and gives the folder back. It may be called twice.
func (s *Store) Close() error {
	var errs []error
	if s.w != nil {
		errs = append(errs, s.w.close())
	}
	if s.r != nil {
		errs = append(errs, s.r.close())
	}
	if s.db != nil { // last, because the readers cannot move the log into the file
		s.emptyLog()
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		errs = append(errs, unlockFolder(s.lock))
		s.lock = nil
	}
	return errors.Join(errs...)
}

// emptyLog moves the log into the file and leaves it empty. What cannot be moved stays in the log and is found there at
// the next start.
func (s *Store) emptyLog() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if _, err := s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil && err.Error() != "sql: database is closed" {
		s.log.Warn("the database's log was not moved into the file; it is found there at the next start", "error", err)
	}
}

// closeTimeout bounds what Close does with the log.
const closeTimeout = 5 * time.Second

// Ping implements notify.OpsStore: an empty transaction goes through the writer, so that a stuck one is seen, too.
func (s *Store) Ping(ctx context.Context) error {
	return s.change(ctx, "ping", func(t *tx) error {
		return t.run(`UPDATE meta SET value=value WHERE name='salt'`)
	})
}
