package app_test

import (
	"net/url"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// program is a program with an API key of its own.
func (h *webHouse) program(scopes ...notify.Scope) *client.Client {
	h.t.Helper()
	key, secret, err := api.NewKey("program", scopes, h.clock)
	if err == nil {
		err = h.app.Store().PutKey(h.t.Context(), key, notify.HashSecret(secret))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := client.New(client.Options{URL: h.app.URL(), Key: secret})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// TestBroadcastsWaitWhoeverSends: where the configuration asks for it, what a key sends to everybody waits, an admin's
// too; another key or person decides, never the sender; a key with the scope for it need not wait.
func TestBroadcastsWaitWhoeverSends(t *testing.T) {
	h := newWebHouse(t, "web: {approve_broadcasts: true}\n")
	ctx := t.Context()
	all := wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "소방 훈련"}}
	sender, other := h.program(notify.ScopeAdmin), h.program(notify.ScopeAdmin)
	send := func(c *client.Client, in wire.NotificationInput, want notify.State) string {
		t.Helper()
		a, err := c.Send(ctx, in, "")
		if err != nil || a.State != want {
			t.Fatalf("%s %v, want %s", a.State, err, want)
		}
		return a.ID
	}
	state := func(id string, want notify.State) {
		t.Helper()
		if n, err := other.Notification(ctx, id); err != nil || n.State != want {
			t.Errorf("%s %v, want %s", n.State, err, want)
		}
	}
	code := func(what string, err error, want notify.Code) {
		t.Helper()
		if notify.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	id := send(sender, all, notify.StateAwaitingApproval)
	_, err := sender.Approve(ctx, id)
	code("the sender's own approval", err, notify.CodeForbidden)
	_, err = h.program(notify.ScopeSend, notify.ScopeRead).Approve(ctx, id)
	code("without the scope", err, notify.CodeForbidden)
	_, err = sender.Resume(ctx, id)
	code("resuming is no approval", err, notify.CodeWrongState)
	state(id, notify.StateAwaitingApproval)
	if n, err := other.Approve(ctx, id); err != nil || n.State == notify.StateAwaitingApproval {
		t.Error(n.State, err)
	}
	_, err = other.Approve(ctx, id)
	code("twice", err, notify.CodeWrongState)
	_, err = other.Refuse(ctx, id)
	code("refused when it was approved", err, notify.CodeWrongState)

	id = send(h.program(notify.ScopeSend), all, notify.StateAwaitingApproval)
	oper := h.as("oper")
	oper.get("/admin/notifications/"+id).want(t, "its page", 200, "People it would reach: 5; their devices: 0.")
	oper.post("/admin/notifications/"+id+"/refuse", nil).want(t, "refused in the console", 303, "")
	state(id, notify.StateCancelled)

	send(h.program(notify.ScopeSend, notify.ScopeBroadcast), all, notify.StateDone)
	all.To = wire.Audience{Users: []string{"kim"}}
	send(sender, all, notify.StateDone)
	all.To = wire.Audience{All: true, Platforms: []notify.Platform{notify.WebPush}}
	send(sender, all, notify.StateAwaitingApproval)

	gone, err := sender.Send(ctx, wire.NotificationInput{To: wire.Audience{All: true, Users: []string{"lee"}}, Content: wire.Content{Title: "x"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.app.Hub().DeleteUser(ctx, "lee"); err != nil {
		t.Fatal(err)
	}
	oper.get("/admin/notifications/"+gone.ID).want(t, "with somebody who is gone", 200, "/approve")
	oper.post("/admin/notifications/"+gone.ID+"/approve", nil).want(t, "approved without who is gone", 303, "")
	state(gone.ID, notify.StateDone)

	form := url.Values{"title": {"x"}, "all": {"1"}, "go": {"1"}}
	path, _, _ := strings.Cut(oper.post("/admin/send", form).header.Get("Location"), "?")
	if n, err := other.Approve(ctx, strings.TrimPrefix(path, "/admin/notifications/")); err != nil || n.State != notify.StateDone {
		t.Error("a person's broadcast, approved by a key:", n.State, err)
	}
	trail := strings.Join(acts(t, h), "\n")
	for _, want := range []string{"POST /v1/notifications/{id}/approve /v1/notifications/", "user:oper notification.steer " + id} {
		if !strings.Contains(trail, want) {
			t.Errorf("the trail has no %s:\n%s", want, trail)
		}
	}
}

// TestIdempotentBroadcastsWaitOnce: the same posting again gives the same answer, and one approval is one notice.
func TestIdempotentBroadcastsWaitOnce(t *testing.T) {
	h := newWebHouse(t, "web: {approve_broadcasts: true}\n")
	c := h.program(notify.ScopeSend)
	in := wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "once"}}
	first, err := c.Send(t.Context(), in, "k")
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Send(t.Context(), in, "k")
	if err != nil || again.ID != first.ID || again.State != notify.StateAwaitingApproval {
		t.Errorf("%+v %v, want %+v", again, err, first)
	}
	list, err := h.app.Store().Notifications(t.Context(), notify.NotificationFilter{State: notify.StateAwaitingApproval}, notify.Page{})
	if err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}
