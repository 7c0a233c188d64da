// Package web serves pages for people: so far the demo's page, which shows mails, pushes and the live inbox of one
// person while they happen. Pages are rendered on the server; a little hand-written JavaScript follows the streams.
//
// A page may load only what this server itself serves (Content-Security-Policy), and works without any other network.
package web

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

//go:embed assets
var assets embed.FS

//go:embed demo.html
var demoHTML string

// policy lets a page load only its own files, and talk only to its own server.
const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Person is somebody whom the demo shows.
type Person struct {
	ID     string
	Name   string
	Email  string
	Locale string // the page is Korean for ko, else English
	Token  string // the person's own token, which the page gets as a cookie
}

// Entry is one thing that happened in the demo: a mail that was delivered, or a push that reached a device.
type Entry struct {
	N       int64     `json:"n"` // grows; the place in the feed
	Kind    string    `json:"kind"`
	At      time.Time `json:"at"`
	Title   string    `json:"title"` // the sender
	Body    string    `json:"body"`  // the subject
	Device  string    `json:"device,omitempty"`
	Via     string    `json:"via,omitempty"`     // the platform
	Latency float64   `json:"latency,omitempty"` // milliseconds from the delivery of the mail to this push
}

// The kinds of Entry.
const (
	KindMail = "mail"
	KindPush = "push"
)

// Feed is where the entries come from.
type Feed interface {
	// After gives the user's entries after number n, oldest first. With none it waits until there are some or ctx ends,
	// and then gives none.
	After(ctx context.Context, user string, n int64) []Entry
}

// Demo serves everything below /demo.
type Demo struct {
	app    string // whose Web Push key browsers subscribe with
	people []Person
	feed   Feed
	page   *template.Template
	mux    *http.ServeMux
}

// feedWait is how long a request for the feed is held: well below what clients and proxies bear.
const feedWait = 20 * time.Second

// NewDemo makes the handler; app is the one whose Web Push key browsers subscribe with.
func NewDemo(app string, people []Person, feed Feed) (*Demo, error) {
	page, err := template.New("demo").Parse(demoHTML)
	if err != nil {
		return nil, fmt.Errorf("parse the demo page: %w", err)
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, fmt.Errorf("open the demo's files: %w", err)
	}
	d := &Demo{app: app, people: people, feed: feed, page: page, mux: http.NewServeMux()}
	d.mux.Handle("GET /demo/assets/", http.StripPrefix("/demo/assets/", http.FileServerFS(files)))
	// Not among the assets: a service worker serves only what lies below its own folder.
	d.mux.HandleFunc("GET /demo/sw.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "sw.js") })
	d.mux.HandleFunc("GET /demo/{user}", d.servePage)
	d.mux.HandleFunc("GET /demo/feed/{user}", d.serveFeed)
	d.mux.HandleFunc("GET /demo", d.first)
	d.mux.HandleFunc("GET /demo/{$}", d.first)
	return d, nil
}

// ServeHTTP implements http.Handler. It hands out tokens to whoever asks, so it answers only when it is called by a
// loopback name: a page elsewhere could else reach it by pointing its own name here (DNS rebinding).
func (d *Demo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !loopbackHost(r.Host) {
		http.Error(w, "the demo is served on loopback only", http.StatusMisdirectedRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	d.mux.ServeHTTP(w, r)
}

func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *Demo) first(w http.ResponseWriter, r *http.Request) {
	if len(d.people) == 0 {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, "/demo/"+d.people[0].ID, http.StatusFound)
}

func (d *Demo) person(r *http.Request) (Person, bool) {
	for _, p := range d.people {
		if p.ID == r.PathValue("user") {
			return p, true
		}
	}
	return Person{}, false
}

// servePage signs the person in and shows the page.
func (d *Demo) servePage(w http.ResponseWriter, r *http.Request) {
	p, ok := d.person(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	lang := notify.Language(p.Locale)
	var others []Person
	for _, o := range d.people {
		if o.ID != p.ID {
			others = append(others, o)
		}
	}
	var b bytes.Buffer
	if err := d.page.Execute(&b, map[string]any{"App": d.app, "Lang": lang, "T": texts(lang), "Me": p, "Others": others}); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: api.SessionCookie, Value: p.Token, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	_, _ = w.Write(b.Bytes()) // a reader who left does not matter
}

// serveFeed answers what came after a number, as soon as there is something.
func (d *Demo) serveFeed(w http.ResponseWriter, r *http.Request) {
	p, ok := d.person(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil || after < 0 {
		http.Error(w, "after must be a number", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), feedWait)
	defer cancel()
	entries := d.feed.After(ctx, p.ID, after)
	if entries == nil {
		entries = []Entry{}
	}
	body, err := json.Marshal(entries)
	if err != nil {
		http.Error(w, "the feed cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}
