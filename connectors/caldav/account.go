package caldav

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

// account is one calendar home. One goroutine at a time looks at it.
type account struct {
	src    *source
	id     string
	who    identity
	access *access

	loaded      bool
	place       placeState
	plan        planState
	zones       []ical.Zone            // of the account's people
	addresses   []string               // of the account's people
	collections map[string]*collection // by id
	health      tracker
	tries       retries

	next  time.Time // when it is looked at again
	index int       // in the queue; -1: not there
	// The manager's: another account follows this one when its look ends; it was removed.
	follows *account
	removed bool
}

// identity is what makes an account another one when it changes.
type identity struct {
	login, secret, zones, addresses string
}

func identityOf(a notify.Account) identity {
	return identity{login: a.Login, secret: a.Secret, zones: strings.Join(append([]string{a.TimeZone}, a.Zones...), "\n"),
		addresses: strings.Join(a.Addresses, "\n")}
}

// collection is one calendar or task list of an account.
type collection struct {
	id    string
	daily time.Duration // how often a full listing is made
	state collectionState
}

// daily is how often an account's daily work is done: between 18 and 24 hours, each account with its own, so that those that
// were added together do not stay together.
func (a *account) daily() time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(a.id)) // a hash takes everything
	return 24*time.Hour - time.Duration(h.Sum32()%(6*3600))*time.Second
}

// restore reads the stored state, once.
func (a *account) restore(ctx context.Context) error {
	if a.loaded {
		return nil
	}
	state, err := a.src.watch.Load(ctx, a.id)
	if err != nil {
		return storeTrouble(err)
	}
	a.collections = map[string]*collection{}
	a.place, a.plan = placeState{}, planState{}
	_ = json.Unmarshal(state[keyPlace], &a.place) // none, or none of ours: it is found again
	_ = json.Unmarshal(state[keyPlan], &a.plan)
	for key, value := range state {
		if id, ok := strings.CutPrefix(key, collectionKey("")); ok {
			c := &collection{id: id, daily: a.daily()}
			if json.Unmarshal(value, &c.state) == nil {
				a.collections[id] = c
			}
			continue
		}
		if !strings.HasPrefix(key, objectKey("", "")[:2]) {
			continue
		}
		if o := decodeObject(value); o != nil && o.Bad != "" {
			a.health.note(o.Href, o.Bad)
		}
	}
	a.loaded = true
	return nil
}

// put stores a batch, trying again for a moment while the store is in trouble. What was seen is in memory only here, but
// the server has it still, and the tokens did not move: nothing is lost by giving up.
func (a *account) put(ctx context.Context, b notify.Batch) error {
	const tries = 3
	b.Account = a.id
	for n := 1; ; n++ {
		err := a.src.watch.Put(ctx, b)
		if err == nil {
			break
		}
		t := storeTrouble(err)
		if n == tries || errors.Is(t, errGone) || errors.Is(t, errStale) || ctx.Err() != nil {
			return t
		}
		a.src.sleep(ctx, spread(200*time.Millisecond))
	}
	if len(b.Events) > 0 {
		a.health.h.LastEventAt, a.health.dirty = a.src.clock.Now(), true
	}
	return nil
}

func storeTrouble(err error) error {
	switch notify.CodeOf(err) {
	case notify.CodeStaleEpoch:
		return errStale
	case notify.CodeUnknownAccount:
		return errGone
	}
	return &trouble{kind: kindStore, text: "what was seen could not be stored; it is looked at again", err: err}
}

// owner is the person as the calendars know them.
func (a *account) owner(c *collection) ical.Owner {
	o := ical.Owner{Addresses: slices.Concat(a.place.Addresses, a.addresses), Zones: a.zones, CalendarZone: c.state.Zone, Foreign: c.state.Foreign, Calendar: c.state.shown(),
		Reminder: a.src.settings.Reminders.Default}
	if strings.Contains(a.who.login, "@") {
		o.Addresses = append(o.Addresses, a.who.login)
	}
	return o
}
