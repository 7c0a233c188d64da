package sqlite

import (
	"context"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// Accounts that follow identities are compared with them after every change of a user. To compare all of them each time
// would make the import of tens of thousands of people quadratic: so it is remembered whose identities changed since,
// and only theirs are compared, but for a full comparison now and then.
const (
	manyChanged = 1000 // users from which on a full comparison is made
	fullEvery   = 10 * time.Minute
)

// follower remembers what has changed since a source's accounts were last compared.
type follower struct {
	rule  notify.AccountsFrom
	full  bool // everything may have changed
	at    time.Time
	users map[int64]struct{}
}

// followers are all sources that were compared since the store was opened.
type followers struct {
	mu      sync.Mutex
	sources map[string]*follower
}

// changed notes that the identities or accounts of users changed.
func (f *followers) changed(users ...int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sources {
		for _, u := range users {
			s.users[u] = struct{}{}
		}
		s.full = s.full || len(users) == 0 || len(s.users) > manyChanged
	}
}

// take gives what is to be compared: users, or everything; it counts as compared from now on.
func (f *followers) take(source string, rule notify.AccountsFrom, now time.Time) (users []int64, full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[source]
	if s == nil {
		s = &follower{full: true}
		f.sources[source] = s
	}
	if s.full || s.rule != rule || now.Sub(s.at) >= fullEvery || now.Before(s.at) {
		s.at, full = now, true
	}
	for u := range s.users {
		users = append(users, u)
	}
	s.rule, s.full, s.users = rule, false, map[int64]struct{}{}
	return users, full
}

// SyncAccounts implements notify.AccountStore. Whether there is anything to do is found out by reading: the writer is not
// held up by the ordinary call that changes nothing.
func (s *Store) SyncAccounts(ctx context.Context, source string, rule notify.AccountsFrom) (changed bool, err error) {
	users, full := s.follow.take(source, rule, s.clock.Now())
	if len(users) == 0 && !full {
		return false, nil
	}
	compare := func(q querier) (syncPlan, error) {
		if full {
			return compareAll(q, source, rule)
		}
		return compareUsers(q, source, rule, users)
	}
	p, err := snapshot(ctx, s, "compare accounts", compare)
	if err == nil && !p.empty() {
		changed, err = writeAlone(ctx, s, "sync accounts", func(t *tx) (bool, error) {
			p, err := compare(t)
			if err != nil {
				return false, err
			}
			return !p.empty(), t.sync(s.sealer, source, p)
		})
	}
	if err != nil {
		s.follow.changed() // nobody knows
	}
	return changed, err
}

const (
	sqlWanted   = `SELECT value, user FROM identities WHERE kind=?`
	sqlWantedOf = `SELECT value FROM identities WHERE user=? AND kind=?`
	sqlFollowed = `SELECT a.key, a.login, a.state, (SELECT count(*) FROM account_users u WHERE u.account=a.key),
		coalesce((SELECT min(u.user) FROM account_users u WHERE u.account=a.key), 0), a.explicit FROM accounts a `
	sqlFollow    = sqlFollowed + `WHERE a.source=? AND a.login IS NOT NULL`
	sqlFollowOne = sqlFollowed + `WHERE a.source=? AND a.login=?`
	sqlLoginsOf  = `SELECT a.login FROM account_users u JOIN accounts a ON a.key=u.account WHERE u.user=? AND a.source=? AND a.state=0`
	sqlHide      = `UPDATE accounts SET state=1, state_since=? WHERE key=?`
	sqlShow      = `UPDATE accounts SET state=0, state_since=? WHERE key=?`
)

// following is an account of the source as it is.
type following struct {
	key         int64
	login       string
	state       int
	users, user int64 // how many, and the first
	explicit    bool
}

func scanFollowing(r scanner) (f following, err error) {
	err = r.Scan(&f.key, &f.login, &f.state, &f.users, &f.user, &f.explicit)
	return f, err
}

// syncPlan is what has to change.
type syncPlan struct {
	add  map[string]int64 // login to user: new ones
	move map[int64]int64  // account to user: another owner
	show []int64          // those that come back
	hide []int64
}

func newSyncPlan() syncPlan {
	return syncPlan{add: map[string]int64{}, move: map[int64]int64{}}
}

func (p *syncPlan) empty() bool { return len(p.add)+len(p.move)+len(p.show)+len(p.hide) == 0 }

// decide says what becomes of one login: f is its account, if there is one; user the owner of the identity, 0 for none.
// Explicit accounts are left alone.
func (p *syncPlan) decide(login string, f *following, user int64) {
	switch {
	case f == nil && user != 0:
		p.add[login] = user
	case f == nil || (f.explicit && f.state == accountWatched):
	case user == 0 && f.state == accountWatched:
		p.hide = append(p.hide, f.key)
	case user != 0:
		if f.users != 1 || f.user != user {
			p.move[f.key] = user
		}
		if f.state != accountWatched {
			p.show = append(p.show, f.key)
		}
	}
}

// within tells whether the rule is about the login.
func within(rule notify.AccountsFrom, login string) bool {
	return rule.Domain == "" || strings.HasSuffix(strings.ToLower(login), "@"+strings.ToLower(rule.Domain))
}

// compareAll compares every identity of the rule with every account of the source.
func compareAll(q querier, source string, rule notify.AccountsFrom) (syncPlan, error) {
	p, owners := newSyncPlan(), map[string]int64{}
	type identity struct {
		login string
		user  int64
	}
	all, err := collect(q, func(r scanner) (i identity, err error) {
		err = r.Scan(&i.login, &i.user)
		return i, err
	}, sqlWanted, rule.Kind)
	if err != nil {
		return p, err
	}
	for _, i := range all {
		if rule.Kind != "" && within(rule, i.login) {
			owners[i.login] = i.user
		}
	}
	there, err := collect(q, scanFollowing, sqlFollow, source)
	if err != nil {
		return p, err
	}
	for i := range there {
		p.decide(there[i].login, &there[i], owners[there[i].login])
		delete(owners, there[i].login)
	}
	for login, user := range owners {
		p.decide(login, nil, user)
	}
	return p, nil
}

// compareUsers compares the logins that some users have, by their identities or by an account.
func compareUsers(q querier, source string, rule notify.AccountsFrom, users []int64) (syncPlan, error) {
	p, logins := newSyncPlan(), map[string]bool{}
	for _, u := range users {
		want, err := collect(q, scanOne[string], sqlWantedOf, u, rule.Kind)
		if err != nil {
			return p, err
		}
		have, err := collect(q, scanOne[string], sqlLoginsOf, u, source)
		if err != nil {
			return p, err
		}
		for _, login := range append(want, have...) {
			logins[login] = true
		}
	}
	for login := range logins {
		user := int64(0)
		if rule.Kind != "" && within(rule, login) {
			if _, err := found(q.row(sqlTakenBy, rule.Kind, login).Scan(&user)); err != nil {
				return p, err
			}
		}
		f, err := scanFollowing(q.row(sqlFollowOne, source, login))
		known, err := found(err)
		if err != nil {
			return p, err
		}
		if known {
			p.decide(login, &f, user)
		} else {
			p.decide(login, nil, user)
		}
	}
	return p, nil
}

func (t *tx) sync(sealer *sealer, source string, p syncPlan) error {
	for login, user := range p.add {
		key, _, err := t.putAccount(sealer, notify.Account{Source: source, Login: login})
		if err != nil {
			return err
		}
		p.move[key] = user
	}
	for key, user := range p.move {
		if err := t.run(sqlDropUsers, key); err != nil {
			return err
		}
		if err := t.run(sqlAddAccountUser, key, user); err != nil {
			return err
		}
	}
	for _, key := range p.show {
		if err := t.run(sqlShow, ms(t.now), key); err != nil {
			return err
		}
	}
	for _, key := range p.hide {
		if err := t.run(sqlHide, ms(t.now), key); err != nil {
			return err
		}
	}
	return nil
}
