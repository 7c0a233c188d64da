package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/store/sqlite"
)

// How check --online asks: so long for each login, so many sources and platforms at once, so many accounts of a source.
const (
	checkTimeout  = 20 * time.Second
	checkParallel = 8
	checkAccounts = 5
)

// Finding is one line of a check: a source or a platform, and how it is.
type Finding struct {
	Part string `json:"part"` // "source mail" or "app corp apns"
	OK   bool   `json:"ok"`
	Warn bool   `json:"warning,omitempty"` // it will not be well for long, or is not, but the hub can start
	Text string `json:"text"`              // plain words, no secrets
}

// Online logs in to every source and platform, and tells when credentials expire: sources in the order of the
// configuration, then lanes by name. Logins of accounts are tried with those in the data folder, which no hub may be
// running on.
func Online(ctx context.Context, c *configs.Config, p *Parts, clock notify.Clock) (all []Finding, err error) {
	o := online{now: clock.Now(), none: "there are no accounts yet"}
	if err := o.open(ctx, c.DataDir, clock); err != nil {
		return nil, err
	}
	if o.store != nil {
		defer func() { err = errors.Join(err, o.store.Close()) }()
	}
	lanes := p.lanes()
	found := make([][]Finding, len(p.Sources)+len(lanes))
	var g errgroup.Group
	g.SetLimit(checkParallel)
	for i, s := range p.Sources {
		g.Go(func() error {
			found[i] = []Finding{o.source(ctx, s)}
			return nil
		})
	}
	for i, lane := range lanes {
		g.Go(func() error {
			found[len(p.Sources)+i] = o.lane(ctx, lane, p.Lanes[lane])
			return nil
		})
	}
	_ = g.Wait() // a failed login is a finding, not an error
	return slices.Concat(found...), nil
}

// online is what the looks share.
type online struct {
	now   time.Time
	store notify.Store
	none  string // why there are no accounts to try
}

// open opens the data folder, if there is one and no hub has it. It never makes one.
func (o *online) open(ctx context.Context, dir string, clock notify.Clock) error {
	if _, err := os.Stat(filepath.Join(dir, "allim.db")); err != nil {
		return nil
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Dir: dir, Clock: clock})
	switch {
	case HubRuns(err):
		o.none = "a hub is running on the data folder; see allim account list"
		return nil
	case err != nil:
		return err
	}
	o.store = store
	return nil
}

// source looks at one source: does it answer, and does it take the logins of some accounts?
func (o *online) source(ctx context.Context, s notify.Source) Finding {
	f := Finding{Part: "source " + s.Config.ID}
	if c, ok := s.Connector.(notify.Checker); ok {
		if err := bounded(ctx, c.Check); err != nil {
			f.Text = oneLine(err.Error())
			return f
		}
	}
	try := tryAccount(s.Connector)
	if try == nil {
		f.OK, f.Text = true, "the login works"
		return f
	}
	var accounts []notify.Account
	if o.store != nil {
		var err error
		if accounts, err = o.store.WatchedAccounts(ctx, s.Config.ID); err != nil {
			f.Text = oneLine(err.Error())
			return f
		}
	}
	if len(accounts) == 0 {
		f.OK, f.Text = true, "the server answers; no login was tried: "+o.none
		return f
	}
	slices.SortStableFunc(accounts, func(a, b notify.Account) int { return b.LastActive.Compare(a.LastActive) })
	tried := accounts[:min(checkAccounts, len(accounts))]
	var has []string
	for _, a := range tried {
		// The first failure ends it: one wrong password of a login for all must not become many tries.
		err := bounded(ctx, func(ctx context.Context) error {
			text, err := try(ctx, a)
			if text != "" {
				has = append(has, "; "+oneLine(a.Login)+" has "+oneLine(text))
			}
			return err
		})
		if err != nil {
			f.Text = oneLine(err.Error())
			if !strings.Contains(f.Text, a.Login) {
				f.Text = "account " + oneLine(a.Login) + ": " + f.Text
			}
			return f
		}
	}
	f.OK, f.Text = true, fmt.Sprintf("the login works (tried %d of %d accounts)%s", len(tried), len(accounts), strings.Join(has, ""))
	return f
}

// tryAccount gives how a connector tries an account's login, and tells what the account has; nil: it cannot.
func tryAccount(c notify.Connector) func(context.Context, notify.Account) (string, error) {
	switch c := c.(type) {
	case notify.AccountLister:
		return c.ListAccount
	case notify.AccountChecker:
		return func(ctx context.Context, a notify.Account) (string, error) { return "", c.CheckAccount(ctx, a) }
	}
	return nil
}

// lane looks at one app on one platform, and at its credentials' expiry.
func (o *online) lane(ctx context.Context, lane notify.Lane, adapter notify.Adapter) []Finding {
	f := Finding{Part: lanePart(lane), OK: true, Text: "has no login to try"}
	if c, ok := adapter.(notify.Checker); ok {
		f.Text = "the login works"
		if err := bounded(ctx, c.Check); err != nil {
			f.OK, f.Text = false, oneLine(err.Error())
		}
	}
	findings := []Finding{f}
	if e, ok := adapter.(notify.Expirer); ok {
		findings = append(findings, expiry(f.Part, e.CredentialExpiry(), o.now)...)
	}
	return findings
}

// bounded gives every look a deadline.
func bounded(ctx context.Context, look func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return look(ctx)
}
