package notifytest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// wishful are the walk's tests of what people wish.
func wishful() map[string]func(*house) {
	return map[string]func(*house){
		"quiet hours: held until their end, in the person's zone": quietHours,
		"quiet hours: urgent ones go through, unless held too":    quietUrgent,
		"quiet hours: in a broadcast, after a restart":            quietBroadcast,
		"quiet hours: of a thousand devices, with changes":        quietMany,
		"quiet hours: paused, cancelled, out of time":             quietCancelled,
		"quiet hours: a notice whose time runs out in them":       quietExpires,
		"choices: by source, folder, calendar, type and topic":    choices,
		"rules decide before choices":                             ruled,
		"bundling: many mails in a short time are one notice":     bundling,
		"bundling: a bundle goes on after a restart":              bundlingRestart,
		"live first: the phone only if no page has shown it":      liveFirst,
		"read clears: what waits, and what other devices show":    readClears,
		"privacy and language are the person's":                   ownWords,
	}
}

// pages is a notify.Presence that tests open and close.
type pages struct {
	mu   sync.Mutex
	open map[string]bool
}

// Open implements notify.Presence.
func (p *pages) Open(user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[user]
}

func (p *pages) set(user string, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = map[string]bool{user: open}
}

func (h *house) wish(user string, p notify.Preferences) {
	h.t.Helper()
	if err := h.hub.PutPreferences(h.ctx(), user, p); err != nil {
		h.t.Fatal(err)
	}
}

// waits checks that n deliveries of a notification wait for the reason.
func (h *house) waits(id string, n int, reason string) {
	h.t.Helper()
	Until(h.t, fmt.Sprintf("%d deliveries that wait: %s", n, reason), func() bool { return h.rows(id, notify.DeliveryPending, reason) == n })
}

// asleep waits until big walks have passed n devices by.
func (h *house) asleep(n int) {
	h.t.Helper()
	Until(h.t, fmt.Sprintf("%d devices to sleep", n), func() bool {
		list, _, err := h.store.DueSleepers(h.ctx(), phones, morning.AddDate(1, 0, 0), 1000)
		all := 0
		for _, w := range list {
			all += len(w.Sleepers.Keys)
		}
		return must[bool](h.t)(all == n, err)
	})
}

// comesTo waits until a notification has the counts.
func (h *house) comesTo(id string, want notify.Counts) {
	h.t.Helper()
	var got notify.Counts
	defer func() {
		if h.t.Failed() {
			h.t.Logf("the counts are %+v, want %+v", got, want)
		}
	}()
	Until(h.t, "the counts", func() bool { got = h.get(id).Counts; return got == want })
}

func (h *house) rows(id string, state notify.DeliveryState, reason string) (n int) {
	h.t.Helper()
	for _, r := range must[[]notify.DeliveryRow](h.t)(h.store.Deliveries(h.ctx(), id, state, notify.Page{})) {
		if strings.HasPrefix(r.Reason, reason) {
			n++
		}
	}
	return n
}

// to gives the bodies that were pushed to a person, in order, without silent ones.
func (h *house) to(user string) (bodies []string) {
	for _, s := range h.phones().Sent() {
		if body := string(s.Delivery.Payload.Body); s.Delivery.Device.User == user && body != "\n" {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// turn sets the clock and has the lanes look again: one that was about to wait knew the old time.
func (h *house) turn(to time.Time) {
	h.clock.Set(to)
	for l := range h.adapters {
		h.bus.Wake(notify.SubjectLane(l))
	}
}

// looked has the lane look at its queue at the clock's time: what was due is sent before.
func (h *house) looked() {
	h.t.Helper()
	h.done(h.send(notify.Notification{To: notify.Audience{Users: []string{"lee"}}}).ID)
}

func (h *house) wantTold(user string, bodies ...string) {
	h.t.Helper()
	if got := h.to(user); strings.Join(got, "|") != strings.Join(bodies, "|") {
		h.t.Errorf("%s was told %q, want %q", user, got, bodies)
	}
}

// morning is the end of that night.
var morning = time.Date(2026, 11, 24, 22, 0, 0, 0, time.UTC)

// letter has the connector see a mail with the given params, and gives its notification.
func (h *house) letter(w notify.Watch, account string, params map[string]string) notify.Notification {
	h.t.Helper()
	return h.happens(w, notify.MailReceived, account, params)
}

// happens has an event happen and gives its notification.
func (h *house) happens(w notify.Watch, what notify.EventType, account string, params map[string]string) notify.Notification {
	h.t.Helper()
	known := map[string]bool{}
	list := func() []notify.Notification {
		return must[[]notify.Notification](h.t)(h.store.Notifications(h.ctx(), notify.NotificationFilter{}, notify.Page{}))
	}
	for _, n := range list() {
		known[n.ID] = true
	}
	err := w.Put(h.ctx(), notify.Batch{Account: account, Events: []notify.Event{{Key: notify.NewID(), Type: what,
		At: h.clock.Now(), SeenAt: h.clock.Now(), Params: params}}})
	if err != nil {
		h.t.Fatal(err)
	}
	var found notify.Notification
	Until(h.t, "the event's notification", func() bool {
		for _, n := range list() {
			if !known[n.ID] && n.Event != "" {
				found = n
				return true
			}
		}
		return false
	})
	return found
}

const kept = "only kept in the inbox"

func choices(h *house) {
	h.person("kim", 1)
	if err := h.store.AddMember(h.ctx(), "canteen", "kim"); err != nil {
		h.t.Fatal(err)
	}
	h.wish("kim", notify.Preferences{Choices: []notify.Choice{
		{Source: "mail", Folder: "Work", Say: notify.SayTell},
		{Source: "mail", Type: notify.MailReceived, Say: notify.SayInbox},
		{Topic: "canteen", Say: notify.SayInbox},
		{Calendar: "Holidays", Say: notify.SayInbox},
	}})
	a, w := h.account("kim@example.com", "kim"), h.watch()
	news := h.letter(w, a.ID, map[string]string{"from": "a@example.com", "subject": "news", "folder": "News"})
	h.wantCounts(news.ID, notify.Counts{Targeted: 1, Suppressed: 1})
	work := h.letter(w, a.ID, map[string]string{"from": "a@example.com", "subject": "work", "folder": "Work"})
	h.wantCounts(work.ID, notify.Counts{Targeted: 1, Accepted: 1})
	holiday := h.happens(w, notify.CalendarCreated, a.ID, map[string]string{"title": "Day off", "calendar": "Holidays"})
	h.wantCounts(holiday.ID, notify.Counts{Targeted: 1, Suppressed: 1})
	meeting := h.happens(w, notify.CalendarCreated, a.ID, map[string]string{"title": "Meeting", "calendar": "Work"})
	h.wantCounts(meeting.ID, notify.Counts{Targeted: 1, Accepted: 1})
	lunch := notify.Notification{To: notify.Audience{Topics: []string{"canteen"}}}
	quiet := h.send(lunch)
	h.wantCounts(quiet.ID, notify.Counts{Targeted: 1, Suppressed: 1})
	if n := h.rows(quiet.ID, notify.DeliverySuppressed, kept); n != 1 {
		h.t.Errorf("%d deliveries say why they were not told", n)
	}
	lunch.Urgent = true
	h.wantCounts(h.send(lunch).ID, notify.Counts{Targeted: 1, Accepted: 1})
	page := must[notify.InboxPage](h.t)(h.store.Inbox(h.ctx(), "kim", notify.Cursor{}, 10))
	if len(page.Items) != 6 {
		h.t.Errorf("%d items in the inbox, want all six", len(page.Items))
	}
}

func ruled(h *house) {
	h.person("kim", 1)
	p := h.night()
	p.Rule = `mail.from matches "@boss" ? "urgent" : mail.subject contains "newsletter" ? "inbox" : ""`
	h.wish("kim", p)
	a, w := h.account("kim@example.com", "kim"), h.watch()
	for subject, want := range map[string]notify.Counts{
		"now": {Targeted: 1, Accepted: 1}, "the newsletter": {Targeted: 1, Suppressed: 1},
	} {
		from := map[string]string{"now": "kang@boss.example.com"}[subject]
		h.wantCounts(h.letter(w, a.ID, map[string]string{"from": from, "subject": subject}).ID, want)
	}
	other := h.letter(w, a.ID, map[string]string{"from": "x@example.com", "subject": "later"})
	h.waits(other.ID, 1, "quiet hours")
	for _, bad := range []string{`mail.nothing`, `1`, `"loud"`, `map(1..9, {#})`, strings.Repeat(`"" + `, 300) + `""`} {
		err := h.hub.PutPreferences(h.ctx(), "kim", notify.Preferences{Rule: bad})
		if notify.CodeOf(err) != notify.CodeInvalid {
			h.t.Errorf("the rule %.40q is taken: %v", bad, err)
		}
	}
}

const together = "waits to be told together"

func bundling(h *house) {
	h.person("kim", 2)
	h.person("lee", 1)
	h.wish("kim", notify.Preferences{Bundle: 60})
	a, w := h.account("kim@example.com", "kim"), h.watch()
	mail := func(from string) notify.Notification {
		return h.letter(w, a.ID, map[string]string{"fromName": from, "subject": "about"})
	}
	first := mail("Lee")
	h.wantCounts(first.ID, notify.Counts{Targeted: 2, Accepted: 2})
	var later []string
	for _, from := range []string{"Park", "Choi", "Park"} {
		h.clock.Advance(time.Second)
		n := mail(from)
		h.waits(n.ID, 2, together)
		later = append(later, n.ID)
	}
	h.clock.Advance(56 * time.Second) // 59 since the first
	h.looked()
	h.wantTold("kim", "Lee\nabout", "Lee\nabout")
	h.turn(h.clock.Now().Add(time.Second))
	h.wantCounts(later[0], notify.Counts{Targeted: 2, Suppressed: 2})
	h.wantCounts(later[1], notify.Counts{Targeted: 2, Suppressed: 2})
	h.wantCounts(later[2], notify.Counts{Targeted: 2, Accepted: 2})
	h.wantTold("kim", "Lee\nabout", "Lee\nabout", "3 new mails\nPark, Choi", "3 new mails\nPark, Choi")
	h.clock.Advance(time.Second) // a bundle was told a moment ago
	alone := mail("Kang")
	h.waits(alone.ID, 2, together)
	h.turn(h.clock.Now().Add(59 * time.Second))
	h.wantCounts(alone.ID, notify.Counts{Targeted: 2, Accepted: 2})
	h.clock.Advance(2 * time.Minute)
	h.wantCounts(mail("Yoon").ID, notify.Counts{Targeted: 2, Accepted: 2})
	if got := h.to("kim"); len(got) != 8 || got[4] != "Kang\nabout" || got[6] != "Yoon\nabout" {
		h.t.Errorf("kim was told %q", got)
	}
}

// bundlingRestart: a bundle that is open when the hub is stopped goes on, with the same end and with what comes after; one
// whose end passed meanwhile is told as a whole; what follows a mail that was told before waits, too.
func bundlingRestart(h *house) {
	h.person("kim", 2)
	h.person("lee", 1)
	h.wish("kim", notify.Preferences{Bundle: 60})
	a, w := h.account("kim@example.com", "kim"), h.watch()
	mail := func(from string) notify.Notification {
		return h.letter(w, a.ID, map[string]string{"fromName": from, "subject": "about"})
	}
	restart := func() {
		h.restart()
		w = h.watch()
	}
	h.wantCounts(mail("Lee").ID, notify.Counts{Targeted: 2, Accepted: 2})
	restart()
	var ids []string
	for range 2 {
		n := mail("Park")
		h.waits(n.ID, 2, together)
		ids = append(ids, n.ID)
	}
	restart()
	h.clock.Advance(10 * time.Second)
	n := mail("Choi")
	h.waits(n.ID, 2, together)
	ids = append(ids, n.ID)
	h.turn(h.clock.Now().Add(49 * time.Second))
	h.looked()
	h.wantTold("kim", "Lee\nabout", "Lee\nabout")
	h.stop()
	h.clock.Advance(10 * time.Minute)
	h.start()
	w = h.watch()
	for _, id := range ids[:2] {
		h.wantCounts(id, notify.Counts{Targeted: 2, Suppressed: 2})
	}
	h.wantCounts(ids[2], notify.Counts{Targeted: 2, Accepted: 2})
	h.wantTold("kim", "Lee\nabout", "Lee\nabout", "3 new mails\nChoi, Park", "3 new mails\nChoi, Park")
}

func liveFirst(h *house) {
	h.person("kim", 1)
	h.person("lee", 1)
	h.wish("kim", notify.Preferences{LiveFirst: 10})
	to := notify.Notification{To: notify.Audience{Users: []string{"kim"}}}
	h.wantCounts(h.send(to).ID, notify.Counts{Targeted: 1, Accepted: 1}) // no page is open
	h.pages.set("kim", true)
	shown, unseen := h.send(to), h.send(to)
	h.waits(shown.ID, 1, "an open page has it first")
	h.waits(unseen.ID, 1, "an open page has it first")
	if err := h.hub.MarkInbox(h.ctx(), "kim", []string{shown.ID}, false); err != nil {
		h.t.Fatal(err)
	}
	h.clock.Advance(9 * time.Second)
	h.looked()
	h.wantTold("kim", "hello\n")
	h.turn(h.clock.Now().Add(time.Second))
	h.wantCounts(shown.ID, notify.Counts{Targeted: 1, Suppressed: 1})
	h.wantCounts(unseen.ID, notify.Counts{Targeted: 1, Accepted: 1})
	to.Urgent = true
	h.wantCounts(h.send(to).ID, notify.Counts{Targeted: 1, Accepted: 1})
}

func readClears(h *house) {
	h.person("kim", 2)
	h.person("lee", 1)
	h.wish("kim", h.night())
	urgent := h.send(notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Urgent: true, CollapseKey: "door"})
	h.wantCounts(urgent.ID, notify.Counts{Targeted: 2, Accepted: 2})
	waiting := h.send(notify.Notification{To: notify.Audience{Users: []string{"kim"}}})
	h.waits(waiting.ID, 2, "quiet hours")
	if err := h.hub.MarkInbox(h.ctx(), "kim", []string{urgent.ID, waiting.ID}, true); err != nil {
		h.t.Fatal(err)
	}
	var clear notify.Notification
	Until(h.t, "the devices to be told what was read", func() bool {
		for _, n := range must[[]notify.Notification](h.t)(h.store.Notifications(h.ctx(), notify.NotificationFilter{}, notify.Page{})) {
			if n.Silent {
				clear = n
			}
		}
		return clear.ID != ""
	})
	if d := clear.Content.Data; d["read"] != urgent.ID+","+waiting.ID || d["readTags"] != "door,"+waiting.ID {
		h.t.Errorf("the devices were told %v", d)
	}
	h.wantCounts(clear.ID, notify.Counts{Targeted: 2, Accepted: 2})
	h.turn(morning)
	h.wantCounts(waiting.ID, notify.Counts{Targeted: 2, Suppressed: 2})
	h.wish("kim", notify.Preferences{KeepRead: true})
	n := h.send(notify.Notification{To: notify.Audience{Users: []string{"kim"}}})
	h.wantCounts(n.ID, notify.Counts{Targeted: 2, Accepted: 2})
	if err := h.hub.MarkInbox(h.ctx(), "kim", []string{n.ID}, true); err != nil {
		h.t.Fatal(err)
	}
	list := must[[]notify.Notification](h.t)(h.store.Notifications(h.ctx(), notify.NotificationFilter{}, notify.Page{Limit: 1}))
	if list[0].ID != n.ID {
		h.t.Errorf("the devices were told what was read against the person's wish")
	}
}

func ownWords(h *house) {
	h.person("kim", 1)
	h.wish("kim", notify.Preferences{Privacy: notify.PrivacyNone, Language: "ko-KR"})
	a, w := h.account("kim@example.com", "kim"), h.watch()
	n := h.letter(w, a.ID, map[string]string{"fromName": "Lee", "subject": "salary"})
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Accepted: 1})
	h.wantTold("kim", "새 메일\n")
}
