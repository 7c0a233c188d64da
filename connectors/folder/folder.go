// Package folder watches a folder that old systems drop files into. Each complete file goes through a mapping, and then
// to done/, or to failed/ with a file beside it that says what is wrong.
//
// A file is posted exactly once, whatever happens: that it was posted is stored in the same transaction as what it asked
// for, by its name and content. A hub that was killed before it moved a file finds this out when it looks at the file
// again, and moves it then.
//
// Reading order: settings.go, folder.go (the looks at the folder), file.go (one file's way), move.go.
package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// Kind registers the connector.
var Kind = notify.ConnectorKind{
	Name:    "folder",
	Title:   "Folder that files are dropped into",
	Example: func() any { return DefaultSettings() },
	New:     New,
}

// Connector watches one folder.
type Connector struct {
	settings Settings
	mapping  notify.Mapping
	privacy  notify.Privacy
	clock    notify.Clock
	log      *slog.Logger
}

var (
	_ notify.Connector     = (*Connector)(nil)
	_ notify.Checker       = (*Connector)(nil)
	_ notify.SoleAccounter = (*Connector)(nil)
)

// New makes the connector of a source.
func New(env notify.ConnectorEnv) (notify.Connector, error) {
	s := DefaultSettings()
	if err := env.Source.Section.Decode(&s); err != nil {
		return nil, err
	}
	if err := s.check(env); err != nil {
		return nil, err
	}
	return &Connector{settings: s, mapping: env.Mappings[s.Mapping], privacy: env.Source.Privacy, clock: env.Clock, log: env.Log}, nil
}

// SoleAccount implements notify.SoleAccounter.
func (c *Connector) SoleAccount() string { return c.settings.Path }

// Check implements notify.Checker: the folder is there, and files can be moved out of it.
func (c *Connector) Check(context.Context) error {
	if _, err := os.ReadDir(c.settings.Path); err != nil {
		return fmt.Errorf("the folder cannot be read: %w", err)
	}
	for _, dir := range []string{c.settings.Path, c.settings.below(c.settings.Done), c.settings.below(c.settings.Failed)} {
		probe, err := os.CreateTemp(dir, ".allim-check-*")
		if errors.Is(err, fs.ErrNotExist) {
			continue // made at the first look, in the folder that was tried before
		}
		if err != nil {
			return fmt.Errorf("files cannot be moved into %s: %w", dir, err)
		}
		if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
			return fmt.Errorf("files cannot be moved out of %s: %w", dir, err)
		}
	}
	return nil
}

// Run implements notify.Connector.
func (c *Connector) Run(ctx context.Context, watch notify.Watch) error {
	poster, ok := watch.(notify.Poster)
	if !ok {
		return errors.New("this hub takes no notifications from connectors")
	}
	accounts, _, err := watch.Accounts(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	r := &run{Connector: c, watch: watch, poster: poster, seen: map[string]sight{}, stuck: map[string]fs.FileInfo{}}
	if len(accounts) > 0 {
		r.account = accounts[0].ID
	}
	r.health.Since = c.clock.Now()
	for ctx.Err() == nil {
		err := r.look(ctx)
		if notify.CodeOf(err) == notify.CodeStaleEpoch {
			return err
		}
		if ctx.Err() == nil {
			r.report(err)
			r.wait(ctx, err)
		}
	}
	return nil
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// run is the connector at work.
type run struct {
	*Connector
	watch   notify.Watch
	poster  notify.Poster
	account string
	health  notify.Health
	fails   int // looks in a row that failed
	tidy    bool
	seen    map[string]sight // files by name, as at the last look
	temps   []fs.FileInfo    // those of them whose names are not to be taken
	// stuck are files that were dealt with and could not be moved: they are not read again until they change.
	stuck map[string]fs.FileInfo
	// old are the keys of what was posted before this run, by the file's name.
	old map[string][]string
}

// sight is a file as it was seen.
type sight struct {
	info  fs.FileInfo
	since time.Time // when it was first seen like this
	ready bool      // it was renamed in
}

// The pause after looks that failed.
const backoffCap = time.Minute

func (r *run) wait(ctx context.Context, err error) {
	d := r.settings.Poll
	if r.fails = r.fails + 1; err == nil {
		r.fails = 0
	} else {
		d = max(d, min(backoffCap, r.settings.Poll<<min(r.fails, 10)))
	}
	t := r.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
	case <-ctx.Done():
	}
}

// report tells how the source is.
func (r *run) report(err error) {
	now := r.clock.Now()
	state := notify.HealthPolling
	switch {
	case err == nil:
		r.health.LastOKAt, r.health.NextTryAt = now, time.Time{}
	default:
		state = notify.HealthBackoff
		r.health.LastError, r.health.LastErrorAt = err.Error(), now
		if errors.Is(err, fs.ErrNotExist) {
			state = notify.HealthUnreachable
		}
	}
	if r.health.State != state {
		r.health.State, r.health.Since = state, now
	}
	if r.account != "" {
		r.watch.Report(r.account, r.health)
	}
}

// look goes through the folder once. An error is trouble with the folder or the store, not with a file.
func (r *run) look(ctx context.Context) error {
	if err := r.makeFolders(); err != nil {
		return err
	}
	files, err := r.list()
	if err != nil {
		return err
	}
	if !r.tidy {
		if err := r.forgetGone(ctx, files); err != nil {
			return err
		}
		r.tidy = true
	}
	now := r.clock.Now()
	var trouble error
	seen, temps := make(map[string]sight, len(files)), []fs.FileInfo(nil)
	for _, info := range files {
		name := info.Name()
		s := r.sighted(info, now)
		seen[name] = s
		if !r.wanted(name) {
			temps = append(temps, info)
			continue
		}
		if r.isStuck(name, info) || (!s.ready && now.Sub(s.since) < r.settings.Settle) {
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		err := r.take(ctx, name, info)
		switch code := notify.CodeOf(err); {
		case err == nil:
			delete(seen, name)
		case code == notify.CodeStaleEpoch:
			return err
		default:
			trouble = err
		}
	}
	r.seen, r.temps = seen, temps
	return trouble
}

// list gives the folder's ordinary files, oldest first.
func (r *run) list() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(r.settings.Path)
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be read: %w", err)
	}
	files := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the folder cannot be read: %w", err)
		}
		files = append(files, info)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	return files, nil
}

// sighted tells since when a file has been as it is. One that had another name at the last look was renamed, and is
// complete.
func (r *run) sighted(info fs.FileInfo, now time.Time) sight {
	if before, known := r.seen[info.Name()]; known && os.SameFile(before.info, info) {
		if same(before.info, info) {
			return before
		}
		return sight{info: info, since: now}
	}
	for _, other := range r.temps {
		if os.SameFile(other, info) {
			return sight{info: info, since: now, ready: true}
		}
	}
	return sight{info: info, since: now}
}

func same(a, b fs.FileInfo) bool { return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) }

func (r *run) isStuck(name string, info fs.FileInfo) bool {
	before, stuck := r.stuck[name]
	if stuck && !(os.SameFile(before, info) && same(before, info)) {
		delete(r.stuck, name)
		return false
	}
	return stuck
}

// wanted tells whether a file of this name is one to take.
func (c *Connector) wanted(name string) bool {
	for _, end := range []string{".tmp", ".part", ".filepart", "~"} {
		if strings.HasSuffix(strings.ToLower(name), end) {
			return false
		}
	}
	ok, err := path.Match(c.settings.Pattern, name)
	return err == nil && ok && !strings.HasPrefix(name, ".")
}
