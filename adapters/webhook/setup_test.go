package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
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

const secret = "0123456789abcdef-secret"

// start is a Monday morning.
var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// house is an adapter beside a receiver.
type house struct {
	sim     *sim.Webhook
	adapter *Adapter
	clock   *notifytest.Clock // nil when it is the machine's
}

func newHouse(t testing.TB, section string) *house {
	t.Helper()
	clock := notifytest.NewClock(start)
	h := newHouseAt(t, clock, section)
	h.clock = clock
	return h
}

func newHouseAt(t testing.TB, clock notify.Clock, section string) *house {
	t.Helper()
	s, err := sim.NewWebhook(sim.WebhookOptions{Clock: clock, Secret: secret, LogLimit: 30000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ca, err := s.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv(fmt.Sprintf("secret: %s\nca_file: %s\n%s", secret, ca, section))
	env.Clock, env.Outgoing.AllowPrivate = clock, loopback
	return &house{sim: s, adapter: mustBuild(t, env)}
}

func testEnv(section string) notify.AdapterEnv {
	return notify.AdapterEnv{App: "corp", Section: yamlSection(section), Clock: notify.SystemClock{}, Log: slog.New(slog.DiscardHandler)}
}

func mustBuild(t testing.TB, env notify.AdapterEnv) *Adapter {
	t.Helper()
	a, err := build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
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

// device gives a device with a hook of its own.
func (h *house) device(t testing.TB) notify.Device {
	t.Helper()
	d, err := h.adapter.CheckDevice(notify.Device{ID: "dev-1", User: "kim & <co>", App: "corp", Platform: notify.Webhook, Token: h.sim.NewHook()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// message is what most tests send.
func message() notify.Notification {
	badge := 3
	return notify.Notification{Seq: 1, ID: "0193", Priority: notify.PriorityHigh, CollapseKey: "mail-7", CreatedAt: start, Event: "e-1",
		ExpiresAt: start.Add(time.Hour), Content: notify.Content{Title: "김민수", Subtitle: "예산", Body: "내일 회의 <10시> & 점심", Sound: "default",
			URL: "https://mail.example.com/7?a=1&b=2", Badge: &badge, Data: map[string]string{"k": "v", "a": "<1>"}, Thread: "mail", Category: "MAIL"}}
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
		list[i] = notify.Delivery{ID: notify.DeliveryID(n.Seq, int64(i+1)), Device: d, Payload: payload, Attempt: 1}
	}
	var mu sync.Mutex
	out, settled := make([]notify.Outcome, len(list)), make([]int, len(list))
	ctx, cancel := context.WithTimeout(context.Background(), notifytest.Patience)
	defer cancel()
	h.adapter.Push(ctx, list, func(i int, o notify.Outcome) {
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
