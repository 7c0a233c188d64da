package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/notify/api"
)

// webOptions are the flags of `allim bench web`.
type webOptions struct {
	people  int
	devices int
	rounds  int
}

// PageTime is how long one page takes.
type PageTime struct {
	Path  string `json:"path"`
	Bytes int    `json:"bytes"`
	Spread
}

// WebResult is how long the pages take.
type WebResult struct {
	People  int        `json:"people"`
	Devices int        `json:"devices"`
	Pages   []PageTime `json:"pages"`
}

// Table implements Result.
func (r WebResult) Table() ([]string, [][]string) {
	rows := make([][]string, len(r.Pages))
	for i, p := range r.Pages {
		rows[i] = append([]string{p.Path, fmt.Sprintf("%.1f KB", float64(p.Bytes)/1000)}, p.cells()...)
	}
	return []string{fmt.Sprintf("%d PEOPLE, %d DEVICES", r.People, r.Devices), "SIZE", "P50", "P99", "MAX"}, rows
}

func webPages() Scenario {
	var o webOptions
	return Scenario{
		Name: "web", Short: "How long the pages take with many people and devices",
		Long: "Fills a store with people, who have Korean names and e-mail addresses, and their devices, starts a hub on it, and asks\n" +
			"for the pages of the console and of one person, searching and paging, one after the other.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.people, "people", 100_000, "how many people")
			f.IntVar(&o.devices, "devices", 10, "devices of each")
			f.IntVar(&o.rounds, "rounds", 20, "how often each page is asked for")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o webOptions) run(ctx context.Context, progress io.Writer) (result WebResult, err error) {
	if o.people < 1 || o.devices < 0 || o.rounds < 1 {
		return result, errors.New("--people and --rounds must be at least 1, --devices at least 0")
	}
	w, err := newWorld(ctx, worldOptions{progress: progress})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	tokens, err := w.fill(ctx, people{count: o.people, devices: o.devices, tokens: 1, named: true})
	if err != nil {
		return result, err
	}
	if err := w.start(ctx); err != nil {
		return result, err
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	browser := &webBrowser{url: w.hub.URL, token: tokens[0], http: &http.Client{Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	result = WebResult{People: o.people, Devices: o.people * o.devices}
	for _, path := range o.paths() {
		fmt.Fprintf(progress, "Asking for %s.\n", path)
		p := PageTime{Path: path}
		var times []time.Duration
		for range o.rounds {
			began := time.Now()
			if p.Bytes, err = browser.get(ctx, path); err != nil {
				return result, err
			}
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		p.Spread = spread(times)
		result.Pages = append(result.Pages, p)
	}
	return result, nil
}

// paths are the pages: among them a beginning that all names have, one that many have, and one that few have, each with a
// page from the midst.
func (o webOptions) paths() []string {
	midst := url.QueryEscape(person(o.people / 2))
	return []string{"/admin", "/admin/users", "/admin/users?after=" + url.QueryEscape("i:") + midst, "/admin/users?q=person-",
		"/admin/users?q=" + url.QueryEscape("김"), "/admin/users?q=" + url.QueryEscape("이민호 9"), "/admin/users?q=mail9",
		"/admin/users/" + person(o.people/2), "/admin/notifications", "/admin/sources", "/admin/topics", "/admin/audit", "/", "/devices", "/preferences"}
}

// webBrowser is somebody who is signed in.
type webBrowser struct {
	url, token string
	http       *http.Client
}

// get asks for a page and gives its size.
func (b *webBrowser) get(ctx context.Context, path string) (size int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	req.AddCookie(&http.Cookie{Name: api.SessionCookie, Value: b.token})
	res, err := b.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return int(n), err
}
