package live

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"allim.dev/allim/notify"
)

const (
	pageSize    = 100              // items read and written at once
	readTimeout = 20 * time.Second // for one look into the store
	// lookEvery heartbeats the store is read without a wake-up: those may be lost (notify.Bus).
	lookEvery = 3
)

// follower reads one person's inbox from a cursor on.
type follower struct {
	inbox  notify.InboxStore
	sub    notify.Subscription
	user   string
	reader reader
	reads  *reads        // nil: not asked for
	at     notify.Cursor // everything up to here was read
	limit  int
}

// stretch is what was read at once.
type stretch struct {
	items  []item
	from   notify.Cursor // where it begins
	resync bool
	more   bool // there may be more at once
}

// follow subscribes first and reads afterwards, so that nothing falls between the two. The follower is to be closed.
// CodeInvalid.
func (l *Live) follow(r *http.Request, user string, limit int) (*follower, error) {
	reads, err := l.readsOf(r, user)
	if err != nil {
		return nil, err
	}
	return &follower{
		inbox: l.inbox, user: user, reader: l.reader(r.Context(), user, r.URL.Query().Get("locale")), limit: limit, reads: reads,
		sub: l.bus.Subscribe(reads.subjects(user)...),
	}, nil
}

func (f *follower) close() { f.sub.Close() }

// reader is in whose language and time zone items are written.
type reader struct{ locale, zone string }

// reader has the locale that was asked for, else the person's own, and the person's time zone.
func (l *Live) reader(ctx context.Context, user, asked string) reader {
	if l.users == nil {
		return reader{locale: asked}
	}
	u, err := l.users.User(ctx, user)
	if err != nil {
		return reader{locale: asked} // the first look into the inbox says what is wrong
	}
	return reader{locale: cmp.Or(asked, u.Locale), zone: u.TimeZone}
}

// variant is what the reader is shown of a notification.
func (r reader) variant(n notify.Notification) notify.Variant {
	return n.VariantFor(r.locale, r.zone, "")
}

// end puts the follower behind the newest item.
func (f *follower) end(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	f.at, err = f.inbox.InboxEnd(ctx, f.user)
	return err
}

// next reads on; no items: there is nothing new.
func (f *follower) next(ctx context.Context) (stretch, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	page, err := f.inbox.Inbox(ctx, f.user, f.at, f.limit)
	if err != nil {
		return stretch{}, err
	}
	s := stretch{from: f.at, resync: page.Resync, more: len(page.Items) >= f.limit}
	for _, i := range page.Items {
		s.items = append(s.items, newItem(i, page.Next.Epoch, f.reader.variant(i.Notification)))
	}
	if page.Resync || len(s.items) == 0 {
		s.from = page.Next
		if len(s.items) > 0 {
			s.from.Seq = s.items[0].Seq - 1
		}
	}
	f.at = page.Next
	return s, nil
}

// run keeps one stream going until the client leaves, the stream is old, the hub stops or something fails. first is
// what was read already.
func (l *Live) run(ctx context.Context, f *follower, s *stream, first stretch) error {
	if !first.resync {
		if err := s.ready(first.from); err != nil {
			return err
		}
	}
	if err := l.send(ctx, f, s, first); err != nil {
		return err
	}
	if err := f.tellReads(ctx, s); err != nil {
		return err
	}
	old := l.clock.Now().Add(l.spread(l.maxAge*4/5, l.maxAge))
	// The first heartbeat comes early by chance, so that pages that came together do not beat together.
	beat := l.clock.NewTimer(l.spread(l.heartbeat/2, l.heartbeat))
	defer func() { beat.Stop() }()
	for beats := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.open.draining:
			return s.goodbye(stopping, l.spread(time.Second, retryDrainMax))
		case <-f.sub.C():
		case now := <-beat.C():
			left := old.Sub(now)
			if left <= 0 {
				return s.goodbye(aged, l.spread(retryAged, 2*retryAged))
			}
			beat = l.clock.NewTimer(min(l.heartbeat, left))
			if err := s.ping(); err != nil {
				return err
			}
			if beats++; beats%lookEvery != 0 {
				continue
			}
		}
		if err := l.catchUp(ctx, f, s); err != nil {
			return err
		}
	}
}

// catchUp reads and sends all there is.
func (l *Live) catchUp(ctx context.Context, f *follower, s *stream) error {
	st, err := f.next(ctx)
	if err != nil {
		return err
	}
	if err := l.send(ctx, f, s, st); err != nil {
		return err
	}
	return f.tellReads(ctx, s)
}

// tellReads sends what was read meanwhile, if the client asked for that.
func (f *follower) tellReads(ctx context.Context, s *stream) error {
	for more := f.reads != nil; more; {
		n, again, err := f.reads.next(ctx)
		if err == nil {
			err = s.read(n)
		}
		if err != nil {
			return err
		}
		more = again
	}
	return nil
}

// send sends a stretch and what comes right behind it.
func (l *Live) send(ctx context.Context, f *follower, s *stream, st stretch) error {
	for {
		if st.resync {
			if err := s.resync(st.from); err != nil {
				return err
			}
		}
		if len(st.items) > 0 {
			if err := s.items(st.items); err != nil {
				return err
			}
		}
		if !st.more || l.stopping() {
			return nil
		}
		var err error
		if st, err = f.next(ctx); err != nil {
			return err
		}
	}
}

func (l *Live) stopping() bool {
	select {
	case <-l.open.draining:
		return true
	default:
		return false
	}
}

// startCursor gives where the client wants to go on: a browser's Last-Event-ID is newer than the address that it was
// opened with, so it wins. asked is false when the client names none.
func startCursor(r *http.Request) (at notify.Cursor, asked bool, err error) {
	q := r.URL.Query()
	for _, s := range []string{r.Header.Get("Last-Event-ID"), q.Get("after"), q.Get("cursor")} {
		if s != "" {
			at, err = notify.ParseCursor(s)
			return at, true, err
		}
	}
	return notify.Cursor{}, false, nil
}

// start makes a follower and takes its first look, so that what is wrong is said before the stream begins.
func (l *Live) start(ctx context.Context, r *http.Request, user string, limit int) (*follower, stretch, error) {
	f, err := l.follow(r, user, limit)
	if err != nil {
		return nil, stretch{}, err
	}
	first, err := f.first(ctx, r)
	if err != nil {
		f.close()
		return nil, stretch{}, err
	}
	return f, first, nil
}

// first takes the first look, from where the client wants to go on.
func (f *follower) first(ctx context.Context, r *http.Request) (first stretch, err error) {
	at, asked, err := startCursor(r)
	switch {
	case err != nil:
		return first, err
	case asked:
		f.at = at
		return f.next(ctx)
	}
	err = f.end(ctx)
	first.from = f.at
	return first, err
}
