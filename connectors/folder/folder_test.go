package folder_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/connectors/folder"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const source = "drop"

// poster is a watch that takes notifications, as the hub's does: once for each key.
type poster struct {
	*notifytest.Watch
	mu      sync.Mutex
	known   map[string]bool
	titles  []string // what was accepted
	counted []string
	after   func(error) error // sees each answer before the connector does; nil: none
}

func newPoster() *poster {
	return &poster{Watch: notifytest.NewWatch(notify.Account{Source: source}), known: map[string]bool{}}
}

func (p *poster) Post(ctx context.Context, key string, items []notify.Submission) ([]notify.Acceptance, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, err := p.known[key], ctx.Err()
	for _, i := range items {
		if err == nil && i.Notification.To.Users[0] == "nobody" {
			err = &notify.Error{Code: notify.CodeUnknownUser, Detail: "none was", Fields: []notify.FieldError{{Path: i.Where + ".to.users[0]", Message: "is not known"}}}
		}
	}
	if err == nil && !known {
		p.known[key] = true
		for _, i := range items {
			p.titles = append(p.titles, i.Notification.Content.Title)
		}
	}
	if p.after != nil {
		err = p.after(err)
	}
	return make([]notify.Acceptance, len(items)), known, err
}

func (p *poster) Posted(context.Context) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []string
	for k := range p.known {
		keys = append(keys, k)
	}
	return keys, nil
}

func (p *poster) Forget(_ context.Context, keys []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range keys {
		delete(p.known, k)
	}
	return nil
}

func (p *poster) Count(_ string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counted = append(p.counted, string(notify.CodeOf(err)))
}

// got gives the accepted titles, sorted.
func (p *poster) got() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(p.titles)), " ")
}

func (p *poster) answer(f func(error) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = f
}

// drop is a folder with its watcher.
type drop struct {
	t      *testing.T
	dir    string
	clock  *notifytest.Clock
	poster *poster
	stop   func()
}

func newDrop(t *testing.T) *drop {
	t.Helper()
	d := &drop{t: t, dir: t.TempDir(), clock: notifytest.NewClock(time.Time{}), poster: newPoster(), stop: func() {}}
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *drop) env(fill func(*folder.Settings)) notify.ConnectorEnv {
	d.t.Helper()
	m, err := docmap.Compile("orders", notifytest.YAML(`{each: //o, vars: {no: "@no", who: "@who"}, notification: {to: {users: ["{{.who}}"]}, title: "{{.no}}"}}`), docmap.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	env := notifytest.ConnectorEnv("folder", d.clock, func(s *folder.Settings) {
		s.Path, s.Mapping = d.dir, "orders"
		if fill != nil {
			fill(s)
		}
	})
	env.Mappings = map[string]notify.Mapping{"orders": m}
	return env
}

func (d *drop) start(fill ...func(*folder.Settings)) {
	d.t.Helper()
	c, err := folder.New(d.env(func(s *folder.Settings) {
		for _, f := range fill {
			f(s)
		}
	}))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, d.poster) }()
	d.stop = func() {
		d.stop = func() {}
		cancel()
		if err := notifytest.Receive(d.t, "the connector to stop", done); err != nil {
			d.t.Error(err)
		}
	}
}

// turn lets time pass until cond holds.
func (d *drop) turn(what string, cond func() bool) {
	d.t.Helper()
	notifytest.Until(d.t, what, func() bool {
		d.clock.Advance(time.Second)
		return cond()
	})
}

// looks waits until the folder was looked at n times more.
func (d *drop) looks(n int) {
	d.t.Helper()
	id := "account-1-"
	before := len(d.poster.Reports(id))
	d.turn("more looks", func() bool { return len(d.poster.Reports(id)) >= before+n })
}

func (d *drop) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drop) read(name string) string {
	text, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		return ""
	}
	return string(text)
}

func order(no, who string) string { return fmt.Sprintf("<l><o no='%s' who='%s'/></l>", no, who) }

func TestAFileIsPostedAndMoved(t *testing.T) {
	d := newDrop(t)
	d.write("a.xml", order("1", "kim"))
	d.start()
	d.turn("a.xml to be done", func() bool { return d.read("done/a.xml") != "" })
	if d.poster.got() != "1" || d.read("a.xml") != "" {
		t.Error(d.poster.got())
	}
	// The same name and content again is a new file, and does not replace the old one.
	d.write("a.xml", order("1", "kim"))
	d.turn("the second to be posted", func() bool { return d.poster.got() == "1 1" && d.read("a.xml") == "" })
	if entries, err := os.ReadDir(filepath.Join(d.dir, "done")); err != nil || len(entries) != 2 {
		t.Error(entries, err)
	}
	d.turn("nothing to be remembered", func() bool { keys, _ := d.poster.Posted(t.Context()); return len(keys) == 0 })
}

// TestIncompleteFilesWait: what is still written to, hidden, or named as a temporary file stays.
func TestIncompleteFilesWait(t *testing.T) {
	d := newDrop(t)
	for _, name := range []string{".a.xml", "b.xml.tmp", "c.part", "d~"} {
		d.write(name, order(name, "kim"))
	}
	d.write("slow.xml", "<l><o no='slow'")
	d.start()
	for i := range 4 { // it grows every three seconds at most
		d.looks(1)
		d.write("slow.xml", "<l><o no='slow'"+strings.Repeat(" ", i+1))
	}
	if d.poster.got() != "" {
		t.Error(d.poster.got())
	}
	d.write("slow.xml", order("slow", "kim"))
	d.turn("slow.xml to be done", func() bool { return d.read("done/slow.xml") != "" })
	if err := os.Rename(filepath.Join(d.dir, "b.xml.tmp"), filepath.Join(d.dir, "b.xml")); err != nil {
		t.Fatal(err)
	}
	d.turn("b.xml to be done", func() bool { return d.read("done/b.xml") != "" })
	if d.poster.got() != "b.xml.tmp slow" || d.read(".a.xml") == "" || d.read("c.part") == "" || d.read("d~") == "" {
		t.Error(d.poster.got())
	}
}

// TestARenamedFileIsTakenAtOnce, without waiting until it has settled.
func TestARenamedFileIsTakenAtOnce(t *testing.T) {
	d := newDrop(t)
	d.write("a.xml.tmp", order("1", "kim"))
	d.write("b.xml", order("2", "kim"))
	d.start(func(s *folder.Settings) { s.Poll, s.Settle = 100*time.Millisecond, time.Hour })
	d.looks(1)
	if err := os.Rename(filepath.Join(d.dir, "a.xml.tmp"), filepath.Join(d.dir, "a.xml")); err != nil {
		t.Fatal(err)
	}
	d.clock.Advance(time.Second) // and no more: else an hour would pass on a slow machine
	notifytest.Until(t, "a.xml to be done", func() bool {
		d.clock.Advance(time.Millisecond)
		return d.read("done/a.xml") != ""
	})
	if d.poster.got() != "1" {
		t.Error("what had not settled was taken:", d.poster.got())
	}
}

func TestARefusedFileSaysWhy(t *testing.T) {
	d := newDrop(t)
	d.write("bad.xml", "<l>\n <o no=1/></l>")
	d.write("unknown.xml", order("1", "nobody"))
	d.write("good.xml", order("2", "kim"))
	d.write("big.xml", strings.Repeat(" ", 17<<20))
	d.start()
	d.turn("all to be dealt with", func() bool {
		return d.read("failed/bad.xml.error.txt") != "" && d.read("failed/unknown.xml") != "" && d.read("done/good.xml") != "" && d.read("failed/big.xml.error.txt") != ""
	})
	for name, want := range map[string][]string{"bad.xml": {"code: malformed-body", "line 2, column", "mapping: orders"},
		"unknown.xml": {"code: unknown-user", "match[0].to.users[0]: is not known"}, "big.xml": {"code: too-large", "max_bytes, which is 16777216"}} {
		for _, w := range want {
			if text := d.read("failed/" + name + ".error.txt"); !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %s", name, w, text)
			}
		}
	}
	d.stop()
	if d.poster.got() != "2" {
		t.Error(d.poster.got())
	}
	if slices.Sort(d.poster.counted); strings.Join(d.poster.counted, " ") != " malformed-body too-large unknown-user" {
		t.Errorf("%q", d.poster.counted)
	}
}

// TestKilledAfterTheCommit: what was accepted just before the end is not posted again, and the file is moved then.
func TestKilledAfterTheCommit(t *testing.T) {
	d := newDrop(t)
	d.write("a.xml", order("1", "kim"))
	posted := make(chan struct{})
	var once sync.Once
	d.poster.answer(func(error) error { // the answer never comes
		once.Do(func() { close(posted) })
		return notify.Errorf(notify.CodeUnavailable, "the store is gone")
	})
	d.start()
	d.turn("a.xml to be posted", func() bool {
		select {
		case <-posted:
			return true
		default:
			return false
		}
	})
	d.stop()
	if d.read("a.xml") == "" {
		t.Fatal("it was moved before the answer")
	}
	d.poster.answer(nil)
	d.start()
	d.turn("a.xml to be done", func() bool { return d.read("done/a.xml") != "" })
	if d.poster.got() != "1" {
		t.Error(d.poster.got())
	}
}

// TestKilledAfterTheMove: what is stored of a file that is not there any more is forgotten at the next start, so that a
// file of the same name and content is a new one.
func TestKilledAfterTheMove(t *testing.T) {
	d := newDrop(t)
	d.poster.known["a.xml\t00"] = true
	d.start()
	d.turn("it to be forgotten", func() bool { keys, _ := d.poster.Posted(t.Context()); return len(keys) == 0 })
}

func TestTroublePasses(t *testing.T) {
	d := newDrop(t)
	if err := os.Rename(d.dir, d.dir+".away"); err != nil {
		t.Fatal(err)
	}
	d.start()
	id := "account-1-"
	d.turn("the folder to be missed", func() bool { return d.poster.Health(id).State == notify.HealthUnreachable })
	if err := os.Rename(d.dir+".away", d.dir); err != nil {
		t.Fatal(err)
	}
	d.turn("the folder to be there", func() bool { return d.poster.Health(id).State == notify.HealthPolling })
	d.poster.answer(func(error) error { return errors.New("disk full") })
	d.write("a.xml", order("1", "kim"))
	d.turn("the trouble to be told", func() bool { return d.poster.Health(id).State == notify.HealthBackoff })
	d.poster.answer(nil)
	d.turn("a.xml to be done", func() bool { return d.read("done/a.xml") != "" })
	d.poster.answer(func(error) error { return notify.Errorf(notify.CodeStaleEpoch, "another hub") })
	d.write("b.xml", order("2", "kim"))
	d.turn("the connector to try", func() bool { return strings.Contains(d.poster.got(), "2") })
	d.stop = func() {} // it has ended by itself, with the error
}

func TestSettings(t *testing.T) {
	d := newDrop(t)
	for want, fill := range map[string]func(*folder.Settings){
		"path: must be an absolute":      func(s *folder.Settings) { s.Path = "drop" },
		"mapping: must be the id":        func(s *folder.Settings) { s.Mapping = "x" },
		"pattern: must be a pattern":     func(s *folder.Settings) { s.Pattern = "[" },
		"done: must be a folder":         func(s *folder.Settings) { s.Done = "." },
		"failed: must be another folder": func(s *folder.Settings) { s.Failed = "done" },
		"poll: must be 100ms to 1h0m0s":  func(s *folder.Settings) { s.Poll = 1 },
		"settle: must be at most":        func(s *folder.Settings) { s.Settle = 2 * time.Hour },
		"max_bytes: must be 1 to":        func(s *folder.Settings) { s.MaxBytes = 0 },
	} {
		if _, err := folder.New(d.env(fill)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c, err := folder.New(d.env(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.(notify.Checker).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(d.dir); len(entries) > 0 {
		t.Error("the check left something:", entries)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	if err := c.(notify.Checker).Check(t.Context()); err == nil {
		t.Error("a folder that is not there is no trouble")
	}
}
