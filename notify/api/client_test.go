package api_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// inBothForms runs a test of the client in JSON and in XML, each in a house of its own.
func inBothForms(t *testing.T, test func(t *testing.T, h *house, xml bool)) {
	for name, xml := range map[string]bool{"json": false, "xml": true} {
		t.Run(name, func(t *testing.T) { test(t, newHouse(t), xml) })
	}
}

func wantCode(t *testing.T, err error, code notify.Code, paths ...string) *notify.Error {
	t.Helper()
	var e *notify.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error is %v, want the code %s", err, code)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Path)
	}
	if d := cmp.Diff(paths, got); d != "" {
		t.Fatalf("fields of %v: %s", err, d)
	}
	return e
}

func ok[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestUsers(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		c, ctx := h.client(h.keys[notify.ScopeAdmin], xml), t.Context()
		in := wire.UserInput{Name: "박 & <영희>", Locale: "ko-KR", TimeZone: "Asia/Seoul",
			Identities: []wire.Identity{{Kind: "email", Value: "PARK@example.com"}, {Kind: "mac", Value: "00-1A-2B-3C-4D-5E"}}}
		u, created, err := c.PutUser(ctx, "park@corp", in)
		if err != nil || !created {
			t.Fatal(u, created, err)
		}
		want := wire.User{ID: "park@corp", Name: in.Name, Locale: in.Locale, TimeZone: in.TimeZone,
			Identities: []wire.Identity{{Kind: "email", Value: "park@example.com"}, {Kind: "mac", Value: "00:1a:2b:3c:4d:5e"}}}
		if d := cmp.Diff(want, u, cmp.AllowUnexported(wire.User{})); d != "" {
			t.Error(d)
		}
		if _, created, err = c.PutUser(ctx, "park@corp", in); err != nil || created {
			t.Error("the second PUT made it again", err)
		}
		if got := ok[wire.User](t)(c.FindUser(ctx, "email:Park@Example.com")); got.ID != "park@corp" {
			t.Error(got)
		}
		_, _, err = c.PutUser(ctx, "choi", in)
		wantCode(t, err, notify.CodeIdentityTaken, "identities[0]", "identities[1]")
		_, _, err = c.PutUser(ctx, "choi", wire.UserInput{Locale: "??", TimeZone: "Nowhere", Identities: []wire.Identity{{Kind: "email", Value: "x"}}})
		wantCode(t, err, notify.CodeInvalid, "locale", "timeZone", "identities[0]")
		_, err = c.FindUser(ctx, "email:nobody@example.com")
		wantCode(t, err, notify.CodeUnknownIdentity)

		var ids []string
		for u, err := range client.All(func(p client.Page) ([]wire.User, string, error) {
			l, err := c.Users(ctx, client.Page{Cursor: p.Cursor, Limit: 2})
			return l.Users, l.Next, err
		}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, u.ID)
		}
		if d := cmp.Diff([]string{"kim", "lee", "park@corp"}, ids); d != "" {
			t.Error(d)
		}
		if u := ok[wire.User](t)(c.MergeUser(ctx, "lee", "kim")); u.ID != "kim" {
			t.Error(u)
		}
		if err := c.DeleteUser(ctx, "park@corp"); err != nil {
			t.Error(err)
		}
		_, err = c.User(ctx, "park@corp")
		wantCode(t, err, notify.CodeUnknownUser)
	})
}

func TestDevices(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		ctx := t.Context()
		admin, kim := h.client(h.keys[notify.ScopeAdmin], xml), h.client(h.keys[notify.ScopeUser], xml)
		token := strings.Repeat("ab12", 16)
		d, created, err := admin.RegisterDevice(ctx, "lee", wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: token})
		if err != nil || !created || d.User != "lee" || d.Token != "ab12ab…ab12" {
			t.Fatal(d, created, err)
		}
		// The same token from kim's own app: handed over.
		mine, created, err := kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: token, Name: "폰"})
		if err != nil || created || mine.ID != d.ID || mine.User != "kim" {
			t.Fatal(mine, created, err)
		}
		p256dh, auth := make([]byte, 65), make([]byte, 16)
		for i := range p256dh {
			p256dh[i] = 0xfb
		}
		sub := &wire.Subscription{Endpoint: "https://push.example.com/capability/123456789", Keys: wire.SubscriptionKeys{
			P256dh: wire.Word(base64.StdEncoding.EncodeToString(p256dh)), Auth: wire.Word(base64.RawURLEncoding.EncodeToString(auth))}}
		web, created, err := kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "corp", Platform: notify.WebPush, Subscription: sub})
		if err != nil || !created || web.Token != "https://push.example.com/…6789" {
			t.Fatal(web, created, err)
		}
		if got := h.store.devices[1]; string(got.P256dh) != string(p256dh) || len(got.Auth) != 16 || got.Token != sub.Endpoint {
			t.Error(got)
		}
		sub.Keys = wire.SubscriptionKeys{P256dh: "short", Auth: "*"}
		_, _, err = kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "corp", Platform: notify.WebPush, Subscription: sub})
		wantCode(t, err, notify.CodeInvalid, "subscription.keys.auth", "subscription.keys.p256dh")
		_, _, err = kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "corp", Platform: "gcm", Token: "x"})
		wantCode(t, err, notify.CodeRetiredPlatform, "platform")
		_, _, err = kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: "misshapen"})
		wantCode(t, err, notify.CodeInvalidToken, "token")
		_, _, err = kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "other", Platform: notify.APNs, Token: "x"})
		wantCode(t, err, notify.CodeUnknownApp, "app")

		if l := ok[wire.DeviceList](t)(kim.MyDevices(ctx)); len(l.Devices) != 2 {
			t.Error(l)
		}
		if l := ok[wire.DeviceList](t)(admin.DevicesOf(ctx, "lee")); l.Devices == nil || len(l.Devices) != 0 {
			t.Error("an empty listing must be empty, not absent:", l)
		}
		lee := h.client(h.token("lee"), xml)
		wantCode(t, lee.DeleteMyDevice(ctx, web.ID), notify.CodeUnknownDevice)
		if err := kim.DeleteMyDevice(ctx, web.ID); err != nil {
			t.Error(err)
		}
		wantCode(t, kim.DeleteMyDevice(ctx, web.ID), notify.CodeUnknownDevice)
		if l := ok[wire.DeviceList](t)(admin.Devices(ctx, client.Page{})); len(l.Devices) != 1 {
			t.Error(l)
		}
	})
}

func TestSend(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		ctx := t.Context()
		c := h.client(h.key(notify.ScopeSend), xml)
		badge, ttl := 3, int64(0)
		in := wire.NotificationInput{To: wire.Audience{Users: []string{"kim"}, Identities: []wire.Identity{{Kind: "email", Value: "a@b.kr"}}},
			Content: wire.Content{Title: "점심", Body: "두 줄\n\"따옴표\" & <꺾쇠>", Badge: &badge, Data: map[string]string{"k": "v", "a b": ""}},
			TTL:     &ttl, SendAt: h.clock.Now()}
		acc := ok[wire.Accepted](t)(c.Send(ctx, in, "once"))
		if acc.State != notify.StateSending || acc.Counts.Targeted != 4 {
			t.Error(acc)
		}
		got := h.store.sent[0]
		if got.TTL != 0 || *got.Content.Badge != 3 || got.Content.Body != in.Body || !cmp.Equal(got.Content.Data, in.Data) || !got.SendAt.Equal(in.SendAt) {
			t.Errorf("%+v", got)
		}
		if again := ok[wire.Accepted](t)(c.Send(ctx, in, "once")); again.ID != acc.ID {
			t.Error("the same key and body were sent twice")
		}
		in.Title = "저녁"
		_, err := c.Send(ctx, in, "once")
		wantCode(t, err, notify.CodeIdempotencyConflict)
		in.TTL = nil
		ok[wire.Accepted](t)(c.Send(ctx, in, "twice"))
		if got := h.store.sent[1]; got.TTL != notify.DefaultTTL {
			t.Error("an absent ttl is not a day:", got.TTL)
		}
		in.Urgent = true
		_, err = c.Send(ctx, in, "")
		wantCode(t, err, notify.CodeForbidden, "urgent")
		ok[wire.Accepted](t)(h.client(h.key(notify.ScopeSend, notify.ScopeUrgent), xml).Send(ctx, in, ""))
		in.Urgent, in.To.Users = false, []string{"kim", "nobody"}
		_, err = c.Send(ctx, in, "")
		wantCode(t, err, notify.CodeUnknownUser, "to.users[1]")
		in.Partial = true
		if acc := ok[wire.Accepted](t)(c.Send(ctx, in, "")); len(acc.Skipped) != 1 || acc.Skipped[0].Path != "to.users[1]" {
			t.Error(acc)
		}
		bad := int64(1) << 40
		in.TTL = &bad
		_, err = c.Send(ctx, in, "")
		wantCode(t, err, notify.CodeInvalid, "ttl")
		_, err = c.Send(ctx, in, strings.Repeat("k", 256))
		wantCode(t, err, notify.CodeInvalid)
	})
}
