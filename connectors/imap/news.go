package imap

import (
	"context"
	"errors"
	"slices"

	goimap "github.com/emersion/go-imap/v2"
)

// fetchNew is the short way for a few new messages, in one round trip: they are fetched without searching first. With
// nothing announced it looks all the same, because some servers forget to tell.
func (s *session) fetchNew(ctx context.Context, f *folder) error {
	expected := int(s.link.exists) - int(s.link.known)
	if expected > chunkSize || f.chunk > 0 || f.absent > 0 || f.st.Last == ^uint32(0) {
		return s.counted(ctx, f, expected)
	}
	exists := s.link.exists
	s.link.dirty = false
	var set goimap.UIDSet
	set.AddRange(goimap.UID(f.st.Last+1), 0)
	msgs, err := s.link.fetch(set, expected > 0)
	if err != nil {
		f.chunk = chunkSize
		if asTrouble(err).dead {
			return &poisoned{err}
		}
		return s.counted(ctx, f, expected)
	}
	// "n:*" is never empty: with nothing new it gives the last old one (RFC 3501 section 6.4.8).
	fresh := slices.DeleteFunc(msgs, func(m message) bool { return m.uid <= f.st.Last })
	if len(fresh) == 0 && expected <= 0 {
		s.link.known = exists
		return s.looked(ctx, f)
	}
	if len(fresh) < expected || slices.ContainsFunc(fresh, func(m message) bool { return !m.head.found }) {
		return s.counted(ctx, f, expected)
	}
	if err := s.take(ctx, f, fresh); err != nil {
		return err
	}
	s.link.known = exists
	s.link.dirty = s.link.dirty || len(fresh) > expected // there is more going on
	return nil
}

// counted searches, and notices when fewer messages are there than were announced: they may come a little later. Until
// then the others are told, but the state does not pass the gap.
func (s *session) counted(ctx context.Context, f *folder, expected int) error {
	exists := s.link.exists
	s.link.dirty = false
	uids, err := s.link.uidsFrom(f.st.Last + 1)
	if err != nil {
		return err
	}
	uids = slices.DeleteFunc(uids, func(u uint32) bool { return f.taken[u] })
	missing := max(expected-len(uids), 0)
	if missing > 0 && f.absent < len(absentDelays) {
		f.absent++
		if f.taken == nil {
			f.taken = map[uint32]bool{}
		}
	} else {
		missing, f.absent = 0, 0
	}
	if err := s.work(ctx, f, uids); err != nil {
		return err
	}
	s.link.known = exists - uint32(min(missing, int(exists)))
	if missing > 0 {
		return nil
	}
	return s.passed(ctx, f)
}

// passed ends a look at a folder with no gap, or no longer one: the state passes over what was told beyond it.
func (s *session) passed(ctx context.Context, f *folder) error {
	if f.taken == nil {
		return s.looked(ctx, f)
	}
	before := f.st
	for u := range f.taken {
		f.st.Last = max(f.st.Last, u)
	}
	f.st.CheckedAt = s.a.src.clock.Now()
	if err := s.store(ctx, f, nil, nil); err != nil {
		f.st = before
		return err
	}
	f.taken, f.absent = nil, 0
	return nil
}

// work sees to messages by UID, in order and in chunks. The state never passes a message that was not seen to.
func (s *session) work(ctx context.Context, f *folder, uids []uint32) error {
	for len(uids) > 0 {
		n := min(f.chunkNow(), len(uids))
		msgs, err := s.fetchChunk(f, uids[:n])
		if err != nil {
			if !s.shrink(f, uids[:n], err) {
				return err
			}
			continue
		}
		if err := s.take(ctx, f, msgs); err != nil {
			return err
		}
		if f.taken == nil && f.st.Last < uids[n-1] { // the last ones vanished
			f.st.Last = uids[n-1]
		}
		f.grow(n)
		uids = uids[n:]
	}
	return nil
}

func (f *folder) chunkNow() int {
	if f.chunk == 0 {
		return chunkSize
	}
	return f.chunk
}

// grow goes back to full chunks, step by step, after a good one.
func (f *folder) grow(n int) {
	if f.chunk > 0 {
		if f.chunk = 2 * max(n, 1); f.chunk >= chunkSize {
			f.chunk = 0
		}
	}
	f.poison, f.strikes = 0, 0
}

// maxBlind is how many messages in a row are told without being read; then the server is at fault, not the messages.
const maxBlind = 5

// poisoned is an error in the middle of a FETCH.
type poisoned struct{ error }

func (p *poisoned) Unwrap() error { return p.error }

func isPoisoned(err error) bool {
	var p *poisoned
	return errors.As(err, &p)
}
