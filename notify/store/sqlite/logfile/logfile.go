// Package logfile has SQLite write its log (the file -wal) in few large pieces. SQLite itself writes each page of a transaction
// with two system calls, one for the 24 bytes before it, and these took a tenth of a busy hub's processor time.
//
// What is written is held until the log is synced, read, measured or cut, or written elsewhere, and dropped when the right to
// write is given back. With synchronous=FULL SQLite syncs the log before it lets anybody see a transaction
// (https://sqlite.org/pragma.html#pragma_synchronous), so that what is held is never missed. With synchronous=NORMAL it does
// not, and this package is not to be used.
package logfile

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// name is the virtual file system's, as in the URI of a connection.
const name = "allim"

// heldAtMost is how much of a log is held, in bytes: 29 pages. A transaction that is larger is written in pieces of it. SQLite's
// own write takes less than 128 KiB at once (seekAndWriteFd of os_unix.c cuts a length to its lower 17 bits).
const heldAtMost = 29 * (24 + 4096)

// URI gives the name of a database file for a connection (with sqlite3.SQLITE_OPEN_URI) whose log is written so.
func URI(path string) (string, error) {
	if err := register(); err != nil {
		return "", err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "vfs=" + name}).String(), nil
}

// The system's own file system, and the methods of the logs opened on it.
var (
	system  *sqlite3.Tsqlite3_vfs
	logs    sync.Map // address of a sqlite3_file: *held
	writers sync.Map // *libc.TLS, of which each connection has its own: *held

	mu        sync.Mutex
	tables    = map[methodsOf]uintptr{}                    // our methods
	databases = map[uintptr]*sqlite3.Tsqlite3_io_methods{} // the system's, by those of a database
)

// methodsOf is whose methods ours are put over: a log and a database may have the same ones.
type methodsOf struct {
	own uintptr // the system's
	log bool
}

// held is a log's end that is not written yet. A file is used by one connection, in one goroutine at a time.
type held struct {
	system *sqlite3.Tsqlite3_io_methods
	at     uintptr // of system
	bytes  []byte
	offset int64 // in the file, of bytes
}

var errNoMemory = errors.New("there is no memory for SQLite's files")

// register makes the file system known to SQLite, once.
var register = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	own := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if own == 0 {
		return fmt.Errorf("SQLite has no file system")
	}
	system = at[sqlite3.Tsqlite3_vfs](own)
	v := libc.Xmalloc(tls, types.Size_t(unsafe.Sizeof(*system)))
	title, err := libc.CString(name)
	if v == 0 || err != nil {
		return errNoMemory
	}
	ours := at[sqlite3.Tsqlite3_vfs](v)
	*ours = *system
	ours.FpNext, ours.FzName, ours.FxOpen = 0, title, pointer(open)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, v, 0); rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("SQLite does not take the file system: code %d", rc)
	}
	return nil
})

// open opens a file as the system does, and takes over a log's writes, and of a database the lock of its log's index.
func open(tls *libc.TLS, vfs, path, file uintptr, flags int32, outFlags uintptr) int32 {
	rc := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](system.FxOpen)(tls, vfs, path, file, flags, outFlags)
	f := at[sqlite3.Tsqlite3_file](file)
	log := flags&sqlite3.SQLITE_OPEN_WAL != 0
	if rc != sqlite3.SQLITE_OK || f.FpMethods == 0 || !log && flags&sqlite3.SQLITE_OPEN_MAIN_DB == 0 {
		return rc
	}
	methods, err := methodsOver(tls, f.FpMethods, log)
	if err != nil {
		_ = call[func(*libc.TLS, uintptr) int32](at[sqlite3.Tsqlite3_io_methods](f.FpMethods).FxClose)(tls, file)
		f.FpMethods = 0
		return sqlite3.SQLITE_NOMEM
	}
	if log {
		h := &held{system: at[sqlite3.Tsqlite3_io_methods](f.FpMethods), at: f.FpMethods}
		logs.Store(file, h)
		writers.Store(tls, h)
	}
	f.FpMethods = methods
	return rc
}

// methodsOver gives the methods of logs, or of databases, over the system's.
func methodsOver(tls *libc.TLS, own uintptr, log bool) (uintptr, error) {
	mu.Lock()
	defer mu.Unlock()
	of := methodsOf{own, log}
	if m := tables[of]; m != 0 {
		return m, nil
	}
	o := at[sqlite3.Tsqlite3_io_methods](own)
	p := libc.Xmalloc(tls, types.Size_t(unsafe.Sizeof(*o)))
	if p == 0 {
		return 0, errNoMemory
	}
	m := at[sqlite3.Tsqlite3_io_methods](p)
	*m = *o
	if log {
		m.FxClose, m.FxRead, m.FxWrite, m.FxTruncate = pointer(closeLog), pointer(read), pointer(write), pointer(truncate)
		m.FxSync, m.FxFileSize = pointer(syncLog), pointer(size)
	} else {
		m.FxShmLock = pointer(lock)
		databases[p] = o
	}
	tables[of] = p
	return p, nil
}

func heldOf(file uintptr) *held {
	h, _ := logs.Load(file)
	return h.(*held) // every file with our methods has one, until it is closed
}

func write(tls *libc.TLS, file, from uintptr, n int32, offset int64) int32 {
	h := heldOf(file)
	if len(h.bytes) > 0 && (offset != h.offset+int64(len(h.bytes)) || len(h.bytes)+int(n) > heldAtMost) {
		if rc := h.flush(tls, file); rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	if len(h.bytes) == 0 {
		h.offset = offset
	}
	h.bytes = append(h.bytes, unsafe.Slice(at[byte](from), n)...)
	return sqlite3.SQLITE_OK
}

// notWritten is what an operation answers that found that what is held cannot be written. SQLite undoes the whole transaction
// then. At SQLITE_FULL it would undo the statement alone, for it takes pages for written that went into the log before.
const notWritten = sqlite3.SQLITE_IOERR_WRITE

// flush writes what is held. What fails is gone: the transaction is undone.
func (h *held) flush(tls *libc.TLS, file uintptr) int32 {
	if len(h.bytes) == 0 {
		return sqlite3.SQLITE_OK
	}
	b := h.bytes
	h.bytes = h.bytes[:0]
	put := call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](h.system.FxWrite)
	return put(tls, file, uintptr(unsafe.Pointer(&b[0])), int32(len(b)), h.offset)
}

func syncLog(tls *libc.TLS, file uintptr, flags int32) int32 {
	h := heldOf(file)
	if rc := h.flush(tls, file); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return call[func(*libc.TLS, uintptr, int32) int32](h.system.FxSync)(tls, file, flags)
}

func read(tls *libc.TLS, file, to uintptr, n int32, offset int64) int32 {
	h := heldOf(file)
	if h.flush(tls, file) != sqlite3.SQLITE_OK {
		return notWritten
	}
	return call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](h.system.FxRead)(tls, file, to, n, offset)
}

func truncate(tls *libc.TLS, file uintptr, length int64) int32 {
	h := heldOf(file)
	if h.flush(tls, file) != sqlite3.SQLITE_OK {
		return notWritten
	}
	return call[func(*libc.TLS, uintptr, int64) int32](h.system.FxTruncate)(tls, file, length)
}

func size(tls *libc.TLS, file, to uintptr) int32 {
	h := heldOf(file)
	if h.flush(tls, file) != sqlite3.SQLITE_OK {
		return notWritten
	}
	return call[func(*libc.TLS, uintptr, uintptr) int32](h.system.FxFileSize)(tls, file, to)
}

// closeLog closes the file. What nobody has synced was never committed, and the log may be somebody else's by now.
func closeLog(tls *libc.TLS, file uintptr) int32 {
	h := heldOf(file)
	logs.Delete(file)
	writers.CompareAndDelete(tls, h)
	at[sqlite3.Tsqlite3_file](file).FpMethods = h.at
	return call[func(*libc.TLS, uintptr) int32](h.system.FxClose)(tls, file)
}

// lock is the lock of the log's index. Who gives back the right to write (the first of its locks) has committed, and holds
// nothing, or has undone what it holds: others may write there now.
func lock(tls *libc.TLS, file uintptr, offset, n, flags int32) int32 {
	if offset == 0 && flags&sqlite3.SQLITE_SHM_UNLOCK != 0 && flags&sqlite3.SQLITE_SHM_EXCLUSIVE != 0 {
		if h, ok := writers.Load(tls); ok {
			h.(*held).bytes = h.(*held).bytes[:0]
		}
	}
	mu.Lock()
	own := databases[at[sqlite3.Tsqlite3_file](file).FpMethods]
	mu.Unlock()
	return call[func(*libc.TLS, uintptr, int32, int32, int32) int32](own.FxShmLock)(tls, file, offset, n, flags)
}

// at reaches what stands at an address of SQLite's own memory, which Go does not manage.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// call makes a function of SQLite's pointer to one.
func call[F any](function uintptr) F { return *(*F)(unsafe.Pointer(&struct{ uintptr }{function})) }

// pointer gives SQLite's pointer to one of our functions.
func pointer(function any) uintptr { return (*[2]uintptr)(unsafe.Pointer(&function))[1] }
