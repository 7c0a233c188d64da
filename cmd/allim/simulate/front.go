package simulate

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// Bounds of the page.
const (
	maxFaults = 1 << 20 // bytes of a request
	pageRows  = 200
	pageBody  = 400 // characters of each body
)

//go:embed page.html
var pageText string

// front is the page's server.
type front struct {
	url    string
	server *http.Server
	ended  chan struct{}
	failed chan error // what ended it before stop
}

func newFront(ctx context.Context, addr string, s *simulators) (*front, error) {
	page, err := template.New("page").Funcs(template.FuncMap{"short": short}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("the page: %w", err)
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	f := &front{url: "http://" + l.Addr().String() + "/", ended: make(chan struct{}), failed: make(chan error, 1)}
	f.server = &http.Server{
		// Another site's page in the same browser scripts no faults.
		Handler:           http.NewCrossOriginProtection().Handler(s.routes(page)),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // who hangs up is no trouble here
	}
	go func() {
		defer close(f.ended)
		if err := f.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.failed <- fmt.Errorf("the page's server ended: %w", err)
		}
	}()
	return f, nil
}

func (f *front) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := f.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = f.server.Close()
	}
	<-f.ended
	return err
}

func (s *simulators) routes(page *template.Template) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.servePage(w, r, page) })
	mux.HandleFunc("GET /log", s.serveLog)
	mux.HandleFunc("POST /faults", s.postFaults)
	mux.HandleFunc("DELETE /faults", s.deleteFaults)
	mux.HandleFunc("GET /apps.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = io.WriteString(w, s.block()) // fails only when the reader went away
	})
	for _, p := range s.platforms {
		mux.Handle("/"+string(p.name)+"/", http.StripPrefix("/"+string(p.name), p.handler))
	}
	return mux
}

func (s *simulators) serveLog(w http.ResponseWriter, r *http.Request) {
	f, err := s.filterOf(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, s.arrived(f))
}

// postFaults takes the same text as the file, in YAML or JSON.
func (s *simulators) postFaults(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaults))
	if err != nil {
		http.Error(w, "the request could not be read, or is longer than 1 MiB", http.StatusBadRequest)
		return
	}
	rules, err := parseFaults("", data)
	if err == nil {
		err = s.script(rules)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, struct {
		Scripted int `json:"scripted"`
	}{len(rules.list)})
}

// deleteFaults forgets the faults of one token or credential, or those for everyone; of one platform or of all.
func (s *simulators) deleteFaults(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name, key := notify.Platform(q.Get("platform")), q.Get("token")+q.Get("credential")
	if key == "" {
		key = sim.Everyone
	}
	if name != "" && s.platform(name) == nil {
		http.Error(w, fmt.Sprintf("there is no platform %q", name), http.StatusBadRequest)
		return
	}
	for _, p := range s.platforms {
		if name != "" && p.name != name {
			continue
		}
		p.target.clear(key)
		if key == sim.Everyone && p.target.anyLogin != "" {
			p.target.clear(p.target.anyLogin)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *simulators) servePage(w http.ResponseWriter, r *http.Request, page *template.Template) {
	f, err := s.filterOf(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.limit = min(f.limit, pageRows)
	a := s.arrived(f)
	slices.Reverse(a.Entries)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
	_ = page.Execute(w, map[string]any{ // fails only when the reader went away
		"Names": s.names(), "Platform": string(f.platform), "Token": f.token, "Query": r.URL.RawQuery, "Counts": a.Counts,
		"Entries": a.Entries, "Block": s.block(),
	})
}

// short gives the start of a body, as it stands in the JSON log.
func short(b sim.Bytes) string {
	raw, err := json.Marshal(b)
	var text string
	if err == nil {
		err = json.Unmarshal(raw, &text)
	}
	if err != nil {
		return ""
	}
	if runes := []rune(text); len(runes) > pageBody {
		return string(runes[:pageBody]) + "…"
	}
	return text
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails only when the reader went away: nobody is left to tell
}
