package notifytest

import (
	"fmt"

	"allim.dev/allim/notify"
)

// rowsOf reads the log behind the cursor and writes each row down: "kim", "all 2" (with the item's title), "mixed".
func (x *storeTest) rowsOf(after notify.Cursor, limit int) ([]string, notify.Cursor) {
	x.t.Helper()
	rows, next, err := x.InboxRows(x.ctx(), after, limit)
	x.ok(err)
	var out []string
	last := after.Seq
	for _, r := range rows {
		if r.Seq <= last || r.Seq > next.Seq {
			x.t.Errorf("row %d stands between %d and %d", r.Seq, last, next.Seq)
		}
		last = r.Seq
		switch {
		case r.Item != nil:
			out = append(out, "all "+r.Item.Notification.Content.Title)
			if r.Item.Seq != r.Seq || r.User != "" || r.Item.CreatedAt.IsZero() {
				x.t.Errorf("row %d has the item %+v", r.Seq, r.Item)
			}
		case r.User != "":
			out = append(out, r.User)
		default:
			out = append(out, "mixed")
		}
	}
	return out, next
}

func inboxLog(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.user("lee")
	x.members("staff", "kim")
	d := x.device("kim", phones)
	_, start := x.rowsOf(notify.Cursor{}, 0)
	x.tell("1", toUsers("kim", "lee"))
	x.tell("2", notify.Audience{All: true})
	x.tell("3", toTopics("staff"))
	x.tell("4", notify.Audience{Users: []string{"kim"}, All: true})
	silent := x.notice(notify.Audience{All: true})
	silent.Silent = true
	x.sendAs(silent)
	x.tell("5", notify.Audience{Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}})
	x.tell("6", notify.Audience{Devices: []string{d.ID}})
	x.reopen()
	rows, end := x.rowsOf(start, 100)
	x.same("the log", rows, []string{"kim", "lee", "all 2", "mixed", "kim", "mixed", "kim", "kim"})
	for _, user := range []string{"kim", "lee"} {
		at, err := x.InboxEnd(x.ctx(), user)
		x.ok(err)
		x.same(user+"'s end", at, end)
	}
	rows, again := x.rowsOf(end, 100)
	x.same("behind the end", rows, []string(nil))
	x.same("the end", again, end)
	// An item for all is the one that a person's own look gives.
	page, err := x.Inbox(x.ctx(), "lee", notify.Cursor{}, 10)
	x.ok(err)
	all, _, err := x.InboxRows(x.ctx(), start, 100)
	x.ok(err)
	x.same("the item for all", *all[2].Item, page.Items[1])
}

func inboxLogPages(x *storeTest) {
	x.user("kim")
	var want, got []string
	for i := range 7 {
		title := fmt.Sprint(i)
		x.tell(title, notify.Audience{All: true})
		want = append(want, "all "+title)
	}
	at := notify.Cursor{}
	for range 4 {
		var rows []string
		rows, at = x.rowsOf(at, 2)
		got = append(got, rows...)
	}
	x.same("all pages", got, want)
	_, end := x.rowsOf(notify.Cursor{}, 0)
	x.same("the cursor behind the last page", at, end)
}
