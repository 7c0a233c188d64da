package apns

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testTopic = "com.example.mail"
	testTeam  = "TEAM123456"
	testKeyID = "ABC123DEFG"
)

// house is an adapter beside a simulator that takes its key.
type house struct {
	sim     *sim.APNs
	adapter *Adapter
	clock   notify.Clock
	key     sim.APNsKey
	more    string // of the section
}

// both runs a test over each transport; via is the line of the section that chooses it.
func both(t *testing.T, test func(t *testing.T, via string)) {
	for _, transport := range []string{push.TransportH2, push.TransportNetHTTP} {
		t.Run(transport, func(t *testing.T) { test(t, "transport: "+transport+"\n") })
	}
}

// newHouse makes one; more is added to the adapter's section.
func newHouse(t testing.TB, o sim.APNsOptions, more string) *house {
	t.Helper()
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	s, err := sim.NewAPNs(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	key, err := sim.NewAPNsKey(testTeam, testKeyID)
	if err != nil {
		t.Fatal(err)
	}
	s.AddKey(key)
	h := &house{sim: s, clock: o.Clock, key: key, more: more}
	h.adapter = newAdapter(t, h.section(t), o.Clock)
	return h
}

// newCertHouse makes one whose adapter signs on with a client certificate.
func newCertHouse(t testing.TB, o sim.APNsOptions, more string) *house {
	t.Helper()
	s, err := sim.NewAPNs(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	cert, err := s.CA().Client("Apple Push Services: "+testTopic, 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.AddCertificate(sim.APNsCertificate{Certificate: cert, Topics: []string{testTopic}})
	h := &house{sim: s, clock: notify.SystemClock{}}
	h.adapter = newAdapter(t, certSection(t, s, cert)+more, h.clock)
	return h
}

// certSection is the least configuration for a client certificate.
func certSection(t testing.TB, s *sim.APNs, cert tls.Certificate) string {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile, err := sim.PEMFiles(dir, "push", cert)
	if err != nil {
		t.Fatal(err)
	}
	caFile, err := s.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("cert_file: %s\ncert_key_file: %s\ntopic: %s\nendpoint: %s\nca_file: %s\n",
		certFile, keyFile, testTopic, s.URL(), caFile)
}

// section is the least configuration that fits the simulator.
func (h *house) section(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	keyFile, err := h.key.File(dir)
	if err != nil {
		t.Fatal(err)
	}
	caFile, err := h.sim.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("key_file: %s\nkey_id: %s\nteam_id: %s\ntopic: %s\nendpoint: %s\nca_file: %s\n%s",
		keyFile, h.key.ID, h.key.Team, testTopic, h.sim.URL(), caFile, h.more)
}

func newAdapter(t testing.TB, section string, clock notify.Clock) *Adapter {
	t.Helper()
	a, err := New(notify.AdapterEnv{App: "corp", Section: notifytest.YAML(section), Clock: clock,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// deviceToken gives the n-th device token.
func deviceToken(n int) string { return fmt.Sprintf("%064x", n+1) }

// deliveries makes n deliveries of one notification to n devices.
func deliveries(t testing.TB, a *Adapter, n int) []notify.Delivery {
	t.Helper()
	p, err := a.Render(notify.Notification{ID: notify.NewID(), Content: notify.Content{Title: "Kim", Body: "hello"}},
		notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]notify.Delivery, n)
	for i := range list {
		list[i] = notify.Delivery{ID: notify.DeliveryID(1, int64(i+1)), Payload: p, Attempt: 1,
			Expires: a.clock.Now().Add(time.Hour),
			Device:  notify.Device{Key: int64(i + 1), App: "corp", Platform: notify.APNs, Token: deviceToken(i)}}
	}
	return list
}
