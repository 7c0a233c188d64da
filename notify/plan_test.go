package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// plans is as much of a store as the planner needs.
type plans struct {
	Store
	mu        sync.Mutex
	unplanned []Event
	fault     map[string]error
	looks     int
}

func (p *plans) Unplanned(_ context.Context, limit int) ([]Event, error) {
	p.looks++
	return p.unplanned[:min(limit, len(p.unplanned))], nil
}

func (p *plans) Plan(_ context.Context, id string, _ []Lane, _ func(Event, []string) *Notification) (*Notification, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fault[id]; err != nil {
		return nil, err
	}
	for i, e := range p.unplanned {
		if e.ID == id {
			p.unplanned = append(p.unplanned[:i:i], p.unplanned[i+1:]...)
		}
	}
	return nil, nil
}

// instantClock lets every pause pass at once.
type instantClock struct{ SystemClock }

func (instantClock) NewTimer(time.Duration) Timer { return SystemClock{}.NewTimer(0) }

func TestPlannerGetsPastEventsThatAlwaysFail(t *testing.T) {
	s := &plans{fault: map[string]error{}}
	for i := range planChunk + 100 {
		id := fmt.Sprint("poison ", i)
		s.unplanned = append(s.unplanned, Event{ID: id})
		s.fault[id] = errors.New("a defect")
	}
	s.unplanned = append(s.unplanned, Event{ID: "good"})
	h := &Hub{store: s, clock: instantClock{}, log: slog.New(slog.NewTextHandler(io.Discard, nil)), planner: newPlanner()}
	for range 3 {
		h.planStored(t.Context())
	}
	if last := s.unplanned[len(s.unplanned)-1].ID; last == "good" {
		t.Error("the good event waits behind those that fail")
	}
	if len(s.unplanned) != planChunk+100 {
		t.Errorf("%d events left, want those that fail", len(s.unplanned))
	}
}

func TestPlannerStopsAtTheStoresTrouble(t *testing.T) {
	s := &plans{fault: map[string]error{}}
	for i := range 10 {
		id := fmt.Sprint(i)
		s.unplanned = append(s.unplanned, Event{ID: id})
		s.fault[id] = Errorf(CodeUnavailable, "full")
	}
	var lines counter
	h := &Hub{store: s, clock: instantClock{}, log: slog.New(slog.NewTextHandler(&lines, nil)), planner: newPlanner()}
	h.planStored(t.Context())
	if lines != 1 {
		t.Errorf("%d lines in the log for one full disk", lines)
	}
}

// counter counts writes.
type counter int

func (c *counter) Write(b []byte) (int, error) { *c++; return len(b), nil }
