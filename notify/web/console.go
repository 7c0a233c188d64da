package web

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// consoleRoutes are for those who run the hub.
func consoleRoutes() []Route {
	return slices.Concat(lookRoutes(), folkRoutes(), sendRoutes(), houseRoutes())
}

// lookRoutes only show.
func lookRoutes() []Route {
	return []Route{
		{"GET", "/admin", forAuditor, "", (*Pages).overview},
		{"GET", "/admin/trace", forAuditor, "", (*Pages).trace},
		{"GET", "/admin/audit", forAuditor, "", (*Pages).audit},
		{"GET", "/admin/topics", forAuditor, "", (*Pages).topics},
		{"GET", "/admin/topics/{topic}", forAuditor, "", (*Pages).topic},
	}
}

// alarm is something that needs somebody.
type alarm struct{ Kind, What, Why, Do, Link string }

// overviewData is the overview's.
type overviewData struct {
	Alarms          []alarm
	People, Devices int64
	Waiting         int64
	Lanes           []notify.LaneStatus
	Sources         []notify.SourceStatus
	Charts          []chart
}

// expirySoon is how long before their end credentials are an alarm.
const expirySoon = 30 * 24 * time.Hour

func (p *Pages) overview(v *visit) error {
	var d overviewData
	var err error
	if d.Lanes, err = p.o.Hub.Lanes(v.ctx); err != nil {
		return err
	}
	d.Sources = p.o.Hub.Sources()
	if d.People, d.Devices, err = p.o.Store.Totals(v.ctx); err != nil {
		return err
	}
	now := p.o.Clock.Now()
	for _, l := range d.Lanes {
		d.Waiting += l.Depth
		if l.State != notify.LaneOK {
			d.Alarms = append(d.Alarms, alarm{string(l.State), l.Lane.String(), l.Reason, text(v.lang, "do.lane."+string(l.State)), ""})
		}
		if !l.CredentialExpiry.IsZero() && l.CredentialExpiry.Sub(now) < expirySoon {
			d.Alarms = append(d.Alarms, alarm{"expiry", l.Lane.String(), l.CredentialExpiry.UTC().Format(time.DateOnly), text(v.lang, "do.expiry"), ""})
		}
	}
	for _, s := range d.Sources {
		if bad := s.Accounts[notify.HealthAuthFailed] + s.Accounts[notify.HealthUnreachable] + s.Accounts[notify.HealthBackoff]; bad > 0 {
			d.Alarms = append(d.Alarms, alarm{string(s.State), s.ID, text(v.lang, "sources.bad", bad) + " " + s.LastError, text(v.lang, "do.source"), "/admin/sources?source=" + s.ID})
		}
	}
	waiting, err := p.o.Store.Notifications(v.ctx, notify.NotificationFilter{State: notify.StateAwaitingApproval}, notify.Page{Limit: 20})
	if err != nil {
		return err
	}
	for _, n := range waiting {
		d.Alarms = append(d.Alarms, alarm{string(n.State), n.Content.Title, n.By, text(v.lang, "do.approve"), "/admin/notifications/" + n.ID})
	}
	if d.Charts, err = p.charts(v); err != nil {
		return err
	}
	return p.show(v, "overview", d)
}

// trace shows the life of an event, a notification or a delivery.
func (p *Pages) trace(v *visit) error {
	var d struct {
		ID    string
		Steps []notify.TraceStep
	}
	if d.ID = strings.TrimSpace(v.r.URL.Query().Get("id")); d.ID != "" {
		var err error
		if d.Steps, err = p.o.Hub.Trace(v.ctx, d.ID); err != nil {
			return err
		}
	}
	return p.show(v, "trace", d)
}

// audit shows who did what.
func (p *Pages) audit(v *visit) error {
	var d struct {
		Acts []notify.Act
		Next string
	}
	var err error
	if d.Acts, d.Next, err = paged(v, p.o.Store.Acts, func(a notify.Act) string { return strconv.FormatInt(a.Seq, 10) }); err != nil {
		return err
	}
	return p.show(v, "audit", d)
}

// pageRows is the rows of one page of a listing.
const pageRows = 50

// paged reads the page of a listing that the address asks for, and gives the cursor of the next one, empty when there is
// none. It asks for a row more than it shows: a page that is just full does not lead to an empty one.
func paged[T any](v *visit, list func(context.Context, notify.Page) ([]T, error), cursor func(T) string) (rows []T, next string, err error) {
	rows, err = list(v.ctx, notify.Page{After: v.r.URL.Query().Get("after"), Limit: pageRows + 1})
	if err != nil || len(rows) <= pageRows {
		return rows, "", err
	}
	return rows[:pageRows], cursor(rows[pageRows-1]), nil
}

func (p *Pages) topics(v *visit) error {
	var d struct {
		Query, Next string
		Topics      []notify.Topic
	}
	d.Query = v.r.URL.Query().Get("q")
	found := func(ctx context.Context, page notify.Page) ([]notify.Topic, error) {
		return p.o.Store.FindTopics(ctx, d.Query, page)
	}
	var err error
	if d.Topics, d.Next, err = paged(v, found, func(t notify.Topic) string { return t.Name }); err != nil {
		return err
	}
	return p.show(v, "topics", d)
}

func (p *Pages) topic(v *visit) error {
	var d struct {
		Name, Next string
		Members    []string
	}
	d.Name = v.r.PathValue("topic")
	members := func(ctx context.Context, page notify.Page) ([]string, error) {
		return p.o.Store.Members(ctx, d.Name, page)
	}
	var err error
	if d.Members, d.Next, err = paged(v, members, func(id string) string { return id }); err != nil {
		return err
	}
	return p.show(v, "topic", d)
}
