// Package simulate is `allim simulate`: the simulators of adapters/sim in one process, with ready-made credentials, the
// lines that point a hub at them, and a page with what arrived, where faults can be scripted.
//
// Reading order: simulate.go (from the start to the end), platforms.go (the table of simulators), webpush.go, apns.go and
// so on (one platform each), settings.go (what a hub needs), rules.go (faults, from YAML to a simulator), front.go and log.go
// (the page).
package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// DefaultListen is where the page is.
const DefaultListen = "127.0.0.1:8090"

// Options is what the simulators are made of; the zero value is that of the command without flags.
type Options struct {
	Listen string       // where the page is; empty: DefaultListen
	Faults string       // a file of faults to begin with; empty: none
	Dir    string       // where credentials are written, and stay; empty: a temporary folder, removed at the end
	Ports  int          // the first of the simulators' ports, one after the other; 0: free ones
	Clock  notify.Clock // nil: the machine's
	Stdout io.Writer    // addresses, and what to paste; nil: nothing is told
	Ready  func(url string)
}

// Run runs the simulators until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	// Looked at first: a wrong file leaves nothing behind.
	rules, err := readFaults(o.Faults)
	if err != nil {
		return err
	}
	s := &simulators{opts: o}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := s.script(rules); err != nil {
		return err
	}
	if err := s.greet(o.Stdout); err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(s.front.url)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.front.failed:
		return err
	}
}

// simulators is everything that runs.
type simulators struct {
	opts      Options
	dir       string
	caFile    string
	platforms []*platform
	front     *front
	ends      []func() error // what stop undoes, the last one first
}

// start starts everything; what was started when it fails is stop's.
func (s *simulators) start(ctx context.Context) (err error) {
	if err := s.folder(); err != nil {
		return err
	}
	ca, err := sim.NewCA()
	if err != nil {
		return err
	}
	if s.caFile, err = ca.File(s.dir); err != nil {
		return err
	}
	for i, start := range table() {
		st := stage{dir: s.dir, ca: ca, caFile: s.caFile, clock: s.opts.Clock}
		if s.opts.Ports != 0 {
			st.addr = fmt.Sprintf("127.0.0.1:%d", s.opts.Ports+i)
		}
		p, err := start(st)
		if err != nil {
			return err
		}
		s.platforms = append(s.platforms, p)
		s.ends = append(s.ends, p.close)
	}
	if s.front, err = newFront(ctx, s.opts.Listen, s); err != nil {
		return err
	}
	s.ends = append(s.ends, s.front.stop)
	return nil
}

// folder makes the folder of the credentials.
func (s *simulators) folder() error {
	if s.opts.Dir == "" {
		dir, err := os.MkdirTemp("", "allim-simulate-")
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		s.dir = dir
		s.ends = append(s.ends, func() error { return os.RemoveAll(dir) })
		return nil
	}
	dir, err := filepath.Abs(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	s.dir = dir
	return nil
}

// stop ends everything that was started, in the reverse order.
func (s *simulators) stop() error {
	var errs []error
	for i := len(s.ends) - 1; i >= 0; i-- {
		errs = append(errs, s.ends[i]())
	}
	s.ends = nil
	return errors.Join(errs...)
}

// platform finds one by its name.
func (s *simulators) platform(name notify.Platform) *platform {
	for _, p := range s.platforms {
		if p.name == name {
			return p
		}
	}
	return nil
}

// stopTimeout bounds the end of the page's server.
const stopTimeout = 300 * time.Millisecond
