package notify

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Many mails in a short time are one notice. The first is told at once; those that follow it within the person's time
// wait, as stored deliveries, for its end, and are one notice then, under the delivery of the newest.

// bundleTemplate is the template of a notice for many mails.
const bundleTemplate = "mail.bundle"

const (
	bundlesKept = 20_000 // people; past it, those without an open bundle are forgotten, else mails are told one by one
	bundleNames = 3      // senders named
	bundleMost  = 500    // mails in one
)

type bundles struct {
	mu sync.Mutex
	of map[string]map[string]*bundling // by user and source
}

// bundling is one person's at one source: what is open, and the one before, of which some devices may still be told.
type bundling struct{ open, last *bundle }

// bundle is what is told together at its end.
type bundle struct {
	until   time.Time
	head    string // told at once
	members []bundled
}

type bundled struct{ id, from string }

// fate of a mail among others.
type fate struct {
	hold    time.Time // wait until then
	covered bool      // another one tells of it
	members []bundled // tell of all these
}

// look says what becomes of n for a person who wants mails within window together.
func (b *bundles) look(user string, n Notification, window time.Duration, now time.Time) fate {
	b.mu.Lock()
	defer b.mu.Unlock()
	row := b.row(user, n.source(), now)
	if row == nil {
		return fate{}
	}
	for _, known := range []*bundle{row.open, row.last} {
		if f, ok := known.fateOf(n.ID, now); ok {
			return f
		}
	}
	switch {
	case row.open == nil, !now.Before(row.open.until.Add(window)), !now.Before(row.open.until) && len(row.open.members) == 0:
		row.last, row.open = row.open, &bundle{until: now.Add(window), head: n.ID}
		return fate{}
	case !now.Before(row.open.until): // a bundle was told a moment ago
		row.last, row.open = row.open, &bundle{until: row.open.until.Add(window)}
	case len(row.open.members) >= bundleMost:
		return fate{}
	}
	row.open.members = append(row.open.members, bundled{n.ID, senderOf(n)})
	return fate{hold: row.open.until}
}

// fateOf says what becomes of a mail that the bundle knows.
func (b *bundle) fateOf(id string, now time.Time) (fate, bool) {
	if b == nil {
		return fate{}, false
	}
	i := slices.IndexFunc(b.members, func(m bundled) bool { return m.id == id })
	switch {
	case id == b.head:
		return fate{}, true
	case i < 0:
		return fate{}, false
	case now.Before(b.until):
		return fate{hold: b.until}, true
	case i < len(b.members)-1:
		return fate{covered: true}, true
	case len(b.members) == 1:
		return fate{}, true
	}
	return fate{members: slices.Clone(b.members)}, true
}

// row finds or makes a person's; nil when there is no room.
func (b *bundles) row(user, source string, now time.Time) *bundling {
	if b.of == nil {
		b.of = map[string]map[string]*bundling{}
	}
	mine := b.of[user]
	if mine == nil {
		if len(b.of) >= bundlesKept && !b.tidy(now) {
			return nil
		}
		mine = map[string]*bundling{}
		b.of[user] = mine
	}
	if mine[source] == nil {
		mine[source] = &bundling{}
	}
	return mine[source]
}

// tidy forgets people whose bundles are over for as long as a bundle can last.
func (b *bundles) tidy(now time.Time) bool {
	for user, mine := range b.of {
		over := true
		for _, row := range mine {
			over = over && (row.open == nil || row.open.until.Add(maxBundle*time.Second).Before(now))
		}
		if over {
			delete(b.of, user)
		}
	}
	return len(b.of) < bundlesKept
}

// forget takes what was read out of a person's bundles: the others must not hang on it.
func (b *bundles) forget(user string, ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range b.of[user] {
		for _, known := range []*bundle{row.open, row.last} {
			if known != nil {
				known.members = slices.DeleteFunc(known.members, func(m bundled) bool { return slices.Contains(ids, m.id) })
			}
		}
	}
}

// together makes the one notice for all of them out of the newest.
func (n Notification) together(members []bundled) Notification {
	var names []string
	for _, m := range slices.Backward(members) {
		if m.from != "" && !slices.Contains(names, m.from) {
			names = append(names, m.from)
		}
	}
	if len(names) > bundleNames {
		names = append(names[:bundleNames], "…")
	}
	count := strconv.Itoa(len(members))
	n.Template = bundleTemplate
	n.Params = map[string]string{"count": count, "names": strings.Join(names, ", ")}
	n.Content.URL = ""
	return n
}

func senderOf(n Notification) string {
	if s := n.Params["fromName"]; s != "" {
		return s
	}
	return n.Params["from"]
}
