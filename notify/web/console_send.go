package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// sendRoutes are telling people, and what became of it.
func sendRoutes() []Route {
	return []Route{
		{"GET", "/admin/send", forOperator, "", (*Pages).compose},
		{"POST", "/admin/send", forOperator, "notification.send", (*Pages).send},
		{"GET", "/admin/notifications", forAuditor, "", (*Pages).history},
		{"GET", "/admin/notifications/{id}", forAuditor, "", (*Pages).progress},
		{"POST", "/admin/notifications/{id}/{to}", forOperator, "notification.steer", (*Pages).steer},
		{"GET", "/admin/dead", forAuditor, "", (*Pages).dead},
		{"POST", "/admin/dead/{id}/replay", forOperator, "delivery.replay", (*Pages).replay},
	}
}

// composeData is the form's, and what it would do.
type composeData struct {
	Users, Topics, Title, Body, URL, Priority, At string
	All, Urgent                                   bool
	Checked                                       bool // counted and shown
	People, Devices                               int64
	Approval                                      bool
	Previews                                      []preview
}

func (p *Pages) compose(v *visit) error { return p.show(v, "send", composeData{Priority: "normal"}) }

// send shows whom the notice would reach and how it looks; asked a second time, it sends.
func (p *Pages) send(v *visit) error {
	f := v.r.PostForm
	d := composeData{Users: f.Get("users"), Topics: f.Get("topics"), Title: f.Get("title"), Body: f.Get("body"), URL: strings.TrimSpace(f.Get("url")),
		Priority: f.Get("priority"), At: f.Get("at"), All: f.Get("all") != "", Urgent: f.Get("urgent") != "", Checked: true}
	d.Approval = d.All && p.o.ApproveBroadcasts
	n := notify.Notification{To: notify.Audience{All: d.All, Topics: names(d.Topics)}, Content: notify.Content{Title: d.Title, Body: d.Body, URL: d.URL, Sound: "default"},
		Priority: notify.Priority(d.Priority), Urgent: d.Urgent, TTL: notify.DefaultTTL, By: v.actor()}
	for _, name := range names(d.Users) {
		if i, err := notify.ParseIdentity(name); err == nil {
			n.To.Identities = append(n.To.Identities, i)
		} else {
			n.To.Users = append(n.To.Users, name)
		}
	}
	again := func(err error) error {
		status, w := statusOf(err), view{D: d, Error: text(v.lang, "send.wrong")}
		if status >= http.StatusInternalServerError {
			return err
		}
		d.Checked = false
		w.D = d
		if e, ok := err.(*notify.Error); ok {
			w.Fields = e.Fields
			if len(e.Fields) == 0 {
				w.Error = e.Detail
			}
		}
		return p.showStatus(v, http.StatusBadRequest, "send", w)
	}
	if d.At != "" {
		at, err := time.ParseInLocation("2006-01-02T15:04", d.At, zoneOf(v.user))
		if err != nil {
			return again(notify.Errorf(notify.CodeInvalid, "%s", text(v.lang, "error.form")))
		}
		n.SendAt = at
	}
	if _, err := n.Validate(notify.Normalizer{}, p.o.Clock.Now()); err != nil {
		return again(err)
	}
	var err error
	if d.People, d.Devices, err = p.o.Hub.Reach(v.ctx, n.To); err != nil {
		return again(err)
	}
	if f.Get("go") == "" {
		if d.Previews, err = p.previews(v, n); err != nil {
			return again(err)
		}
		return p.show(v, "send", d)
	}
	if n, _, err = p.o.Hub.Send(v.ctx, n, notify.Idempotency{}); err != nil {
		return again(err)
	}
	p.did(v, n.ID, "")
	word := "sent"
	if n.State == notify.StateAwaitingApproval {
		word = "proposed"
	}
	return v.said("/admin/notifications/"+n.ID, word)
}

// names splits what was typed at commas and spaces.
func names(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

func (p *Pages) history(v *visit) error {
	var d struct {
		List  []notify.Notification
		State string
		Next  string
	}
	d.State = v.r.URL.Query().Get("state")
	told := func(ctx context.Context, page notify.Page) ([]notify.Notification, error) {
		return p.o.Store.Notifications(ctx, notify.NotificationFilter{State: notify.State(d.State)}, page)
	}
	var err error
	if d.List, d.Next, err = paged(v, told, func(n notify.Notification) string { return n.ID }); err != nil {
		return err
	}
	return p.show(v, "history", d)
}

// progressData is one notification's.
type progressData struct {
	N        notify.Notification
	Settled  int64
	Rows     []notify.DeliveryRow
	Waits    bool // for a second person's word
	MayGo    bool // approve or refuse it
	Pausable bool
	Paused   bool
	Open     bool

	People, Devices int64     // of what waits: whom it would reach
	Previews        []preview // of what waits

	PerSecond float64   // deliveries; 0: not known
	DoneAt    time.Time // zero: not known
	Left      string    // until then, in words
}

func (p *Pages) progress(v *visit) error {
	n, err := p.o.Store.Notification(v.ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	d := progressData{N: n, Settled: n.Counts.Targeted - n.Counts.Pending, Pausable: n.State == notify.StateSending, Paused: n.State == notify.StatePaused,
		Open: n.State != notify.StateDone && n.State != notify.StateCancelled, Waits: n.State == notify.StateAwaitingApproval}
	d.MayGo = d.Waits && n.By != v.actor()
	if pace := p.o.Hub.Pace(n); pace.PerSecond > 0 {
		d.PerSecond, d.DoneAt = pace.PerSecond, pace.DoneAt
		d.Left = span(v.lang, pace.DoneAt.Sub(p.o.Clock.Now()))
	}
	if d.Waits {
		// Somebody whom it names may be gone by now: that is no reason not to show it.
		if d.People, d.Devices, err = p.o.Hub.Reach(v.ctx, n.To); err != nil && statusOf(err) >= http.StatusInternalServerError {
			return err
		}
		if d.Previews, err = p.previews(v, n); err != nil {
			return err
		}
	}
	if d.Rows, err = p.o.Store.Deliveries(v.ctx, n.ID, "", notify.Page{Limit: pageRows}); err != nil {
		return err
	}
	return p.show(v, "progress", d)
}

// span says a time to wait in words, to the two greatest units.
func span(lang string, d time.Duration) string {
	s := max(int64(d/time.Second), 1)
	switch {
	case s >= 3600:
		return text(lang, "span.hours", s/3600, s%3600/60)
	case s >= 60:
		return text(lang, "span.minutes", s/60, s%60)
	}
	return text(lang, "span.seconds", s)
}

func (p *Pages) steer(v *visit) error {
	id, to := v.r.PathValue("id"), v.r.PathValue("to")
	var err error
	switch to {
	case "pause":
		_, err = p.o.Hub.Pause(v.ctx, id)
	case "resume":
		_, err = p.o.Hub.Resume(v.ctx, id)
	case "cancel":
		_, err = p.o.Hub.Cancel(v.ctx, id)
	case "approve":
		_, err = p.o.Hub.Approve(v.ctx, id, v.actor())
	case "refuse":
		_, err = p.o.Hub.Refuse(v.ctx, id)
	default:
		err = notify.Errorf(notify.CodeNotFound, "there is nothing here")
	}
	if err != nil {
		return err
	}
	p.did(v, id, to)
	return v.see("/admin/notifications/" + id)
}

func (p *Pages) dead(v *visit) error {
	var d struct {
		Rows []notify.DeliveryRow
		Next string
	}
	var err error
	if d.Rows, d.Next, err = paged(v, p.o.Store.Dead, func(r notify.DeliveryRow) string { return r.ID }); err != nil {
		return err
	}
	return p.show(v, "dead", d)
}

func (p *Pages) replay(v *visit) error {
	row, err := p.o.Hub.Replay(v.ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	p.did(v, row.ID, "")
	return v.said("/admin/dead", "replayed")
}
