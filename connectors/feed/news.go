package feed

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// maxNew is how many items of one answer are told of, the newest: more at once is a moved archive and not news.
const maxNew = 20

// An item has up to three ids. Its guid is what the feed says; dated is its content with its date, plain without. Known is
// what has a known guid or a known dated id. Where only the plain one is known, guid and date are both new: either the same
// notice was published once more, or the feed makes new ids and dates at every answer. It is the latter when that happens
// to most of its items at once.
type ids struct{ guid, dated, plain id }

func (i item) ids() ids {
	link := steadyLink(i.link)
	date := i.date
	if !i.published.IsZero() {
		date = i.published.Format(time.RFC3339)
	}
	out := ids{dated: hashOf("dated", i.title, link, date, emptyIf(date != "", i.summary)), plain: hashOf("plain", i.title, link, i.summary)}
	if i.guid != "" {
		out.guid = hashOf("guid", i.guid)
	}
	return out
}

func emptyIf(yes bool, s string) string {
	if yes {
		return ""
	}
	return s
}

// volatile are parts of links that differ from one visit to the next.
var volatile = regexp.MustCompile(`(?i)^(phpsessid|jsessionid|aspsessionid.*|sessionid|session_id|sess|sid|token|ts|timestamp|_|utm_.*|fbclid|gclid)$`)

// steadyLink takes them out.
func steadyLink(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	u.Fragment = ""
	if i := strings.Index(strings.ToLower(u.Path), ";jsessionid="); i >= 0 {
		u.Path, u.RawPath = u.Path[:i], ""
	}
	q := u.Query()
	for name := range q {
		if volatile.MatchString(name) {
			q.Del(name)
		}
	}
	u.RawQuery = q.Encode() // sorted
	return u.String()
}

// news finds the items that are new, notes all that are there, and says in notes what is odd. silent: a first look.
func (st *state) news(d *document, now time.Time, silent bool) (fresh []item, notes []string) {
	all := make([]ids, len(d.items))
	for n, i := range d.items {
		all[n] = i.ids()
	}
	shared := st.sharedGUIDs(all)
	relied := func(k ids) bool { return k.guid != 0 && !shared[k.guid] && !st.head.SharedIDs && !st.head.NewIDs }
	var again []item
	known := map[ids]bool{}
	for n, i := range d.items {
		switch k := all[n]; {
		case known[k], relied(k) && st.seen.has(k.guid), st.seen.has(k.dated):
		case st.seen.has(k.plain):
			again = append(again, i)
		default:
			fresh = append(fresh, i)
		}
		known[all[n]] = true
	}
	if 2*len(again) > len(d.items) {
		st.head.set(&st.head.NewIDs, true)
	} else if !st.head.NewIDs {
		fresh = append(fresh, again...)
	}
	for _, k := range all {
		st.seen.mark(now, k.dated, k.plain)
		if relied(k) {
			st.seen.mark(now, k.guid)
		}
	}
	st.seen.forget(now, 3*len(all))
	if st.head.SharedIDs || st.head.NewIDs {
		notes = append(notes, "the ids of this feed's items are not reliable: items are told apart by their content")
	}
	if silent {
		return nil, notes
	}
	return fresh, notes
}

// sharedGUIDs finds guids that different items have. When that is the rule, none of them is relied on any more.
func (st *state) sharedGUIDs(all []ids) map[id]bool {
	content, shared, with := map[id]id{}, map[id]bool{}, 0
	for _, k := range all {
		if k.guid == 0 {
			continue
		}
		with++
		if other, ok := content[k.guid]; ok && other != k.plain {
			shared[k.guid] = true
		}
		content[k.guid] = k.plain
	}
	if len(shared) > 0 && 2*len(content) <= with {
		st.head.set(&st.head.SharedIDs, true)
	}
	return shared
}

// youngest leaves out what is too old to be news, and all but the newest of too many.
func (c *connector) youngest(fresh []item, now time.Time) (kept []item, notes []string) {
	for _, i := range fresh {
		if c.settings.MaxAge == 0 || i.published.IsZero() || now.Sub(i.published) <= c.settings.MaxAge {
			kept = append(kept, i)
		}
	}
	oldestFirst(kept)
	if n := len(kept); n > maxNew {
		kept = kept[n-maxNew:]
		notes = append(notes, fmt.Sprintf("%d new items came at once: the newest %d were told", n, maxNew))
	}
	return kept, notes
}

// event makes the event of an item. Its key is the guid's, where that can be relied on.
func (c *connector) event(i item, st *state, d *document, now time.Time) notify.Event {
	k := i.ids()
	key := k.dated
	switch {
	case st.head.NewIDs:
		key = k.plain
	case k.guid != 0 && !st.head.SharedIDs && st.seen.has(k.guid): // noted, so relied on
		key = k.guid
	}
	params := map[string]string{"feed": c.name(d.title), "title": i.title, "summary": i.summary, "author": i.author, "category": i.category}
	if !i.published.IsZero() {
		params["published"] = i.published.Format(time.RFC3339)
	}
	for name, value := range params {
		if value == "" {
			delete(params, name)
		}
	}
	at := i.published
	if at.IsZero() || at.After(now) {
		at = now
	}
	return notify.Event{Key: fmt.Sprintf("item/%016x", uint64(key)), Type: notify.FeedPublished, At: at, SeenAt: now, Params: params,
		URL: firstOf(i.link, d.link)}
}
