package web

import (
	"net/http"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
)

// preferencesData is the preferences page's.
type preferencesData struct {
	P       notify.Preferences
	Rows    []notify.Choice // with empty ones to fill in
	Types   []string
	Sources []string
	Days    []string
	Says    []string
	Zone    string // the person's own
}

const spareChoices = 3

func (p *Pages) preferences(v *visit) error {
	wishes, err := p.o.Store.Preferences(v.ctx, v.user.ID)
	if err != nil {
		return err
	}
	return p.show(v, "preferences", p.preferencesOf(v, wishes))
}

func (p *Pages) preferencesOf(v *visit, wishes notify.Preferences) preferencesData {
	d := preferencesData{P: wishes, Rows: append(wishes.Choices[:len(wishes.Choices):len(wishes.Choices)], make([]notify.Choice, spareChoices)...), Zone: v.user.TimeZone,
		Days: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Says: []string{"tell", "inbox", "urgent"}}
	for _, t := range []notify.EventType{notify.MailReceived, notify.CalendarCreated, notify.CalendarUpdated, notify.CalendarCancelled,
		notify.CalendarReminder, notify.TaskAssigned, notify.TaskUpdated, notify.TaskDue, notify.TaskCompleted, notify.FeedPublished, notify.TypeNotice} {
		d.Types = append(d.Types, string(t))
	}
	for _, s := range p.o.Hub.Sources() {
		d.Sources = append(d.Sources, s.ID)
	}
	return d
}

// Has tells whether the quiet hours begin on the day.
func (d preferencesData) Has(day string) bool {
	for _, x := range d.P.Quiet.Days {
		if x == day {
			return true
		}
	}
	return false
}

// putPreferences stores the form. What is wrong is shown beside the form, with what was typed.
func (p *Pages) putPreferences(v *visit) error {
	wishes, bad := preferencesFrom(v)
	var err error
	if bad != nil {
		err = &notify.Error{Code: notify.CodeInvalid, Fields: bad}
	} else {
		err = p.o.Hub.PutPreferences(v.ctx, v.user.ID, wishes)
	}
	if notify.CodeOf(err) == notify.CodeInvalid {
		fields := bad
		if e, ok := err.(*notify.Error); ok {
			fields = e.Fields
		}
		return p.showStatus(v, http.StatusBadRequest, "preferences", view{D: p.preferencesOf(v, wishes), Error: text(v.lang, "preferences.wrong"), Fields: fields})
	}
	if err != nil {
		return err
	}
	return v.said("/preferences", "saved")
}

func preferencesFrom(v *visit) (w notify.Preferences, bad []notify.FieldError) {
	f := v.r.PostForm
	number := func(name string) int {
		s := strings.TrimSpace(f.Get(name))
		if s == "" {
			return 0
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			bad = append(bad, notify.FieldError{Path: name, Message: "must be a number of seconds"})
		}
		return n
	}
	w = notify.Preferences{Bundle: number("bundle"), LiveFirst: number("liveFirst"), Privacy: notify.Privacy(f.Get("privacy")), Language: f.Get("language"),
		KeepRead: f.Get("keepRead") != "", Rule: strings.TrimSpace(f.Get("rule")),
		Quiet: notify.Quiet{From: f.Get("from"), To: f.Get("to"), Zone: strings.TrimSpace(f.Get("zone")), HoldUrgent: f.Get("holdUrgent") != "", Days: f["day"]}}
	if len(w.Quiet.Days) == 7 {
		w.Quiet.Days = nil // every day
	}
	at := func(name string, i int) string {
		if list := f[name]; i < len(list) {
			return strings.TrimSpace(list[i])
		}
		return ""
	}
	for i := range f["say"] {
		c := notify.Choice{Source: at("source", i), Folder: at("folder", i), Calendar: at("calendar", i), Topic: at("topic", i),
			Type: notify.EventType(at("type", i)), Say: notify.Say(at("say", i))}
		if c.Say != notify.SayNothing {
			w.Choices = append(w.Choices, c)
		}
	}
	return w, bad
}
