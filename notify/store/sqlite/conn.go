package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	engine "zombiezen.com/go/sqlite"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/store/sqlite/logfile"
)

// The direct way to the engine. database/sql would take as long for a statement as SQLite itself: it locks, allocates names
// for all columns, and boxes every value. It is used where that does not matter: migrations, backup.

// conn is a connection with its prepared statements and what the writer knows of the file. One goroutine at a time uses it.
type conn struct {
	c     *engine.Conn
	stmts map[string]*engine.Stmt
	// inserts are the texts of statements that insert kept rows, by table and number of rows.
	inserts map[[2]int]string
	known
}

// known is what the writer remembers of the file, which nobody else changes. It is forgotten when a job is undone.
type known struct {
	lanes      map[notify.Lane]int64   // keys
	epochs     map[string]notify.Epoch // of the leases that are held
	lastDevice int64                   // the greatest key ever; 0: not known
	batches    [keptTables]batch
}

// connect opens a connection with its settings.
func connect(path string, o Options, readOnly bool) (*conn, error) {
	flags := engine.OpenReadWrite
	var err error
	switch {
	case readOnly:
		flags = engine.OpenReadOnly
	case o.Synchronous == Full:
		flags |= engine.OpenURI
		if path, err = logfile.URI(path); err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	ec, err := engine.OpenConn(path, flags)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	ec.SetBusyTimeout(busyTimeout)
	c := &conn{c: ec, stmts: map[string]*engine.Stmt{}, inserts: map[[2]int]string{}}
	c.forget()
	for _, p := range pragmas(o, readOnly) {
		if err := c.once(`PRAGMA ` + p); err != nil {
			return nil, errors.Join(fmt.Errorf("connect: %s: %w", p, err), c.close())
		}
	}
	return c, nil
}

// busyTimeout is how long a statement waits for another program that has locked the file.
const busyTimeout = 10 * time.Second

// forget drops what is known of the file: some of it was undone.
func (c *conn) forget() {
	c.known = known{lanes: map[notify.Lane]int64{}, epochs: map[string]notify.Epoch{}}
}

// close closes the connection with whatever transaction it is in.
func (c *conn) close() error { return c.c.Close() }

// once runs a statement that is not kept.
func (c *conn) once(query string) error {
	s, _, err := c.c.PrepareTransient(query)
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = s.Step()
	}
	return errors.Join(err, s.Finalize())
}

// start binds the arguments to a prepared statement and makes its first step; more: it stands on a row.
func (c *conn) start(query string, args []any) (s *engine.Stmt, more bool, err error) {
	if s = c.stmts[query]; s == nil {
		if s, err = c.c.Prepare(query); err != nil {
			return nil, false, err
		}
		c.stmts[query] = s
	}
	if want := s.BindParamCount(); want > len(args) {
		return nil, false, fmt.Errorf("the statement takes %d arguments, not %d", want, len(args))
	}
	for i := range s.BindParamCount() {
		if err := bind(s, i+1, args[i]); err != nil {
			return nil, false, err
		}
	}
	more, err = s.Step()
	return s, more, err
}

// exec runs a statement to its end.
func (c *conn) exec(query string, args []any) error {
	s, more, err := c.start(query, args)
	for more && err == nil {
		more, err = s.Step()
	}
	if err != nil {
		return err
	}
	return s.Reset()
}

// row gives the first row of an answer.
func (c *conn) row(query string, args ...any) row {
	s, more, err := c.start(query, args)
	return row{s: s, none: !more, err: err}
}

// rows gives an answer to go through.
func (c *conn) rows(query string, args ...any) (*rows, error) {
	s, more, err := c.start(query, args)
	if err != nil {
		return nil, err
	}
	return &rows{s: s, ahead: more, done: !more}, nil
}

// row is the first row of an answer, or why there is none. Scan must be called, once.
type row struct {
	s    *engine.Stmt
	none bool
	err  error
}

// Scan copies the columns; sql.ErrNoRows when there is no row.
func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := sql.ErrNoRows
	if !r.none {
		err = scanColumns(r.s, dest)
	}
	if again := r.s.Reset(); again != nil {
		return again
	}
	return err
}

// rows is an answer that is gone through row by row, as *sql.Rows are. Close must be called.
type rows struct {
	s     *engine.Stmt
	ahead bool // the next row was stepped to already
	done  bool
	err   error
}

// Next goes to the next row, if there is one.
func (r *rows) Next() bool {
	switch {
	case r.done:
		return false
	case r.ahead:
		r.ahead = false
		return true
	}
	more, err := r.s.Step()
	r.done, r.err = !more, err
	return more
}

// Scan copies the columns.
func (r *rows) Scan(dest ...any) error { return scanColumns(r.s, dest) }

// Err is what ended the rows; nil at their end.
func (r *rows) Err() error { return r.err }

// Close gives the statement back.
func (r *rows) Close() {
	r.done = true
	if err := r.s.Reset(); r.err == nil {
		r.err = err
	}
}

// bind sets an argument of a statement, counted from 1.
func bind(s *engine.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		s.BindNull(i)
	case int64:
		s.BindInt64(i, v)
	case int:
		s.BindInt64(i, int64(v))
	case bool:
		s.BindBool(i, v)
	case string:
		s.BindText(i, v)
	case []byte:
		if v == nil {
			s.BindNull(i)
			return nil
		}
		s.BindBytes(i, v)
	case float64:
		s.BindFloat(i, v)
	default:
		return bindNamed(s, i, reflect.ValueOf(arg))
	}
	return nil
}

// bindNamed sets an argument of a type that has a name of its own.
func bindNamed(s *engine.Stmt, i int, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.String:
		s.BindText(i, v.String())
	case v.CanInt():
		s.BindInt64(i, v.Int())
	case v.Kind() == reflect.Bool:
		s.BindBool(i, v.Bool())
	default:
		return fmt.Errorf("argument %d has type %s, which no column takes", i, v.Type())
	}
	return nil
}

// scanColumns copies the columns of the row on which the statement stands.
func scanColumns(s *engine.Stmt, dest []any) error {
	if n := s.ColumnCount(); n != len(dest) {
		return fmt.Errorf("the row has %d columns, not %d", n, len(dest))
	}
	for i, d := range dest {
		if err := scanColumn(s, i, d); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return nil
}

func scanColumn(s *engine.Stmt, i int, dest any) error {
	switch d := dest.(type) {
	case *[]byte:
		*d = blob(s, i)
		return nil
	case **string:
		if *d = nil; !s.ColumnIsNull(i) {
			v := s.ColumnText(i)
			*d = &v
		}
		return nil
	case **int64:
		if *d = nil; !s.ColumnIsNull(i) {
			v := s.ColumnInt64(i)
			*d = &v
		}
		return nil
	case *text:
		if *d = ""; !s.ColumnIsNull(i) {
			*d = text(s.ColumnText(i))
		}
		return nil
	case sql.Scanner:
		return d.Scan(value(s, i))
	}
	if s.ColumnIsNull(i) {
		return fmt.Errorf("is empty, which %T has no value for", dest)
	}
	switch d := dest.(type) {
	case *int64:
		*d = s.ColumnInt64(i)
	case *int:
		*d = s.ColumnInt(i)
	case *string:
		*d = s.ColumnText(i)
	case *bool:
		*d = s.ColumnBool(i)
	case *float64:
		*d = s.ColumnFloat(i)
	default:
		return scanNamed(s, i, reflect.ValueOf(dest).Elem())
	}
	return nil
}

// scanNamed copies a column into a type that has a name of its own.
func scanNamed(s *engine.Stmt, i int, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(s.ColumnText(i))
	case v.CanInt():
		v.SetInt(s.ColumnInt64(i))
	case v.Kind() == reflect.Bool:
		v.SetBool(s.ColumnBool(i))
	default:
		return fmt.Errorf("%s takes no column", v.Type())
	}
	return nil
}

// blob copies a column's bytes; nil for NULL.
func blob(s *engine.Stmt, i int) []byte {
	if s.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, s.ColumnLen(i))
	s.ColumnBytes(i, b)
	return b
}

// value gives a column as database/sql hands it to an sql.Scanner.
func value(s *engine.Stmt, i int) any {
	switch s.ColumnType(i) {
	case engine.TypeInteger:
		return s.ColumnInt64(i)
	case engine.TypeFloat:
		return s.ColumnFloat(i)
	case engine.TypeText:
		return s.ColumnText(i)
	case engine.TypeBlob:
		return blob(s, i)
	}
	return nil
}
