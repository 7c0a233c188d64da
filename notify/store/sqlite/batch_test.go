package sqlite

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// acceptJob accepts a notification within a job, as Accept does.
func acceptJob(s *Store, n *notify.Notification, idem notify.Idempotency) func(*tx) error {
	return func(t *tx) (err error) {
		if idem.Key != "" {
			old, replayed, err := t.answered(s, idem)
			if err != nil || replayed {
				*n = old
				return err
			}
		}
		a, entries, err := t.resolve(s, notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: "x"}, TTL: time.Hour})
		if err != nil {
			return err
		}
		if *n, err = t.store(s, a, entries, []notify.Lane{phone()}); err != nil || idem.Key == "" {
			return err
		}
		return t.remember(idem, *n)
	}
}

// withPhone opens a store with a user, kim, who has a phone.
func withPhone(t *testing.T) *Store {
	t.Helper()
	s := opened(t)
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.PutDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.APNs, Token: "00ff"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// whole looks whether an accepted notification is in all its tables.
func whole(t *testing.T, s *Store, n notify.Notification) {
	t.Helper()
	got, err := s.Notification(t.Context(), n.ID)
	if err != nil || got.Seq != n.Seq || len(got.To.Users) != 1 || got.Counts.Pending != 1 {
		t.Errorf("accepted as %d, kept as %+v, %v", n.Seq, got, err)
	}
	rows, err := s.Deliveries(t.Context(), n.ID, "", notify.Page{})
	if err != nil || len(rows) != 1 || rows[0].State != notify.DeliveryPending || rows[0].Walk != n.Fresh[0].Walk.ID {
		t.Errorf("deliveries %+v, %v", rows, err)
	}
}

// Groups of every size are inserted in pieces of powers of two; every row finds its place.
func TestRowsKeptForAGroup(t *testing.T) {
	s := withPhone(t)
	seen := map[int64]bool{}
	for _, size := range []int{1, 2, 3, 15, 16, 17, 31, 50} {
		release := hold(t, s)
		list := make([]notify.Notification, size)
		do := make([]func(*tx) error, size)
		for i := range list {
			do[i] = acceptJob(s, &list[i], notify.Idempotency{})
		}
		jobs := enqueue(t, s, do...)
		release()
		if err := errors.Join(answers(t, jobs)...); err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			whole(t, s, n)
			if seen[n.Seq] {
				t.Errorf("the number %d was given twice", n.Seq)
			}
			seen[n.Seq] = true
		}
	}
	page, err := s.Inbox(t.Context(), "kim", notify.Cursor{}, 1000)
	if err != nil || len(page.Items) != len(seen) {
		t.Errorf("%d items in the inbox of %d, %v", len(page.Items), len(seen), err)
	}
}

// What one job wrote, kept or not, is undone with it alone; the others of its group are whole, and no number is used twice.
func TestRowsKeptOfAJobThatFails(t *testing.T) {
	s := withPhone(t)
	oops := errors.New("oops")
	for _, place := range []int{0, 7, 19} {
		release := hold(t, s)
		list := make([]notify.Notification, 20)
		do := make([]func(*tx) error, len(list))
		for i := range list {
			do[i] = acceptJob(s, &list[i], notify.Idempotency{})
		}
		do[place] = then(do[place], fail(oops))
		jobs := enqueue(t, s, do...)
		release()
		for i, err := range answers(t, jobs) {
			if i == place {
				if !errors.Is(err, oops) {
					t.Errorf("the job that fails got %v", err)
				}
				if _, err := s.Notification(t.Context(), list[i].ID); notify.CodeOf(err) != notify.CodeUnknownNotification {
					t.Errorf("what was undone reads as %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			whole(t, s, list[i])
		}
	}
}

// A row that SQLite refuses when it is inserted at last is the fault of its job alone.
func TestRowThatIsRefusedLater(t *testing.T) {
	s := withPhone(t)
	var first notify.Notification
	if err := s.change(t.Context(), "accept", acceptJob(s, &first, notify.Idempotency{})); err != nil {
		t.Fatal(err)
	}
	release := hold(t, s)
	var a, b notify.Notification
	twice := func(x *tx) error {
		_, err := x.keep(keptNotifications, uid(first.ID), numSending, 1, 1, 0, nil, "{}") // the id is taken
		return err
	}
	jobs := enqueue(t, s, acceptJob(s, &a, notify.Idempotency{}), twice, acceptJob(s, &b, notify.Idempotency{}))
	release()
	errs := answers(t, jobs)
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Fatalf("errors: %v", errs)
	}
	whole(t, s, a)
	whole(t, s, b)
	release = hold(t, s)
	jobs = enqueue(t, s, twice)
	release()
	if errs := answers(t, jobs); errs[0] == nil {
		t.Error("alone, it was taken")
	}
}

// A request that comes twice in one group is one notification: the second finds what is kept of the first.
func TestRepeatWithinAGroup(t *testing.T) {
	s := withPhone(t)
	idem := notify.Idempotency{KeyID: "k", Key: "once", BodyHash: []byte("hash")}
	release := hold(t, s)
	list := make([]notify.Notification, 3)
	jobs := enqueue(t, s, acceptJob(s, &list[0], idem), acceptJob(s, &list[1], idem), acceptJob(s, &list[2], notify.Idempotency{}))
	release()
	if err := errors.Join(answers(t, jobs)...); err != nil {
		t.Fatal(err)
	}
	if list[0].ID != list[1].ID || list[0].ID == list[2].ID {
		t.Errorf("ids %s, %s, %s", list[0].ID, list[1].ID, list[2].ID)
	}
	whole(t, s, list[0])
	whole(t, s, list[2])
}

// What the writer remembers is never older than the file: devices, leases.
func TestWriterForgetsWhatChanged(t *testing.T) {
	s := withPhone(t)
	lane := "lane/" + phone().String()
	for round := range 3 {
		epoch, err := s.Lease(t.Context(), lane, "hub-"+strconv.Itoa(round), time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := s.PutDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.APNs, Token: fmt.Sprintf("%04x", round)})
		if err != nil {
			t.Fatal(err)
		}
		n, _, err := s.Accept(t.Context(), notify.Notification{To: notify.Audience{Users: []string{"kim"}}, TTL: time.Hour}, []notify.Lane{phone()}, notify.Idempotency{})
		if err != nil || n.Fresh[0].Walk.Last != d.Key {
			t.Fatalf("the walk ends at %d, the newest device is %d, %v", n.Fresh[0].Walk.Last, d.Key, err)
		}
		p := notify.Progress{Walk: n.Fresh[0].Walk.ID, Lane: phone(), Epoch: epoch, Position: 1}
		if err := s.Advance(t.Context(), []notify.Progress{p})[0]; err != nil {
			t.Fatal(err)
		}
		if err := s.Release(t.Context(), lane, "hub-"+strconv.Itoa(round)); err != nil {
			t.Fatal(err)
		}
		if err := s.Advance(t.Context(), []notify.Progress{p})[0]; notify.CodeOf(err) != notify.CodeStaleEpoch {
			t.Errorf("after its release the lease of epoch %d gave %v", epoch, err)
		}
	}
}

// Early jobs run first, and each kind in its own order.
func TestEarlyJobsRunFirst(t *testing.T) {
	s := opened(t)
	release := hold(t, s)
	var order []int
	var jobs []*job
	for i := range 6 {
		j := newJob(func(*tx) error { order = append(order, i); return nil })
		j.early = i%2 == 1
		if err := s.w.enqueue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	release()
	for _, j := range jobs {
		if err := notifytest.Receive(t, "an answer", j.done); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(order) != "[1 3 5 0 2 4]" {
		t.Errorf("order %v", order)
	}
}
