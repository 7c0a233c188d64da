package imap

import (
	"context"
	"sync"
)

// slots bounds the connections of a source: most are for accounts that stay connected, a tenth for short visits of the
// others.
type slots struct {
	mu    sync.Mutex
	long  int // still free
	short chan struct{}
}

type slotKind int

const (
	slotLong slotKind = iota
	slotShort
)

func newSlots(limit int) *slots {
	short := max(1, limit/10)
	return &slots{long: limit - short, short: make(chan struct{}, short)}
}

// take gives a lasting place, or where there is none, or none is wanted, waits for a short one. Error: ctx ended.
func (s *slots) take(ctx context.Context, short bool) (slotKind, error) {
	if !short && s.takeLong() {
		return slotLong, nil
	}
	select {
	case s.short <- struct{}{}:
		return slotShort, nil
	case <-ctx.Done():
		return slotShort, ctx.Err()
	}
}

func (s *slots) takeLong() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.long == 0 {
		return false
	}
	s.long--
	return true
}

func (s *slots) give(k slotKind) {
	if k == slotShort {
		<-s.short
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.long++
}
