package fcm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testProject = "allim-test"

// testAccount is made once: an RSA key takes a while.
var testAccount = sync.OnceValues(func() (sim.FCMAccount, error) { return sim.NewFCMAccount(testProject) })

// house is an adapter beside a simulator that takes its account.
type house struct {
	sim     *sim.FCM
	adapter *Adapter
	clock   notify.Clock
	account sim.FCMAccount
}

// both runs a test over each transport; via is the line of the section that chooses it.
func both(t *testing.T, test func(t *testing.T, via string)) {
	for _, transport := range []string{push.TransportH2, push.TransportNetHTTP} {
		t.Run(transport, func(t *testing.T) { test(t, "transport: "+transport+"\n") })
	}
}

// newHouse makes one; more is added to the adapter's section.
func newHouse(t testing.TB, o sim.FCMOptions, more string) *house {
	t.Helper()
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	s, err := sim.NewFCM(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	account, err := testAccount()
	if err != nil {
		t.Fatal(err)
	}
	s.AddAccount(account)
	h := &house{sim: s, clock: o.Clock, account: account}
	h.adapter = newAdapter(t, h.section(t)+more, o.Clock, slog.New(slog.DiscardHandler))
	return h
}

// section is the least configuration that fits the simulator.
func (h *house) section(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	keyFile, err := h.account.File(dir, h.sim.TokenURL())
	if err != nil {
		t.Fatal(err)
	}
	caFile, err := h.sim.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("credentials_file: %s\nendpoint: %s\nca_file: %s\n", keyFile, h.sim.URL(), caFile)
}

func newAdapter(t testing.TB, section string, clock notify.Clock, log *slog.Logger) *Adapter {
	t.Helper()
	a, err := New(notify.AdapterEnv{App: "corp", Section: notifytest.YAML(section), Clock: clock, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// deviceToken gives the n-th registration token.
func deviceToken(n int) string {
	return fmt.Sprintf("cJug2GoHzEfcshCE_%05d:APA91b%0134d", n%100000, n)
}

// deliveries makes n deliveries of one notification to n devices.
func deliveries(t testing.TB, h *house, n int) []notify.Delivery {
	t.Helper()
	p, err := h.adapter.Render(notify.Notification{ID: notify.NewID(), Content: notify.Content{Title: "Kim", Body: "hello"}},
		notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]notify.Delivery, n)
	for i := range list {
		list[i] = notify.Delivery{ID: notify.DeliveryID(1, int64(i+1)), Payload: p, Attempt: 1, Expires: h.clock.Now().Add(time.Hour),
			Device: notify.Device{Key: int64(i + 1), App: "corp", Platform: notify.FCM, Token: deviceToken(i)}}
	}
	return list
}

// push pushes and gives the outcomes.
func (h *house) push(t testing.TB, list []notify.Delivery) []notify.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), notifytest.Patience)
	defer cancel()
	var mu sync.Mutex
	out := make([]notify.Outcome, len(list))
	h.adapter.Push(ctx, list, func(i int, o notify.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		out[i] = o
	})
	return out
}

// one pushes to device n.
func (h *house) one(t testing.TB, n int) notify.Outcome {
	t.Helper()
	return h.push(t, deliveries(t, h, n+1)[n:])[0]
}
