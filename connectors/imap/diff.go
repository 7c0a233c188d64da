package imap

import (
	"context"
	"slices"
	"time"
)

// Detection is by UIDs alone: what the server says of changes is only a reason to look again. A message that is there
// with a UID above the last one seen is new (RFC 3501 section 2.3.1.1).

const (
	chunkSize = 100              // messages of one FETCH and of one batch
	keepEvery = time.Hour        // how often a look without news is stored
	resetSkew = 10 * time.Minute // between the server's clock and ours
)

// folder is what is known of one watched folder while it is watched.
type folder struct {
	name   string
	st     folderState
	known  bool   // st was loaded or stored; else the folder is new
	ring   []byte // the stamps of the slot that is being filled
	looked time.Time

	chunk    int             // messages to fetch at once; smaller while one of them breaks the fetch; 0: chunkSize
	poison   uint32          // the UID that breaks it
	strikes  int             // how often it did
	blind    int             // how many messages in a row could not be read at all
	absent   int             // how often announced messages were not there
	taken    map[uint32]bool // while some are not there: what was told beyond the gap
	backward int             // how often UIDNEXT was below what was seen
}

// open looks at a folder that was just examined.
func (s *session) open(ctx context.Context, f *folder, o opened) error {
	switch {
	case !f.known:
		return s.baseline(ctx, f, o)
	case o.uidValidity != f.st.UIDValidity:
		s.a.note("mailbox reset: the server numbered " + quote(f.name) + " anew (UIDVALIDITY)")
		return s.reset(ctx, f, o, false)
	case o.uidNext != 0 && o.uidNext <= f.st.Last:
		return s.wentBack(ctx, f, o)
	}
	f.backward = 0
	if o.uidNext == f.st.Last+1 {
		return s.looked(ctx, f)
	}
	return s.search(ctx, f)
}

// baseline remembers where a folder stands; nothing that is there already is told.
func (s *session) baseline(ctx context.Context, f *folder, o opened) error {
	last, err := s.lastOf(o)
	if err != nil {
		return err
	}
	now := s.a.src.clock.Now()
	f.st = folderState{UIDValidity: o.uidValidity, Last: last, BaselineAt: now, CheckedAt: now}
	if err := s.store(ctx, f, nil, nil); err != nil {
		return err
	}
	f.known = true
	return nil
}

func (s *session) lastOf(o opened) (uint32, error) {
	if o.uidNext > 0 {
		return o.uidNext - 1, nil
	}
	if o.exists == 0 {
		return 0, nil
	}
	return s.link.lastUID()
}

// wentBack sees a UIDNEXT that is lower than before under the same UIDVALIDITY: for a while that may be a lagging replica;
// when it stays, the mailbox was put back from a backup.
func (s *session) wentBack(ctx context.Context, f *folder, o opened) error {
	const patience = 3
	if f.backward++; f.backward < patience {
		return nil
	}
	f.backward = 0
	s.a.note("mailbox reset: the UIDs of " + quote(f.name) + " went back")
	return s.reset(ctx, f, o, true)
}

// search finds what is new by UID SEARCH and sees to it in chunks.
func (s *session) search(ctx context.Context, f *folder) error {
	if f.st.Last == ^uint32(0) {
		return nil // there can be no further UID
	}
	uids, err := s.link.uidsFrom(f.st.Last + 1)
	if err != nil {
		return err
	}
	uids = slices.DeleteFunc(uids, func(u uint32) bool { return f.taken[u] })
	if err := s.work(ctx, f, uids); err != nil {
		return err
	}
	return s.passed(ctx, f)
}
