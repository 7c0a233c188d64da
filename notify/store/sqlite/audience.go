package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"allim.dev/allim/notify"
)

// Kinds of a row of the table audience.
const (
	toUser = iota
	toIdentity
	toDevice
	toTopic
	toAll
)

// sqlInboxEnd is the number of the newest row of the inbox log, also when it was removed since.
const sqlInboxEnd = `coalesce((SELECT seq FROM sqlite_sequence WHERE name='audience'), 0)`

// entry is a row of the table audience.
type entry struct {
	kind  int
	ref   int64
	user  int64 // kinds user, identity, device
	label string
	shown bool
	of    *toPlan // kind topic: the local reminder that it is of; nil: all members
}

// recipients is one sort of recipient of a notification, with its word for what is unknown.
type recipients struct {
	path string
	code notify.Code
}

// resolver turns an audience into entries and collects what is unknown.
type resolver struct {
	t       *tx
	s       *Store
	partial bool
	entries []entry
	code    notify.Code // of the first unknown one
	unknown []notify.FieldError
	seen    map[[2]int64]bool // (kind, ref)
	shown   map[int64]bool    // users with an inbox item
}

// resolve finds everybody whom n.To names. Unknown ones are an error that names them all, or, with n.Partial, dropped
// from n.To into n.Skipped.
func (t *tx) resolve(s *Store, n notify.Notification) (notify.Notification, []entry, error) {
	r := &resolver{t: t, s: s, partial: n.Partial, seen: map[[2]int64]bool{}, shown: map[int64]bool{}}
	to := n.To
	var err error
	if to.Users, err = lookUp(r, to.Users, recipients{"to.users", notify.CodeUnknownUser}, r.user); err != nil {
		return n, nil, err
	}
	if to.Identities, err = lookUp(r, to.Identities, recipients{"to.identities", notify.CodeUnknownIdentity}, r.identity); err != nil {
		return n, nil, err
	}
	if to.Devices, err = lookUp(r, to.Devices, recipients{"to.devices", notify.CodeUnknownDevice}, r.device); err != nil {
		return n, nil, err
	}
	if to.Topics, err = lookUp(r, to.Topics, recipients{"to.topics", notify.CodeUnknownTopic}, r.topic); err != nil {
		return n, nil, err
	}
	if to.All {
		r.add(entry{kind: toAll})
	}
	if r.unknown != nil && !n.Partial {
		return n, nil, &notify.Error{Code: r.code, Detail: "some of the audience is not known", Fields: r.unknown}
	}
	n.To, n.Skipped = to, r.unknown
	return n, r.entries, nil
}

// lookUp resolves one sort of recipient and gives those that are known, each once.
func lookUp[T any](r *resolver, names []T, what recipients, find func(T) (entry, string, error)) ([]T, error) {
	known := names[:0:0]
	for i, name := range names {
		e, message, err := find(name)
		if err != nil {
			return nil, err
		}
		if message != "" {
			if r.code == "" {
				r.code = what.code
			}
			if r.partial { // kept with the notification: a name could become that of a person who is erased later
				message = "is not known"
			}
			r.unknown = append(r.unknown, notify.FieldError{Path: fmt.Sprintf("%s[%d]", what.path, i), Message: message})
			continue
		}
		if r.add(e) {
			known = append(known, name)
		}
	}
	return known, nil
}

// add keeps an entry; false when there is the same one already. A person gets one inbox item.
func (r *resolver) add(e entry) bool {
	key := [2]int64{int64(e.kind), e.ref}
	if e.kind != toIdentity && r.seen[key] {
		return false
	}
	r.seen[key] = true
	e.shown = e.user == 0 || !r.shown[e.user]
	r.shown[e.user] = true
	r.entries = append(r.entries, e)
	return true
}

// found gives the message for a name that is not known.
func unknown(err error, format string, args ...any) (string, error) {
	ok, err := found(err)
	if err != nil || ok {
		return "", err
	}
	return fmt.Sprintf(format, args...), nil
}

func (r *resolver) user(name string) (entry, string, error) {
	e := entry{kind: toUser}
	err := r.t.row(sqlUserKey, name).Scan(&e.ref)
	e.user = e.ref
	message, err := unknown(err, "there is no user %q", name)
	return e, message, err
}

func (r *resolver) identity(i notify.Identity) (entry, string, error) {
	e := entry{kind: toIdentity, label: i.String()}
	err := r.t.row(sqlTakenBy, i.Kind, i.Value).Scan(&e.ref)
	e.user = e.ref
	message, err := unknown(err, "no user has the identity %s", i)
	return e, message, err
}

func (r *resolver) device(name string) (entry, string, error) {
	key, ok := r.s.deviceKey(name)
	if !ok {
		return entry{}, fmt.Sprintf("there is no device %q", name), nil
	}
	e := entry{kind: toDevice, ref: key}
	message, err := unknown(r.t.row(`SELECT user FROM devices WHERE key=?`, key).Scan(&e.user), "there is no device %q", name)
	return e, message, err
}

func (r *resolver) topic(name string) (entry, string, error) {
	e := entry{kind: toTopic}
	message, err := unknown(r.t.row(sqlTopicWithAny, name).Scan(&e.ref), "the topic %q has no members", name)
	return e, message, err
}

// insertAudience writes the rows of one notification, which stand together in the inbox log.
func (t *tx) insertAudience(seq int64, entries []entry, shown bool) error {
	for _, e := range entries {
		var user any
		if e.user != 0 {
			user = e.user
		}
		var zone any
		var wall, event int64
		if e.of != nil {
			zone, wall = localColumns(e.of.Local)
			event = e.of.seq
		}
		if _, err := t.keep(keptAudience, seq, e.kind, e.ref, user, orNull(e.label), flag(shown && e.shown), zone, wall, event); err != nil {
			return err
		}
	}
	return nil
}

const sqlAudience = `SELECT a.kind, a.ref, a.user, a.label, u.id, t.name FROM audience a LEFT JOIN users u ON u.key=a.user
	LEFT JOIN topics t ON a.kind=3 AND t.key=a.ref WHERE a.notification=? ORDER BY a.seq`

// audience gives a notification's audience back as it was asked for, with the names of today.
func (s *Store) audience(q querier, seq int64, to *notify.Audience) error {
	rows, err := q.rows(sqlAudience, seq)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := map[string]bool{}
	for rows.Next() {
		var kind int
		var ref int64
		var user *int64
		var label, id, topic text
		if err := rows.Scan(&kind, &ref, &user, &label, &id, &topic); err != nil {
			return err
		}
		switch kind {
		case toUser:
			if !seen[string(id)] { // merged users
				seen[string(id)] = true
				to.Users = append(to.Users, string(id))
			}
		case toIdentity:
			k, v, _ := strings.Cut(string(label), ":")
			to.Identities = append(to.Identities, notify.Identity{Kind: k, Value: v})
		case toDevice:
			to.Devices = append(to.Devices, s.deviceID(ref))
		case toTopic:
			to.Topics = append(to.Topics, string(topic))
		case toAll:
			to.All = true
		}
	}
	return rows.Err()
}

// personal tells whether the audience is a few named users, so that their devices are looked up one by one.
func personal(entries []entry) bool {
	return len(entries) <= notify.SmallAudience && !slices.ContainsFunc(entries, func(e entry) bool { return e.kind >= toTopic })
}
