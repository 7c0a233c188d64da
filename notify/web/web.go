package web

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

//go:embed pages
var pageFiles embed.FS

// Service is what the pages ask of the hub, beside what the API asks.
type Service interface {
	api.Service
	SignIn(ctx context.Context, address, password string) (notify.User, error)
	Reach(ctx context.Context, to notify.Audience) (people, devices int64, err error)
	CheckAccount(ctx context.Context, id string) error
	Previews(n notify.Notification, v notify.Variant) ([]notify.Preview, error)
	Apps() []string
}

var _ Service = (*notify.Hub)(nil)

// Options is what the pages are made of. Hub, Store, API, Clock and Next are required.
type Options struct {
	Hub   Service
	Store notify.Store
	API   *api.API // knows who is signed in
	Clock notify.Clock
	Log   *slog.Logger // nil: none
	// PublicURL is the hub's address as browsers see it; with https: cookies are for secure connections only.
	PublicURL string
	OIDC      OIDC // the zero value: no single sign-on
	// ApproveBroadcasts: the hub's own option, so that the console says it before something is sent.
	ApproveBroadcasts bool
	TrustedProxies    []netip.Prefix // whose X-Forwarded-For is believed
	Next              http.Handler   // what is no page
}

// Pages serves the people's page and the console, and hands on what is neither.
type Pages struct {
	o         Options
	mux       *http.ServeMux
	templates map[string]*template.Template
	origin    *http.CrossOriginProtection
	slow      *slowLane
	sso       *sso // nil: no single sign-on
}

// New makes the handler; nothing is started and no connection is made.
func New(o Options) (*Pages, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pages{o: o, mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), slow: newSlowLane(o.Clock)}
	if u, err := url.Parse(o.PublicURL); err == nil && u.Host != "" {
		if err := p.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("the public URL: %w", err)
		}
	}
	if o.OIDC.Issuer != "" {
		p.sso = newSSO(o)
	}
	if err := p.parse(); err != nil {
		return nil, err
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, fmt.Errorf("open the pages' files: %w", err)
	}
	for _, r := range Routes() {
		p.mux.HandleFunc(r.Method+" "+r.pattern(), p.handler(r))
	}
	p.mux.Handle("GET /assets/", http.StripPrefix("/assets/", p.files(files)))
	p.mux.Handle("/", o.Next)
	return p, nil
}

// parse reads every page with the layout around it.
func (p *Pages) parse() error {
	p.templates = map[string]*template.Template{}
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return fmt.Errorf("list the pages: %w", err)
	}
	for _, name := range names {
		short := strings.TrimSuffix(strings.TrimPrefix(name, "pages/"), ".html")
		t, err := template.New("layout.html").Funcs(functions()).ParseFS(pageFiles, "pages/layout.html", name)
		if err != nil {
			return fmt.Errorf("parse the page %s: %w", short, err)
		}
		p.templates[short] = t
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// pagePolicy lets a page load only its own files, run no inline script or style, and post only to its own server.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (p *Pages) secure() bool { return strings.HasPrefix(p.o.PublicURL, "https://") }

// headers are on every answer of the pages.
func (p *Pages) headers(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	if p.secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// files serves the assets, which change only with the program.
func (p *Pages) files(dir fs.FS) http.Handler {
	serve := http.FileServerFS(dir)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.headers(w.Header())
		w.Header().Set("Cache-Control", "public, max-age=300")
		serve.ServeHTTP(w, r)
	})
}
