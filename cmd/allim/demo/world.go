package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/web"
)

// watchTimeout is how long it may take until the mailboxes are watched: usually a fraction of a second.
const watchTimeout = 20 * time.Second

// world is everything that runs.
type world struct {
	opts   Options
	ledger *ledger
	dir    string
	people []person
	key    string // of an administrator, for trying the API
	imap   *imaptest.Server
	caldav *caldavtest.Server
	played map[string]*calendarOf // by person
	apns   *sim.APNs
	web    *sim.WebPush
	app    *app.App
	front  *front
	ends   []end // what stop undoes, the last one first
}

// end undoes one step of start.
type end struct {
	name string
	stop func(context.Context) error
}

// undo keeps how a step that was made is undone.
func (w *world) undo(name string, stop func(context.Context) error) {
	w.ends = append(w.ends, end{name, stop})
}

func plain(stop func() error) func(context.Context) error {
	return func(context.Context) error { return stop() }
}

// stop ends everything that was started, in the reverse order.
func (w *world) stop(ctx context.Context) error {
	var errs []error
	for i := len(w.ends) - 1; i >= 0; i-- {
		if err := w.ends[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", w.ends[i].name, err))
		}
	}
	w.ends = nil
	return errors.Join(errs...)
}

// start starts everything and returns when the mailboxes are watched. What was started when it fails is stop's.
func (w *world) start(ctx context.Context) (err error) {
	if w.front, err = newFront(ctx, w.opts.Listen); err != nil {
		return err
	}
	w.undo("the listener", w.front.stop)
	w.dir, err = os.MkdirTemp("", "allim-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	w.undo("the temporary folder", plain(func() error { return os.RemoveAll(w.dir) }))
	config, err := w.platforms(w.front.url)
	if err != nil {
		return err
	}
	log, _ := app.NewLogger(config.Log, w.opts.Stderr)
	w.app, err = app.New(ctx, app.Options{Config: config, Clock: w.opts.Clock, Log: log})
	if err != nil {
		return err
	}
	w.undo("the hub", w.app.Stop)
	if err := w.app.Start(ctx); err != nil {
		return err
	}
	pages, err := w.fill(ctx)
	if err != nil {
		return err
	}
	if err := w.front.serve(pages, w.app.URL()); err != nil {
		return err
	}
	w.undo("the page", w.front.stop) // before the hub
	return w.watched(ctx)
}

// platforms starts the mail server and the simulators, and gives the hub's configuration for them.
func (w *world) platforms(public string) (*configs.Config, error) {
	var err error
	if w.imap, err = imaptest.New(imaptest.Options{Now: w.opts.Clock.Now}); err != nil {
		return nil, err
	}
	w.undo("the mail server", plain(w.imap.Close))
	if err := w.calendars(); err != nil {
		return nil, err
	}
	ca, err := sim.NewCA()
	if err != nil {
		return nil, err
	}
	if w.apns, err = sim.NewAPNs(sim.APNsOptions{CA: ca, Clock: w.opts.Clock, OnlyRegistered: true, OnAccepted: w.ledger.pushedAPNs}); err != nil {
		return nil, err
	}
	w.undo("the APNs simulator", plain(w.apns.Close))
	if w.web, err = sim.NewWebPush(sim.WebPushOptions{CA: ca, Clock: w.opts.Clock, OnMessage: w.ledger.pushedWeb}); err != nil {
		return nil, err
	}
	w.undo("the Web Push simulator", plain(w.web.Close))
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		return nil, err
	}
	w.apns.AddKey(key)
	keyFile, err := key.File(w.dir)
	if err != nil {
		return nil, err
	}
	caFile, err := ca.File(w.dir)
	if err != nil {
		return nil, err
	}
	return configs.Parse("demo", fmt.Appendf(nil, `
listen: 127.0.0.1:0
public_url: %q
data_dir: %q
log: {level: warn}
trusted_proxies: [127.0.0.1/32]
outgoing: {allow_private: [127.0.0.0/8, "::1/128"]}
apps:
  - id: %s
    apns: {key_file: %q, key_id: %s, team_id: %s, topic: %s, endpoint: %q, ca_file: %q}
    webpush: {subject: "mailto:it@example.com", ca_file: %q, http_hosts: [127.0.0.1]}
sources:
  - id: %s
    kind: imap
    address: %q
    security: none
    auth: {method: password}
  - id: %s
    kind: caldav
    url: %q
    poll: %s
`, public, filepath.Join(w.dir, "data"), appID, keyFile, key.ID, key.Team, bundle, w.apns.URL(), caFile, caFile, source, w.imap.Addr(),
		calendarSource, w.caldav.URL(), calendarPoll))
}

// fill registers the people and makes their pages.
func (w *world) fill(ctx context.Context) (*web.Demo, error) {
	w.people = cast()
	var shown []web.Person
	for _, p := range w.people {
		token, err := w.register(ctx, p)
		if err != nil {
			return nil, err
		}
		shown = append(shown, web.Person{ID: p.id, Name: p.name, Email: p.email(), Locale: p.locale, Token: token})
	}
	key, secret, err := api.NewKey("demo", []notify.Scope{notify.ScopeAdmin}, w.opts.Clock)
	if err == nil {
		err = w.app.Store().PutKey(ctx, key, notify.HashSecret(secret))
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	w.key = secret
	return web.NewDemo(appID, shown, w.ledger)
}

// watched waits until the hub watches every mailbox: what came earlier would be old mail to it, of which nobody is told.
func (w *world) watched(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	for _, p := range w.people {
		for w.imap.Idling(p.email()) == 0 {
			if err := w.wait(ctx, 10*time.Millisecond); err != nil {
				return fmt.Errorf("the mailbox of %s is not watched: %w", p.id, err)
			}
		}
	}
	return nil
}

func (w *world) wait(ctx context.Context, d time.Duration) error {
	t := w.opts.Clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// greet says what runs and what to open.
func (w *world) greet() {
	out := w.opts.Stdout
	fmt.Fprintf(out, "A hub is running, with a mail server on %s, a calendar server on %s and simulated devices.\n\nOpen in a browser:\n",
		w.imap.Addr(), w.caldav.Addr())
	for _, p := range w.people {
		fmt.Fprintf(out, "  %s/demo/%s   (%s, %s)\n", w.front.url, p.id, p.name, p.locale)
	}
	fmt.Fprintf(out, "\nSend something yourself, from another terminal:\n"+
		"  export ALLIM_URL=%s ALLIM_KEY=%s\n"+
		"  go run ./cmd/allim send --to-user %s --title Hello --body World\n", w.front.url, w.key, w.people[0].id)
	fmt.Fprintf(out, "\nCtrl-C ends it and removes %s.\n\n", w.dir)
}

// play delivers mails, and lets things happen in the calendars, until ctx ends or enough was pushed.
func (w *world) play(ctx context.Context) error {
	mails := script()
	for n := 1; ; n++ {
		pause := w.opts.Every
		if n == 1 {
			pause = min(pause, firstMail)
		}
		timer := w.opts.Clock.NewTimer(pause)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.ledger.done:
			timer.Stop()
			return nil
		case err := <-w.app.Failed():
			timer.Stop()
			return err
		}
		if err := w.deliver(mails[(n-1)%len(mails)], n); err != nil {
			return err
		}
		if n > 1 {
			if err := w.calendarStep(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// deliver puts the mail into the mailboxes of all to whom it goes.
func (w *world) deliver(m mail, n int) error {
	for _, p := range w.people {
		for _, id := range m.to {
			if id != p.id {
				continue
			}
			w.ledger.mailed(p.id, m.from, m.numbered(n))
			if _, err := w.imap.Deliver(p.email(), m.message(p, n, w.opts.Clock.Now()), imaptest.Delivery{}); err != nil {
				return fmt.Errorf("deliver a mail: %w", err)
			}
		}
	}
	return nil
}
