package logfile

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Fill has the disk be full for all logs, until mend is called.
func Fill() (mend func()) {
	var mended []func()
	logs.Range(func(_, v any) bool {
		h := v.(*held)
		own, full := h.system, *h.system
		full.FxWrite = pointer(noRoom)
		h.system = &full
		mended = append(mended, func() { h.system = own })
		return true
	})
	return func() {
		for _, m := range mended {
			m()
		}
	}
}

func noRoom(*libc.TLS, uintptr, uintptr, int32, int64) int32 { return sqlite3.SQLITE_FULL }

// Held gives how many bytes all logs hold.
func Held() (n int) {
	logs.Range(func(_, v any) bool { n += len(v.(*held).bytes); return true })
	return n
}
