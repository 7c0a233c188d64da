package bench

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sideshow/apns2"
	apnstoken "github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"

	"allim.dev/allim/adapters"
	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

// How much is under way at once: chunks of deliveries that an adapter gets, as in the hub, and pushes of sideshow/apns2,
// which needs a goroutine for each.
const (
	senderChunk   = 2000
	senderChunks  = 4
	senderWorkers = 1024
)

// loopback is where the simulator is; endpoints of browsers lead there.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// sides makes the senders; sideshow/apns2 is the last one.
func (o senderOptions) sides(w *world, via *url.URL) (sides []*senderRun, err error) {
	var proxy func(*http.Request) (*url.URL, error)
	if via != nil {
		proxy = http.ProxyURL(via)
	}
	for _, transport := range []string{push.TransportH2, push.TransportNetHTTP} {
		more := ", transport: " + transport
		if err := w.configure(worldOptions{apns: more, fcm: more, webpush: more}); err != nil {
			return sides, err
		}
		config, err := configs.Load(w.config)
		if err != nil {
			return sides, err
		}
		pushes := o.pushes
		if transport != push.TransportH2 {
			pushes = o.library
		}
		for _, p := range config.Apps[0].Platforms {
			if p.Name == string(notify.WebPush) { // encryption costs as much as many requests
				pushes = o.library
			}
			s, err := newAdapterSide(w, p, proxy, pushes)
			if err != nil {
				return sides, err
			}
			s.name += " on " + transport
			sides = append(sides, s)
		}
	}
	s, err := newLibrarySide(w, proxy, o.library)
	if err != nil {
		return sides, err
	}
	return append(sides, s), nil
}

// newAdapterSide makes a sender of one of the hub's adapters.
func newAdapterSide(w *world, p configs.Platform, proxy func(*http.Request) (*url.URL, error), pushes int) (*senderRun, error) {
	for _, kind := range adapters.Kinds {
		if string(kind.Platform) != p.Name {
			continue
		}
		a, err := kind.New(notify.AdapterEnv{App: benchApp, Section: p.Section, DataDir: w.data(), Clock: notify.SystemClock{},
			Outgoing: notify.Outgoing{Proxy: proxy, AllowPrivate: loopback}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return nil, err
		}
		list, err := senderDeliveries(w, a, kind.Platform, pushes)
		if err != nil {
			return nil, errors.Join(err, a.Close())
		}
		s := &adapterSide{adapter: a, list: list}
		return &senderRun{name: p.Name, pushes: pushes, push: s.push, close: a.Close}, nil
	}
	return nil, fmt.Errorf("there is no adapter of %s", p.Name)
}

// senderDeliveries makes deliveries of one notification.
func senderDeliveries(w *world, a notify.Adapter, p notify.Platform, n int) ([]notify.Delivery, error) {
	payload, err := a.Render(notify.Notification{ID: notify.NewID(), Content: notify.Content{Title: "Kim Minji",
		Body: "Can you look at this before noon? The numbers of the second quarter are on page four."}}, notify.Variant{})
	if err != nil {
		return nil, err
	}
	browsers, err := browserKeys()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	list := make([]notify.Delivery, n)
	for i := range list {
		d := notify.Device{Key: int64(i + 1), App: benchApp, Platform: p, Token: pushToken(p, i), RegisteredAt: now.Add(-time.Hour)}
		if p == notify.WebPush {
			d.Token, d.P256dh, d.Auth = w.sim.Push+d.Token, browsers[i%len(browsers)], []byte("sixteen bytes 16")
		}
		list[i] = notify.Delivery{ID: notify.DeliveryID(1, int64(i+1)), Payload: payload, Attempt: 1, Expires: now.Add(time.Hour), Device: d}
	}
	return list, nil
}

// browserKeys makes public keys of browsers; what they cost does not depend on which they are.
func browserKeys() (keys [][]byte, err error) {
	for range 64 {
		k, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make a browser's key: %w", err)
		}
		keys = append(keys, k.PublicKey().Bytes())
	}
	return keys, nil
}

// adapterSide pushes through an adapter.
type adapterSide struct {
	adapter notify.Adapter
	list    []notify.Delivery
}

// mostRounds is how often a push is tried: those that were sent away once, or whose connection said goodbye, more than
// once.
const mostRounds = 5

// push sends the first n deliveries, and again those that were sent away.
func (s *adapterSide) push(ctx context.Context, n int) error {
	list := s.list[:min(n, len(s.list))]
	for range mostRounds {
		again, err := s.once(ctx, list)
		if err != nil || len(again) == 0 {
			return err
		}
		list = again
	}
	return fmt.Errorf("%d pushes are not taken after %d rounds", len(list), mostRounds)
}

// once pushes each once and gives those that are to be tried again.
func (s *adapterSide) once(ctx context.Context, list []notify.Delivery) (again []notify.Delivery, err error) {
	var mu sync.Mutex
	push.Each((len(list)+senderChunk-1)/senderChunk, senderChunks, func(k int) bool {
		chunk := list[k*senderChunk : min(len(list), (k+1)*senderChunk)]
		s.adapter.Push(ctx, chunk, func(i int, o notify.Outcome) {
			if o.Verdict == notify.Accepted || o.Verdict == notify.Gone {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			again = append(again, chunk[i])
			if o.Verdict != notify.Retry {
				err = fmt.Errorf("a push is settled as %s: %s", o.Verdict, o.Reason)
			}
		})
		return true
	})
	return again, errors.Join(err, ctx.Err())
}

// newLibrarySide makes sideshow/apns2's own client, with as many goroutines as the adapter has requests under way.
func newLibrarySide(w *world, proxy func(*http.Request) (*url.URL, error), pushes int) (*senderRun, error) {
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(w.sim.CAPEM)) {
		return nil, errors.New("the simulator's authority is no PEM")
	}
	c := apns2.NewTokenClient(&apnstoken.Token{AuthKey: key.Private, KeyID: key.ID, TeamID: key.Team})
	c.Host = w.sim.URL
	//lint:ignore SA1019 the library is made of it
	c.HTTPClient.Transport.(*http2.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	if proxy != nil { // http2.Transport alone knows no proxies
		c.HTTPClient.Transport = &http.Transport{Proxy: proxy, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	}
	p := notify.Payload{Body: []byte(`{"aps":{"alert":{"title":"Kim Minji","body":"Can you look at this before noon? ` +
		`The numbers of the second quarter are on page four."},"sound":"default","thread-id":"budget"}}`)}
	s := &librarySide{client: c, body: p.Body}
	return &senderRun{name: "sideshow/apns2", pushes: pushes, push: s.push,
		close: func() error { c.HTTPClient.CloseIdleConnections(); return nil }}, nil
}

type librarySide struct {
	client *apns2.Client
	body   []byte
}

// push sends n pushes, and at once again those that were sent away.
func (s *librarySide) push(ctx context.Context, n int) error {
	var failed atomic.Int64
	push.Each(n, senderWorkers, func(i int) bool {
		note := &apns2.Notification{ApnsID: notify.DeliveryID(1, int64(i+1)), DeviceToken: pushToken(notify.APNs, i), Topic: "com.example.bench",
			Payload: s.body, Expiration: time.Now().Add(time.Hour), Priority: apns2.PriorityLow, PushType: apns2.PushTypeAlert, CollapseID: "budget"}
		for try := 1; ; try++ {
			r, err := s.client.PushWithContext(ctx, note)
			switch {
			case err == nil && (r.StatusCode == http.StatusOK || r.StatusCode == http.StatusGone):
			case try < 3 && ctx.Err() == nil:
				continue
			default:
				failed.Add(1)
			}
			return ctx.Err() == nil
		}
	})
	if f := failed.Load(); f > int64(n/100) {
		return fmt.Errorf("%d of %d pushes failed", f, n)
	}
	return ctx.Err()
}

// profiled begins a processor profile in a folder; no folder: none. stop ends it.
func profiled(dir, name string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Join(dir, filepath.Base(name)+".cpu"))
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
