package apns

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestConfigErrorsNameTheKey(t *testing.T) {
	dir := t.TempDir()
	key, err := sim.NewAPNsKey(testTeam, testKeyID)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, err := key.File(dir)
	if err != nil {
		t.Fatal(err)
	}
	good := "key_file: " + keyFile + "\nkey_id: ABC123DEFG\nteam_id: TEAM123456\ntopic: com.example.mail\n"
	without := func(k string) string {
		var left []string
		for _, line := range strings.Split(good, "\n") {
			if !strings.HasPrefix(line, k+":") {
				left = append(left, line)
			}
		}
		return strings.Join(left, "\n")
	}
	for _, test := range []struct{ section, want string }{
		{without("topic"), "topic: is required"},
		{without("topic") + "topic: com.example/mail\n", "topic:"},
		{without("key_file"), "key_file: is required"},
		{without("key_id") + "key_id: SHORT\n", "key_id:"},
		{without("team_id"), "team_id:"},
		{good + "cert_file: x.pem\n", "cert_file: stands beside key_file"},
		{without("key_file") + "key_file: " + filepath.Join(dir, "absent.p8") + "\n", "key_file: read the key"},
		{without("key_file") + "cert_file: " + filepath.Join(dir, "absent.pem") + "\n", "cert_file:"},
		{good + "ca_file: " + keyFile + "\n", "ca_file: the file holds no PEM certificate"},
		{good + "environment: sandbox\n", "environment: must be production or development"},
		{good + "endpoint: http://127.0.0.1:1\n", "endpoint:"},
		{good + "endpoint: https://u:p@host/\n", "endpoint:"},
		{good + "endpoint_development: nonsense\n", "endpoint_development:"},
		{good + "connections: 0\n", "connections: must be 1 to 16"},
		{good + "in_flight: 5000\n", "in_flight: must be 1 to 1000"},
		{good + "timeout: 5m\n", "timeout: must be"},
		{good + "tpic: x\n", "tpic"},
	} {
		_, err := New(notify.AdapterEnv{Section: notifytest.YAML(test.section), Clock: notify.SystemClock{},
			Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.section, err, test.want)
		}
	}
	if _, err := New(notify.AdapterEnv{Section: notifytest.YAML(good), Clock: notify.SystemClock{}}); err != nil {
		t.Errorf("a good section: %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	for _, test := range []struct {
		c    Config
		env  string
		want string
	}{
		{Config{}, notify.Production, "api.push.apple.com:443"},
		{Config{}, notify.Development, "api.sandbox.push.apple.com:443"},
		{Config{Endpoint: "https://a.example:2197"}, notify.Production, "a.example:2197"},
		{Config{Endpoint: "https://a.example:2197"}, notify.Development, "a.example:2197"},
		{Config{EndpointDevelopment: "https://[::1]"}, notify.Development, "[::1]:443"},
		{Config{EndpointDevelopment: "https://b.example/"}, notify.Production, "api.push.apple.com:443"},
	} {
		if got, err := hostPort(test.c.endpoint(test.env)); got != test.want || err != nil {
			t.Errorf("%+v %s: %s, %v, want %s", test.c, test.env, got, err, test.want)
		}
	}
}

func TestCheckDevice(t *testing.T) {
	a := &Adapter{}
	want := strings.Repeat("ab01", 16)
	for _, in := range []string{want, strings.ToUpper(want), "<" + strings.Repeat("ab01AB01 ", 8) + ">"} {
		d, err := a.CheckDevice(notify.Device{Token: in, Environment: notify.Development})
		if err != nil || d.Token != want || d.Environment != notify.Development {
			t.Errorf("%q: %+v, %v", in, d, err)
		}
	}
}

func TestCredentialExpiry(t *testing.T) {
	if at := newHouse(t, sim.APNsOptions{}, "").adapter.CredentialExpiry(); !at.IsZero() {
		t.Errorf("a key expires at %s", at)
	}
	at := newCertHouse(t, sim.APNsOptions{}, "").adapter.CredentialExpiry()
	if left := time.Until(at); left < 89*24*time.Hour || left > 91*24*time.Hour {
		t.Errorf("a certificate of 90 days expires in %s", left)
	}
}

func TestCheck(t *testing.T) {
	h := newHouse(t, sim.APNsOptions{}, "")
	if err := h.adapter.Check(t.Context()); err != nil {
		t.Errorf("good credentials: %v", err)
	}
	h.sim.RevokeKey(testKeyID)
	if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "403 InvalidProviderToken") {
		t.Errorf("a revoked key: %v", err)
	}
	if n := h.sim.Log().Counts().Accepted; n != 0 {
		t.Errorf("Check pushed %d times", n)
	}
	h.sim.Close()
	if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be reached: connection refused") {
		t.Errorf("no server: %v", err)
	}
}

func TestCheckOfAnUnknownAuthority(t *testing.T) {
	h := newHouse(t, sim.APNsOptions{}, "")
	var section []string
	for _, line := range strings.Split(h.section(t), "\n") {
		if !strings.HasPrefix(line, "ca_file") {
			section = append(section, line)
		}
	}
	a := newAdapter(t, strings.Join(section, "\n"), h.clock)
	if err := a.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("%v", err)
	}
}

func TestCertificateTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		known sim.APNsCertificate
		life  time.Duration
		want  string
	}{
		"unknown":           {life: time.Hour, want: "BadCertificate"},
		"other environment": {known: sim.APNsCertificate{Environment: notify.Development}, life: time.Hour, want: "BadCertificateEnvironment"},
		"other topic":       {known: sim.APNsCertificate{Topics: []string{"com.example.other"}}, life: time.Hour, want: "TopicDisallowed"},
		"expired":           {known: sim.APNsCertificate{Topics: []string{testTopic}}, life: -time.Minute, want: "BadCertificate"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sim.NewAPNs(sim.APNsOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			cert, err := s.CA().Client("Apple Push Services: "+testTopic, test.life)
			if err != nil {
				t.Fatal(err)
			}
			if name != "unknown" {
				test.known.Certificate = cert
				s.AddCertificate(test.known)
			}
			h := &house{sim: s, clock: notify.SystemClock{}}
			h.adapter = newAdapter(t, certSection(t, s, cert), h.clock)
			if o := h.pushOne(t, 0); o.Verdict != notify.Misconfigured || o.Reason != test.want {
				t.Errorf("%+v, want misconfigured because of %s", o, test.want)
			}
			if e := s.Log().Entries()[0]; e.Client == "" || e.Get("authorization") != "" {
				t.Errorf("the request was not signed on by certificate: %+v", e)
			}
		})
	}
}
