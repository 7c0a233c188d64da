// Package mem is a notify.Bus for one process: wake-ups through one-slot channels.
package mem

import (
	"hash/maphash"
	"slices"
	"sync"

	"allim.dev/allim/notify"
)

// shards is how many locks the subjects are spread over: enough that people's subjects seldom meet, few enough to be
// free when idle.
const shards = 64

// fewSubscribers is up to how many subscribers are woken under the lock. More are copied first, so that a broadcast to
// 100,000 pages holds up subscribing for microseconds instead of milliseconds.
const fewSubscribers = 64

// Bus implements notify.Bus. It has no goroutines and needs no Close.
type Bus struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu       sync.RWMutex
	subjects map[string][]*entry
}

// entry is one subscription's place under one subject.
type entry struct {
	subject string
	c       chan struct{} // nil: f is called
	f       func(subject string)
	at      int // its index in the subject's list, guarded by the shard's lock
}

var (
	_ notify.Bus    = (*Bus)(nil)
	_ notify.Caller = (*Bus)(nil)
)

// New makes an empty bus.
func New() *Bus {
	b := &Bus{seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].subjects = map[string][]*entry{}
	}
	return b
}

func (b *Bus) shard(subject string) *shard {
	return &b.shards[maphash.String(b.seed, subject)%shards]
}

// Wake implements notify.Bus: it costs one try to send per subscriber of the subject, whether they read or not.
func (b *Bus) Wake(subject string) {
	s := b.shard(subject)
	s.mu.RLock()
	list := s.subjects[subject]
	if len(list) <= fewSubscribers {
		for _, e := range list {
			e.wake()
		}
		s.mu.RUnlock()
		return
	}
	list = slices.Clone(list)
	s.mu.RUnlock()
	for _, e := range list {
		e.wake() // may reach a subscription that was closed meanwhile, which does no harm
	}
}

func (e *entry) wake() {
	if e.f != nil {
		e.f(e.subject)
		return
	}
	select {
	case e.c <- struct{}{}:
	default: // one is waiting already: many wake-ups before a receive are one
	}
}

// Subscribe implements notify.Bus. A subject named twice counts once.
func (b *Bus) Subscribe(subjects ...string) notify.Subscription {
	return b.subscribe(make(chan struct{}, 1), nil, subjects)
}

// Call implements notify.Caller.
func (b *Bus) Call(f func(subject string), subjects ...string) notify.Subscription {
	return b.subscribe(nil, f, subjects)
}

func (b *Bus) subscribe(c chan struct{}, f func(string), subjects []string) *subscription {
	sub := &subscription{bus: b, c: c, entries: make([]*entry, 0, len(subjects))}
	for i, subject := range subjects {
		if !slices.Contains(subjects[:i], subject) {
			sub.entries = append(sub.entries, b.add(&entry{subject: subject, c: c, f: f}))
		}
	}
	return sub
}

func (b *Bus) add(e *entry) *entry {
	subject := e.subject
	s := b.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.subjects[subject]
	e.at = len(list)
	s.subjects[subject] = append(list, e)
	return e
}

func (b *Bus) remove(e *entry) {
	s := b.shard(e.subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.subjects[e.subject]
	last := list[len(list)-1]
	list[e.at], last.at = last, e.at
	list[len(list)-1] = nil
	list = list[:len(list)-1]
	switch {
	case len(list) == 0:
		delete(s.subjects, e.subject)
	case cap(list) > fewSubscribers && len(list) < cap(list)/4: // give back what a rush took
		s.subjects[e.subject] = append(make([]*entry, 0, 2*len(list)), list...)
	default:
		s.subjects[e.subject] = list
	}
}

type subscription struct {
	bus     *Bus
	c       chan struct{}
	entries []*entry
	once    sync.Once
}

// C implements notify.Subscription; the channel is never closed, and nil where a function is called instead.
func (s *subscription) C() <-chan struct{} { return s.c }

// Close implements notify.Subscription; closing twice is fine.
func (s *subscription) Close() {
	s.once.Do(func() {
		for _, e := range s.entries {
			s.bus.remove(e)
		}
	})
}
