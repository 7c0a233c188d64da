package imap

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

// maxCandidates bounds how many messages are looked at after a mailbox was renumbered: the newest ones.
const maxCandidates = 1000

// reset sees to a mailbox that was renumbered: everything in it has a new UID. It becomes the new baseline without a word,
// except for mail that arrived since the last look and is not in the ring of those seen lately. The state moves with the
// last batch, so that a crash before it repeats the whole.
func (s *session) reset(ctx context.Context, f *folder, o opened, sameValidity bool) error {
	last, err := s.lastOf(o)
	if err != nil {
		return err
	}
	// INTERNALDATE has whole seconds.
	since := latest(f.st.CheckedAt.Add(-resetSkew), f.looked.Add(-resetSkew), f.st.BaselineAt).Truncate(time.Second)
	// A day earlier, because SINCE disregards the time and the zone (RFC 3501 section 6.4.4).
	uids, err := s.link.uidsSince(since.Add(-24 * time.Hour))
	if err != nil {
		return err
	}
	if len(uids) > maxCandidates {
		uids = uids[len(uids)-maxCandidates:]
	}
	state, err := s.a.load(ctx)
	if err != nil {
		return err
	}
	known := remembered(state, f.name)
	// A copy takes the new numbers; the folder itself changes only when all is stored.
	next := &folder{name: f.name, st: f.st, ring: f.ring, known: true}
	next.st.UIDValidity, next.st.Last, next.st.CheckedAt = o.uidValidity, last, s.a.src.clock.Now()
	if sameValidity {
		next.st.Generation++
	}
	fresh, err := s.arrived(f, uids, since)
	if err != nil {
		return err
	}
	var events []notify.Event
	var stamps []stamp
	for _, m := range fresh {
		st, ok := m.stamp()
		if ok && known[st] {
			continue
		}
		if ok {
			stamps = append(stamps, st)
		}
		events = append(events, m.event(next, s.a.login, next.st.CheckedAt))
	}
	if err := s.store(ctx, next, events, stamps); err != nil {
		return err
	}
	f.st, f.ring, f.looked, f.absent, f.taken = next.st, next.ring, next.st.CheckedAt, 0, nil
	return nil
}

// arrived gives the messages among uids that arrived after a time and are to be told.
func (s *session) arrived(f *folder, uids []uint32, since time.Time) ([]message, error) {
	var out []message
	for len(uids) > 0 {
		n := min(f.chunkNow(), len(uids))
		msgs, err := s.fetchChunk(f, uids[:n])
		if err != nil {
			if !s.shrink(f, uids[:n], err) {
				return nil, err
			}
			continue
		}
		f.grow(n)
		uids = uids[n:]
		for _, m := range msgs {
			if !m.date.Before(since) && m.quiet() == "" {
				out = append(out, m)
			}
		}
	}
	if len(out) < importBatch {
		return out, nil
	}
	// So many at once: a move to another server gave old mail a new INTERNALDATE. Its own Date decides.
	recent := out[:0]
	for _, m := range out {
		if !m.head.sent.Before(since) {
			recent = append(recent, m)
		}
	}
	return recent, nil
}

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
