package api_test

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

// people is the part of memStore that is about who signs in and what they wish.
type people struct {
	sessions    map[string]notify.Session // by hash
	preferences map[string]notify.Preferences
	roles       map[string]notify.Role
	acts        []notify.Act
	marks       map[string]notify.Mark
	invitations map[string]notify.Invitation
}

func newPeople() people {
	return people{sessions: map[string]notify.Session{}, preferences: map[string]notify.Preferences{}, roles: map[string]notify.Role{},
		marks: map[string]notify.Mark{}, invitations: map[string]notify.Invitation{}}
}

func (s *memStore) PutSession(_ context.Context, n notify.Session, hash []byte) error {
	defer s.locked()()
	s.people.sessions[string(hash)] = n
	return nil
}

func (s *memStore) SessionByHash(_ context.Context, hash []byte, now time.Time) (notify.Session, error) {
	defer s.locked()()
	n, ok := s.people.sessions[string(hash)]
	if !ok || !now.Before(n.ExpiresAt) {
		return n, unknown(notify.CodeUnknownKey, "session")
	}
	return n, nil
}

func (s *memStore) Sessions(_ context.Context, user string, _ time.Time) (list []notify.Session, err error) {
	defer s.locked()()
	for _, n := range s.people.sessions {
		if n.User == user {
			list = append(list, n)
		}
	}
	return list, nil
}

func (s *memStore) RevokeSession(_ context.Context, id, user string) error {
	defer s.locked()()
	for hash, n := range s.people.sessions {
		if n.ID == id && n.User == user {
			delete(s.people.sessions, hash)
			return nil
		}
	}
	return unknown(notify.CodeUnknownKey, id)
}

func (s *memStore) TouchSession(_ context.Context, id string, used, expires time.Time) error {
	defer s.locked()()
	for hash, n := range s.people.sessions {
		if n.ID == id {
			n.UsedAt, n.ExpiresAt = used, expires
			s.people.sessions[hash] = n
		}
	}
	return nil
}

func (s *memStore) PutInvitation(ctx context.Context, i notify.Invitation, hash []byte) error {
	if _, err := s.User(ctx, i.User); err != nil {
		return err
	}
	defer s.locked()()
	s.people.invitations[string(hash)] = i
	return nil
}

func (s *memStore) SetRole(ctx context.Context, user string, r notify.Role) error {
	if _, err := s.User(ctx, user); err != nil {
		return err
	}
	defer s.locked()()
	s.people.roles[user] = r
	return nil
}

func (s *memStore) Preferences(_ context.Context, user string) (notify.Preferences, error) {
	defer s.locked()()
	return s.people.preferences[user], nil
}

func (s *memStore) Marks(_ context.Context, _ string, ids []string) (map[string]notify.Mark, error) {
	defer s.locked()()
	found := map[string]notify.Mark{}
	for _, id := range ids {
		if m, ok := s.people.marks[id]; ok {
			found[id] = m
		}
	}
	return found, nil
}

func (s *memStore) MarksAfter(context.Context, string, int64, int) ([]notify.ReadMark, int64, error) {
	return []notify.ReadMark{{Seq: 1, Notification: "n1", Mark: notify.Mark{ReadAt: time.Unix(1, 0)}}}, 1, nil
}

func (s *memStore) PutAct(_ context.Context, a notify.Act) error {
	defer s.locked()()
	s.people.acts = append(s.people.acts, a)
	return nil
}

func (h *fakeHub) PutPreferences(_ context.Context, user string, p notify.Preferences) error {
	if err := p.Validate(); err != nil {
		return err
	}
	defer h.store.locked()()
	h.store.people.preferences[user] = p
	return nil
}

func (h *fakeHub) MarkInbox(_ context.Context, _ string, ids []string, read bool) error {
	defer h.store.locked()()
	for _, id := range ids {
		m := notify.Mark{SeenAt: h.clock.Now()}
		if read {
			m.ReadAt = m.SeenAt
		}
		h.store.people.marks[id] = m
	}
	return nil
}

// session signs a user in and gives the session's id; its secret is "allim_session_" and the id.
func (h *house) session(user string) string {
	h.t.Helper()
	id, now := notify.NewID(), h.clock.Now()
	h.must(nil, h.store.PutSession(context.Background(), notify.Session{ID: id, User: user, Way: "password", CreatedAt: now, UsedAt: now,
		ExpiresAt: now.Add(notify.SessionLife)}, notify.HashSecret(notify.SessionPrefix+id)))
	return id
}
