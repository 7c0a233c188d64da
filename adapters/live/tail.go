package live

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/notify"
)

// Bounds of what is kept of the log's end; past them it begins anew, and readers look for themselves.
const (
	tailItems = 64     // for everybody
	tailUsers = 16_384 // with an item of their own
	tailPage  = 4096   // rows read at once
	tailPages = 4      // at one refresh
	tailFresh = time.Second
)

// tail is the end of the inbox log, read once for all readers that have come as far: a message to everybody costs one
// look into the store and one encoding for each transport and language, not one of each for every page.
type tail struct {
	log   notify.InboxLog // nil: there is none, and nothing is ever served from here
	clock notify.Clock

	begun atomic.Uint64 // refreshes; a wake-up that came before one began is served by it

	reading sync.Mutex // one refresh at a time

	mu       sync.RWMutex
	done     uint64    // the last refresh that ended
	readAt   time.Time // when it ended
	epoch    string
	from, to int64 // what is kept: the rows behind from, up to to
	items    []*tailItem
	mixed    int64            // the last row of which only a look of one's own can tell
	personal map[string]int64 // the last row of a person's own
}

// tailItem is an item for everybody, encoded when it is asked for.
type tailItem struct {
	notify.InboxItem
	mu      sync.Mutex
	encoded map[encoding][]byte
}

type encoding struct {
	enc     encoder
	variant notify.Variant
}

func newTail(inbox notify.InboxStore, clock notify.Clock) *tail {
	t := &tail{clock: clock, personal: map[string]int64{}}
	t.log, _ = inbox.(notify.InboxLog)
	return t
}

// refresh reads on, unless a refresh that began after the moment has ended already.
func (t *tail) refresh(ctx context.Context, moment uint64) error {
	if t.after(moment) {
		return nil
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	if t.after(moment) {
		return nil
	}
	this := t.begun.Add(1)
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := t.read(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done, t.readAt = this, t.clock.Now()
	return nil
}

func (t *tail) after(moment uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.done > moment
}

// now is a moment for refresh: of the present, or, when that will do, of a short while ago.
func (t *tail) now(recent bool) uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if age := t.clock.Now().Sub(t.readAt); recent && t.done > 0 && age >= 0 && age < tailFresh {
		return t.done - 1
	}
	return t.begun.Load()
}

func (t *tail) read(ctx context.Context) error {
	for page := 0; ; page++ {
		at := notify.Cursor{Epoch: t.epoch, Seq: t.to}
		if t.epoch == "" || page == tailPages {
			_, end, err := t.log.InboxRows(ctx, notify.Cursor{}, 0)
			if err == nil {
				t.restart(end)
			}
			return err
		}
		rows, next, err := t.log.InboxRows(ctx, at, tailPage)
		if err != nil {
			return err
		}
		if next.Epoch != t.epoch || next.Seq < t.to { // another log
			t.restart(next)
			return nil
		}
		t.add(rows, next.Seq)
		if len(rows) < tailPage {
			return nil
		}
	}
}

func (t *tail) restart(at notify.Cursor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch, t.from, t.to, t.mixed, t.items = at.Epoch, at.Seq, at.Seq, 0, nil
	clear(t.personal)
}

func (t *tail) add(rows []notify.InboxRow, to int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rows {
		switch {
		case r.Item != nil:
			t.items = append(t.items, &tailItem{InboxItem: *r.Item, encoded: map[encoding][]byte{}})
		case r.User != "":
			t.personal[r.User] = r.Seq
		default:
			t.mixed = r.Seq
		}
	}
	t.to = to
	if drop := len(t.items) - tailItems; drop > 0 {
		t.from = max(t.from, t.items[drop-1].Seq)
		t.items = append([]*tailItem(nil), t.items[drop:]...)
	}
	if len(t.personal) > tailUsers {
		t.from, t.items = to, nil
		clear(t.personal)
	}
}

// behind gives what a reader at the cursor has not seen: the items for everybody, and where they end. ok is false when
// only a look of its own can tell.
func (t *tail) behind(user string, at notify.Cursor) (items []*tailItem, next notify.Cursor, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if at.Epoch != t.epoch || at.Seq < t.from || t.mixed > at.Seq || t.personal[user] > at.Seq {
		return nil, at, false
	}
	first := len(t.items)
	for first > 0 && t.items[first-1].Seq > at.Seq {
		first--
	}
	return t.items[first:], notify.Cursor{Epoch: t.epoch, Seq: max(t.to, at.Seq)}, true
}

// encode gives the item's message, made once.
func (i *tailItem) encode(enc encoder, to reader, epoch string) ([]byte, error) {
	key := encoding{enc, to.variant(i.Notification)}
	i.mu.Lock()
	defer i.mu.Unlock()
	if data, ok := i.encoded[key]; ok {
		return data, nil
	}
	it := newItem(i.InboxItem, epoch, key.variant)
	var b bytes.Buffer
	if err := enc.item(&b, &it); err != nil {
		return nil, err
	}
	if len(i.encoded) < tailLocales {
		i.encoded[key] = b.Bytes()
	}
	return b.Bytes(), nil
}

// tailLocales bounds what is kept of one item: a locale is what a client says it is.
const tailLocales = 64
