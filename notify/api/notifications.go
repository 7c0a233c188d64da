package api

import (
	"crypto/sha256"
	"math"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// maxIdempotencyKey is the greatest length of an Idempotency-Key header, in bytes.
const maxIdempotencyKey = 255

func (a *API) postNotification(c *call, in *wire.NotificationInput) (*wire.Accepted, error) {
	key, err := idempotencyKey(c.gin.Request.Header.Values("Idempotency-Key"))
	if err != nil {
		return nil, err
	}
	accepted, replayed, err := a.accept(c, in, key)
	if err != nil {
		return nil, err
	}
	if replayed {
		c.header("Idempotency-Replayed", "true")
	}
	c.header("Location", Base+"/notifications/"+accepted.ID)
	out := toAccepted(accepted)
	return &out, nil
}

func toAccepted(n notify.Notification) wire.Accepted {
	return wire.Accepted{ID: n.ID, State: n.State, Counts: toCounts(n.Counts), Skipped: n.Skipped}
}

// accept gives a notification to the hub. An idempotency key is bound to the body's meaning: the same document in another
// form has the same hash.
func (a *API) accept(c *call, in *wire.NotificationInput, key string) (accepted notify.Notification, replayed bool, err error) {
	if err := mayHurry(c.key, in); err != nil {
		return accepted, false, err
	}
	var idem notify.Idempotency
	if key != "" {
		sum := sha256.Sum256(a.codec.Encode(codec.JSON, in))
		idem = notify.Idempotency{KeyID: c.key.ID, Key: key, BodyHash: sum[:]}
	}
	n, err := posted(c.key, in)
	if err != nil {
		return accepted, false, err
	}
	return a.hub.Send(c.ctx, n, idem)
}

// posted is a notification as a key posts it.
func posted(key notify.Key, in *wire.NotificationInput) (notify.Notification, error) {
	n, err := fromNotification(in)
	n.By, n.Released = key.ID, key.Allows(notify.ScopeBroadcast)
	return n, err
}

// mayHurry sees that what is urgent is sent by who may.
func mayHurry(key notify.Key, in *wire.NotificationInput) error {
	if !in.Urgent || key.Allows(notify.ScopeUrgent) {
		return nil
	}
	return &notify.Error{Code: notify.CodeForbidden, Detail: "urgent needs the scope urgent",
		Fields: []notify.FieldError{{Path: "urgent", Message: "needs the scope urgent"}}}
}

// idempotencyKey takes the key from a header's values; empty: there is none.
func idempotencyKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	ok := key != "" && len(values) == 1 && len(key) <= maxIdempotencyKey
	for _, b := range []byte(key) {
		ok = ok && b >= ' ' && b < 0x7f
	}
	if !ok {
		return "", notify.Errorf(notify.CodeInvalid,
			"the Idempotency-Key header must be one value of 1 to %d ASCII characters", maxIdempotencyKey)
	}
	return key, nil
}

func (a *API) listNotifications(c *call, _ *wire.None) (*wire.NotificationList, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	f := notify.NotificationFilter{State: notify.State(c.query("state")), User: c.query("user"), Event: c.query("event")}
	switch f.State {
	case "", notify.StateAwaitingApproval, notify.StateScheduled, notify.StateSending, notify.StatePaused, notify.StateDone,
		notify.StateCancelled:
	default:
		return nil, invalid(badQuery, []notify.FieldError{{Path: "state",
			Message: "must be awaitingApproval, scheduled, sending, paused, done or cancelled"}})
	}
	list, err := a.store.Notifications(c.ctx, f, p)
	if err != nil {
		return nil, err
	}
	return &wire.NotificationList{
		Notifications: mapped(list, func(n notify.Notification) wire.Notification { return *a.shown(n) }),
		Next:          next(p, list, func(n notify.Notification) string { return n.ID })}, nil
}

func (a *API) getNotification(c *call, _ *wire.None) (*wire.Notification, error) {
	n, err := a.visible(c, notify.ScopeRead)
	if err != nil {
		return nil, err
	}
	return a.shown(n), nil
}

func (a *API) shown(n notify.Notification) *wire.Notification {
	out := toNotification(n)
	if pace := a.hub.Pace(n); !pace.DoneAt.IsZero() {
		out.EstimatedDoneAt, out.PerSecond = pace.DoneAt, int64(math.Round(pace.PerSecond))
	}
	return &out
}

func fromNotification(in *wire.NotificationInput) (notify.Notification, error) {
	n := notify.Notification{
		To: notify.Audience{Users: in.To.Users, Identities: mapped(in.To.Identities, fromIdentity), Devices: in.To.Devices,
			Topics: in.To.Topics, All: in.To.All, Platforms: in.To.Platforms, Apps: in.To.Apps},
		Content: notify.Content{Title: in.Title, Subtitle: in.Subtitle, Body: in.Body, URL: in.URL, Image: in.Image,
			Data: in.Data, Badge: in.Badge, Sound: in.Sound, Thread: in.Thread, Category: in.Category},
		CollapseKey: in.CollapseKey, Priority: in.Priority, Urgent: in.Urgent, Silent: in.Silent, TTL: notify.DefaultTTL,
		SendAt: in.SendAt, Rate: in.Rate, Template: in.Template, Params: in.Params, Partial: in.Partial,
	}
	if in.TTL != nil {
		// Beyond this a Duration could wrap round into the allowed range.
		if *in.TTL < 0 || *in.TTL > int64(notify.MaxTTL/time.Second) {
			return n, invalid("the notification is not valid", []notify.FieldError{{Path: "ttl",
				Message: "must be 0 to " + seconds(notify.MaxTTL) + " seconds"}})
		}
		n.TTL = time.Duration(*in.TTL) * time.Second
	}
	return n, nil
}

// toNotification hides the words of what was made of an event (a mail's subject, say): they are for the person told.
func toNotification(n notify.Notification) wire.Notification {
	out := wire.Notification{ID: n.ID, State: n.State, Counts: toCounts(n.Counts),
		To:          toAudience(n.To),
		CollapseKey: n.CollapseKey, Priority: n.Priority, Urgent: n.Urgent, Silent: n.Silent, TTL: int64(n.TTL / time.Second),
		SendAt: n.SendAt, Rate: n.Rate, Template: n.Template, Event: n.Event, By: n.By, Skipped: n.Skipped,
		CreatedAt: n.CreatedAt, ExpiresAt: n.ExpiresAt, DoneAt: n.DoneAt}
	if n.Event == "" {
		out.Content, out.Params = toContent(n.Content), n.Params
	}
	return out
}

func toAudience(a notify.Audience) wire.Audience {
	return wire.Audience{Users: a.Users, Identities: mapped(a.Identities, toIdentity), Devices: a.Devices, Topics: a.Topics, All: a.All,
		Platforms: a.Platforms, Apps: a.Apps}
}

func toContent(c notify.Content) wire.Content {
	return wire.Content{Title: c.Title, Subtitle: c.Subtitle, Body: c.Body, URL: c.URL, Image: c.Image, Data: c.Data,
		Badge: c.Badge, Sound: c.Sound, Thread: c.Thread, Category: c.Category}
}

func toCounts(c notify.Counts) wire.Counts { return wire.Counts(c) }
