package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// The app of the demo's configuration.
const (
	appID  = "demo"
	bundle = "com.example.mail"
	source = "mail"
)

// person is somebody with a mailbox, two devices and an open page.
type person struct {
	id, name, locale, zone string
	phone                  string       // the name of the APNs device
	other                  string       // the name of the Web Push device
	otherAt                sim.PushMode // whose push service it is at
}

func (p person) email() string { return p.id + "@example.com" }

// cast are the two people.
func cast() []person {
	return []person{
		{id: "kim", name: "김하나", locale: "ko-KR", zone: "Asia/Seoul", phone: "하나의 iPhone", other: "노트북 Firefox", otherAt: sim.ModeMozilla},
		{id: "alex", name: "Alex Morgan", locale: "en-GB", zone: "Europe/London", phone: "Alex's iPad", other: "Android phone", otherAt: sim.ModeUnifiedPush},
	}
}

// register brings a person into the hub: identity, mailbox, devices, and a token for the page.
func (w *world) register(ctx context.Context, p person) (token string, err error) {
	hub, store := w.app.Hub(), w.app.Store()
	_, _, err = hub.PutUser(ctx, notify.User{ID: p.id, Name: p.name, Locale: p.locale, TimeZone: p.zone,
		Identities: []notify.Identity{{Kind: notify.KindEmail, Value: p.email()}}})
	if err != nil {
		return "", fmt.Errorf("add %s: %w", p.id, err)
	}
	if p.id == cast()[0].id { // one of them also runs the hub: /admin
		if err := store.SetRole(ctx, p.id, notify.RoleAdmin); err != nil {
			return "", fmt.Errorf("give %s a role: %w", p.id, err)
		}
	}
	password := notify.NewSecret("")
	w.imap.AddUser(p.email(), password)
	_, _, err = hub.AddAccount(ctx, notify.Account{Source: source, Login: p.email(), Secret: password, Users: []string{p.id}})
	if err != nil {
		return "", fmt.Errorf("add the mailbox of %s: %w", p.id, err)
	}
	if err := w.registerCalendar(ctx, p, password); err != nil {
		return "", fmt.Errorf("add the calendar of %s: %w", p.id, err)
	}
	if err := w.registerPhone(ctx, p); err != nil {
		return "", fmt.Errorf("register the phone of %s: %w", p.id, err)
	}
	if err := w.registerBrowser(ctx, p); err != nil {
		return "", fmt.Errorf("register the browser of %s: %w", p.id, err)
	}
	key, secret := api.NewToken(p.id, "demo page", w.opts.Clock)
	if err := store.PutKey(ctx, key, notify.HashSecret(secret)); err != nil {
		return "", fmt.Errorf("make a token for %s: %w", p.id, err)
	}
	return secret, nil
}

func (w *world) registerPhone(ctx context.Context, p person) error {
	sum := sha256.Sum256([]byte(p.phone))
	token := hex.EncodeToString(sum[:])
	w.apns.Register(sim.APNsDevice{Token: token, Topic: bundle})
	w.ledger.addDevice(token, device{user: p.id, name: p.phone, via: "APNs"})
	_, _, err := w.app.Hub().RegisterDevice(ctx, notify.Device{User: p.id, App: appID, Platform: notify.APNs, Token: token, Name: p.phone})
	return err
}

func (w *world) registerBrowser(ctx context.Context, p person) error {
	key, err := w.app.Hub().PublicKey(appID)
	if err != nil {
		return err
	}
	sub, err := w.web.NewSubscription(p.otherAt, key)
	if err != nil {
		return err
	}
	w.ledger.addDevice(sub.Endpoint, device{user: p.id, name: p.other, via: "Web Push"})
	_, _, err = w.app.Hub().RegisterDevice(ctx, notify.Device{User: p.id, App: appID, Platform: notify.WebPush,
		Token: sub.Endpoint, P256dh: sub.P256dh, Auth: sub.Auth, Name: p.other})
	return err
}
