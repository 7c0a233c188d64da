package notify

import "github.com/prometheus/client_golang/prometheus"

// metrics are the hub's own; names by the contract, section 4.
type metrics struct {
	events     *prometheus.CounterVec
	latency    *prometheus.HistogramVec
	deliveries *prometheus.CounterVec
	push       *prometheus.HistogramVec
	depth      *prometheus.GaugeVec
	lane       *prometheus.GaugeVec
	accounts   *prometheus.GaugeVec
	expiry     *prometheus.GaugeVec
	documents  *prometheus.CounterVec
	reminders  *prometheus.CounterVec
}

// newMetrics registers them; a nil registerer keeps them to themselves.
func newMetrics(r prometheus.Registerer) *metrics {
	buckets := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_events_total",
			Help: "Events recorded, each once."}, []string{"source", "type"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "allim_event_latency_seconds", Buckets: buckets,
			Help: "From an event seen to its first push accepted by the platform."}, []string{"source"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_deliveries_total",
			Help: "Outcomes of attempts."}, []string{"app", "platform", "outcome"}),
		push: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "allim_push_seconds", Buckets: buckets,
			Help: "From an attempt handed to the adapter to its outcome."}, []string{"platform"}),
		depth: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "allim_queue_depth",
			Help: "Deliveries pending."}, []string{"app", "platform"}),
		lane: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "allim_lane_state",
			Help: "0 ok, 1 throttled, 2 open (breaker), 3 misconfigured, 4 paused."}, []string{"app", "platform"}),
		accounts: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "allim_accounts",
			Help: "Watched accounts by state of health."}, []string{"source", "state"}),
		expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "allim_credential_expiry_seconds",
			Help: "Seconds until the lane's credentials expire."}, []string{"app", "platform"}),
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_documents_total",
			Help: "Foreign documents by mapping, and by accepted or the code of their refusal."}, []string{"mapping", "outcome"}),
		reminders: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allim_reminders_total",
			Help: "Reminders whose moment came: fired, fired late after a downtime, or dropped because too late."}, []string{"outcome"}),
	}
	if r != nil {
		r.MustRegister(m.events, m.latency, m.deliveries, m.push, m.depth, m.lane, m.accounts, m.expiry, m.documents, m.reminders)
	}
	return m
}
