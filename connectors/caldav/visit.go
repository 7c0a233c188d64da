package caldav

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// visit is one look at an account.
type visit struct {
	a     *account
	now   time.Time
	state map[string][]byte // read when something changed
	uids  map[string][]string
	batch notify.Batch // not yet stored
}

// look brings an account up to date. The error is a trouble; one that concerns a single collection is noted, and the others
// are looked at.
func (a *account) look(ctx context.Context) error {
	if err := a.restore(ctx); err != nil {
		return err
	}
	v := &visit{a: a, now: a.src.clock.Now()}
	v.reset()
	full, err := v.find(ctx)
	if err != nil {
		return err
	}
	found, complete, err := v.list(ctx, full)
	if err != nil {
		return err
	}
	trouble := v.follow(ctx, found)
	if ofHost(trouble) {
		return trouble
	}
	if complete {
		if err := v.vanished(ctx, found); err != nil {
			return err
		}
	}
	if err := v.replan(ctx); err != nil {
		return err
	}
	return trouble
}

func (v *visit) reset() {
	v.batch = notify.Batch{State: map[string][]byte{}, Reminders: map[notify.Object][]notify.Reminder{}}
}

// find makes sure that the homes are known; once a day they are looked for again. It tells whether that was now.
func (v *visit) find(ctx context.Context) (bool, error) {
	a := v.a
	known := len(a.place.Homes) > 0
	if known && v.now.Sub(a.place.FoundAt) < a.daily() && !v.now.Before(a.place.FoundAt) {
		return false, nil
	}
	p, err := a.access.discover(ctx, a.src.locator)
	switch {
	case known && is(err, kindSetup, kindForeign, kindRefused, kindForbidden, kindGone):
		a.health.note("discovery", asTrouble(err).text)
		p = a.place.place // what was found before may still be good
	case err != nil:
		return false, err
	default:
		a.health.unnote("discovery")
	}
	next := placeState{place: p, FoundAt: v.now}
	if err := a.put(ctx, notify.Batch{State: map[string][]byte{keyPlace: encodeJSON(next)}}); err != nil {
		return false, err
	}
	a.place = next
	return true, nil
}

// list asks the homes what calendars there are, with one request each; a second one when there is a new one.
func (v *visit) list(ctx context.Context, full bool) (map[string]listed, bool, error) {
	a := v.a
	if !full {
		found, complete, err := a.access.homes(ctx, a.place.place, propsPoll)
		if err != nil {
			return nil, false, v.homeless(err)
		}
		known := true
		for id := range found {
			known = known && a.collections[id] != nil
		}
		if known {
			return found, complete, nil
		}
	}
	found, complete, err := a.access.homes(ctx, a.place.place, propsFull)
	if err != nil {
		return nil, false, v.homeless(err)
	}
	for id, l := range found {
		c := a.collections[id]
		if c == nil {
			c = &collection{id: id, daily: a.daily()}
			a.collections[id] = c
		}
		c.state.URL, c.state.Name, c.state.Components = l.url.String(), l.props.name, l.props.components
		c.state.Zone, c.state.Foreign = l.props.timezone, l.foreign(a.place.place)
	}
	return found, complete, nil
}

// homeless looks for the home again next time, when it is not where it was.
func (v *visit) homeless(err error) error {
	if is(err, kindGone) {
		v.a.place.FoundAt = time.Time{}
		return &trouble{kind: kindRefused, text: "the calendar home is not there any more; it is looked for again", err: err}
	}
	return err
}

// follow sees to the collections that are there. First all changes are found, then what is new or changed is taken, then
// what is gone: so a meeting that moved from one calendar to another is no news.
func (v *visit) follow(ctx context.Context, found map[string]listed) error {
	var diffs []*diff
	var failed error
	fail := func(c *collection, err error) bool {
		if ofHost(err) || ctx.Err() != nil {
			return true
		}
		failed = troublef(kindRefused, "the collection %s: %s", c.state.URL, asTrouble(err).text)
		v.a.health.note(c.state.URL, asTrouble(err).text)
		return false
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		c, l := v.a.collections[id], found[id]
		if !c.due(l.props, v.now) {
			continue
		}
		d, err := v.compare(ctx, c, l)
		if err == nil {
			diffs = append(diffs, d)
		} else if fail(c, err) {
			return err
		}
	}
	for i, d := range diffs {
		if err := v.take(ctx, d); err != nil {
			if fail(d.c, err) {
				return err
			}
			diffs[i] = nil
		}
	}
	for _, d := range diffs {
		if d == nil {
			continue
		}
		if err := v.finish(ctx, d); err != nil {
			return err
		}
	}
	return failed
}

// vanished counts the collections that a complete listing did not have. One that is missing twice, and says 404 itself, is
// gone, with its reminders; nobody is told of that as of cancelled meetings.
func (v *visit) vanished(ctx context.Context, found map[string]listed) error {
	for id, c := range v.a.collections {
		_, here := found[id]
		if here && c.state.Absent == 0 {
			continue
		}
		next := c.state
		if next.Absent++; here {
			next.Absent = 0
		}
		if next.Absent > 1 {
			at, err := resolveText(c.state.URL)
			if err == nil {
				_, _, err = v.a.access.one(ctx, at, `<D:resourcetype/>`)
			}
			if is(err, kindGone) {
				if err := v.drop(ctx, c); err != nil {
					return err
				}
				continue
			}
			if err != nil && ofHost(err) {
				return err
			}
			next.Absent = 1 // it still answers: perhaps the listing is wrong
		}
		if err := v.a.put(ctx, notify.Batch{State: map[string][]byte{collectionKey(id): encodeJSON(next)}}); err != nil {
			return err
		}
		c.state = next
	}
	return nil
}

// drop forgets a collection with its objects and their reminders.
func (v *visit) drop(ctx context.Context, c *collection) error {
	known, err := v.objects(ctx, c.id)
	if err != nil {
		return err
	}
	for id, o := range known {
		v.forget(c, id, o)
		if err := v.flush(ctx, false); err != nil {
			return err
		}
	}
	v.batch.State[collectionKey(c.id)] = nil
	if err := v.flush(ctx, true); err != nil {
		return err
	}
	delete(v.a.collections, c.id)
	v.a.health.unnote(c.state.URL)
	v.a.src.log.Info("a calendar is not there any more", "account", v.a.id, "collection", c.state.URL)
	return nil
}

// forget takes an object out of the state.
func (v *visit) forget(c *collection, id string, o *objectState) {
	v.batch.State[objectKey(c.id, id)] = nil
	v.batch.Reminders[object(c.id, id)] = nil
	v.a.health.unnote(o.Href)
}

// object names an object for its reminders.
func object(collection, id string) notify.Object { return notify.Object(collection + "/" + id) }

// objects gives the known objects of a collection.
func (v *visit) objects(ctx context.Context, collection string) (map[string]*objectState, error) {
	if err := v.load(ctx); err != nil {
		return nil, err
	}
	known := map[string]*objectState{}
	for key, value := range v.state {
		if id, ok := strings.CutPrefix(key, objectKey(collection, "")); ok {
			if o := decodeObject(value); o != nil {
				known[id] = o
			}
		}
	}
	return known, nil
}

func (v *visit) load(ctx context.Context) error {
	if v.state != nil {
		return nil
	}
	state, err := v.a.src.watch.Load(ctx, v.a.id)
	if err != nil {
		return storeTrouble(err)
	}
	v.state = state
	return nil
}

// fullBatch is how many objects are stored at once, at most, so that a big calendar is no big transaction.
const fullBatch = 200

// flush stores what was gathered, when it is enough or has to be now.
func (v *visit) flush(ctx context.Context, now bool) error {
	if !now && len(v.batch.State) < fullBatch || len(v.batch.State) == 0 {
		return nil
	}
	if err := v.a.put(ctx, v.batch); err != nil {
		return err
	}
	for key, value := range v.batch.State {
		if v.state == nil {
			break
		}
		if value == nil {
			delete(v.state, key)
		} else {
			v.state[key] = value
		}
	}
	v.reset()
	return nil
}
