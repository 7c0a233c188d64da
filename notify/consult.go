package notify

import (
	"context"
	"strconv"
	"time"
)

// What a person wishes is asked at the last moment, when a delivery is about to go out, on every channel in the same way:
// at the first attempt, and again at every later one. What is to wait stays a stored delivery with a later time.

// Presence tells who has a page open right now.
type Presence interface {
	// Open tells whether the person has; quick, from any goroutine.
	Open(user string) bool
}

// wording is how a delivery is told.
type wording struct {
	n       *Notification
	name    string // of these words among what was rendered
	variant Variant
}

// The reasons of what was not told, as a trace shows them.
const (
	reasonWish     = "only kept in the inbox, as the person wishes"
	reasonRead     = "it was read already"
	reasonSeen     = "an open page has shown it"
	reasonBundled  = "told together with later mails"
	reasonTogether = "waits to be told together with other mails"
)

// consult asks what the person wishes: how the delivery is to be told, or what becomes of it instead.
func (h *Hub) consult(ctx context.Context, t *task, i int, now time.Time) (wording, *Outcome) {
	target, n := &t.targets[i], t.n
	d, locale := target.Device, target.UserLocale
	if d.Locale != "" {
		locale = d.Locale
	}
	zone := target.UserTimeZone
	if d.TimeZone != "" {
		zone = d.TimeZone
	}
	w := wording{n: n, name: n.ID, variant: n.VariantFor(locale, zone, d.Environment)}
	if n.Silent {
		return w, nil
	}
	mark := h.markOf(ctx, t, i)
	if !mark.ReadAt.IsZero() {
		return w, &Outcome{Verdict: suppressed, Reason: reasonRead}
	}
	p := target.Preferences
	if p == nil {
		return w, nil
	}
	if p.Privacy != "" {
		w.variant.Privacy = stricter(n.Privacy, p.Privacy)
	}
	if p.Language != "" {
		w.variant.Locale = p.Language
	}
	c := consultation{ctx: ctx, hub: h, p: p, n: *n, user: target.Device.User, zone: target.UserTimeZone, now: now, mark: mark}
	f, verdict := c.decide()
	if verdict == nil && f.members != nil {
		together := n.together(f.members)
		w.n, w.name = &together, n.ID+"/"+target.Device.User+"/"+strconv.Itoa(len(f.members))
	}
	return w, verdict
}

// markOf reads the person's mark where there can be one: on what has waited, be it for its retry.
func (h *Hub) markOf(ctx context.Context, t *task, i int) Mark {
	if !t.retry && t.walk.Sleepers == nil {
		return Mark{}
	}
	marks, err := h.store.Marks(ctx, t.targets[i].Device.User, []string{t.n.ID})
	if err != nil { // to tell of what was read is the lesser evil
		h.log.Warn("what a person read cannot be looked up", "notification", t.n.ID, "error", err)
	}
	return marks[t.n.ID]
}

// consultation is one notice before one person's wishes.
type consultation struct {
	ctx  context.Context
	hub  *Hub
	p    *Preferences
	n    Notification
	user string
	zone string
	now  time.Time
	mark Mark
}

// decide gives how mails are told together, or what becomes of the delivery instead.
func (c consultation) decide() (fate, *Outcome) {
	say := c.say()
	urgent := c.n.Urgent || say == SayUrgent
	if say == SayInbox && !c.n.Urgent {
		return fate{}, &Outcome{Verdict: suppressed, Reason: reasonWish}
	}
	if end, quiet := c.p.Quiet.until(c.now, c.zone); quiet && (!urgent || c.p.Quiet.HoldUrgent) {
		return fate{}, &Outcome{Verdict: held, At: end, Reason: "quiet hours until " + end.Format(clockFormat)}
	}
	if urgent {
		return fate{}, nil
	}
	if verdict := c.liveFirst(); verdict != nil {
		return fate{}, verdict
	}
	return c.bundle()
}

// say is the rule's word, else that of the choices.
func (c consultation) say() Say {
	zone := c.zone
	if c.p.Quiet.Zone != "" {
		zone = c.p.Quiet.Zone
	}
	if say := c.hub.rules.say(c.p.Rule, c.n, c.now.In(location(zone))); say != SayNothing {
		return say
	}
	return c.p.choose(c.n)
}

// liveFirst gives an open page some time to show it before the devices are told.
func (c consultation) liveFirst() *Outcome {
	presence := c.hub.opts.Presence
	if c.p.LiveFirst == 0 {
		return nil
	}
	if !c.mark.SeenAt.IsZero() {
		return &Outcome{Verdict: suppressed, Reason: reasonSeen}
	}
	until := c.n.told().Add(time.Duration(c.p.LiveFirst) * time.Second)
	if presence == nil || !c.now.Before(until) || !presence.Open(c.user) {
		return nil
	}
	return &Outcome{Verdict: held, At: until, Reason: "an open page has it first"}
}

// bundle puts mails together.
func (c consultation) bundle() (fate, *Outcome) {
	if c.p.Bundle == 0 || c.n.eventType() != MailReceived {
		return fate{}, nil
	}
	window := time.Duration(c.p.Bundle) * time.Second
	c.hub.recall(c.ctx, c.user, window, c.now)
	f := c.hub.bundles.look(c.user, c.n, window, c.now)
	switch {
	case !f.hold.IsZero():
		return f, &Outcome{Verdict: held, At: f.hold, Reason: reasonTogether}
	case f.covered:
		return f, &Outcome{Verdict: suppressed, Reason: reasonBundled}
	}
	return f, nil
}
