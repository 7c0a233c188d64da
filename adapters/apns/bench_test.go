package apns

import (
	"crypto/tls"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sideshow/apns2"
	apnstoken "github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// cpu gives the processor time that this process has used: both sides, the simulator's too.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, before time.Duration) {
	b.Helper()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/push")
}

// BenchmarkAdapter pushes through the adapter. The simulator's own share of the processor time is in the figure.
func BenchmarkAdapter(b *testing.B) {
	h := newHouse(b, sim.APNsOptions{LogLimit: -1}, "")
	list := deliveries(b, h.adapter, 1000)
	var bad atomic.Int64
	before := cpu(b)
	b.ResetTimer()
	for left := b.N; left > 0; left -= 1000 {
		h.adapter.Push(b.Context(), list[:min(left, 1000)], func(_ int, o notify.Outcome) {
			if o.Verdict != notify.Accepted {
				bad.Add(1)
			}
		})
	}
	report(b, before)
	if bad.Load() > 0 {
		b.Fatalf("%d of %d were not accepted", bad.Load(), b.N)
	}
}

// BenchmarkPlainAPNs2 pushes the same through sideshow/apns2's own client, with as many goroutines.
func BenchmarkPlainAPNs2(b *testing.B) {
	h := newHouse(b, sim.APNsOptions{LogLimit: -1}, "")
	c := apns2.NewTokenClient(&apnstoken.Token{AuthKey: h.key.Private, KeyID: h.key.ID, TeamID: h.key.Team})
	c.Host = h.sim.URL()
	//lint:ignore SA1019 the client that is compared is built on it
	c.HTTPClient.Transport.(*http2.Transport).TLSClientConfig = &tls.Config{RootCAs: h.sim.CA().Pool()}
	defer c.CloseIdleConnections()
	list := deliveries(b, h.adapter, 1000)
	n := apns2.Notification{DeviceToken: list[0].Device.Token, Topic: testTopic, Payload: list[0].Payload.Body}
	if r, err := c.Push(&n); err != nil || r.StatusCode != http.StatusOK {
		b.Fatal(r, err)
	}
	var next, bad atomic.Int64
	before := cpu(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	for range 1024 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				d := list[i%1000]
				r, err := c.Push(&apns2.Notification{ApnsID: d.ID, DeviceToken: d.Device.Token, Topic: testTopic,
					Payload: d.Payload.Body, Expiration: d.Expires, CollapseID: "x", Priority: 10})
				if err != nil || r.StatusCode != http.StatusOK {
					bad.Add(1)
				}
			}
		}()
	}
	wg.Wait()
	report(b, before)
	runtime.KeepAlive(list)
	if bad.Load() > 0 {
		b.Fatalf("%d of %d were not accepted", bad.Load(), b.N)
	}
}
