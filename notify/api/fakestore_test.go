package api_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// memStore keeps what the API reads, in memory. What the API does not call is not there.
type memStore struct {
	api.Store
	mu       sync.Mutex
	users    map[string]notify.User
	devices  []notify.Device
	topics   map[string][]string
	accounts []notify.Account
	sent     []notify.Notification
	idem     map[string]notify.Idempotency
	rows     []notify.DeliveryRow
	inbox    map[string][]notify.InboxItem
	keys     map[string]notify.Key // by hash
	broken   error                 // what every method answers, when set
	lookups  int                   // of keys
	touched  map[string]time.Time
	people   people
}

func newMemStore() *memStore {
	return &memStore{users: map[string]notify.User{}, topics: map[string][]string{}, idem: map[string]notify.Idempotency{},
		inbox: map[string][]notify.InboxItem{}, keys: map[string]notify.Key{}, touched: map[string]time.Time{}, people: newPeople()}
}

func (s *memStore) locked() func() { s.mu.Lock(); return s.mu.Unlock }

func unknown(code notify.Code, id string) error {
	return notify.Errorf(code, "there is nothing with the id %q", id)
}

func stretch[T any](list []T, p notify.Page, key func(T) string) []T {
	i := 0
	if p.After != "" {
		i = slices.IndexFunc(list, func(v T) bool { return key(v) == p.After }) + 1
	}
	return slices.Clone(list[i:min(len(list), i+p.Limit)])
}

func (s *memStore) PutUser(_ context.Context, u notify.User) (bool, error) {
	defer s.locked()()
	if s.broken != nil {
		return false, s.broken
	}
	var taken []notify.FieldError
	for i, id := range u.Identities {
		for _, other := range s.users {
			if other.ID != u.ID && slices.Contains(other.Identities, id) {
				taken = append(taken, notify.FieldError{Path: "identities[" + strconv.Itoa(i) + "]", Message: "belongs to another user"})
			}
		}
	}
	if taken != nil {
		return false, &notify.Error{Code: notify.CodeIdentityTaken, Detail: "taken", Fields: taken}
	}
	_, known := s.users[u.ID]
	s.users[u.ID] = u
	return !known, nil
}

func (s *memStore) User(_ context.Context, id string) (notify.User, error) {
	defer s.locked()()
	u, ok := s.users[id]
	if !ok {
		return u, unknown(notify.CodeUnknownUser, id)
	}
	return u, s.broken
}

func (s *memStore) UserByIdentity(_ context.Context, i notify.Identity) (notify.User, error) {
	defer s.locked()()
	for _, u := range s.users {
		if slices.Contains(u.Identities, i) {
			return u, nil
		}
	}
	return notify.User{}, unknown(notify.CodeUnknownIdentity, i.String())
}

func (s *memStore) Users(_ context.Context, p notify.Page) ([]notify.User, error) {
	defer s.locked()()
	list := slices.SortedFunc(maps.Values(s.users), func(a, b notify.User) int { return cmp.Compare(a.ID, b.ID) })
	return stretch(list, p, func(u notify.User) string { return u.ID }), s.broken
}

func (s *memStore) DeleteUser(_ context.Context, id string) error {
	defer s.locked()()
	if _, ok := s.users[id]; !ok {
		return unknown(notify.CodeUnknownUser, id)
	}
	delete(s.users, id)
	maps.DeleteFunc(s.keys, func(_ string, k notify.Key) bool { return k.User == id })
	return nil
}

func (s *memStore) PutDevice(_ context.Context, d notify.Device) (notify.Device, bool, error) {
	defer s.locked()()
	if _, ok := s.users[d.User]; !ok {
		return d, false, unknown(notify.CodeUnknownUser, d.User)
	}
	for i, old := range s.devices {
		if old.App == d.App && old.Platform == d.Platform && old.Token == d.Token {
			d.ID, d.Key, d.State = old.ID, old.Key, notify.DeviceActive
			s.devices[i] = d
			return d, false, nil
		}
	}
	d.ID, d.Key, d.State = notify.NewID(), int64(len(s.devices)+1), notify.DeviceActive
	s.devices = append(s.devices, d)
	return d, true, nil
}

func (s *memStore) RenewDevice(_ context.Context, d notify.Device) (notify.Device, error) {
	defer s.locked()()
	for i, old := range s.devices {
		if old.ID == d.ID && old.User == d.User {
			d.Key, d.State = old.Key, notify.DeviceActive
			s.devices[i] = d
			return d, nil
		}
	}
	return notify.Device{}, unknown(notify.CodeUnknownDevice, d.ID)
}

func (s *memStore) Device(_ context.Context, id string) (notify.Device, error) {
	defer s.locked()()
	for _, d := range s.devices {
		if d.ID == id {
			return d, nil
		}
	}
	return notify.Device{}, unknown(notify.CodeUnknownDevice, id)
}

func (s *memStore) DevicesOf(_ context.Context, user string) ([]notify.Device, error) {
	defer s.locked()()
	if _, ok := s.users[user]; !ok {
		return nil, unknown(notify.CodeUnknownUser, user)
	}
	return slices.DeleteFunc(slices.Clone(s.devices), func(d notify.Device) bool { return d.User != user }), nil
}

func (s *memStore) Devices(_ context.Context, p notify.Page) ([]notify.Device, error) {
	defer s.locked()()
	return stretch(s.devices, p, func(d notify.Device) string { return strconv.FormatInt(d.Key, 10) }), nil
}

func (s *memStore) DeleteDevice(_ context.Context, id string) error {
	defer s.locked()()
	n := len(s.devices)
	s.devices = slices.DeleteFunc(s.devices, func(d notify.Device) bool { return d.ID == id })
	if len(s.devices) == n {
		return unknown(notify.CodeUnknownDevice, id)
	}
	return nil
}

func (s *memStore) AddMember(_ context.Context, topic, user string) error {
	defer s.locked()()
	if _, ok := s.users[user]; !ok {
		return unknown(notify.CodeUnknownUser, user)
	}
	if !slices.Contains(s.topics[topic], user) {
		s.topics[topic] = append(s.topics[topic], user)
		slices.Sort(s.topics[topic])
	}
	return nil
}

func (s *memStore) RemoveMember(_ context.Context, topic, user string) error {
	defer s.locked()()
	i := slices.Index(s.topics[topic], user)
	if i < 0 {
		return unknown(notify.CodeUnknownTopic, topic)
	}
	s.topics[topic] = slices.Delete(s.topics[topic], i, i+1)
	return nil
}

func (s *memStore) Topics(_ context.Context, p notify.Page) ([]notify.Topic, error) {
	defer s.locked()()
	var list []notify.Topic
	for _, name := range slices.Sorted(maps.Keys(s.topics)) {
		list = append(list, notify.Topic{Name: name, Members: int64(len(s.topics[name]))})
	}
	return stretch(list, p, func(t notify.Topic) string { return t.Name }), nil
}

func (s *memStore) Members(_ context.Context, topic string, p notify.Page) ([]string, error) {
	defer s.locked()()
	if len(s.topics[topic]) == 0 {
		return nil, unknown(notify.CodeUnknownTopic, topic)
	}
	return stretch(s.topics[topic], p, func(u string) string { return u }), nil
}

func (s *memStore) Accounts(_ context.Context, source string, p notify.Page) ([]notify.Account, error) {
	defer s.locked()()
	list := slices.DeleteFunc(slices.Clone(s.accounts), func(a notify.Account) bool { return source != "" && a.Source != source })
	return stretch(list, p, func(a notify.Account) string {
		if source != "" {
			return a.Login
		}
		return a.Source + "\n" + a.Login
	}), nil
}

func (s *memStore) Account(_ context.Context, id string) (notify.Account, error) {
	defer s.locked()()
	for _, a := range s.accounts {
		if a.ID == id {
			return a, nil
		}
	}
	return notify.Account{}, unknown(notify.CodeUnknownAccount, id)
}

func (s *memStore) Notification(_ context.Context, id string) (notify.Notification, error) {
	defer s.locked()()
	for _, n := range s.sent {
		if n.ID == id {
			return n, nil
		}
	}
	return notify.Notification{}, unknown(notify.CodeUnknownNotification, id)
}

func (s *memStore) Notifications(_ context.Context, f notify.NotificationFilter, p notify.Page) ([]notify.Notification, error) {
	defer s.locked()()
	list := slices.Clone(s.sent)
	slices.Reverse(list)
	list = slices.DeleteFunc(list, func(n notify.Notification) bool {
		return f.State != "" && n.State != f.State || f.User != "" && !slices.Contains(n.To.Users, f.User) || f.Event != "" && n.Event != f.Event
	})
	return stretch(list, p, func(n notify.Notification) string { return n.ID }), nil
}

func (s *memStore) Deliveries(_ context.Context, id string, state notify.DeliveryState, p notify.Page) ([]notify.DeliveryRow, error) {
	defer s.locked()()
	list := slices.DeleteFunc(slices.Clone(s.rows), func(r notify.DeliveryRow) bool {
		return r.Notification != id || state != "" && r.State != state
	})
	return stretch(list, p, func(r notify.DeliveryRow) string { return r.ID }), nil
}

func (s *memStore) Dead(_ context.Context, p notify.Page) ([]notify.DeliveryRow, error) {
	defer s.locked()()
	list := slices.DeleteFunc(slices.Clone(s.rows), func(r notify.DeliveryRow) bool { return r.State != notify.DeliveryFailed })
	return stretch(list, p, func(r notify.DeliveryRow) string { return r.ID }), nil
}

func (s *memStore) Confirm(_ context.Context, user string, receipts []notify.Receipt) ([]error, error) {
	defer s.locked()()
	out := make([]error, len(receipts))
	for i, rc := range receipts {
		at := slices.IndexFunc(s.rows, func(r notify.DeliveryRow) bool { return r.ID == rc.Delivery && (user == "" || r.User == user) })
		if at < 0 {
			out[i] = unknown(notify.CodeUnknownDelivery, rc.Delivery)
			continue
		}
		s.rows[at].State, s.rows[at].ConfirmedAt = notify.DeliveryConfirmed, rc.At
		if rc.Opened {
			s.rows[at].OpenedAt = rc.At
		}
	}
	return out, s.broken
}

func (s *memStore) Inbox(_ context.Context, user string, after notify.Cursor, limit int) (notify.InboxPage, error) {
	defer s.locked()()
	page := notify.InboxPage{Next: notify.Cursor{Epoch: "e1", Seq: after.Seq}, Resync: after.Epoch != "" && after.Epoch != "e1"}
	for _, i := range s.inbox[user] {
		if (i.Seq > after.Seq || page.Resync) && len(page.Items) < limit {
			page.Items = append(page.Items, i)
			page.Next.Seq = i.Seq
		}
	}
	return page, nil
}

func (s *memStore) InboxEnd(_ context.Context, user string) (notify.Cursor, error) {
	defer s.locked()()
	return notify.Cursor{Epoch: "e1", Seq: int64(len(s.inbox[user]))}, nil
}

func (s *memStore) PutKey(_ context.Context, k notify.Key, hash []byte) error {
	defer s.locked()()
	if _, ok := s.users[k.User]; k.User != "" && !ok {
		return unknown(notify.CodeUnknownUser, k.User)
	}
	s.keys[string(hash)] = k
	return nil
}

func (s *memStore) KeyByHash(_ context.Context, hash []byte) (notify.Key, error) {
	defer s.locked()()
	s.lookups++
	k, ok := s.keys[string(hash)]
	if !ok {
		return k, unknown(notify.CodeUnknownKey, "")
	}
	return k, nil
}

func (s *memStore) Keys(_ context.Context, user string) ([]notify.Key, error) {
	defer s.locked()()
	list := slices.SortedFunc(maps.Values(s.keys), func(a, b notify.Key) int { return cmp.Compare(a.ID, b.ID) })
	return slices.DeleteFunc(list, func(k notify.Key) bool { return k.User != user }), nil
}

func (s *memStore) RevokeKey(_ context.Context, id, user string) error {
	defer s.locked()()
	for hash, k := range s.keys {
		if k.ID == id && k.User == user {
			delete(s.keys, hash)
			return nil
		}
	}
	return unknown(notify.CodeUnknownKey, id)
}

func (s *memStore) TouchKeys(_ context.Context, used map[string]time.Time) error {
	defer s.locked()()
	maps.Copy(s.touched, used)
	return nil
}

func (s *memStore) Ping(context.Context) error {
	defer s.locked()()
	return s.broken
}

func (s *memStore) Holders(_ context.Context, kind string, platforms []notify.Platform, ids []string) ([]notify.Holder, error) {
	defer s.locked()()
	out := make([]notify.Holder, len(ids))
	for i, id := range ids {
		for _, u := range s.users {
			if slices.Contains(u.Identities, notify.Identity{Kind: kind, Value: id}) {
				out[i] = notify.Holder{User: u.ID, Live: true}
			}
		}
		for _, d := range s.devices {
			if out[i].User == "" && d.Token == id && slices.Contains(platforms, d.Platform) {
				out[i] = notify.Holder{User: d.User, Device: d.ID, Live: true}
			}
		}
	}
	return out, s.broken
}
