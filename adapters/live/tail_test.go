package live

import (
	"context"
	"fmt"
	"testing"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// logged is a fakeInbox whose log can be followed as a whole.
type logged struct{ *fakeInbox }

func (f logged) InboxRows(_ context.Context, after notify.Cursor, limit int) ([]notify.InboxRow, notify.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := notify.Cursor{Epoch: f.epoch, Seq: f.seq}
	if limit == 0 || f.fail != nil {
		return nil, next, f.fail
	}
	var rows []notify.InboxRow
	for _, e := range f.log {
		if e.item.Seq <= after.Seq {
			continue
		}
		if len(rows) == limit {
			next.Seq = rows[limit-1].Seq
			break
		}
		row := notify.InboxRow{Seq: e.item.Seq, User: e.user}
		if e.user == "" && e.item.Notification.Template == "" { // with one it stands for a row that is mixed
			row.Item = &e.item
		}
		rows = append(rows, row)
	}
	return rows, next, nil
}

func newLoggedHouse(t *testing.T) *house {
	return newHouse(t, func(o *Options) { o.Inbox = logged{o.Inbox.(*fakeInbox)} }, nil)
}

// What is for everybody costs the pages no looks of their own; what is personal or mixed does, and is in order.
func TestSharedLooks(t *testing.T) {
	h := newLoggedHouse(t)
	var streams []*livetest.Stream
	for range 10 {
		s := h.open("user=kim", "")
		h.want(s, "ready e1.0")
		streams = append(streams, s)
	}
	alex := h.open("user=alex", "")
	h.want(alex, "ready e1.0")
	h.inbox.putText("", "begin")
	for _, s := range append(streams, alex) {
		h.want(s, "notification e1.1")
	}
	h.inbox.set(func() { h.inbox.looks = 0 })
	for seq := int64(2); seq <= 50; seq++ {
		h.inbox.putText("", fmt.Sprint("x", seq))
		for _, s := range append(streams, alex) {
			h.want(s, "notification "+id(seq))
		}
	}
	h.inbox.set(func() {
		if h.inbox.looks != 0 {
			t.Errorf("%d looks into people's own inboxes", h.inbox.looks)
		}
	})
	h.bus.deaf.Store(true)
	h.inbox.putText("kim", "kim's own")
	h.inbox.putText("alex", "alex's own")
	h.bus.deaf.Store(false)
	h.inbox.putText("", "for all")
	h.inbox.put("", notify.Notification{Template: "mixed"})
	for _, s := range streams {
		h.want(s, "notification e1.51", "notification e1.53", "notification e1.54")
	}
	h.want(alex, "notification e1.52", "notification e1.53", "notification e1.54")
	h.inbox.putText("", "after")
	h.want(alex, "notification e1.55")
}

// Past its bounds the tail begins anew; who is behind reads alone.
func TestTailBounds(t *testing.T) {
	h := newLoggedHouse(t)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	h.inbox.putText("", "begin")
	h.want(s, "notification e1.1")
	h.bus.deaf.Store(true)
	last := int64(0)
	for range tailPage * (tailPages + 1) / 10 {
		for range 9 {
			h.inbox.putText("alex", "x")
		}
		last = h.inbox.putText("", "y")
	}
	h.bus.deaf.Store(false)
	h.bus.Wake(notify.SubjectInboxAll)
	for seq := int64(11); seq <= last; seq += 10 {
		h.want(s, "notification "+id(seq))
	}
	h.inbox.putText("", "z")
	h.want(s, "notification "+id(last+1))
	l := h.live.engine.tail
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.items) > tailItems || len(l.personal) > tailUsers {
		t.Errorf("keeps %d items and %d people", len(l.items), len(l.personal))
	}
}

// The log is rebuilt under open streams.
func TestSharedLooksResync(t *testing.T) {
	h := newLoggedHouse(t)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	h.inbox.putText("", "x")
	h.want(s, "notification e1.1")
	h.inbox.set(func() { h.inbox.epoch, h.inbox.log, h.inbox.seq = "e2", nil, 0 })
	h.bus.Wake(notify.SubjectInboxAll)
	h.want(s, "resync e2.0")
	h.inbox.putText("", "x")
	h.want(s, "notification e2.1")
}

// Cuts, with everything that is for everybody from the shared tail.
func TestSharedLooksLoseNothing(t *testing.T) {
	h := newLoggedHouse(t)
	h.follow(h.srv.Client(), 3, 0)
	notifytest.Until(t, "the stream's end", func() bool { return h.bus.count() == 0 })
}
