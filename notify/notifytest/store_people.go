package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

// peopleSuite is about who signs in, what they wish and read, and what IT looks at.
func peopleSuite() []storeCase {
	return []storeCase{
		{"sessions: made, found, listed, ended", sessionLife},
		{"sessions: of a person only", sessionsOwn},
		{"invitations: once, and not for ever", invitations},
		{"roles", roles},
		{"accounts of a person", accountsOf},
		{"preferences", preferences},
		{"marks: seen, read, followed", marks},
		{"marks: only of one's own inbox", marksOwn},
		{"recent: an inbox from its end, searched", recent},
		{"audit trail and history", auditAndHistory},
		{"search: by the beginning of anything, in pages", search},
		{"search: an audience counted", countAudience},
		{"approval: what waits for a second person", approval},
		{"erase and merge: what a person left behind", peopleErased},
	}
}

func sessionLife(x *storeTest) {
	x.user("kim")
	now := x.clock.Now()
	s := notify.Session{ID: "s1", User: "kim", Way: "oidc", Agent: "Firefox", CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(time.Hour)}
	x.ok(x.PutSession(x.ctx(), s, notify.HashSecret("a")))
	x.reopen()
	got, err := x.SessionByHash(x.ctx(), notify.HashSecret("a"), now)
	x.ok(err)
	x.same("session", got, s)
	_, err = x.SessionByHash(x.ctx(), notify.HashSecret("b"), now)
	x.fails(err, notify.CodeUnknownKey)
	_, err = x.SessionByHash(x.ctx(), notify.HashSecret("a"), now.Add(time.Hour))
	x.fails(err, notify.CodeUnknownKey)
	s.UsedAt, s.ExpiresAt = now.Add(time.Minute), now.Add(2*time.Hour)
	x.ok(x.TouchSession(x.ctx(), "s1", s.UsedAt, s.ExpiresAt))
	list, err := x.Sessions(x.ctx(), "kim", now.Add(time.Hour))
	x.ok(err)
	x.same("sessions", list, []notify.Session{s})
	x.ok(x.RevokeSession(x.ctx(), "s1", "kim"))
	x.fails(x.RevokeSession(x.ctx(), "s1", "kim"), notify.CodeUnknownKey)
	_, err = x.SessionByHash(x.ctx(), notify.HashSecret("a"), now)
	x.fails(err, notify.CodeUnknownKey)
}

func sessionsOwn(x *storeTest) {
	now := x.clock.Now()
	s := notify.Session{ID: "s1", User: "nobody", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	x.fails(x.PutSession(x.ctx(), s, notify.HashSecret("a")), notify.CodeUnknownUser)
	_, err := x.Sessions(x.ctx(), "nobody", now)
	x.fails(err, notify.CodeUnknownUser)
	x.user("kim", "lee")
	s.User = "kim"
	x.ok(x.PutSession(x.ctx(), s, notify.HashSecret("a")))
	x.fails(x.RevokeSession(x.ctx(), "s1", "lee"), notify.CodeUnknownKey)
	list, err := x.Sessions(x.ctx(), "lee", now)
	x.ok(err)
	x.same("another's sessions", list, []notify.Session{})
}

func invitations(x *storeTest) {
	now := x.clock.Now()
	i := notify.Invitation{ID: "i1", User: "kim", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	x.fails(x.PutInvitation(x.ctx(), i, notify.HashSecret("a")), notify.CodeUnknownUser)
	x.user("kim")
	x.ok(x.PutInvitation(x.ctx(), i, notify.HashSecret("a")))
	got, err := x.Invited(x.ctx(), notify.HashSecret("a"), now)
	x.ok(err)
	x.same("invitation", got, i)
	_, err = x.UseInvitation(x.ctx(), notify.HashSecret("a"), now.Add(time.Hour))
	x.fails(err, notify.CodeUnknownKey)
	got, err = x.UseInvitation(x.ctx(), notify.HashSecret("a"), now)
	x.ok(err)
	x.same("used invitation", got, i)
	for _, use := range []func() error{
		func() error { _, err := x.UseInvitation(x.ctx(), notify.HashSecret("a"), now); return err },
		func() error { _, err := x.Invited(x.ctx(), notify.HashSecret("a"), now); return err },
	} {
		x.fails(use(), notify.CodeUnknownKey)
	}
	second, third := i, i
	second.ID, third.ID = "i2", "i3"
	x.ok(x.PutInvitation(x.ctx(), second, notify.HashSecret("b")))
	x.ok(x.PutInvitation(x.ctx(), third, notify.HashSecret("c")))
	_, err = x.Invited(x.ctx(), notify.HashSecret("b"), now) // a newer one took its place
	x.fails(err, notify.CodeUnknownKey)
}

func roles(x *storeTest) {
	x.fails(x.SetRole(x.ctx(), "kim", notify.RoleAdmin), notify.CodeUnknownUser)
	_, err := x.RoleOf(x.ctx(), "kim")
	x.fails(err, notify.CodeUnknownUser)
	x.user("kim", "lee")
	x.ok(x.SetRole(x.ctx(), "kim", notify.RoleAdmin))
	_, err = x.PutUser(x.ctx(), notify.User{ID: "kim", Name: "Kim"}) // an import takes nobody's role
	x.ok(err)
	role, err := x.RoleOf(x.ctx(), "kim")
	x.ok(err)
	x.same("role", role, notify.RoleAdmin)
	staff, err := x.Staff(x.ctx())
	x.ok(err)
	x.same("staff", staff, map[string]notify.Role{"kim": notify.RoleAdmin})
}

func accountsOf(x *storeTest) {
	_, err := x.AccountsOf(x.ctx(), "kim")
	x.fails(err, notify.CodeUnknownUser)
	x.user("kim", "lee")
	a, _, err := x.PutAccount(x.ctx(), notify.Account{Source: "mail", Login: "team", Secret: "s3cret", Users: []string{"kim", "lee"}, Explicit: true})
	x.ok(err)
	_, _, err = x.PutAccount(x.ctx(), notify.Account{Source: "mail", Login: "lee", Users: []string{"lee"}, Explicit: true})
	x.ok(err)
	list, err := x.AccountsOf(x.ctx(), "kim")
	x.ok(err)
	if len(list) != 1 || list[0].ID != a.ID || list[0].Secret != "" || len(list[0].Users) != 2 {
		x.t.Errorf("the accounts of kim are %+v", list)
	}
}

func preferences(x *storeTest) {
	want := notify.Preferences{Choices: []notify.Choice{{Folder: "뉴스", Say: notify.SayInbox}}, Bundle: 60, Rule: `""`,
		Quiet: notify.Quiet{From: "22:00", To: "07:00", Days: []string{"mon"}, Zone: "Asia/Seoul"}}
	x.fails(x.PutPreferences(x.ctx(), "kim", want), notify.CodeUnknownUser)
	_, err := x.Preferences(x.ctx(), "kim")
	x.fails(err, notify.CodeUnknownUser)
	x.user("kim")
	got, err := x.Preferences(x.ctx(), "kim")
	x.ok(err)
	x.same("no preferences", got, notify.Preferences{})
	x.ok(x.PutPreferences(x.ctx(), "kim", want))
	x.user("kim") // put again
	got, err = x.Preferences(x.ctx(), "kim")
	x.ok(err)
	x.same("preferences", got, want)
	x.ok(x.PutPreferences(x.ctx(), "kim", notify.Preferences{}))
	got, err = x.Preferences(x.ctx(), "kim")
	x.ok(err)
	x.same("preferences given up", got, notify.Preferences{})
}

// posted accepts a notice to some users.
func (x *storeTest) posted(users ...string) string {
	x.t.Helper()
	now := x.clock.Now()
	n, _, err := x.Accept(x.ctx(), notify.Notification{To: notify.Audience{Users: users}, Content: notify.Content{Title: "t"}, CreatedAt: now,
		ExpiresAt: now.Add(time.Hour)}, nil, notify.Idempotency{})
	x.ok(err)
	return n.ID
}

func marks(x *storeTest) {
	x.user("kim")
	a, b := x.posted("kim"), x.posted("kim")
	now := x.clock.Now()
	unread, err := x.Unread(x.ctx(), "kim", 10)
	x.ok(err)
	x.same("unread", unread, 2)
	changed, err := x.MarkInbox(x.ctx(), "kim", []string{a, b, "nothing"}, false, now)
	x.ok(err)
	x.same("seen", changed, []string{a, b})
	later := now.Add(time.Second)
	changed, err = x.MarkInbox(x.ctx(), "kim", []string{a}, true, later)
	x.ok(err)
	x.same("read", changed, []string{a})
	for _, read := range []bool{true, false} {
		changed, err = x.MarkInbox(x.ctx(), "kim", []string{a}, read, later.Add(time.Minute))
		x.ok(err)
		x.same("marked again", changed, []string{})
	}
	got, err := x.Marks(x.ctx(), "kim", []string{a, b, "nothing"})
	x.ok(err)
	x.same("marks", got, map[string]notify.Mark{a: {SeenAt: now, ReadAt: later}, b: {SeenAt: now}})
	list, end, err := x.MarksAfter(x.ctx(), "kim", 0, 10)
	x.ok(err)
	if len(list) != 2 || list[0].Notification != b || list[1].Notification != a || list[1].Seq != end {
		x.t.Errorf("the marks are %+v up to %d", list, end)
	}
	list, _, err = x.MarksAfter(x.ctx(), "kim", end, 10)
	x.ok(err)
	x.same("marks after the end", list, []notify.ReadMark{})
	unread, err = x.Unread(x.ctx(), "kim", 10)
	x.ok(err)
	x.same("unread after one was read", unread, 1)
}

func marksOwn(x *storeTest) {
	_, err := x.MarkInbox(x.ctx(), "kim", nil, true, x.clock.Now())
	x.fails(err, notify.CodeUnknownUser)
	x.user("kim", "lee")
	a := x.posted("lee")
	changed, err := x.MarkInbox(x.ctx(), "kim", []string{a}, true, x.clock.Now())
	x.ok(err)
	x.same("marks on another's inbox", changed, []string{})
}

func auditAndHistory(x *storeTest) {
	now := x.clock.Now()
	for i := range 3 {
		x.ok(x.PutAct(x.ctx(), notify.Act{At: now, Actor: "user:kim", Act: "user.erase", Subject: fmt.Sprint(i)}))
	}
	list, err := x.Acts(x.ctx(), notify.Page{Limit: 2})
	x.ok(err)
	if len(list) != 2 || list[0].Subject != "2" || !list[0].At.Equal(now) {
		x.t.Fatalf("the newest acts are %+v", list)
	}
	list, err = x.Acts(x.ctx(), notify.Page{After: fmt.Sprint(list[1].Seq)})
	x.ok(err)
	if len(list) != 1 || list[0].Subject != "0" {
		x.t.Errorf("the acts behind are %+v", list)
	}
	_, err = x.Acts(x.ctx(), notify.Page{After: "x"})
	x.fails(err, notify.CodeInvalid)
	one := notify.Sample{At: now, Name: "events", Label: "mail", Value: 2}
	x.ok(x.PutSamples(x.ctx(), []notify.Sample{one, {At: now.Add(time.Minute), Name: "events", Value: 1}, {At: now, Name: "depth", Value: 1}}))
	x.ok(x.PutSamples(x.ctx(), []notify.Sample{one}))
	one.Value = 4
	samples, err := x.History(x.ctx(), "events", now)
	x.ok(err)
	x.same("history", samples, []notify.Sample{one, {At: now.Add(time.Minute), Name: "events", Value: 1}})
	_, err = x.Sweep(x.ctx(), now.Add(30*24*time.Hour), 24*time.Hour, 100)
	x.ok(err)
	samples, err = x.History(x.ctx(), "events", time.Time{})
	x.ok(err)
	x.same("history after its time", samples, []notify.Sample{})
	list, err = x.Acts(x.ctx(), notify.Page{})
	x.ok(err)
	x.same("acts outlive the retention", len(list), 3)
}

func search(x *storeTest) {
	for i, name := range []string{"김철수", "김영희", "이민호", "Kim Young", "kimono"} {
		_, err := x.PutUser(x.ctx(), notify.User{ID: fmt.Sprintf("u%d", i), Name: name,
			Identities: []notify.Identity{{Kind: "email", Value: fmt.Sprintf("kim%d@example.com", i)}, {Kind: "login", Value: fmt.Sprintf("kim%d", i)}}})
		x.ok(err)
	}
	_, err := x.PutUser(x.ctx(), notify.User{ID: "kim", Name: "Kim", Identities: []notify.Identity{{Kind: "login", Value: "kim"}}})
	x.ok(err)
	for text, want := range map[string][]string{
		"":      {"kim", "u0", "u1", "u2", "u3", "u4"},
		"u":     {"u0", "u1", "u2", "u3", "u4"},
		"김":     {"u1", "u0"},
		"김철":    {"u0"},
		"kim":   {"kim", "u3", "u4", "u0", "u1", "u2"}, // ids, then names, then identities, each person once
		"KIM":   {"kim", "u3", "u4", "u0", "u1", "u2"},
		"kim2":  {"u2"},
		"%":     {},
		"nobdy": {},
	} {
		for _, limit := range []int{1, 2, 100} {
			var got []string
			for p := (notify.Page{Limit: limit}); ; {
				f, err := x.FindUsers(x.ctx(), text, p)
				x.ok(err)
				for _, u := range f.Users {
					got = append(got, u.ID)
				}
				if p.After = f.Next; f.Next == "" || len(got) > 20 {
					break
				}
			}
			x.same(fmt.Sprintf("people found by %q, %d a page", text, limit), got, want)
		}
	}
	_, err = x.FindUsers(x.ctx(), "k", notify.Page{After: "zzz"})
	x.fails(err, notify.CodeInvalid)
	for _, topic := range []string{"공지", "공사", "staff"} {
		x.ok(x.AddMember(x.ctx(), topic, "kim"))
	}
	topics, err := x.FindTopics(x.ctx(), "공", notify.Page{})
	x.ok(err)
	x.same("topics", topics, []notify.Topic{{Name: "공사", Members: 1}, {Name: "공지", Members: 1}})
	mine, err := x.TopicsOf(x.ctx(), "kim", notify.Page{Limit: 1})
	x.ok(err)
	more, err := x.TopicsOf(x.ctx(), "kim", notify.Page{After: mine[0]})
	x.ok(err)
	x.same("topics of a person", [][]string{mine, more}, [][]string{{"staff"}, {"공사", "공지"}})
	_, err = x.TopicsOf(x.ctx(), "nobody", notify.Page{})
	x.fails(err, notify.CodeUnknownUser)
	for _, l := range []notify.Lane{browsers, phones} {
		d, _, err := x.PutDevice(x.ctx(), notify.Device{User: "kim", App: l.App, Platform: l.Platform, Token: "token on " + l.String()})
		x.ok(err)
		for _, what := range []string{d.ID, d.Token} {
			got, err := x.FindDevice(x.ctx(), what)
			x.ok(err)
			x.same("the device of "+what, got.ID, d.ID)
		}
		_, err = x.FindDevice(x.ctx(), d.Token[1:])
		x.fails(err, notify.CodeUnknownDevice)
	}
}

func countAudience(x *storeTest) {
	x.user("kim", "lee", "park")
	lanes := []notify.Lane{phones}
	for i, u := range []string{"kim", "kim", "lee"} {
		_, _, err := x.PutDevice(x.ctx(), notify.Device{User: u, App: phones.App, Platform: phones.Platform, Token: fmt.Sprint(i)})
		x.ok(err)
	}
	_, _, err := x.PutDevice(x.ctx(), notify.Device{User: "kim", App: browsers.App, Platform: browsers.Platform, Token: "b"})
	x.ok(err)
	for _, u := range []string{"kim", "lee"} {
		x.ok(x.AddMember(x.ctx(), "staff", u))
	}
	for _, c := range []struct {
		to              notify.Audience
		people, devices int64
	}{
		{notify.Audience{Users: []string{"kim", "park"}}, 2, 2},
		{notify.Audience{Users: []string{"kim"}, Topics: []string{"staff"}}, 2, 3},
		{notify.Audience{All: true}, 3, 3},
		{notify.Audience{All: true, Platforms: []notify.Platform{notify.WebPush}}, 3, 0},
	} {
		people, devices, err := x.CountAudience(x.ctx(), c.to, lanes)
		x.ok(err)
		x.same(fmt.Sprintf("reach of %+v", c.to), []int64{people, devices}, []int64{c.people, c.devices})
	}
	_, _, err = x.CountAudience(x.ctx(), notify.Audience{Users: []string{"nobody"}}, lanes)
	x.fails(err, notify.CodeUnknownUser)
	_, _, err = x.CountAudience(x.ctx(), notify.Audience{Topics: []string{"nothing"}}, lanes)
	x.fails(err, notify.CodeUnknownTopic)
	people, devices, err := x.Totals(x.ctx())
	x.ok(err)
	x.same("totals", []int64{people, devices}, []int64{3, 4})
}

func peopleErased(x *storeTest) {
	now := x.clock.Now()
	x.user("kim", "lee")
	a := x.posted("kim", "lee")
	for _, u := range []string{"kim", "lee"} {
		x.ok(x.PutSession(x.ctx(), notify.Session{ID: u, User: u, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, notify.HashSecret(u)))
		_, err := x.MarkInbox(x.ctx(), u, []string{a}, u == "kim", now)
		x.ok(err)
	}
	x.ok(x.PutPreferences(x.ctx(), "kim", notify.Preferences{Bundle: 60}))
	x.ok(x.MergeUser(x.ctx(), "kim", "lee"))
	s, err := x.SessionByHash(x.ctx(), notify.HashSecret("kim"), now)
	x.ok(err)
	x.same("whose the session is now", s.User, "lee")
	p, err := x.Preferences(x.ctx(), "lee")
	x.ok(err)
	x.same("preferences", p.Bundle, 60)
	x.ok(x.DeleteUser(x.ctx(), "lee"))
	_, err = x.SessionByHash(x.ctx(), notify.HashSecret("kim"), now)
	x.fails(err, notify.CodeUnknownKey)
	x.user("lee")
	got, err := x.Marks(x.ctx(), "lee", []string{a})
	x.ok(err)
	x.same("marks of a namesake", len(got), 0)
}

func approval(x *storeTest) {
	x.user("kim")
	_, _, err := x.PutDevice(x.ctx(), notify.Device{User: "kim", App: phones.App, Platform: phones.Platform, Token: "a"})
	x.ok(err)
	now, lanes := x.clock.Now(), []notify.Lane{phones}
	accept := func(at time.Time) string {
		x.t.Helper()
		n, _, err := x.Accept(x.ctx(), notify.Notification{To: notify.Audience{All: true}, Content: notify.Content{Title: "t"}, State: notify.StateAwaitingApproval,
			TTL: time.Hour, SendAt: at, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, lanes, notify.Idempotency{})
		x.ok(err)
		return n.ID
	}
	first, later := accept(time.Time{}), accept(now.Add(5*time.Hour))
	page, err := x.Inbox(x.ctx(), "kim", notify.Cursor{}, 10)
	x.ok(err)
	x.same("what is told before", len(page.Items), 0)
	x.clock.Advance(2 * time.Hour)
	n, err := x.Approve(x.ctx(), first, x.clock.Now(), lanes)
	x.ok(err)
	x.same("approved", []any{n.State, n.Counts.Targeted, n.ExpiresAt}, []any{notify.StateSending, int64(1), x.clock.Now().Add(time.Hour)})
	n, err = x.Approve(x.ctx(), later, x.clock.Now(), lanes)
	x.ok(err)
	x.same("approved for later", []any{n.State, n.ExpiresAt}, []any{notify.StateScheduled, now.Add(6 * time.Hour)})
	_, err = x.Approve(x.ctx(), first, x.clock.Now(), lanes)
	x.fails(err, notify.CodeWrongState)
	_, err = x.Approve(x.ctx(), "nothing", x.clock.Now(), lanes)
	x.fails(err, notify.CodeUnknownNotification)
	_, err = x.SetState(x.ctx(), accept(time.Time{}), notify.StateCancelled)
	x.ok(err)
	refused := accept(time.Time{})
	n, err = x.Refuse(x.ctx(), refused)
	x.ok(err)
	x.same("refused", []any{n.State, n.Counts.Targeted, n.DoneAt.IsZero()}, []any{notify.StateCancelled, int64(0), false})
	for _, id := range []string{refused, first} {
		_, err = x.Refuse(x.ctx(), id)
		x.fails(err, notify.CodeWrongState)
	}
	_, err = x.Approve(x.ctx(), refused, x.clock.Now(), lanes)
	x.fails(err, notify.CodeWrongState)
	_, err = x.Refuse(x.ctx(), "nothing")
	x.fails(err, notify.CodeUnknownNotification)
	_, err = x.SetState(x.ctx(), accept(time.Time{}), notify.StateSending) // resuming is no approval
	x.fails(err, notify.CodeWrongState)
}

func recent(x *storeTest) {
	_, err := x.Recent(x.ctx(), "kim", 0, "", 10)
	x.fails(err, notify.CodeUnknownUser)
	x.user("kim", "lee")
	now := x.clock.Now()
	var ids []string
	for i, title := range []string{"점심 메뉴", "Budget 100%", "dinner"} {
		n, _, err := x.Accept(x.ctx(), notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: title},
			Params: map[string]string{"subject": fmt.Sprint("S", i)}, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, nil, notify.Idempotency{})
		x.ok(err)
		ids = append(ids, n.ID)
	}
	for text, want := range map[string][]string{"": {ids[2], ids[1], ids[0]}, "점심": {ids[0]}, "BUDGET": {ids[1]}, "100%": {ids[1]}, "s2": {ids[2]}, "title": {}} {
		var got []string
		for before := int64(0); ; {
			list, err := x.Recent(x.ctx(), "kim", before, text, 2)
			x.ok(err)
			for _, i := range list {
				got = append(got, i.Notification.ID)
				before = i.Seq
			}
			if len(list) < 2 {
				break
			}
		}
		x.same("recent items with "+text, got, want)
	}
	list, err := x.Recent(x.ctx(), "lee", 0, "", 10)
	x.ok(err)
	x.same("another's recent items", len(list), 0)
}
