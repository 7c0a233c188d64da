package caldav

import (
	"context"
	"net/url"
	"time"
)

// diff is what changed in one collection, before anything of it is stored.
type diff struct {
	c      *collection
	url    *url.URL
	first  bool            // never looked at before
	start  time.Time       // of the look
	next   collectionState // what is stored when all of it is done
	known  map[string]*objectState
	want   map[string]member
	gone   []string        // objects that are not there any more, for sure
	absent map[string]bool // objects whose absence was seen, and is to be seen again
	here   map[string]bool // objects that a listing had; nil: there was none
	silent bool            // nobody is told of what is gone
}

// Bounds and waits of looks at a collection.
const (
	heldFor    = 24 * time.Hour // what vanished at once is believed after that
	massAbove  = 5              // so many may go at once without being many
	massOf     = 0.3            // the part of a collection that counts as many
	tokenTries = 2              // tokens in a row that are refused: the server has none that work
)

// due tells whether a collection is to be looked at, by what its home says of it.
func (c *collection) due(p props, now time.Time) bool {
	s := &c.state
	switch {
	case c.truth(now), !s.HeldUntil.IsZero() && !now.Before(s.HeldUntil):
		return true
	case p.syncToken == "" && p.ctag == "":
		return true // it does not say whether anything changed
	}
	return p.syncToken != s.Seen || p.ctag != s.CTag
}

// truth tells whether only a full listing will do: once a day it does, whatever the tokens say.
func (c *collection) truth(now time.Time) bool {
	return c.state.Since.IsZero() || c.state.Again || now.Sub(c.state.CheckedAt) >= c.daily
}

// compare finds out what changed: by sync-collection where the server has it and it is to be trusted, else by a listing of
// all etags.
func (v *visit) compare(ctx context.Context, c *collection, l listed) (*diff, error) {
	known, err := v.objects(ctx, c.id)
	if err != nil {
		return nil, err
	}
	d := &diff{c: c, url: l.url, first: c.state.Since.IsZero(), start: v.now, next: c.state, known: known,
		want: map[string]member{}, absent: map[string]bool{}}
	d.next.CTag, d.next.Seen = l.props.ctag, l.props.syncToken
	if d.first {
		d.next.Since = v.now
	}
	held := c.state.HeldUntil
	if !c.truth(v.now) && (held.IsZero() || v.now.Before(held)) && c.state.Token != "" && c.state.BadTokens < tokenTries {
		ok, err := v.bySync(ctx, d)
		if ok || err != nil {
			return d, err
		}
	}
	return d, v.byListing(ctx, d, l.props.syncToken)
}

// bySync is true when it told all.
func (v *visit) bySync(ctx context.Context, d *diff) (bool, error) {
	ch, err := v.a.access.collect(ctx, d.url, d.c.state.Token)
	switch {
	case is(err, kindToken):
		d.next.BadTokens++
		return false, nil
	case is(err, kindRefused, kindForbidden):
		return false, nil
	case err != nil:
		return false, err
	case ch.odd:
		return false, nil
	}
	var gone []string
	for id := range ch.gone {
		if d.known[id] != nil {
			gone = append(gone, id)
		}
	}
	if many(len(gone), len(d.known)) {
		return false, nil
	}
	d.gone, d.next.Token, d.next.BadTokens = gone, ch.token, 0
	d.wanted(ch.changed)
	return true, nil
}

// byListing compares all etags. The token that the home told of was taken before the listing, so that what changes
// meanwhile comes with the next sync.
func (v *visit) byListing(ctx context.Context, d *diff, token string) error {
	found, complete, err := v.a.access.members(ctx, d.url)
	if err != nil {
		return err
	}
	d.wanted(found)
	if !complete {
		return v.cutShort(d)
	}
	if d.next.BadTokens < tokenTries && !olderToken(token, d.next.Token) {
		d.next.Token = token
	}
	d.next.CheckedAt = v.now
	d.here = map[string]bool{}
	for id := range found {
		d.here[id] = true
	}
	return v.missing(ctx, d)
}

// cutShort is a listing that broke off: what it has is taken, what it has not is not known, and it is asked for again.
func (v *visit) cutShort(d *diff) error {
	if d.first {
		return troublef(kindRefused, "the listing of the collection broke off")
	}
	d.next = d.c.state
	return nil
}

// wanted picks what is to be fetched: what is new or has another etag. What was set aside waits for another etag, unless
// its trouble may have passed.
func (d *diff) wanted(found map[string]member) {
	for id, m := range found {
		o := d.known[id]
		if o == nil || m.etag == "" || o.ETag != m.etag || o.Again {
			d.want[id] = m
		}
	}
}

// missing judges what a complete listing did not have. Few are believed when the next listing has them neither, and all of
// a small collection when each is gone by its own address, too; many at once are held for a day.
func (v *visit) missing(ctx context.Context, d *diff) error {
	var ids []string
	for id := range d.known {
		if !d.here[id] {
			ids = append(ids, id)
			d.absent[id] = true
		}
	}
	held := d.next.HeldUntil
	d.next.HeldUntil = time.Time{}
	if many(len(ids), len(d.known)) {
		if held.IsZero() {
			held = v.now.Add(heldFor)
		}
		if v.now.Before(held) {
			d.next.HeldUntil = held
		} else {
			d.gone, d.absent, d.silent = ids, nil, true
		}
		return nil
	}
	for _, id := range ids {
		if d.known[id].Absent == 0 {
			continue
		}
		if len(d.here) == 0 {
			f, err := v.a.access.get(ctx, member{url: v.address(d, id)})
			if err != nil || !f.gone {
				return err
			}
		}
		d.gone = append(d.gone, id)
		delete(d.absent, id)
	}
	return nil
}

// address is where an object was.
func (v *visit) address(d *diff, id string) *url.URL {
	u, err := resolve(d.url, d.known[id].Href)
	if err != nil {
		return d.url // cannot be: it was one when it was stored
	}
	return u
}

// many tells whether n of all objects are more than go in the ordinary course of things.
func many(n, all int) bool { return n > massAbove && float64(n) > massOf*float64(all) }
