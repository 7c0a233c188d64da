package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// hold keeps the writer busy in a job until release is called, so that what is written meanwhile becomes one group.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	j := newJob(func(*tx) error {
		close(busy)
		<-free
		return nil
	})
	if err := s.w.enqueue(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	notifytest.Receive(t, "the writer to be busy", busy)
	return func() {
		close(free)
		if err := notifytest.Receive(t, "the writer to go on", j.done); err != nil {
			t.Fatal(err)
		}
	}
}

// enqueue puts jobs into the queue, in this order.
func enqueue(t *testing.T, s *Store, do ...func(*tx) error) (jobs []*job) {
	t.Helper()
	for _, f := range do {
		j := newJob(f)
		if err := s.w.enqueue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func addUser(id string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.putUser(notify.User{ID: id})
		return err
	}
}

// then runs one after the other in one job.
func then(do ...func(*tx) error) func(*tx) error {
	return func(t *tx) error {
		for _, f := range do {
			if err := f(t); err != nil {
				return err
			}
		}
		return nil
	}
}

func fail(err error) func(*tx) error { return func(*tx) error { return err } }

func answers(t *testing.T, jobs []*job) (errs []error) {
	t.Helper()
	for _, j := range jobs {
		errs = append(errs, notifytest.Receive(t, "an answer", j.done))
	}
	return errs
}

func userIDs(t *testing.T, s *Store) string {
	t.Helper()
	users, err := s.Users(t.Context(), notify.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	return strings.Join(ids, " ")
}

func TestGroupIsOneTransaction(t *testing.T) {
	s := opened(t)
	release := hold(t, s)
	var same []*conn
	note := func(x *tx) error { same = append(same, x.conn); return nil }
	inside := func(x *tx) error { // sees what an earlier job of the group wrote, which nobody else can see yet
		var n int
		if err := x.row(`SELECT count(*) FROM users`).Scan(&n); err != nil || n != 1 {
			return fmt.Errorf("%d users within the group, %w", n, err)
		}
		users, err := s.Users(context.Background(), notify.Page{})
		if err != nil || len(users) != 0 {
			return fmt.Errorf("%d users to be seen before the commit, %w", len(users), err)
		}
		return nil
	}
	jobs := enqueue(t, s, addUser("a"), note, inside)
	release()
	if err := errors.Join(answers(t, jobs)...); err != nil {
		t.Fatal(err)
	}
	if got := userIDs(t, s); got != "a" {
		t.Errorf("users: %s", got)
	}
}

func TestErrorUndoesOnlyItsOwn(t *testing.T) {
	s := opened(t)
	oops := errors.New("oops")
	refused := notify.Errorf(notify.CodeInvalid, "no")
	// Alone, a job is undone with its transaction; in a group, with its savepoint.
	for round, around := range [][2]string{{}, {"a", "z"}} {
		release := hold(t, s)
		var jobs []*job
		if round > 0 {
			jobs = enqueue(t, s, addUser(around[0]))
		}
		jobs = append(jobs, enqueue(t, s, then(addUser("x1"), fail(oops)))...)
		if round > 0 {
			jobs = append(jobs, enqueue(t, s, then(addUser("x2"), fail(refused)), func(x *tx) error { _ = addUser("x3")(x); panic("boom") },
				addUser(around[1]))...)
		}
		release()
		errs := answers(t, jobs)
		if round == 0 {
			if !errors.Is(errs[0], oops) {
				t.Fatalf("errors: %v", errs)
			}
			continue
		}
		if errs[0] != nil || !errors.Is(errs[1], oops) || !errors.Is(errs[2], refused) || notify.CodeOf(errs[3]) != notify.CodeInternal || errs[4] != nil {
			t.Fatalf("errors: %v", errs)
		}
		if cause := errors.Unwrap(errs[3]); cause == nil || !strings.Contains(cause.Error(), "boom") || strings.Contains(errs[3].Error(), "boom") {
			t.Errorf("the panic is told as %v because of %v", errs[3], cause)
		}
	}
	if got := userIDs(t, s); got != "a z" {
		t.Errorf("users: %s", got)
	}
}

// A lane that was made by a job that was undone must not be remembered.
func TestUndoneLaneIsForgotten(t *testing.T) {
	s := opened(t)
	l := notify.Lane{App: "new", Platform: notify.APNs}
	makeLane := func(x *tx) error { _, err := x.lane(l); return err }
	for _, grouped := range []bool{false, true} {
		release := hold(t, s)
		jobs := enqueue(t, s, then(makeLane, fail(errors.New("oops"))))
		if grouped {
			jobs = append(jobs, enqueue(t, s, addUser("a"))...)
		}
		release()
		answers(t, jobs)
	}
	if err := s.SetLaneState(t.Context(), notify.LaneState{Lane: l, State: "ok"}); err != nil {
		t.Fatal(err)
	}
	states, err := s.LaneStates(t.Context())
	if err != nil || len(states) != 1 {
		t.Fatalf("lanes: %v, %v", states, err)
	}
}

func TestFailedCommitIsToldToAll(t *testing.T) {
	s := opened(t)
	// Foreign keys that are looked at only at the commit make it fail.
	poison := func(x *tx) error {
		if err := x.run(`PRAGMA defer_foreign_keys=1`); err != nil {
			return err
		}
		return x.run(`INSERT INTO identities (kind, value, user, place) VALUES ('a', 'b', 999, 0)`)
	}
	for _, size := range []int{1, 3} {
		release := hold(t, s)
		do := []func(*tx) error{poison, addUser("a"), fail(notify.Errorf(notify.CodeUnknownUser, "nobody"))}[:size]
		jobs := enqueue(t, s, do...)
		release()
		errs := answers(t, jobs)
		for i, err := range errs {
			want := notify.CodeInternal
			if i == 2 {
				want = notify.CodeUnknownUser // an answer that does not depend on the commit
			}
			if notify.CodeOf(err) != want {
				t.Errorf("job %d of %d got %v, want %s", i, size, err, want)
			}
		}
	}
	if _, err := s.PutUser(t.Context(), notify.User{ID: "b"}); err != nil {
		t.Fatalf("after a failed commit: %v", err)
	}
	if got := userIDs(t, s); got != "b" {
		t.Errorf("users: %s", got)
	}
}

func TestCallerGivesUp(t *testing.T) {
	s := opened(t)
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 2)
	go func() { _, err := s.PutUser(ctx, notify.User{ID: "given-up"}); waiting <- err }()
	go func() { _, err := s.PutUser(t.Context(), notify.User{ID: "stays"}); waiting <- err }()
	notifytest.Until(t, "both to wait", func() bool { return len(s.w.queue) == 2 })
	cancel()
	err := notifytest.Receive(t, "the one that gives up", waiting)
	if notify.CodeOf(err) != notify.CodeUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	release()
	if err := notifytest.Receive(t, "the one that stays", waiting); err != nil {
		t.Errorf("who stayed got %v", err)
	}
	if got := userIDs(t, s); got != "stays" {
		t.Errorf("users: %s", got)
	}
	if _, err := s.PutUser(ctx, notify.User{ID: "late"}); notify.CodeOf(err) != notify.CodeUnavailable {
		t.Errorf("a call that has ended already got %v", err)
	}
}

// A caller who gives up while its change is under way does not touch its data before the change has ended.
func TestCallerGivesUpUnderWay(t *testing.T) {
	s := opened(t)
	ctx, cancel := context.WithCancel(t.Context())
	began, free := make(chan struct{}), make(chan struct{})
	data := []string{"a"}
	gone := make(chan error)
	go func() {
		err := s.change(ctx, "test", func(x *tx) error {
			close(began)
			<-free
			return addUser(data[0])(x)
		})
		data[0] = "changed by the caller" // the race detector looks here
		gone <- err
	}()
	notifytest.Receive(t, "the change to begin", began)
	cancel()
	close(free)
	if err := notifytest.Receive(t, "the caller", gone); err != nil && notify.CodeOf(err) != notify.CodeUnavailable {
		t.Errorf("the caller got %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := userIDs(t, s); got != "a" {
		t.Errorf("users: %s", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := opened(t)
	release := hold(t, s)
	jobs := enqueue(t, s, make([]func(*tx) error, queueSize)...)
	for _, j := range jobs {
		j.do = fail(nil)
	}
	_, err := s.PutUser(t.Context(), notify.User{ID: "a"})
	var e *notify.Error
	if !errors.As(err, &e) || e.Code != notify.CodeUnavailable || e.RetryAfter <= 0 {
		t.Errorf("a full queue gave %v", err)
	}
	for _, err := range s.Advance(t.Context(), make([]notify.Progress, 3)) {
		if notify.CodeOf(err) != notify.CodeUnavailable {
			t.Errorf("a full queue gave %v", err)
		}
	}
	release()
	if err := errors.Join(answers(t, jobs)...); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What was taken before Close is written; what comes after is refused, also when both happen at once.
func TestCloseAnswersEverybody(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := map[string]bool{}
	for i := range 64 {
		wg.Go(func() {
			for k := 0; ; k++ {
				id := strconv.Itoa(i) + "-" + strconv.Itoa(k)
				_, err := s.PutUser(context.Background(), notify.User{ID: id})
				if err != nil {
					if notify.CodeOf(err) != notify.CodeUnavailable {
						t.Errorf("while closing: %v", err)
					}
					return
				}
				mu.Lock()
				taken[id] = true
				mu.Unlock()
			}
		})
	}
	notifytest.Until(t, "some writes", func() bool { mu.Lock(); defer mu.Unlock(); return len(taken) > 200 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	s = openIn(t, dir)
	defer s.Close()
	for id := range taken {
		if _, err := s.User(t.Context(), id); err != nil {
			t.Fatalf("answered before the close, but: %v", err)
		}
	}
}

// Many writers and readers at once: each reads what it was told is written.
func TestReadsSeeWhatWasCommitted(t *testing.T) {
	s := opened(t, func(o *Options) { o.Synchronous = Normal })
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for k := range 40 {
				id := strconv.Itoa(i) + "-" + strconv.Itoa(k)
				if _, err := s.PutUser(t.Context(), notify.User{ID: id, Name: id}); err != nil {
					t.Error(err)
					return
				}
				if u, err := s.User(t.Context(), id); err != nil || u.Name != id {
					t.Errorf("%s was written, but reads as %+v, %v", id, u, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
