package web

import (
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

// preview is how a platform shows the notice at most.
type preview struct {
	Platform    string
	Title, Body string
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
		d.Previews = previews(n)
		return p.show(v, "send", d)
	}
	if d.Approval {
		n, err = p.o.Hub.Propose(v.ctx, n)
	} else {
		n, _, err = p.o.Hub.Send(v.ctx, n, notify.Idempotency{})
	}
	if err != nil {
		return again(err)
	}
	p.did(v, n.ID, "")
	return v.said("/admin/notifications/"+n.ID, map[bool]string{true: "proposed", false: "sent"}[d.Approval])
}

// names splits what was typed at commas and spaces.
func names(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

// shown is how much of a body fits a banner, in characters, as the platforms' own guides say or show.
var shown = []struct {
	platform    notify.Platform
	title, body int
}{{notify.APNs, 50, 178}, {notify.FCM, 65, 240}, {notify.WNS, 60, 200}, {notify.WebPush, 60, 160}}

func previews(n notify.Notification) (out []preview) {
	for _, s := range shown {
		out = append(out, preview{string(s.platform), cut(n.Content.Title, s.title), cut(n.Content.Body, s.body)})
	}
	return out
}

func cut(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

func (p *Pages) history(v *visit) error {
	q := v.r.URL.Query()
	var d struct {
		List  []notify.Notification
		State string
		Next  string
	}
	d.State = q.Get("state")
	var err error
	if d.List, err = p.o.Store.Notifications(v.ctx, notify.NotificationFilter{State: notify.State(d.State)}, notify.Page{After: q.Get("after"), Limit: pageRows}); err != nil {
		return err
	}
	if n := len(d.List); n == pageRows {
		d.Next = d.List[n-1].ID
	}
	return p.show(v, "history", d)
}

// progressData is one notification's.
type progressData struct {
	N        notify.Notification
	Settled  int64
	Rows     []notify.DeliveryRow
	MayGo    bool // approve it
	Pausable bool
	Paused   bool
	Open     bool
}

func (p *Pages) progress(v *visit) error {
	n, err := p.o.Store.Notification(v.ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	d := progressData{N: n, Settled: n.Counts.Targeted - n.Counts.Pending, Pausable: n.State == notify.StateSending, Paused: n.State == notify.StatePaused,
		Open: n.State != notify.StateDone && n.State != notify.StateCancelled, MayGo: n.State == notify.StateAwaitingApproval && n.By != v.actor()}
	if d.Rows, err = p.o.Store.Deliveries(v.ctx, n.ID, "", notify.Page{Limit: pageRows}); err != nil {
		return err
	}
	return p.show(v, "progress", d)
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
	if d.Rows, err = p.o.Store.Dead(v.ctx, notify.Page{After: v.r.URL.Query().Get("after"), Limit: pageRows}); err != nil {
		return err
	}
	if n := len(d.Rows); n == pageRows {
		d.Next = d.Rows[n-1].ID
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
