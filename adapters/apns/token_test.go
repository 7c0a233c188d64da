package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// pushOne pushes to device n and gives the outcome.
func (h *house) pushOne(t testing.TB, n int) notify.Outcome {
	t.Helper()
	var got notify.Outcome
	h.adapter.Push(t.Context(), deliveries(t, h.adapter, n+1)[n:], func(_ int, o notify.Outcome) { got = o })
	return got
}

// bearers gives the different provider tokens that the simulator saw.
func (h *house) bearers() map[string]bool {
	seen := map[string]bool{}
	for _, e := range h.sim.Log().Entries() {
		seen[e.Get("authorization")] = true
	}
	return seen
}

func TestTokenIsKeptFor45Minutes(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.APNsOptions{Clock: clock}, "")
	for range 3 * 60 {
		if o := h.pushOne(t, 0); o.Verdict != notify.Accepted {
			t.Fatalf("at %s: %+v", clock.Now(), o)
		}
		clock.Advance(time.Minute)
	}
	if n := len(h.bearers()); n != 4 {
		t.Errorf("%d tokens in 3 hours, want 4", n)
	}
}

func TestTokenIsSharedByAll(t *testing.T) {
	h := newHouse(t, sim.APNsOptions{}, "connections: 4\n")
	var wg sync.WaitGroup
	for range 8 {
		list := deliveries(t, h.adapter, 300)
		wg.Add(1)
		go func() {
			defer wg.Done()
			h.adapter.Push(t.Context(), list, func(_ int, o notify.Outcome) {
				if o.Verdict != notify.Accepted {
					t.Errorf("%+v", o)
				}
			})
		}()
	}
	wg.Wait()
	if n := len(h.bearers()); n != 1 {
		t.Errorf("%d tokens, want 1", n)
	}
}

// Apple's clock is ahead of ours: it calls a token of 40 minutes expired. It is renewed once, and everything is sent again.
func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	ours := notifytest.NewClock(time.Time{})
	theirs := notifytest.NewClock(ours.Now().Add(25 * time.Minute))
	h := newHouse(t, sim.APNsOptions{Clock: theirs}, "")
	h.adapter = newAdapter(t, h.section(t), ours)
	h.pushOne(t, 0)
	ours.Advance(40 * time.Minute)
	theirs.Advance(40 * time.Minute)
	if got := h.push(t.Context(), deliveries(t, h.adapter, 500)); got[notify.Accepted] != 500 {
		t.Errorf("%v", got)
	}
	if n := len(h.bearers()); n != 2 {
		t.Errorf("%d tokens, want the first and one renewed", n)
	}
	if n := h.sim.Log().Counts().Refused["ExpiredProviderToken"]; n == 0 {
		t.Error("the token was not refused")
	}
}

func TestTokenExpiredAfterRenewalStopsTheLane(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.APNsOptions{Clock: clock}, "")
	h.pushOne(t, 0)
	clock.Advance(30 * time.Minute)
	h.sim.Script(sim.Everyone, sim.Fault{Status: 403, Reason: "ExpiredProviderToken", Times: -1})
	before := h.sim.Log().Counts().Requests
	list := deliveries(t, h.adapter, 3000)
	h.adapter.Push(t.Context(), list, func(i int, o notify.Outcome) {
		if o.Verdict != notify.Misconfigured || o.Reason != "ExpiredProviderToken" {
			t.Errorf("%d: %+v", i, o)
		}
	})
	if n := h.sim.Log().Counts().Requests - before; n >= 2*3000 {
		t.Errorf("%d requests although the credentials are refused", n)
	}
	if n := len(h.bearers()); n != 2 {
		t.Errorf("%d tokens were made, want the first and one renewed", n)
	}
}

func TestYoungTokenIsNotRenewed(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	s := testSigner(t, clock)
	first, err := s.bearer()
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(19 * time.Minute)
	if help, err := s.refused(first); help || err != nil {
		t.Errorf("after 19 minutes: %v, %v", help, err)
	}
	clock.Advance(time.Minute)
	if help, err := s.refused(first); !help || err != nil {
		t.Errorf("after 20 minutes: %v, %v", help, err)
	}
	second, _ := s.bearer()
	if second == first {
		t.Error("it was not renewed")
	}
	if help, _ := s.refused(first); !help {
		t.Error("who was refused with the old one is to send with the new one")
	}
	if third, _ := s.bearer(); third != second {
		t.Error("one refusal renewed it twice")
	}
}

func TestTokenFromTheFutureIsRenewed(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	s := testSigner(t, clock)
	first, _ := s.bearer()
	clock.Advance(-time.Hour) // the machine's clock was put right
	if second, _ := s.bearer(); second == first {
		t.Error("a token issued in an hour is still sent")
	}
}

func testSigner(t *testing.T, clock notify.Clock) *signer {
	t.Helper()
	key, err := sim.NewAPNsKey(testTeam, testKeyID)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{clock: clock, key: key.Private, keyID: testKeyID, teamID: testTeam}
}

// A key that cannot sign gives an outcome, never an empty "bearer".
func TestSigningErrorStopsTheLane(t *testing.T) {
	h := newHouse(t, sim.APNsOptions{}, "")
	broken := *h.key.Private
	broken.Curve = elliptic.P384() // its point is not on this curve
	h.adapter.signer.key = &broken
	if o := h.pushOne(t, 0); o.Verdict != notify.Misconfigured || o.Reason != reasonNoToken {
		t.Errorf("%+v", o)
	}
	if n := h.sim.Log().Counts().Requests; n != 0 {
		t.Errorf("%d requests without a token", n)
	}
}

func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.p8")
	if err := os.WriteFile(text, []byte("secret, but no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		write("p384.p8", p384):          "P-256",
		text:                            "not a .p8 key",
		filepath.Join(dir, "absent.p8"): "no such file",
	} {
		if _, err := loadKey(path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", filepath.Base(path), err, want)
		}
	}
}
