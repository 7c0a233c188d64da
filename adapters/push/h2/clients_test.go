package h2

import (
	"context"
	"errors"
	"testing"

	"allim.dev/allim/adapters/sim/fast"
)

// Of many servers' clients only so many are kept: who is in use stays, and of the others the one used longest ago goes.
func TestClientsAreBounded(t *testing.T) {
	s := server(t, fast.Options{})
	set := NewClients(2)
	opened := map[string]int{}
	take := func(name string) (*Client, func()) {
		return set.Take(name, func() *Client {
			opened[name]++
			return New(options(to(s)))
		})
	}
	a, giveA := take("a")
	b, giveB := take("b")
	if a == nil || b == nil {
		t.Fatal("there is room for two")
	}
	if c, _ := take("c"); c != nil {
		t.Error("a third one while both are in use")
	}
	again, giveAgain := take("a")
	if again != a {
		t.Error("another client of the same server")
	}
	giveAgain()
	if c, _ := take("c"); c != nil {
		t.Error("one that is in use was put out")
	}
	if got := pushN(t, a, 5).count(); got[200] != 5 {
		t.Errorf("%v", got)
	}
	giveB()
	giveA()
	_, giveA = take("a")
	giveA() // used last, so that the other one goes
	c, giveC := take("c")
	if c == nil {
		t.Fatal("no room for another one")
	}
	giveC()
	if got := pushErr(t, b); !errors.Is(got, ErrClosed) {
		t.Errorf("the one that was put out is not closed: %v", got)
	}
	_, giveA = take("a")
	giveA()
	if opened["a"] != 1 || opened["b"] != 1 || opened["c"] != 1 {
		t.Errorf("opened %v", opened)
	}
	set.Close()
	if got := pushErr(t, a); !errors.Is(got, ErrClosed) {
		t.Errorf("after Close: %v", got)
	}
	if d, _ := take("d"); d != nil {
		t.Error("one was made after Close")
	}
}

// pushErr sends one push and gives its error.
func pushErr(t *testing.T, c *Client) (err error) {
	t.Helper()
	c.Do(context.WithoutCancel(t.Context()), Batch{N: 1, Fill: fill, Done: func(_ int, r *Reply) Next { err = r.Err; return GoOn }})
	return err
}
