package push

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// Who waits for a connection that another one dials does not suffer when that one gives up.
func TestWhoWaitsOutlivesWhoDials(t *testing.T) {
	var dials atomic.Int32
	begun := make(chan struct{})
	refused := Plain("refused")
	l := NewLinks(LinksOptions{Size: 1, Each: 10, Clock: notify.SystemClock{},
		Dial: func(ctx context.Context) (*http.ClientConn, error) {
			if dials.Add(1) == 1 {
				close(begun)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, refused
		}})
	defer l.Close()
	first, giveUp := context.WithCancel(t.Context())
	got := make(chan error, 2)
	go func() {
		_, _, err := l.Take(first)
		got <- err
	}()
	notifytest.Receive(t, "the first dials", begun)
	go func() {
		_, _, err := l.Take(t.Context())
		got <- err
	}()
	notifytest.Until(t, "the second waits", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) == 1
	})
	giveUp()
	if err := notifytest.Receive(t, "the first ends", got); !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if err := notifytest.Receive(t, "the second ends", got); !errors.Is(err, refused) {
		t.Errorf("the second: %v, want the outcome of its own dial", err)
	}
}
