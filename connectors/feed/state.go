package feed

import (
	"encoding/json"
	"maps"
	"time"

	"allim.dev/allim/connectors/ical"
)

// The names of the account's state.
const (
	stateHead    = "feed"
	stateSeen    = "seen"
	stateObjects = "o/" // a calendar's objects, by the hash of kind and UID
)

// head is what is kept of a feed as a whole.
type head struct {
	URL        string     `json:"url"` // a hash: of another address nothing holds
	Calendar   bool       `json:"calendar,omitempty"`
	Validators validators `json:"validators"`
	Body       string     `json:"body,omitempty"`  // hash of the last answer
	Since      time.Time  `json:"since"`           // when it was first seen
	Whole      time.Time  `json:"whole"`           // when it was last fetched without a condition
	Looked     time.Time  `json:"looked"`          // when the calendar's reminders were last made
	Zones      string     `json:"zones,omitempty"` // for which zones
	NotBefore  time.Time  `json:"notBefore,omitzero"`
	SharedIDs  bool       `json:"sharedIds,omitempty"` // different items have one guid
	NewIDs     bool       `json:"newIds,omitempty"`    // items get new guids and dates at every answer
	Missing    int        `json:"missing,omitempty"`   // answers in a row in which a calendar was suddenly empty

	dirty bool
}

// set changes a flag.
func (h *head) set(flag *bool, to bool) {
	if *flag != to {
		*flag, h.dirty = to, true
	}
}

// state is all that is kept of a feed. A round changes a copy, which takes the place of this one when it was put.
type state struct {
	head    head
	seen    *seen
	objects map[string]object
	fresh   bool // nothing is known: the next answer is silent
}

// object is one of a calendar.
type object struct {
	raw   []byte
	print id // of its content without what only names it
}

// readState reads what is stored; a feed of another address, or what cannot be read, begins anew.
func readState(stored map[string][]byte, url string) *state {
	st := &state{seen: readSeen(nil), objects: map[string]object{}, fresh: true}
	if json.Unmarshal(stored[stateHead], &st.head) != nil || st.head.URL != url {
		st.head = head{URL: url}
		return st
	}
	st.fresh = false
	st.seen = readSeen(stored[stateSeen])
	for name, raw := range stored {
		if len(name) > len(stateObjects) && name[:len(stateObjects)] == stateObjects {
			st.objects[name] = object{raw: raw, print: fingerprint(raw)}
		}
	}
	return st
}

// clone gives a copy for a round.
func (st *state) clone() *state {
	c := *st
	c.seen = &seen{days: maps.Clone(st.seen.days)}
	c.objects = maps.Clone(st.objects)
	return &c
}

// stored gives what of head and seen has changed.
func (st *state) stored() map[string][]byte {
	out := map[string][]byte{}
	if st.head.dirty {
		out[stateHead], _ = json.Marshal(st.head) // of strings, numbers and times: it cannot fail
		st.head.dirty = false
	}
	if st.seen.dirty {
		out[stateSeen] = st.seen.bytes()
		st.seen.dirty = false
	}
	return out
}

// parsed reads a kept object again; nil when it cannot be.
func (o object) parsed() *ical.Object {
	cal, err := ical.Parse(o.raw, "utf-8")
	if err != nil || len(cal.Objects) == 0 {
		return nil
	}
	return cal.Objects[0]
}
