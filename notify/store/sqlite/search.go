package sqlite

import (
	"context"
	"strings"

	"allim.dev/allim/notify"
)

// A search goes through three indexes, one after the other, each from where the last page stopped: so a page costs the
// same however many people there are. The bounds of a beginning are itself and itself with the greatest character.
const (
	sqlFindID   = `SELECT u.key, u.id FROM users u WHERE u.id>?1 AND u.id>=?2 AND u.id<?3 ORDER BY u.id LIMIT ?4`
	sqlFindName = `SELECT u.key, lower(u.name) FROM users u WHERE (lower(u.name), u.key)>(?1, ?5) AND lower(u.name)>=?2 AND lower(u.name)<?3
		AND NOT (u.id>=?6 AND u.id<?7) ORDER BY lower(u.name), u.key LIMIT ?4`
	sqlFindIdentity = `SELECT i.user, i.value || char(10) || i.kind FROM identities i JOIN users u ON u.key=i.user
		WHERE (i.value, i.kind)>(?1, ?5) AND i.value>=?2 AND i.value<?3 AND NOT (u.id>=?6 AND u.id<?7)
		AND NOT (lower(u.name)>=?2 AND lower(u.name)<?3)
		AND NOT EXISTS (SELECT 1 FROM identities b WHERE b.user=i.user AND b.value>=?2 AND b.value<?3 AND (b.value, b.kind)<(i.value, i.kind))
		ORDER BY i.value, i.kind LIMIT ?4`
	sqlUserByKey  = sqlUserColumns + `WHERE u.key=?`
	sqlFindTopics = `SELECT name, members FROM topics WHERE members>0 AND name>?1 AND name>=?2 AND name<?3 ORDER BY name LIMIT ?4`
)

// The ways of a search, as its cursor begins.
const (
	byID       = "i"
	byName     = "n"
	byIdentity = "v"
)

// hit is a person and the cursor behind.
type hit struct {
	user int64
	at   string
}

// beyond is greater than every text with the beginning.
func beyond(text string) string { return text + "\U0010FFFF" }

// FindUsers implements notify.SearchStore.
func (s *Store) FindUsers(ctx context.Context, text string, p notify.Page) (notify.Found, error) {
	return snapshot(ctx, s, "find users", func(q querier) (f notify.Found, err error) {
		limit := limitOf(p)
		hits, err := find(q, text, p.After, limit+1)
		if err != nil {
			return f, err
		}
		if len(hits) > limit {
			hits = hits[:limit]
			f.Next = hits[limit-1].at
		}
		for _, h := range hits {
			u, err := scanUser(q.row(sqlUserByKey, h.user))
			if err != nil {
				return f, err
			}
			whole, err := withIdentities(q, u)
			if err != nil {
				return f, err
			}
			f.Users = append(f.Users, whole)
		}
		return f, nil
	})
}

// find gives up to limit hits behind a cursor.
func find(q querier, text, after string, limit int) (hits []hit, err error) {
	way, place := byID, ""
	if after != "" {
		var ok bool
		if way, place, ok = strings.Cut(after, ":"); !ok {
			return nil, notify.Errorf(notify.CodeInvalid, badCursor)
		}
	}
	low := strings.ToLower(text)
	// The index is entered where the page begins: at the place of the last one, or, ahead of all, at the beginning itself.
	first, second, _ := strings.Cut(place, "\n")
	switch way {
	case byID:
		if hits, err = collect(q, scanHit(byID), sqlFindID, place, text, beyond(text), limit); err != nil || text == "" {
			return hits, err
		}
		first, second = low, ""
		fallthrough
	case byName:
		if limit -= len(hits); limit > 0 {
			more, err := collect(q, scanHit(byName), sqlFindName, first, low, beyond(low), limit, numberOf(second), text, beyond(text))
			if hits = append(hits, more...); err != nil {
				return nil, err
			}
			limit -= len(more)
		}
		first, second = low, ""
		fallthrough
	case byIdentity:
		if limit > 0 {
			more, err := collect(q, scanHit(byIdentity), sqlFindIdentity, first, low, beyond(low), limit, second, text, beyond(text))
			if hits = append(hits, more...); err != nil {
				return nil, err
			}
		}
		return hits, nil
	}
	return nil, notify.Errorf(notify.CodeInvalid, badCursor)
}

func numberOf(s string) int64 {
	n, err := keyOf(notify.Page{After: s})
	if err != nil {
		return 0
	}
	return n
}

func scanHit(way string) func(scanner) (hit, error) {
	return func(r scanner) (h hit, err error) {
		err = r.Scan(&h.user, &h.at)
		if way == byName {
			h.at += "\n" + itoa(h.user)
		}
		h.at = way + ":" + h.at
		return h, err
	}
}

// FindTopics implements notify.SearchStore.
func (s *Store) FindTopics(ctx context.Context, text string, p notify.Page) ([]notify.Topic, error) {
	return read(ctx, s, "find topics", func(q querier) ([]notify.Topic, error) {
		return collect(q, func(r scanner) (t notify.Topic, err error) {
			err = r.Scan(&t.Name, &t.Members)
			return t, err
		}, sqlFindTopics, p.After, text, beyond(text), limitOf(p))
	})
}

const (
	sqlLaneKeys = `SELECT key FROM lanes WHERE key>0 ORDER BY key`
	sqlTopicsOf = `SELECT t.name FROM members m JOIN topics t ON t.key=m.topic WHERE m.user=? AND t.name>? ORDER BY t.name LIMIT ?`
)

// FindDevice implements notify.SearchStore.
func (s *Store) FindDevice(ctx context.Context, what string) (notify.Device, error) {
	return snapshot(ctx, s, "find device", func(q querier) (d notify.Device, err error) {
		if key, ok := s.deviceKey(what); ok {
			if d, err = s.scanDevice(q.row(sqlDevice, key)); err == nil {
				return d, nil
			}
		}
		lanes, err := collect(q, scanOne[int64], sqlLaneKeys)
		if err != nil {
			return d, err
		}
		for _, lane := range lanes {
			var key, owner, since int64
			var state int
			known, err := found(q.row(sqlDeviceByToken, tokenHash(lane, what), lane, packToken(what)).Scan(&key, &owner, &state, &since))
			if err != nil {
				return d, err
			}
			if known {
				return s.scanDevice(q.row(sqlDevice, key))
			}
		}
		return d, unknownDevice(what)
	})
}

// TopicsOf implements notify.SearchStore.
func (s *Store) TopicsOf(ctx context.Context, user string, p notify.Page) ([]string, error) {
	return snapshot(ctx, s, "list topics of a person", func(q querier) ([]string, error) {
		key, err := userKey(q, user)
		if err != nil {
			return nil, err
		}
		return collect(q, scanOne[string], sqlTopicsOf, key, p.After, limitOf(p))
	})
}
