package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// acceptOptions are the flags of `allim bench accept`.
type acceptOptions struct {
	people      int
	devices     int
	connections int
	recipients  int
	rate        int
	xml         bool
	within      time.Duration
	synchronous string
	profile     string
}

// AcceptResult is how many requests a hub takes, each stored before its answer.
type AcceptResult struct {
	Form        string  `json:"form"`
	Recipients  int     `json:"recipients"` // of each request
	Devices     int     `json:"devices"`    // of each recipient
	Connections int     `json:"connections"`
	Synchronous string  `json:"synchronous"`
	Seconds     float64 `json:"seconds"`
	Requests    float64 `json:"requestsASecond"`
	Told        float64 `json:"recipientsASecond"`
	Refused     int     `json:"refused"` // with 503 and Retry-After
	Times       Spread  `json:"times"`
	CPU         float64 `json:"cpuMicrosPerRequest"` // of the hub
	Peak        int64   `json:"rssPeakBytes"`
	// Backlog is the most pushes that were owed at any moment, of what was accepted; Drain how long after the last answer the
	// platform had them all.
	Backlog int64   `json:"backlog"`
	Drain   float64 `json:"drainSeconds"`
}

// Table implements Result.
func (r AcceptResult) Table() ([]string, [][]string) {
	return []string{"ACCEPT", "FORM", "RECIPIENTS", "REQUESTS/S", "RECIPIENTS/S", "P50", "P99", "MAX", "REFUSED", "CPU/REQUEST", "MEMORY",
			"BACKLOG", "DRAINED IN"},
		[][]string{{r.Synchronous, r.Form, strconv.Itoa(r.Recipients), fmt.Sprintf("%.0f", r.Requests), fmt.Sprintf("%.0f", r.Told),
			fmt.Sprintf("%.1f ms", r.Times.P50), fmt.Sprintf("%.1f ms", r.Times.P99), fmt.Sprintf("%.1f ms", r.Times.Max),
			strconv.Itoa(r.Refused), fmt.Sprintf("%.0f us", r.CPU), megabytes(r.Peak),
			strconv.FormatInt(r.Backlog, 10), fmt.Sprintf("%.0f ms", 1000*r.Drain)}}
}

func accept() Scenario {
	var o acceptOptions
	return Scenario{
		Name: "accept", Short: "How many requests the API takes, each stored before its answer",
		Long: "Posts notifications over keep-alive connections to a hub in a process of its own, whose answer comes after the commit,\n" +
			"and measures how many it takes and how long each waits.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.people, "people", 10_000, "how many people there are")
			f.IntVar(&o.devices, "devices", 0, "devices of each, to which pushes go out meanwhile")
			f.IntVar(&o.connections, "connections", 128, "connections, each of which waits for its answer")
			f.IntVar(&o.recipients, "recipients", 1, "recipients of each request")
			f.IntVar(&o.rate, "rate", 0, "requests a second at most; 0: as many as are answered")
			f.BoolVar(&o.xml, "xml", false, "post XML instead of JSON")
			f.DurationVar(&o.within, "within", 60*time.Second, "how long")
			f.StringVar(&o.synchronous, "synchronous", "full", "store.synchronous: full or normal")
			f.StringVar(&o.profile, "profile", "", "a folder for the hub's profiles")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o acceptOptions) run(ctx context.Context, progress io.Writer) (r AcceptResult, err error) {
	if o.people < o.recipients || o.recipients < 1 || o.connections < 1 || o.devices < 0 || o.rate < 0 || o.within <= 0 {
		return r, errors.New("--recipients and --connections must be at least 1, --people at least --recipients, --devices and --rate not negative")
	}
	w, err := newWorld(ctx, worldOptions{progress: progress, profile: o.profile, settings: "store: {synchronous: " + o.synchronous + "}"})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.fill(ctx, people{count: o.people, devices: o.devices}); err != nil {
		return r, err
	}
	if err := w.start(ctx); err != nil {
		return r, err
	}
	fmt.Fprintf(progress, "Posting over %d connections for %s.\n", o.connections, o.within)
	r = AcceptResult{Form: "json", Recipients: o.recipients, Devices: o.devices, Connections: o.connections, Synchronous: o.synchronous}
	owes := backlog{sim: w.sim, each: int64(o.recipients * o.devices)}
	l := load{base: w.hub.URL, key: w.key, mediaType: "application/json", connections: o.connections, body: o.json,
		rate: o.rate, taken: &owes.requests}
	if o.xml {
		r.Form, l.mediaType, l.body = "xml", "application/xml", o.xmlBody
	}
	var t tally
	spent, err := w.cost(ctx, 0, func() (err error) {
		within, cancel := context.WithTimeout(ctx, o.within)
		defer cancel()
		return owes.during(ctx, func() error {
			t, err = l.run(within)
			return err
		})
	})
	if err != nil {
		return r, err
	}
	if r.Drain, err = owes.drain(ctx); err != nil {
		return r, err
	}
	r.Backlog = owes.most
	r.Seconds, r.Refused, r.Times, r.Peak = t.took.Seconds(), t.refused, spread(t.times), spent.peak
	r.Requests = float64(t.accepted) / r.Seconds
	r.Told = r.Requests * float64(o.recipients)
	r.CPU = float64(spent.cpu.Microseconds()) / float64(max(1, t.accepted))
	return r, nil
}

// someone is the recipient of a request; they go round.
func (o acceptOptions) someone(connection, n, i int) int {
	return (connection*7919 + n*o.recipients + i) % o.people
}

func (o acceptOptions) json(b []byte, connection, n int) []byte {
	b = append(b, `{"to":{"users":[`...)
	for i := range o.recipients {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, person(o.someone(connection, n, i))...)
		b = append(b, '"')
	}
	return append(b, `]},"title":"Your order was shipped","body":"It arrives tomorrow between 9 and 11.","url":"https://shop.example.com/orders/4711","data":{"order":"4711","kind":"shipped"}}`...)
}

func (o acceptOptions) xmlBody(b []byte, connection, n int) []byte {
	b = append(b, `<?xml version="1.0"?><notification xmlns="urn:allim:v1"><to><users>`...)
	for i := range o.recipients {
		b = append(b, "<user>"...)
		b = append(b, person(o.someone(connection, n, i))...)
		b = append(b, "</user>"...)
	}
	return append(b, `</users></to><title>Your order was shipped</title><body>It arrives tomorrow between 9 and 11.</body><url>https://shop.example.com/orders/4711</url><data><entry key="order">4711</entry><entry key="kind">shipped</entry></data></notification>`...)
}
