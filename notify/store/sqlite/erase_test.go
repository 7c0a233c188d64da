package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestErasureIsComplete: after DeleteUser no row of any table holds a word or number of the person, and neither does
// the file.
func TestErasureIsComplete(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	key := lifeOfKim(t, s)
	for _, words := range [][]string{{"Kimchi"}, {"kim@example.com"}, {"Kimchi", "f00dcafe"}} {
		if found := search(t, s, key, words); len(found) == 0 {
			t.Fatalf("the search finds no %v even before the erasure", words)
		}
	}
	handed := handedOver(t, s)
	if err := s.DeleteUser(t.Context(), "kimchi"); err != nil {
		t.Fatal(err)
	}
	if n := receiptsOf(t, s, handed); n != 0 {
		t.Errorf("%d receipts of the person are left", n)
	}
	if found := search(t, s, key, []string{"kimchi", "Kimchi", "kim@example.com", "f00dcafe", "hunter2"}); len(found) > 0 {
		t.Errorf("left of the person:\n%s", strings.Join(found, "\n"))
	}
	if _, err := s.User(t.Context(), "lee"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "allim.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"kimchi", "Kimchi", "kim@example.com"} {
		if i := bytes.Index(data, []byte(word)); i >= 0 {
			t.Errorf("the file still holds %q: %q", word, data[max(0, i-60):min(len(data), i+60)])
		}
	}
	checkIntegrity(t, dir)
}

// handedOver gives a device that was the person's when something was confirmed on it, and is another's now.
func handedOver(t *testing.T, s *Store) notify.Device {
	t.Helper()
	var d notify.Device
	for _, user := range []string{"kimchi", "lee"} {
		var err error
		if d, _, err = s.PutDevice(t.Context(), notify.Device{User: user, App: "corp", Platform: notify.APNs, Token: "shared"}); err != nil {
			t.Fatal(err)
		}
		if user == "lee" {
			break
		}
		n, _, err := s.Accept(t.Context(), notify.Notification{To: notify.Audience{Users: []string{"kimchi", "lee"}}, TTL: time.Hour}, []notify.Lane{phone()}, notify.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		if errs, err := s.Confirm(t.Context(), user, []notify.Receipt{{Delivery: notify.DeliveryID(n.Seq, d.Key)}}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	if n := receiptsOf(t, s, d); n != 1 {
		t.Fatalf("%d receipts before the erasure", n)
	}
	return d
}

func receiptsOf(t *testing.T, s *Store, d notify.Device) (n int) {
	t.Helper()
	err := s.change(t.Context(), "count", func(x *tx) error { return x.row(`SELECT count(*) FROM receipts WHERE device=?`, d.Key).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lifeOfKim leaves traces of a person in every table, among those of another, and gives the person's key.
func lifeOfKim(t *testing.T, s *Store) int64 {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []notify.User{{ID: "lee"}, {ID: "kimchi", Name: "Kimchi Kim", Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}} {
		_, err := s.PutUser(ctx, u)
		check(err)
		check(s.AddMember(ctx, "staff", u.ID))
		_, _, err = s.PutDevice(ctx, notify.Device{User: u.ID, App: "corp", Platform: notify.APNs, Token: map[string]string{"lee": "beef"}[u.ID] + "f00dcafe", Name: u.Name})
		check(err)
	}
	_, err := s.PutUser(ctx, notify.User{ID: "lee", Name: "Lee"})
	check(err)
	check(s.AddMember(ctx, "kims", "kimchi"))
	check(s.PutKey(ctx, notify.Key{ID: "t-kimchi", Name: "Kimchi's phone", User: "kimchi"}, notify.HashSecret("x")))
	own, _, err := s.PutAccount(ctx, notify.Account{Source: "mail", Login: "kim@example.com", Secret: "hunter2", Users: []string{"kimchi"}})
	check(err)
	team, _, err := s.PutAccount(ctx, notify.Account{Source: "mail", Login: "team", Users: []string{"kimchi", "lee"}})
	check(err)
	check(s.SetHealth(ctx, map[string]notify.Health{own.ID: {LastError: "login of kim@example.com failed"}}))
	epoch, err := s.Lease(ctx, "source/mail", "hub", time.Hour, now)
	check(err)
	lane, err := s.Lease(ctx, "lane/"+phone().String(), "hub", time.Hour, now)
	check(err)
	for _, a := range []notify.Account{own, team} {
		e := notify.Event{Key: "1", Type: notify.MailReceived, Told: "m", Params: map[string]string{"subject": "Lunch"}}
		if a.ID == own.ID {
			e.Params["subject"], e.URL = "Dear Kimchi", "https://kim@example.com/"
		}
		fresh, err := s.Record(ctx, "mail", notify.Batch{Account: a.ID, Epoch: epoch, Events: []notify.Event{e},
			State:     map[string][]byte{"last": []byte(e.Params["subject"])},
			Reminders: map[notify.Object][]notify.Reminder{"o": {{FireAt: now, Event: e}}}})
		check(err)
		n, err := s.Plan(ctx, fresh[0].ID, []notify.Lane{phone()}, func(e notify.Event, users []string) *notify.Notification {
			return &notify.Notification{To: notify.Audience{Users: users}, TTL: time.Hour, Params: e.Params}
		})
		check(err)
		settleOne(t, s, lane, n, notify.DeliveryFailed)
	}
	postings(t, s, lane)
	var key int64
	check(s.change(ctx, "key", func(x *tx) (err error) { key, err = userKey(x, "kimchi"); return err }))
	return key
}

// postings are notices to the person alone and with others, settled and confirmed.
func postings(t *testing.T, s *Store, lane notify.Epoch) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	kim := []notify.Identity{{Kind: "email", Value: "kim@example.com"}}
	for _, to := range []notify.Audience{{Users: []string{"kimchi"}}, {Identities: kim}, {Users: []string{"kimchi", "lee"}}, {Topics: []string{"staff"}}, {All: true}} {
		n := notify.Notification{To: to, TTL: time.Hour, Content: notify.Content{Title: "Hello"}}
		if len(to.Users)+len(to.Identities) == 1 {
			n.Content.Title = "For Kimchi only"
		}
		accepted, _, err := s.Accept(ctx, n, []notify.Lane{phone()}, notify.Idempotency{KeyID: "erp", Key: notify.NewID(), BodyHash: []byte("h")})
		check(err)
		settleOne(t, s, lane, &accepted, notify.DeliveryAccepted)
		rows, err := s.Deliveries(ctx, accepted.ID, "", notify.Page{})
		check(err)
		for _, r := range rows {
			_, err := s.Confirm(ctx, "", []notify.Receipt{{Delivery: r.ID}})
			check(err)
		}
	}
}

// settleOne settles all targets of the notification's walk with one state.
func settleOne(t *testing.T, s *Store, epoch notify.Epoch, n *notify.Notification, state notify.DeliveryState) {
	t.Helper()
	rows, err := s.Deliveries(t.Context(), n.ID, "", notify.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		r.State, r.Attempt = state, 1
		p := notify.Progress{Walk: r.Walk, Lane: phone(), Epoch: epoch, Position: r.DeviceKey, Rows: []notify.DeliveryRow{r}}
		if state == notify.DeliveryAccepted {
			p.Counts.Accepted = 1
		} else {
			p.Counts.Failed = 1
		}
		if err := s.Advance(t.Context(), []notify.Progress{p})[0]; err != nil {
			t.Fatal(err)
		}
	}
}

// search gives every value in any table that holds one of the words, and every user column that holds the key.
func search(t *testing.T, s *Store, key int64, words []string) (found []string) {
	t.Helper()
	err := s.change(t.Context(), "search", func(x *tx) error {
		tables, err := collect(x, scanOne[string], `SELECT name FROM sqlite_master WHERE type='table'`)
		if err != nil {
			return err
		}
		for _, table := range tables {
			err := values(x, table, func(column string, v any) {
				text := fmt.Sprint(v)
				if b, ok := v.([]byte); ok {
					text = fmt.Sprintf("%s %x", b, b)
				}
				named := slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
				if (named && !strings.Contains(text, "beeff00dcafe")) || (column == "user" && v == key) {
					found = append(found, table+"."+column+": "+text)
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// values visits every value of a table.
func values(x *tx, table string, visit func(column string, v any)) error {
	rows, err := x.rows(`SELECT * FROM ` + table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		for i := range rows.s.ColumnCount() {
			visit(rows.s.ColumnName(i), value(rows.s, i))
		}
	}
	return rows.Err()
}
