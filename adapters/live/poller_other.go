//go:build !linux

package live

import (
	"errors"
	"syscall"
	"time"
)

// poller exists on Linux only; elsewhere every connection lives in its handler.
type poller struct{}

func startPoller(func(*parked, uint32), time.Duration) (*poller, error) {
	return nil, errors.ErrUnsupported
}

func (*poller) add(*parked, bool) error { return errors.ErrUnsupported }
func (*poller) remove(*parked)          {}
func (*poller) all() []*parked          { return nil }
func (*poller) full(*parked)            {}
func (*poller) taken(*parked)           {}
func (*poller) close() error            { return nil }

// turn is one try at a socket.
type turn struct{}

func newTurn() *turn { return &turn{} }

func (*turn) tryWrite(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }
func (*turn) tryRead(syscall.RawConn, []byte) (int, error)  { return 0, errors.ErrUnsupported }
