package wns

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is a Monday morning.
var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

var (
	entra = sim.WNSApp{Tenant: "11111111-2222-3333-4444-555555555555", Client: "66666666-7777-8888-9999-000000000000", Secret: "entra~secret/1"}
	uwp   = sim.WNSApp{PackageSID: "ms-app://S-1-15-2-1-2-3-4", Secret: "live+secret 2"}
)

// house is an adapter beside a simulator.
type house struct {
	sim     *sim.WNS
	adapter *Adapter
	app     sim.WNSApp
	clock   *notifytest.Clock // nil when it is the machine's
}

// newHouse makes one on a clock that stands still; app signs on.
func newHouse(t testing.TB, app sim.WNSApp, o sim.WNSOptions, section string) *house {
	t.Helper()
	clock := notifytest.NewClock(start)
	h := newHouseAt(t, clock, app, o, section)
	h.clock = clock
	return h
}

func newHouseAt(t testing.TB, clock notify.Clock, app sim.WNSApp, o sim.WNSOptions, section string) *house {
	t.Helper()
	return newHouseWith(t, clock, app, o, section, nil)
}

func newHouseWith(t testing.TB, clock notify.Clock, app sim.WNSApp, o sim.WNSOptions, section string, names *net.Resolver) *house {
	t.Helper()
	o.Clock = clock
	s, err := sim.NewWNS(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AddApp(entra)
	s.AddApp(uwp)
	ca, err := s.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, err := build(notify.AdapterEnv{App: "corp", Clock: clock, Log: slog.New(slog.DiscardHandler),
		Section: yamlSection(login(app) + fmt.Sprintf("ca_file: %s\ntoken_endpoint: %s\nchannel_hosts: [127.0.0.1]\n%s", ca, s.TokenURL(app), section))}, names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return &house{sim: s, adapter: a, app: app}
}

// login is an app's part of the section.
func login(a sim.WNSApp) string {
	if a.PackageSID != "" {
		return fmt.Sprintf("package_sid: %q\nclient_secret: %q\n", a.PackageSID, a.Secret)
	}
	return fmt.Sprintf("tenant_id: %q\nclient_id: %q\nclient_secret: %q\n", a.Tenant, a.Client, a.Secret)
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

// device gives a device of the house's app.
func (h *house) device(t testing.TB) notify.Device {
	t.Helper()
	uri, err := h.sim.NewChannel(h.app)
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.adapter.CheckDevice(notify.Device{App: "corp", Platform: notify.WNS, Token: uri})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// notice is what most tests send.
func notice() notify.Notification {
	return notify.Notification{Seq: 1, ID: "0193", Priority: notify.PriorityHigh, CollapseKey: "mail-7", CreatedAt: start,
		Content: notify.Content{Title: "김민수", Body: "내일 회의 <10시> & 점심", Data: map[string]string{"k": "v"}}}
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
			Expires: h.adapter.clock.Now().Add(time.Hour), Attempt: 1}
	}
	return pushAll(t, h.adapter, list)
}

// pushAll pushes and checks that each delivery is settled exactly once.
func pushAll(t testing.TB, a *Adapter, list []notify.Delivery) []notify.Outcome {
	t.Helper()
	var mu sync.Mutex
	out, settled := make([]notify.Outcome, len(list)), make([]int, len(list))
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

// toasts are the ids of the toasts that the simulator took, in order.
func (h *house) toasts() (ids []string) {
	for _, e := range h.sim.Log().Entries() {
		if e.Accepted && e.ID != "" {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// logins counts the requests for a token.
func (h *house) logins() int {
	n := 0
	for _, e := range h.sim.Log().Entries() {
		if strings.HasPrefix(e.Key, sim.WNSToken) {
			n++
		}
	}
	return n
}
