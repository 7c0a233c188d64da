package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/docmap"
)

// Service is what the API asks of the hub; *notify.Hub is one.
type Service interface {
	PutUser(ctx context.Context, u notify.User) (stored notify.User, created bool, err error)
	FindUser(ctx context.Context, i notify.Identity) (notify.User, error)
	DeleteUser(ctx context.Context, id string) error
	MergeUser(ctx context.Context, from, into string) error
	RegisterDevice(ctx context.Context, d notify.Device) (stored notify.Device, created bool, err error)
	RenewDevice(ctx context.Context, d notify.Device) (notify.Device, error)
	AddAccount(ctx context.Context, a notify.Account) (stored notify.Account, created bool, err error)
	RemoveAccount(ctx context.Context, id string) error
	Send(ctx context.Context, n notify.Notification, idem notify.Idempotency) (accepted notify.Notification, replayed bool, err error)
	SendAll(ctx context.Context, p notify.Posting) (accepted []notify.Acceptance, known bool, err error)
	CountDocument(mapping string, err error)
	Pause(ctx context.Context, id string) (notify.Notification, error)
	Resume(ctx context.Context, id string) (notify.Notification, error)
	Cancel(ctx context.Context, id string) (notify.Notification, error)
	Approve(ctx context.Context, id, by string) (notify.Notification, error)
	Refuse(ctx context.Context, id string) (notify.Notification, error)
	Pace(n notify.Notification) notify.Pace
	Replay(ctx context.Context, delivery string) (notify.DeliveryRow, error)
	PublicKey(app string) (string, error)
	Lanes(ctx context.Context) ([]notify.LaneStatus, error)
	Sources() []notify.SourceStatus
	Trace(ctx context.Context, id string) ([]notify.TraceStep, error)
	PutPreferences(ctx context.Context, user string, p notify.Preferences) error
	MarkInbox(ctx context.Context, user string, ids []string, read bool) error
}

var _ Service = (*notify.Hub)(nil)

// Store is the reading that the API does itself, and keys and receipts; every notify.Store is one.
type Store interface {
	notify.UserStore
	notify.DeviceStore
	notify.OldIDStore
	notify.TopicStore
	notify.AccountStore
	notify.NotificationStore
	notify.InboxStore
	notify.KeyStore
	notify.SessionStore
	notify.PreferenceStore
	notify.MarkStore
	notify.AuditStore
	Ping(ctx context.Context) error
}

// DefaultBody is the greatest body where Limits does not say: 1 MiB.
const DefaultBody = 1 << 20

// Limits are what a request may take.
type Limits struct {
	Body           int64 // bytes; 0: DefaultBody
	RequestsPerKey int   // a second, for each key or token; 0: no limit
}

// Options is what an API is made of. Hub, Store and Clock are required.
type Options struct {
	Hub            Service
	Store          Store
	Clock          notify.Clock
	Log            *slog.Logger // nil: none
	Limits         Limits
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	PublicURL      string         // the hub's address as browsers see it; its pages may use the session cookie
	// SOAPURL is the hub's address that its WSDL names; empty: that at which the WSDL was asked for.
	SOAPURL string
	// Routers are parts that serve their own routes below /v1, such as live streams. The API does their login.
	Routers []notify.Router
	// Mappings are those that POST /v1/ingest/{mapping} applies.
	Mappings []*docmap.Mapping
	// Registerer takes the API's own metrics (nil: none); Gatherer is what GET /metrics shows (nil: no such call).
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Ready adds to GET /readyz what else must hold; any fault makes the hub unready. nil: nothing. Its messages are
	// shown to everybody.
	Ready func(ctx context.Context) []wire.Fault
}

// API is the HTTP handler of everything in contract.md section 3. Close it when no request is running any more.
type API struct {
	hub      Service
	store    Store
	clock    notify.Clock
	log      *slog.Logger
	limits   Limits
	ready    func(ctx context.Context) []wire.Fault
	codec    codec.Codec
	engine   *gin.Engine
	keys     *keyCache
	touches  *touches
	rates    *rates
	origin   *http.CrossOriginProtection
	requests *prometheus.CounterVec
	url      string // the hub's address as people see it
	old      *prometheus.CounterVec
	soap     *prometheus.CounterVec
	started  time.Time
	// documents gives what the hub says about its own API.
	documents func() (documents, error)
	mappings  atomic.Pointer[map[string]*docmap.Mapping]
	turns     chan struct{} // taken by each foreign document that is being read
	strangers chan struct{} // taken by each SOAP message that is read before it is known who sends it
	soapURL   string
}

// New makes the API and starts the goroutine that stores when keys were used; Close ends it.
func New(o Options) (*API, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limits.Body == 0 {
		o.Limits.Body = DefaultBody
	}
	a := &API{hub: o.Hub, store: o.Store, clock: o.Clock, log: o.Log, limits: o.Limits, ready: o.Ready,
		keys: newKeyCache(o.Clock), rates: newRates(o.Clock, o.Limits.RequestsPerKey), origin: http.NewCrossOriginProtection(), url: o.PublicURL,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_http_requests_total",
			Help: "HTTP requests by route and status."}, []string{"route", "code"}),
		old: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_old_calls_total",
			Help: "Calls of old push services, by service and by what became of each address: ok or an error."},
			[]string{"service", "result"}),
		soap: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_soap_calls_total",
			Help: "Calls of SOAP's own operations, by operation (empty: not known) and by ok or the code of the refusal."},
			[]string{"operation", "result"})}
	a.strangers, a.soapURL = make(chan struct{}, maxStrangers), o.SOAPURL
	a.turns = make(chan struct{}, runtime.GOMAXPROCS(0))
	a.SetMappings(o.Mappings)
	if err := a.trustOrigin(o.PublicURL); err != nil {
		return nil, err
	}
	if o.Registerer != nil {
		for _, m := range []prometheus.Collector{a.requests, a.old, a.soap} {
			if err := o.Registerer.Register(m); err != nil {
				return nil, fmt.Errorf("register metrics: %w", err)
			}
		}
	}
	if err := a.build(o); err != nil {
		return nil, err
	}
	a.started = o.Clock.Now()
	a.touches = startTouches(o.Store, o.Clock, o.Log)
	return a, nil
}

// SetMappings puts other mappings in the place of those that there were; a document that is being read keeps its own.
func (a *API) SetMappings(list []*docmap.Mapping) {
	byID := make(map[string]*docmap.Mapping, len(list))
	for _, m := range list {
		byID[m.ID()] = m
	}
	a.mappings.Store(&byID)
}

func (a *API) trustOrigin(public string) error {
	if public == "" {
		return nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return errors.New("the public URL is not an absolute URL")
	}
	return a.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host)
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// closeTimeout bounds Close: the store may be stuck.
const closeTimeout = 5 * time.Second

// Close stores when keys were last used and ends the API's goroutine.
func (a *API) Close() error { return a.touches.close(closeTimeout) }
