package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

// A topic's row stays when its last member leaves: kept notifications still name it. It exists while it has members.
const (
	sqlMakeTopic    = `INSERT OR IGNORE INTO topics (name) VALUES (?)`
	sqlTopicKey     = `SELECT key FROM topics WHERE name=?`
	sqlTopicWithAny = `SELECT key FROM topics WHERE name=? AND members>0`
	sqlAddMember    = `INSERT OR IGNORE INTO members (topic, user, joined) VALUES (?, ?, ` + sqlInboxEnd + `)`
	sqlRemoveMember = `DELETE FROM members WHERE topic=(SELECT key FROM topics WHERE name=?) AND user=(SELECT key FROM users WHERE id=?)`
	sqlTopics       = `SELECT name, members FROM topics WHERE members>0 AND name>? ORDER BY name LIMIT ?`
	sqlMembers      = `SELECT u.id FROM members m JOIN users u ON u.key=m.user WHERE m.topic=? AND u.id>? ORDER BY u.id LIMIT ?`
)

// AddMember implements notify.TopicStore.
func (s *Store) AddMember(ctx context.Context, topic, user string) error {
	return s.change(ctx, "add member", func(t *tx) error {
		u, err := userKey(t, user)
		if err != nil {
			return err
		}
		if err := t.run(sqlMakeTopic, topic); err != nil {
			return err
		}
		var key int64
		if err := t.row(sqlTopicKey, topic).Scan(&key); err != nil {
			return err
		}
		return t.run(sqlAddMember, key, u)
	})
}

// RemoveMember implements notify.TopicStore.
func (s *Store) RemoveMember(ctx context.Context, topic, user string) error {
	return s.change(ctx, "remove member", func(t *tx) error {
		n, err := t.changed(sqlRemoveMember, topic, user)
		if err == nil && n == 0 {
			err = notify.Errorf(notify.CodeUnknownTopic, "the topic %q has no member %q", topic, user)
		}
		return err
	})
}

// Topics implements notify.TopicStore.
func (s *Store) Topics(ctx context.Context, p notify.Page) ([]notify.Topic, error) {
	return read(ctx, s, "list topics", func(q querier) ([]notify.Topic, error) {
		return collect(q, func(r scanner) (t notify.Topic, err error) {
			err = r.Scan(&t.Name, &t.Members)
			return t, err
		}, sqlTopics, p.After, limitOf(p))
	})
}

// Members implements notify.TopicStore.
func (s *Store) Members(ctx context.Context, topic string, p notify.Page) ([]string, error) {
	return snapshot(ctx, s, "list members", func(q querier) ([]string, error) {
		var key int64
		if err := q.row(sqlTopicWithAny, topic).Scan(&key); err != nil {
			return nil, missing(err, notify.CodeUnknownTopic, "the topic %q has no members", topic)
		}
		return collect(q, scanOne[string], sqlMembers, key, p.After, limitOf(p))
	})
}
