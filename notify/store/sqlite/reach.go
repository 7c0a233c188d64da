package sqlite

import (
	"context"
	"strconv"

	"allim.dev/allim/notify"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

const (
	sqlPeople     = `SELECT count(*) FROM users`
	sqlAllDevices = `SELECT coalesce(sum(devices), 0) FROM lanes`
	sqlOnLanes    = `SELECT coalesce(sum(devices), 0) FROM lanes WHERE key IN (SELECT value FROM json_each(?))`
	// ?1 users' keys, ?2 topics' keys, ?3 lanes' keys, each as a JSON list.
	sqlReach        = `WITH who(user) AS (SELECT value FROM json_each(?1) UNION SELECT user FROM members WHERE topic IN (SELECT value FROM json_each(?2))) `
	sqlReachPeople  = sqlReach + `SELECT count(*) FROM who`
	sqlReachDevices = sqlReach + `SELECT count(*) FROM who CROSS JOIN devices d INDEXED BY devices_user ON d.user=who.user
		WHERE d.state<2 AND d.lane IN (SELECT value FROM json_each(?3))`
)

// Totals implements notify.SearchStore.
func (s *Store) Totals(ctx context.Context) (people, devices int64, err error) {
	n, err := snapshot(ctx, s, "count people", func(q querier) (n [2]int64, err error) {
		if err := q.row(sqlPeople).Scan(&n[0]); err != nil {
			return n, err
		}
		err = q.row(sqlAllDevices).Scan(&n[1])
		return n, err
	})
	return n[0], n[1], err
}

// CountAudience implements notify.SearchStore. Nothing is written: people and devices are counted once each.
func (s *Store) CountAudience(ctx context.Context, to notify.Audience, lanes []notify.Lane) (people, devices int64, err error) {
	n, err := snapshot(ctx, s, "count audience", func(q querier) (n [2]int64, err error) {
		on := []int64{}
		for _, l := range lanes {
			var key int64
			if !to.Includes(l) {
				continue
			}
			known, err := found(q.row(sqlLaneKey, l.App, string(l.Platform)).Scan(&key))
			if err != nil {
				return n, err
			}
			if known {
				on = append(on, key)
			}
		}
		if to.All {
			if err := q.row(sqlPeople).Scan(&n[0]); err != nil {
				return n, err
			}
			err = q.row(sqlOnLanes, toJSON(on)).Scan(&n[1])
			return n, err
		}
		users, topics, err := reached(q, to)
		if err != nil {
			return n, err
		}
		if err := q.row(sqlReachPeople, toJSON(users), toJSON(topics)).Scan(&n[0]); err != nil {
			return n, err
		}
		err = q.row(sqlReachDevices, toJSON(users), toJSON(topics), toJSON(on)).Scan(&n[1])
		return n, err
	})
	return n[0], n[1], err
}

// reached gives the keys of the people and topics that an audience names.
func reached(q querier, to notify.Audience) (users, topics []int64, err error) {
	users, topics = []int64{}, []int64{}
	for _, name := range to.Users {
		key, err := userKey(q, name)
		if err != nil {
			return nil, nil, err
		}
		users = append(users, key)
	}
	for _, i := range to.Identities {
		var key int64
		if err := q.row(sqlTakenBy, i.Kind, i.Value).Scan(&key); err != nil {
			return nil, nil, missing(err, notify.CodeUnknownIdentity, "no user has the identity %s", i)
		}
		users = append(users, key)
	}
	for _, name := range to.Topics {
		var key int64
		if err := q.row(sqlTopicWithAny, name).Scan(&key); err != nil {
			return nil, nil, missing(err, notify.CodeUnknownTopic, "the topic %q has no members", name)
		}
		topics = append(topics, key)
	}
	return users, topics, nil
}
