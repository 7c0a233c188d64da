// Package compat keeps the calls of old push services alive, for servers that still make them: C2DM, GCM with its
// successor FCM's legacy HTTP, MPNS, and gorush. What they send is told to today's devices of the person whom the old
// address names: an identity of kind c2dm, gcm or mpns, or a token that is registered today. Answers and errors are the
// old service's own, so that a client library of it is content.
//
// Reading order: compat.go, secret.go (keys where the old services had them), tell.go (the common way), then one file for
// each service; form.go reads what browsers' forms are, words.go has the old words for what went wrong.
package compat

import (
	"context"
	"net/http"

	"allim.dev/allim/notify"
)

// Hub is what the old calls ask of the hub; *notify.Hub is one.
type Hub interface {
	Send(ctx context.Context, n notify.Notification, idem notify.Idempotency) (accepted notify.Notification, replayed bool, err error)
	SendAll(ctx context.Context, p notify.Posting) (accepted []notify.Acceptance, known bool, err error)
}

// Options is what Compat is made of; all are required.
type Options struct {
	Hub   Hub
	Store notify.OldIDStore
	Clock notify.Clock
	// Count counts what became of each address and of each refused request: "ok", or the old service's word.
	Count func(service, result string)
}

// Compat answers the old calls.
type Compat struct {
	hub   Hub
	store notify.OldIDStore
	clock notify.Clock
	count func(service, result string)
}

// New makes it.
func New(o Options) *Compat {
	return &Compat{hub: o.Hub, store: o.Store, clock: o.Clock, count: o.Count}
}

// Ask is one request as the API took it in: its deadline is in its context, its body is read, and Key is who asks.
type Ask struct {
	*http.Request
	Body []byte
	Key  notify.Key
	Err  error // why it is refused: no key, a wrong one, too many requests, a body that is too large
}

// Route is one old call.
type Route struct {
	Method, Path string // with {name} for one segment, and {name...} for the rest of the path
	Serve        func(w http.ResponseWriter, a *Ask)
}

// The services, as they are counted.
const (
	serviceC2DM   = "c2dm"
	serviceGCM    = "gcm"
	serviceMPNS   = "mpns"
	serviceGorush = "gorush"
)

// Routes gives all old calls.
func (c *Compat) Routes() []Route {
	return []Route{
		{http.MethodPost, "/compat/c2dm/send", c.serveC2DM},
		{http.MethodPost, "/compat/gcm/send", c.serveGCM},
		{http.MethodPost, "/compat/fcm/send", c.serveGCM},
		{http.MethodPost, "/compat/mpns/{channel...}", c.serveMPNS},
		{http.MethodPost, "/compat/api/push", c.serveGorush},
		{http.MethodPost, "/api/push", c.serveGorush},
	}
}

const resultOK = "ok"
