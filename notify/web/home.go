package web

import (
	"net/http"
	"strconv"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// letter is one item of the inbox as it is shown.
type letter struct {
	Seq int64
	ID  string
	notify.Content
	Source string
	Urgent bool
	Read   bool
	notify.InboxItem
}

// day is the items of one day.
type day struct {
	At    letter // its newest
	Items []letter
}

// inboxData is the inbox page's.
type inboxData struct {
	Query  string
	Days   []day
	More   int64 // where the next page begins; 0: there is none
	Cursor string
	Marks  int64
	Unread int
}

const inboxPage = 50

// inbox shows what the person was told, newest first, by day.
func (p *Pages) inbox(v *visit) error {
	q := v.r.URL.Query()
	before, err := strconv.ParseInt("0"+q.Get("before"), 10, 64)
	if err != nil || len(q.Get("q")) > 200 {
		return notify.Errorf(notify.CodeInvalid, "%s", text(v.lang, "error.form"))
	}
	d := inboxData{Query: q.Get("q")}
	end, err := p.o.Store.InboxEnd(v.ctx, v.user.ID)
	if err != nil {
		return err
	}
	d.Cursor = end.String()
	if _, d.Marks, err = p.o.Store.MarksAfter(v.ctx, v.user.ID, 1<<62, 1); err != nil {
		return err
	}
	if d.Unread, err = p.o.Store.Unread(v.ctx, v.user.ID, 1000); err != nil {
		return err
	}
	items, err := p.o.Store.Recent(v.ctx, v.user.ID, before, d.Query, inboxPage+1)
	if err != nil {
		return err
	}
	if len(items) > inboxPage {
		items = items[:inboxPage]
		d.More = items[inboxPage-1].Seq
	}
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.Notification.ID
	}
	marks, err := p.o.Store.Marks(v.ctx, v.user.ID, ids)
	if err != nil {
		return err
	}
	zone := zoneOf(v.user)
	for _, item := range items {
		l := letterOf(item, v)
		l.Read = !marks[l.ID].ReadAt.IsZero()
		if n := len(d.Days); n == 0 || !sameDay(d.Days[n-1].At.CreatedAt.In(zone), item.CreatedAt.In(zone)) {
			d.Days = append(d.Days, day{At: l})
		}
		last := &d.Days[len(d.Days)-1]
		last.Items = append(last.Items, l)
	}
	return p.show(v, "inbox", d)
}

func letterOf(item notify.InboxItem, v *visit) letter {
	n := item.Notification
	variant := n.VariantFor(v.lang, v.user.TimeZone, "")
	return letter{Seq: item.Seq, ID: n.ID, Content: n.In(variant), Source: n.Content.Data["source"], Urgent: n.Urgent, InboxItem: item}
}

// readAll marks what the form names as read.
func (p *Pages) readAll(v *visit) error {
	if err := p.o.Hub.MarkInbox(v.ctx, v.user.ID, v.r.PostForm["id"], true); err != nil {
		return err
	}
	return v.see("/")
}

// devicesData is the devices page's.
type devicesData struct {
	App      string // that this browser can subscribe to; empty: none
	Devices  []notify.Device
	Sessions []notify.Session
	Current  string
}

func (p *Pages) devices(v *visit) error {
	d := devicesData{Current: v.key.ID}
	if apps := p.o.Hub.Apps(); len(apps) > 0 {
		d.App = apps[0]
	}
	var err error
	if d.Devices, err = p.o.Store.DevicesOf(v.ctx, v.user.ID); err != nil {
		return err
	}
	if d.Sessions, err = p.o.Store.Sessions(v.ctx, v.user.ID, p.o.Clock.Now()); err != nil {
		return err
	}
	return p.show(v, "devices", d)
}

// mine finds the person's device of the path; somebody else's is as unknown as none.
func (p *Pages) mine(v *visit) (notify.Device, error) {
	d, err := p.o.Store.Device(v.ctx, v.r.PathValue("id"))
	if err == nil && d.User != v.user.ID {
		err = notify.Errorf(notify.CodeUnknownDevice, "there is no such device")
	}
	return d, err
}

func (p *Pages) nameDevice(v *visit) error {
	d, err := p.mine(v)
	if err != nil {
		return err
	}
	if d.State == notify.DeviceRetired { // to register it would bring it back
		return notify.Errorf(notify.CodeWrongState, "%s", text(v.lang, "devices.gone"))
	}
	d.Name = v.r.PostFormValue("name")
	if _, _, err := p.o.Hub.RegisterDevice(v.ctx, d); err != nil {
		return err
	}
	return v.said("/devices", "named")
}

func (p *Pages) testDevice(v *visit) error {
	d, err := p.mine(v)
	if err != nil {
		return err
	}
	if _, _, err := p.o.Hub.Send(v.ctx, api.TestNotice(d, v.lang), notify.Idempotency{}); err != nil {
		return err
	}
	return v.said("/devices", "tested")
}

func (p *Pages) removeDevice(v *visit) error {
	d, err := p.mine(v)
	if err != nil {
		return err
	}
	if err := p.o.Store.DeleteDevice(v.ctx, d.ID); err != nil {
		return err
	}
	return v.said("/devices", "removed")
}

// manifest makes the page an app that can be installed (W3C Web Application Manifest).
func (p *Pages) manifest(v *visit) error {
	v.w.Header().Set("Content-Type", "application/manifest+json")
	v.w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = v.w.Write([]byte(`{"name":"Allim","short_name":"Allim","id":"/","start_url":"/","scope":"/","display":"standalone",` +
		`"background_color":"#f4f5f3","theme_color":"#1f6f5c","icons":[{"src":"/assets/icon.svg","sizes":"any","type":"image/svg+xml","purpose":"any"},` +
		`{"src":"/assets/icon-192.png","sizes":"192x192","type":"image/png"},{"src":"/assets/icon-512.png","sizes":"512x512","type":"image/png"}]}`))
	return nil
}

// serviceWorker is served from the top: it serves only what lies below its own folder.
func (p *Pages) serviceWorker(v *visit) error {
	http.ServeFileFS(v.w, v.r, assets, "assets/worker.js")
	return nil
}
