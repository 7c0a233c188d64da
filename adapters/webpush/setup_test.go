package webpush

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// start is a Monday morning.
var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// house is an adapter beside a simulator that stands for all push services: every host name leads to it.
type house struct {
	sim     *sim.WebPush
	adapter *Adapter
	clock   *notifytest.Clock // nil when it is the machine's
	key     string
}

// both runs a test over each transport; via is the line of the section that chooses it.
func both(t *testing.T, test func(t *testing.T, via string)) {
	for _, transport := range []string{push.TransportH2, push.TransportNetHTTP} {
		t.Run(transport, func(t *testing.T) { test(t, "transport: "+transport+"\n") })
	}
}

func newHouse(t testing.TB, o sim.WebPushOptions, section string) *house {
	t.Helper()
	clock := notifytest.NewClock(start)
	h := newHouseAt(t, clock, o, section)
	h.clock = clock
	return h
}

func newHouseAt(t testing.TB, clock notify.Clock, o sim.WebPushOptions, section string) *house {
	t.Helper()
	o.Clock, o.VendorHosts = clock, true
	s, err := sim.NewWebPush(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	dir := t.TempDir()
	ca, err := s.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv(dir, fmt.Sprintf("ca_file: %s\nsubject: mailto:it@example.com\n%s", ca, section))
	env.Clock = clock
	env.Outgoing.AllowPrivate = loopback
	names, err := sim.NewNames(func(string) string { return "127.0.0.1" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	h := &house{sim: s, adapter: mustBuild(t, env, names.Resolver())}
	if h.key, err = h.adapter.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return h
}

func testEnv(dir, section string) notify.AdapterEnv {
	return notify.AdapterEnv{App: "corp", Section: yamlSection(section), PublicURL: "https://allim.example.com",
		DataDir: filepath.Join(dir, "data"), Clock: notify.SystemClock{}, Log: slog.New(slog.DiscardHandler)}
}

// yamlSection is a section of the configuration file.
type yamlSection string

// Decode implements notify.Section.
func (s yamlSection) Decode(into any) error {
	if s == "" { // the library would clear the settings
		return nil
	}
	return yaml.UnmarshalWithOptions([]byte(s), into, yaml.Strict())
}

// Errorf implements notify.Section: the key stands in front.
func (s yamlSection) Errorf(key, format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{key}, args...)...)
}

func mustBuild(t testing.TB, env notify.AdapterEnv, r *net.Resolver) *Adapter {
	t.Helper()
	a, err := build(env, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// device subscribes a browser at a service.
func (h *house) device(t testing.TB, mode sim.PushMode) notify.Device {
	t.Helper()
	sub, err := h.sim.NewSubscription(mode, h.key)
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.adapter.CheckDevice(notify.Device{App: "corp", Platform: notify.WebPush, Token: sub.Endpoint,
		P256dh: sub.P256dh, Auth: sub.Auth})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// notice is what most tests send.
func notice() notify.Notification {
	return notify.Notification{Seq: 1, ID: "0193", Priority: notify.PriorityHigh, CollapseKey: "mail-7", CreatedAt: start,
		Content: notify.Content{Title: "김민수", Body: "내일 회의 <10시> & 점심", URL: "https://mail.example.com/7", Data: map[string]string{"k": "v"}}}
}

// deliver renders n and pushes it to the devices.
func (h *house) deliver(t testing.TB, n notify.Notification, devices ...notify.Device) []notify.Outcome {
	t.Helper()
	payload, err := h.adapter.Render(n, notify.Variant{Locale: "ko-KR"})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]notify.Delivery, len(devices))
	for i, d := range devices {
		list[i] = notify.Delivery{ID: notify.DeliveryID(n.Seq, int64(i+1)), Device: d, Payload: payload,
			Expires: h.clock.Now().Add(time.Hour), Attempt: 1}
	}
	return sendAll(t, h.adapter, list)
}

// sendAll pushes and checks that each delivery is settled exactly once.
func sendAll(t testing.TB, a *Adapter, list []notify.Delivery) []notify.Outcome {
	t.Helper()
	var mu sync.Mutex
	out := make([]notify.Outcome, len(list))
	settled := make([]int, len(list))
	ctx, cancel := context.WithTimeout(context.Background(), notifytest.Patience)
	defer cancel()
	a.Push(ctx, list, func(i int, o notify.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		out[i] = o
		settled[i]++
	})
	for i, n := range settled {
		if n != 1 {
			t.Fatalf("delivery %d was settled %d times", i, n)
		}
	}
	return out
}
