package imap

import (
	"context"
	"slices"
	"time"

	"allim.dev/allim/notify"
)

// absentDelays are the waits for messages that were announced and are not there; 30 seconds together.
var absentDelays = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
	4 * time.Second, 8 * time.Second, 14 * time.Second}

// How often a message may break a fetch with headers, then without, before it is told without being read at all.
const (
	strikesWithHeaders = 2
	strikesWithout     = 4
)

// fetchChunk reads some messages, in order. Those that the answer leaves out or that cannot be read are asked for again
// with nothing that could be poison, so that they are told, though without words.
func (s *session) fetchChunk(f *folder, uids []uint32) ([]message, error) {
	if len(uids) == 1 && f.poison == uids[0] && f.strikes >= strikesWithHeaders {
		return s.fetchPoison(f, uids[0])
	}
	msgs, err := s.link.fetch(setOfUIDs(uids), true)
	if err != nil {
		return nil, &poisoned{err}
	}
	if len(msgs) > 0 {
		f.blind = 0
	}
	byUID := make(map[uint32]message, len(msgs))
	for _, m := range msgs {
		byUID[m.uid] = m
	}
	unread := slices.DeleteFunc(slices.Clone(uids), func(u uint32) bool { return byUID[u].head.found })
	if len(unread) > 0 {
		bare, err := s.link.fetch(setOfUIDs(unread), false)
		if err != nil {
			return nil, &poisoned{err}
		}
		for _, m := range bare {
			m.size = byUID[m.uid].size
			byUID[m.uid] = m
		}
	}
	out := make([]message, 0, len(byUID))
	for _, u := range uids {
		if m, ok := byUID[u]; ok { // else it was expunged meanwhile
			out = append(out, m)
		}
	}
	return out, nil
}

// fetchPoison reads a message that broke fetches before: without its header, and at last not at all.
func (s *session) fetchPoison(f *folder, uid uint32) ([]message, error) {
	if f.strikes >= strikesWithout && f.blind < maxBlind {
		f.blind++
		return []message{{uid: uid}}, nil
	}
	msgs, err := s.link.fetch(setOfUIDs([]uint32{uid}), false)
	if err != nil {
		return nil, &poisoned{err}
	}
	return msgs, nil
}

// shrink halves the chunk that broke, down to the one message that is to blame, and counts its strikes. It tells whether
// to go on at once: not on a broken connection, and not when the server wants to be left alone.
func (s *session) shrink(f *folder, uids []uint32, err error) bool {
	t := asTrouble(err)
	if t.kind != kindRefused && !t.dead {
		return false
	}
	if len(uids) > 1 {
		f.chunk = len(uids) / 2
		return !t.dead
	}
	f.chunk = 1
	if f.poison != uids[0] {
		f.poison, f.strikes = uids[0], 0
	}
	f.strikes++
	if f.strikes == strikesWithHeaders {
		s.a.note("a message in " + quote(f.name) + " breaks the server's answers; it is told without sender and subject")
	}
	return !t.dead && f.strikes <= strikesWithout
}

// take turns messages, in order of UID, into events and stores them together with the new state.
func (s *session) take(ctx context.Context, f *folder, msgs []message) error {
	if len(msgs) == 0 {
		return nil
	}
	now := s.a.src.clock.Now()
	skip := imported(msgs, now)
	var events []notify.Event
	var stamps []stamp
	before := f.st
	for _, m := range msgs {
		if f.taken == nil {
			f.st.Last = max(f.st.Last, m.uid)
		}
		if st, ok := m.stamp(); ok {
			stamps = append(stamps, st)
		}
		if m.quiet() == "" && !skip[m.uid] && !m.stale(now, before.CheckedAt, s.a.src.settings.MaxAge) {
			events = append(events, m.event(f, s.a.login, now))
		}
	}
	if err := s.store(ctx, f, events, stamps); err != nil {
		f.st = before
		return err
	}
	f.looked = now
	if f.taken != nil {
		for _, m := range msgs {
			f.taken[m.uid] = true
		}
	}
	return nil
}

// looked keeps that the folder was seen whole, not oftener than once an hour.
func (s *session) looked(ctx context.Context, f *folder) error {
	f.looked = s.a.src.clock.Now()
	if f.looked.Sub(f.st.CheckedAt) < keepEvery {
		return nil
	}
	before := f.st
	f.st.CheckedAt = f.looked
	if err := s.store(ctx, f, nil, nil); err != nil {
		f.st = before
		return err
	}
	return nil
}

// store puts one batch: events and the state that follows from them, in one transaction.
func (s *session) store(ctx context.Context, f *folder, events []notify.Event, stamps []stamp) error {
	state := map[string][]byte{}
	ring := f.ring
	f.remember(state, stamps)
	state[stateKey(f.name)] = f.st.encode()
	if err := s.a.put(ctx, notify.Batch{Account: s.a.id, State: state, Events: events}); err != nil {
		f.ring = ring
		return err
	}
	return nil
}
