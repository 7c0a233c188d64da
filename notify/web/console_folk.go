package web

import (
	"encoding/base64"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/skip2/go-qrcode"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// folkRoutes are people, their devices and their parts.
func folkRoutes() []Route {
	return []Route{
		{"GET", "/admin/users", forAuditor, "", (*Pages).people},
		{"GET", "/admin/users/{id}", forAuditor, "", (*Pages).person},
		{"POST", "/admin/users/{id}/invite", forAdmin, "user.invite", (*Pages).invite},
		{"POST", "/admin/users/{id}/role", forAdmin, "user.role", (*Pages).giveRole},
		{"POST", "/admin/users/{id}/merge", forAdmin, "user.merge", (*Pages).merge},
		{"POST", "/admin/users/{id}/erase", forAdmin, "user.erase", (*Pages).erase},
		{"POST", "/admin/devices/{id}/test", forOperator, "device.test", (*Pages).probeDevice},
		{"POST", "/admin/devices/{id}/remove", forOperator, "device.remove", (*Pages).dropDevice},
		{"GET", "/admin/import", forOperator, "", (*Pages).importPage},
		{"POST", "/admin/import", forOperator, "user.import", (*Pages).importPeople},
	}
}

// people finds people and topics by the beginning of anything; a device's id or token, and an identity in any spelling,
// lead to the person.
func (p *Pages) people(v *visit) error {
	q := v.r.URL.Query()
	var d struct {
		Query  string
		Found  notify.Found
		Topics []notify.Topic
	}
	d.Query = strings.TrimSpace(q.Get("q"))
	var err error
	if d.Found, err = p.o.Store.FindUsers(v.ctx, d.Query, notify.Page{After: q.Get("after"), Limit: pageRows}); err != nil {
		return err
	}
	if d.Query == "" {
		return p.show(v, "people", d)
	}
	if len(d.Found.Users) == 0 {
		user, err := p.whole(v, d.Query)
		if err != nil {
			return err
		}
		if user != "" {
			return v.see("/admin/users/" + url.PathEscape(user))
		}
	}
	if d.Topics, err = p.o.Store.FindTopics(v.ctx, d.Query, notify.Page{Limit: foundTopics}); err != nil {
		return err
	}
	return p.show(v, "people", d)
}

// foundTopics is how many topics stand beside the people that were found.
const foundTopics = 10

// whole finds the person to whom something leads that is no beginning: a device, or an identity in another spelling.
func (p *Pages) whole(v *visit, what string) (user string, err error) {
	d, err := p.o.Store.FindDevice(v.ctx, what)
	if err == nil || notify.CodeOf(err) != notify.CodeUnknownDevice {
		return d.User, err
	}
	ids := []notify.Identity{{Kind: notify.KindEmail, Value: what}, {Kind: notify.KindPhone, Value: what}, {Kind: notify.KindMAC, Value: what}}
	if i, err := notify.ParseIdentity(what); err == nil {
		ids = append(ids, i)
	}
	for _, i := range ids {
		u, err := p.o.Hub.FindUser(v.ctx, i)
		switch notify.CodeOf(err) {
		case "":
			return u.ID, nil
		case notify.CodeInvalid, notify.CodeUnknownIdentity, notify.CodeUnknownUser:
		default:
			return "", err
		}
	}
	return "", nil
}

// personData is everything about one person.
type personData struct {
	U             notify.User
	Role          notify.Role
	Devices       []notify.Device // the latest
	MoreDevices   int             // that are not shown
	Accounts      []notify.Account
	Notifications []notify.Notification
	Preferences   notify.Preferences
	Unread        int
	Topics        []string
	Sessions      []notify.Session
	Link, QR      string // of an invitation that was made just now
}

func (p *Pages) person(v *visit) error { return p.showPerson(v, "", "") }

func (p *Pages) showPerson(v *visit, link, code string) error {
	id := v.r.PathValue("id")
	d := personData{Link: link, QR: code}
	s := p.o.Store
	var errs [9]error
	d.U, errs[0] = s.User(v.ctx, id)
	if errs[0] != nil {
		return errs[0]
	}
	d.Role, errs[1] = s.RoleOf(v.ctx, id)
	d.Devices, errs[2] = s.DevicesOf(v.ctx, id)
	if n := len(d.Devices) - pageRows; n > 0 {
		d.Devices, d.MoreDevices = d.Devices[n:], n
	}
	d.Accounts, errs[3] = s.AccountsOf(v.ctx, id)
	d.Notifications, errs[4] = s.Notifications(v.ctx, notify.NotificationFilter{User: id}, notify.Page{Limit: 20})
	d.Preferences, errs[5] = s.Preferences(v.ctx, id)
	d.Unread, errs[6] = s.Unread(v.ctx, id, 1000)
	d.Topics, errs[7] = s.TopicsOf(v.ctx, id, notify.Page{Limit: pageRows})
	d.Sessions, errs[8] = s.Sessions(v.ctx, id, p.o.Clock.Now())
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return p.show(v, "person", d)
}

// invite shows the link and its code this once.
func (p *Pages) invite(v *visit) error {
	i, secret := api.NewInvitation(v.r.PathValue("id"), p.o.Clock)
	if err := p.o.Store.PutInvitation(v.ctx, i, notify.HashSecret(secret)); err != nil {
		return err
	}
	p.did(v, i.User, "")
	link := strings.TrimRight(p.o.PublicURL, "/") + api.InvitationPath(secret)
	png, err := qrcode.Encode(link, qrcode.Low, 256)
	if err != nil {
		return notify.Wrap(notify.CodeInternal, err, "the QR code cannot be made")
	}
	// A picture inside the page is the one thing that the policy allows here beside the hub's own files.
	v.w.Header().Set("Content-Security-Policy", strings.Replace(pagePolicy, "img-src 'self'", "img-src 'self' data:", 1))
	return p.showPerson(v, link, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(png))
}

func (p *Pages) giveRole(v *visit) error {
	id := v.r.PathValue("id")
	role, err := api.ParseRole(v.r.PostFormValue("role"))
	if err != nil {
		return err
	}
	if id == v.user.ID && role != notify.RoleAdmin { // the last one would lock everybody out
		return notify.Errorf(notify.CodeWrongState, "%s", text(v.lang, "role.self"))
	}
	if err := p.o.Store.SetRole(v.ctx, id, role); err != nil {
		return err
	}
	p.did(v, id, v.r.PostFormValue("role"))
	return v.said("/admin/users/"+id, "role")
}

func (p *Pages) merge(v *visit) error {
	id, into := v.r.PathValue("id"), strings.TrimSpace(v.r.PostFormValue("into"))
	if err := p.o.Hub.MergeUser(v.ctx, id, into); err != nil {
		return err
	}
	p.o.API.Forget()
	p.did(v, id, into)
	return v.said("/admin/users/"+into, "merged")
}

// erase asks for the id to be typed: it cannot be undone.
func (p *Pages) erase(v *visit) error {
	id := v.r.PathValue("id")
	if strings.TrimSpace(v.r.PostFormValue("confirm")) != id {
		return notify.Errorf(notify.CodeInvalid, "%s", text(v.lang, "erase.confirm"))
	}
	if err := p.o.Hub.DeleteUser(v.ctx, id); err != nil {
		return err
	}
	p.o.API.Forget()
	p.did(v, id, "")
	return v.said("/admin/users", "erased")
}

// probeDevice sends a test to somebody's device, in that person's language.
func (p *Pages) probeDevice(v *visit) error {
	d, err := p.o.Store.Device(v.ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	u, err := p.o.Store.User(v.ctx, d.User)
	if err != nil {
		return err
	}
	n := api.TestNotice(d, u.Locale)
	n.By = v.actor()
	if n, _, err = p.o.Hub.Send(v.ctx, n, notify.Idempotency{}); err != nil {
		return err
	}
	p.did(v, d.ID, d.User)
	return v.said("/admin/notifications/"+n.ID, "tested")
}

func (p *Pages) dropDevice(v *visit) error {
	d, err := p.o.Store.Device(v.ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := p.o.Store.DeleteDevice(v.ctx, d.ID); err != nil {
		return err
	}
	p.did(v, d.ID, d.User)
	return v.said("/admin/users/"+d.User, "removed")
}

// importRow is one line of a CSV file: what it would do, or did.
type importRow struct {
	Line  int
	User  notify.User
	What  string // new, changed, same, wrong
	Error string
}

// importData is the import page's.
type importData struct {
	CSV     string
	Rows    []importRow
	Counts  map[string]int
	Applied bool
}

func (p *Pages) importPage(v *visit) error { return p.show(v, "import", importData{}) }

const maxImport = 5000 // lines at once

// importPeople shows what a CSV file would change, and, asked a second time, does it.
func (p *Pages) importPeople(v *visit) error {
	d := importData{CSV: v.r.PostFormValue("csv"), Counts: map[string]int{}, Applied: v.r.PostFormValue("apply") != ""}
	if file, _, err := v.r.FormFile("file"); err == nil {
		raw, err := io.ReadAll(io.LimitReader(file, maxForm))
		_ = file.Close()
		if err != nil {
			return notify.Wrap(notify.CodeMalformed, err, text(v.lang, "error.form"))
		}
		if len(raw) > 0 {
			d.CSV = string(raw)
		}
	}
	users, err := readPeople(d.CSV)
	if err != nil {
		return p.showStatus(v, http.StatusBadRequest, "import", view{D: d, Error: err.Error()})
	}
	for i, u := range users {
		row := p.importOne(v, u, d.Applied)
		row.Line = i + 2
		d.Counts[row.What]++
		d.Rows = append(d.Rows, row)
	}
	if d.Applied {
		p.did(v, "people", text("en", "import.sum", d.Counts["new"], d.Counts["changed"], d.Counts["wrong"]))
	}
	return p.show(v, "import", d)
}

func (p *Pages) importOne(v *visit, in csvUser, apply bool) importRow {
	u := in.User
	row := importRow{User: u, What: "new"}
	old, err := p.o.Store.User(v.ctx, u.ID)
	if err == nil {
		row.What = "changed"
		u = in.over(old)
		if old.Name == u.Name && old.Locale == u.Locale && old.TimeZone == u.TimeZone && sameIdentities(old.Identities, u.Identities) {
			row.What = "same"
			return row
		}
	}
	if apply {
		_, _, err = p.o.Hub.PutUser(v.ctx, u)
	} else {
		_, err = u.Validate(notify.Normalizer{})
	}
	var e *notify.Error
	if errors.As(err, &e) {
		row.What, row.Error = "wrong", e.Detail
		for _, f := range e.Fields {
			row.Error += "; " + f.Path + " " + f.Message
		}
	}
	return row
}

func sameIdentities(a, b []notify.Identity) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Kind != b[i].Kind || !strings.EqualFold(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

// csvUser is a person as a CSV file has it, with the names of its columns.
type csvUser struct {
	notify.User
	head []string
}

// over puts what the file says over what is known: what it has no column for stays.
func (c csvUser) over(old notify.User) notify.User {
	u := c.User
	has := func(name string) bool { return slices.Contains(c.head, name) }
	if !has("name") {
		u.Name = old.Name
	}
	if !has("locale") {
		u.Locale = old.Locale
	}
	if !has("timeZone") {
		u.TimeZone = old.TimeZone
	}
	if len(u.Identities) == 0 {
		u.Identities = old.Identities
	}
	return u
}

// readPeople reads a CSV file with a line of names: id, name, locale, timeZone, and kinds of identities.
func readPeople(text string) ([]csvUser, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.FieldsPerRecord = 0
	lines, err := r.ReadAll()
	switch {
	case err != nil:
		return nil, errors.New("CSV: " + err.Error())
	case len(lines) < 2 || len(lines) > maxImport:
		return nil, errors.New("CSV: 1 to 5000 lines after the line of names (id, name, locale, timeZone, email, phone, …)")
	}
	head := lines[0]
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	users := make([]csvUser, 0, len(lines)-1)
	for _, line := range lines[1:] {
		u := csvUser{head: head}
		for i, value := range line {
			value = strings.TrimSpace(value)
			switch name := head[i]; name {
			case "id":
				u.ID = value
			case "name":
				u.Name = value
			case "locale":
				u.Locale = value
			case "timeZone":
				u.TimeZone = value
			default:
				if value != "" {
					u.Identities = append(u.Identities, notify.Identity{Kind: name, Value: value})
				}
			}
		}
		users = append(users, u)
	}
	return users, nil
}
