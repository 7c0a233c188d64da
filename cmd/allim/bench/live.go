package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// liveOptions are the flags of `allim bench live`.
type liveOptions struct {
	over     string
	pages    int
	first    int
	messages int
	settle   time.Duration
	profile  string
}

// LiveResult is what open pages cost: bytes each, and what a message to all of them takes.
type LiveResult struct {
	Transport   string  `json:"transport"`
	Pages       int     `json:"pages"`
	First       int     `json:"first"`         // the slope begins at so many
	RSSFirst    int64   `json:"rssFirstBytes"` // of the hub, with the first pages
	RSSAll      int64   `json:"rssAllBytes"`
	PerPage     float64 `json:"bytesPerPage"`     // the slope between them
	PerSecond   float64 `json:"messagesASecond"`  // a message to all: the median of the rounds
	Spread      Spread  `json:"untilThePage"`     // of all pages and rounds, from the request on
	CPU         float64 `json:"cpuMicrosPerPage"` // of the hub, a page's message
	Growth      float64 `json:"growth"`           // of resident memory while a message goes out, at most
	IdleCPU     float64 `json:"idleCPU"`          // processors that idle pages take: heartbeats
	MessagesOut int     `json:"rounds"`
}

// Table implements Result.
func (r LiveResult) Table() ([]string, [][]string) {
	return []string{"LIVE", "FIGURE"}, [][]string{
		{"idle pages over " + r.Transport, strconv.Itoa(r.Pages)},
		{"resident memory each, from " + strconv.Itoa(r.First) + " on", fmt.Sprintf("%.2f KB", r.PerPage/1000)},
		{"resident memory of the hub", megabytes(r.RSSAll)},
		{"processors that idle pages take", fmt.Sprintf("%.3f", r.IdleCPU)},
		{"a message to all of them, a second", fmt.Sprintf("%.0f", r.PerSecond)},
		{"the hub's processor time a page", fmt.Sprintf("%.1f us", r.CPU)},
		{"until a page has it (p50, p99)", fmt.Sprintf("%.0f ms, %.0f ms", r.Spread.P50, r.Spread.P99)},
		{"memory grows meanwhile by", fmt.Sprintf("%.1f %%", 100*r.Growth)},
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func live() Scenario {
	var o liveOptions
	return Scenario{
		Name: "live", Short: "What open pages cost, and a message to all of them",
		Long: "Opens idle event streams, websockets or polls over plain HTTP to a hub in a process of its own, measures the memory that each takes\n" +
			"there, and sends messages to all of them. How many fit is the limit of open files: ulimit -n.",
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&o.over, "transport", transportSSE, "what the pages have open: sse, ws or poll")
			f.IntVar(&o.pages, "pages", 0, "how many pages; 0: as many as the limit of open files allows, at most 100,000")
			f.IntVar(&o.first, "first", 5000, "the slope of memory begins at so many")
			f.IntVar(&o.messages, "messages", 5, "messages to all")
			f.DurationVar(&o.settle, "settle", 10*time.Second, "how long memory may settle before it is measured")
			f.StringVar(&o.profile, "profile", "", "a folder for the hub's profiles")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o liveOptions) run(ctx context.Context, progress io.Writer) (result LiveResult, err error) {
	if o.pages == 0 {
		o.pages = min(100_000, openFiles()-600)
	}
	if o.first < 1 || o.pages <= o.first || o.messages < 1 {
		return result, errors.New("--pages must be more than --first, which must be at least 1, as must --messages")
	}
	dialogue := dialogues[o.over]
	if dialogue == nil {
		return result, errors.New("--transport must be sse, ws or poll")
	}
	w, err := newWorld(ctx, worldOptions{progress: progress, profile: o.profile,
		settings: fmt.Sprintf("limits: {live_connections: %d, live_per_user: 8}", o.pages+100)})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	tokens, err := w.fill(ctx, people{count: (o.pages + 7) / 8, tokens: (o.pages + 7) / 8})
	if err != nil {
		return result, err
	}
	if err := w.start(ctx); err != nil {
		return result, err
	}
	p := &pages{dialogue: dialogue, tokens: tokens, got: make(chan time.Time, o.pages)}
	defer p.close()
	result = LiveResult{Transport: o.over, Pages: o.pages, First: o.first, MessagesOut: o.messages}
	if result.RSSFirst, err = o.open(ctx, w, p, o.first); err != nil {
		return result, err
	}
	if result.RSSAll, err = o.open(ctx, w, p, o.pages); err != nil {
		return result, err
	}
	result.PerPage = float64(result.RSSAll-result.RSSFirst) / float64(o.pages-o.first)
	return result, o.tellAll(ctx, w, p, &result)
}

// open opens pages up to n and gives the hub's resident memory when it has settled.
func (o liveOptions) open(ctx context.Context, w *world, p *pages, n int) (int64, error) {
	fmt.Fprintf(w.progress, "Opening pages, up to %d.\n", n)
	if err := p.open(ctx, w.hub.URL, n); err != nil {
		return 0, err
	}
	if err := pause(ctx, o.settle); err != nil {
		return 0, err
	}
	return memory(w.hub.PID(), "VmRSS")
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// tellAll sends the messages and measures.
func (o liveOptions) tellAll(ctx context.Context, w *world, p *pages, result *LiveResult) error {
	c, err := client.New(client.Options{URL: w.hub.URL, Key: w.key})
	if err != nil {
		return err
	}
	idle, err := w.cost(ctx, o.settle, nil)
	if err != nil {
		return err
	}
	result.IdleCPU = idle.cpu.Seconds() / idle.took.Seconds()
	var times []time.Duration
	var rates []float64
	var cpu time.Duration
	for round := range o.messages {
		fmt.Fprintf(w.progress, "Message %d to %d pages.\n", round+1, o.pages)
		began := time.Now()
		spent, err := w.cost(ctx, 0, func() error {
			if _, err := c.Send(ctx, wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "To all",
				Body: "The canteen is closed today."}}, ""); err != nil {
				return err
			}
			last := began
			for range o.pages {
				select {
				case at := <-p.got:
					times = append(times, at.Sub(began))
					if at.After(last) {
						last = at
					}
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Minute):
					return fmt.Errorf("only some pages got message %d", round+1)
				}
			}
			rates = append(rates, float64(o.pages)/last.Sub(began).Seconds())
			return nil
		})
		if err != nil {
			return err
		}
		cpu += spent.cpu
		result.Growth = max(result.Growth, spent.growth)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	slices.Sort(rates)
	result.PerSecond, result.Spread = rates[len(rates)/2], spread(times)
	result.CPU = float64(cpu.Microseconds()) / float64(o.pages*o.messages)
	return nil
}

// pages are open connections.
type pages struct {
	dialogue dialogue
	tokens   []string
	got      chan time.Time // a notification arrived
	conns    []net.Conn
	readers  sync.WaitGroup
	failed   atomic.Pointer[error]
}

// open opens up to n in all, from a few dozen goroutines, and returns when all have begun.
func (p *pages) open(ctx context.Context, base string, n int) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	first := len(p.conns)
	p.conns = append(p.conns, make([]net.Conn, n-first)...)
	next := atomic.Int64{}
	next.Store(int64(first))
	var openers sync.WaitGroup
	for range 32 {
		openers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && p.failed.Load() == nil; i = next.Add(1) - 1 {
				if err := p.openOne(ctx, u.Host, int(i)); err != nil {
					p.failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	openers.Wait()
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (p *pages) openOne(ctx context.Context, host string, i int) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return fmt.Errorf("page %d: %w", i, err)
	}
	p.conns[i] = c
	begun := make(chan error, 1)
	p.readers.Go(func() {
		say := sayer{c, host, p.tokens[i%len(p.tokens)]}
		if err := p.dialogue(say, func() { begun <- nil }, func() { p.got <- time.Now() }); err != nil {
			select {
			case begun <- err:
			default: // it had begun: the end is ours
			}
		}
	})
	if err := <-begun; err != nil {
		return fmt.Errorf("page %d: %w", i, err)
	}
	return nil
}

func (p *pages) close() {
	for _, c := range p.conns {
		if c != nil {
			_ = c.Close()
		}
	}
	p.readers.Wait()
}
