package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/cmd/allim/bench/hub"
	"allim.dev/allim/cmd/allim/bench/simulator"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/store/sqlite"
)

// app is the app of every measurement.
const benchApp = "bench"

// world is a hub and a simulator in processes of their own, with a temporary data folder.
type world struct {
	dir      string
	config   string
	key      string // of an administrator
	profile  string // where profiles go; empty: none
	sim      *simulator.Simulator
	hub      *hub.Hub
	url      atomic.Pointer[string]
	progress io.Writer
	faults   hub.Options // of the next start
}

// worldOptions is what a world is made of.
type worldOptions struct {
	sim      fast.Options
	settings string // more of the configuration, YAML at the top level
	apns     string // more of the app's apns section: ", name: value"
	fcm      string // the same of fcm
	webpush  string // the same of webpush; empty: it is left out
	proxy    bool   // the hub reaches the simulator through an HTTP CONNECT proxy, which runs in the simulator's process
	profile  string
	progress io.Writer
}

// newWorld makes the folder, the simulator and the configuration; the hub is not started. Close it, also when fill fails.
func newWorld(ctx context.Context, o worldOptions) (w *world, err error) {
	w = &world{progress: o.progress, profile: o.profile}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "allim-bench-"); err != nil {
		return w, fmt.Errorf("make a temporary folder: %w", err)
	}
	if w.sim, err = simulator.Start(ctx, o.sim); err != nil {
		return w, err
	}
	return w, w.configure(o)
}

func (w *world) configure(o worldOptions) error {
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		return err
	}
	keyFile, err := key.File(w.dir)
	if err != nil {
		return err
	}
	account, err := sim.NewFCMAccount("allim-bench")
	if err != nil {
		return err
	}
	accountFile, err := account.File(w.dir, w.sim.TokenURL)
	if err != nil {
		return err
	}
	caFile := filepath.Join(w.dir, "ca.pem")
	if err := os.WriteFile(caFile, []byte(w.sim.CAPEM), 0o600); err != nil {
		return err
	}
	webpush := ""
	if o.webpush != "" {
		webpush = fmt.Sprintf("    webpush: {subject: \"mailto:bench@example.com\", hosts: [127.0.0.1], ca_file: %q%s}\n", caFile, o.webpush)
	}
	endpoint, tokenURL := w.sim.URL, w.sim.TokenURL
	if o.proxy {
		o.settings += fmt.Sprintf("\noutgoing: {proxy: %q}", w.sim.Control)
		endpoint, tokenURL = "https://"+fast.ProxiedHost, "https://"+fast.ProxiedHost+w.sim.TokenPath
	}
	w.config = filepath.Join(w.dir, "allim.yaml")
	return os.WriteFile(w.config, fmt.Appendf(nil, `
listen: 127.0.0.1:0
data_dir: %q
log: {level: warn}
%s
apps:
  - id: %s
    apns: {key_file: %q, key_id: %s, team_id: %s, topic: com.example.bench, endpoint: %q, ca_file: %q%s}
    fcm: {credentials_file: %q, endpoint: %q, token_endpoint: %q, ca_file: %q, quota: 100000000, ramp: 0s%s}
%s`, w.data(), o.settings, benchApp, keyFile, key.ID, key.Team, endpoint, caFile, o.apns, accountFile, endpoint, tokenURL, caFile, o.fcm, webpush), 0o600)
}

func (w *world) data() string { return filepath.Join(w.dir, "data") }

// person is one of the world's people.
func person(i int) string { return "person-" + strconv.Itoa(i) }

// pushToken is the push token of a device: hexadecimal, but for FCM's.
func pushToken(p notify.Platform, i int) string {
	if p != notify.FCM {
		return fmt.Sprintf("%064x", uint64(i)*0x9e3779b97f4a7c15)
	}
	return fmt.Sprintf("fcm-%d:APA91b%0130d", i, i)
}

// people is who is to be in the store.
type people struct {
	count     int
	devices   int  // each; every second one is on APNs, the others on FCM
	tokens    int  // how many of the people get a token of their own
	mailboxes int  // how many of the people, the first ones, have a mailbox on the server of mailboxes
	named     bool // with Korean names and addresses; the first of them is an administrator
}

// fill puts people and an administrator's key into the store while no hub runs. It gives the people's tokens.
func (w *world) fill(ctx context.Context, p people) (tokens []string, err error) {
	if err := os.MkdirAll(w.data(), 0o700); err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Dir: w.data(), Synchronous: sqlite.Normal})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	clock := notify.SystemClock{}
	key, secret, err := api.NewKey("bench", []notify.Scope{notify.ScopeAdmin, notify.ScopeSend, notify.ScopeRead, notify.ScopeUrgent}, clock)
	if err != nil {
		return nil, err
	}
	w.key = secret
	if err := store.PutKey(ctx, key, notify.HashSecret(secret)); err != nil {
		return nil, err
	}
	if p.count*p.devices > 50_000 {
		fmt.Fprintf(w.progress, "Putting %d people with %d devices into the store.\n", p.count, p.count*p.devices)
	}
	const chunk = 5000
	for from := 0; from < p.count; from += chunk {
		if err := store.Put(ctx, p.bulk(from, min(p.count, from+chunk))); err != nil {
			return nil, err
		}
	}
	if p.named {
		if err := store.SetRole(ctx, person(0), notify.RoleAdmin); err != nil {
			return nil, err
		}
	}
	for i := range p.tokens {
		k, secret := api.NewToken(person(i), "page", clock)
		if err := store.PutKey(ctx, k, notify.HashSecret(secret)); err != nil {
			return nil, err
		}
		tokens = append(tokens, secret)
	}
	return tokens, nil
}

func (p people) bulk(from, to int) (b sqlite.Bulk) {
	for i := from; i < to; i++ {
		locale := "en"
		if i%2 == 1 {
			locale = "ko"
		}
		u := notify.User{ID: person(i), Locale: locale}
		if p.named {
			u.Name = fmt.Sprintf("%s %d", []string{"김철수", "김영희", "이민호", "박지우"}[i%4], i)
			u.Identities = []notify.Identity{{Kind: notify.KindEmail, Value: fmt.Sprintf("mail%d@example.com", i)}}
		}
		if i < p.mailboxes {
			u.Identities = append(u.Identities, notify.Identity{Kind: notify.KindEmail, Value: mailbox(i)})
		}
		b.Users = append(b.Users, u)
		for n := range p.devices {
			number := i*p.devices + n
			platform := notify.APNs
			if number%2 == 1 {
				platform = notify.FCM
			}
			b.Devices = append(b.Devices, notify.Device{User: person(i), App: benchApp, Platform: platform, Token: pushToken(platform, number)})
		}
	}
	return b
}

// start starts the hub, also again after it was killed.
func (w *world) start(ctx context.Context) error {
	o := w.faults
	o.Config, o.Profile = w.config, w.profile
	h, err := hub.Start(ctx, o)
	if err != nil {
		return err
	}
	w.hub = h
	w.url.Store(&h.URL)
	return nil
}

// again kills the hub and starts it again.
func (w *world) again(ctx context.Context) error {
	return errors.Join(w.hub.Kill(), w.start(ctx))
}

// address is where the hub is, or was last.
func (w *world) address() string { return *w.url.Load() }

// stop ends the hub in order.
func (w *world) stop() error {
	if w.hub == nil {
		return nil
	}
	err := w.hub.Close()
	w.hub = nil
	return err
}

func (w *world) close() error {
	errs := []error{w.stop()}
	if w.sim != nil {
		_, err := w.sim.Close()
		errs = append(errs, err)
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}
