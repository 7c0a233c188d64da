package wns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

func TestCheckDevice(t *testing.T) {
	a := &Adapter{cfg: Config{ChannelHosts: []string{"wns.example.com", "127.0.0.1"}}}
	for _, good := range []string{
		"https://db3.notify.windows.com/?token=AgYAAAB%2fx%2b%3d%3D", "https://wns2-by3p.notify.windows.com/?token=x",
		"https://notify.windows.com/?token=x", "https://cloud.notify.windows.com?token=x", "https://DB3.Notify.Windows.com/?token=x",
		"https://db3.notify.windows.com:443/w/?token=x", "https://wns.example.com:8443/?token=x", "https://127.0.0.1:9/?token=x",
	} {
		d, err := a.CheckDevice(notify.Device{Token: good})
		if err != nil || d.Token != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, why := range map[string]string{
		"": "channel's URI", "x": "channel's URI", "mailto:x@notify.windows.com": "channel's URI",
		"https://evil.example/?x=.notify.windows.com":                              "not one of notify.windows.com",
		"https://evil.example/.notify.windows.com/?token=x":                        "not one of",
		"https://notify.windows.com.evil.example/?token=x":                         "not one of",
		"https://evilnotify.windows.com/?token=x":                                  "not one of",
		"https://x.wns.example.com/?token=x":                                       "not one of",
		"https://notify.windows.com@evil.example/?token=x":                         "not one of",
		"https://evil.example#.notify.windows.com/?token=x":                        "not one of",
		"https://evil.example\\.notify.windows.com/?token=x":                       "channel's URI",
		"https://10.0.0.1/?token=x":                                                "not one of",
		"http://db3.notify.windows.com/?token=x":                                   "https",
		"https://kim:pw@db3.notify.windows.com/?token=x":                           "user name",
		"https://db3.notify.windows.com/?token=x#y":                                "fragment",
		"https://db3.notify.windows.com:8443/?token=x":                             "port",
		"https://db3.notify.windows.com:/?token=x":                                 "port",
		"https://db3.notify.windows.com/":                                          "names no channel",
		"https://db3.notify.windows.com":                                           "names no channel",
		"https://db3.notify.windows.com/?token=a b":                                "no URL can have",
		"https://db3.notify.windows.com/?token=x\r\nX-Y: z":                        "no URL can have",
		"https://db3.notify.windows.com/?token=가":                                  "no URL can have",
		"http://db3.notify.live.net/throttledthirdparty/01/x":                      "MPNS",
		"https://db3.notify.windows.com/?token=" + strings.Repeat("x", maxChannel): "longer",
	} {
		_, err := a.CheckDevice(notify.Device{Token: bad})
		if notify.CodeOf(err) != notify.CodeInvalidToken || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %s", bad, err, why)
		}
	}
}

// Whatever is taken as a channel goes to a host that may get our token, over TLS, byte for byte.
func FuzzChannel(f *testing.F) {
	f.Add("https://db3.notify.windows.com/?token=AgYAAAB%2fx%2b%3d%3D")
	f.Add("https://evil.example/?x=.notify.windows.com")
	a := &Adapter{}
	f.Fuzz(func(t *testing.T, raw string) {
		c, why := a.parse(raw)
		if why != "" {
			return
		}
		host := strings.ToLower(c.url.Hostname())
		if c.url.Scheme != "https" || c.own || host != channelDomain && !strings.HasSuffix(host, "."+channelDomain) ||
			!strings.HasSuffix(raw, strings.TrimPrefix(c.url.RequestURI(), "/")) {
			t.Errorf("%q is taken as %v", raw, c.url)
		}
	})
}

// A name of Microsoft's that leads into the house is not followed.
func TestRebinding(t *testing.T) {
	names, err := sim.NewNames(func(string) string { return "127.0.0.1" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	h := newHouseWith(t, notify.SystemClock{}, entra, sim.WNSOptions{VendorHosts: true}, "", names.Resolver())
	uri, err := h.sim.NewChannel(entra)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := h.adapter.parse(strings.Replace(uri, ":"+strings.Split(uri, ":")[2][:strings.Index(strings.Split(uri, ":")[2], "/")], "", 1))
	if c.url == nil {
		t.Fatal("the channel is not taken")
	}
	got := h.deliver(t, notice(), notify.Device{Token: c.url.String()})[0]
	if got.Verdict != notify.Suspect || len(h.toasts()) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestConfig(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "no.pem")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := login(entra)
	for section, want := range map[string]string{
		good: "", login(uwp): "", good + "secret_expires: 2027-05-31\n": "", good + "open: app\nconcurrency: 256\ntimeout: 2m\n": "",
		"client_secret: x\n":                               "tenant_id: is required",
		"tenant_id: a\nclient_secret: x\n":                 "client_id: is required",
		"client_id: a\nclient_secret: x\n":                 "tenant_id: is required",
		"tenant_id: a/b\nclient_id: a\nclient_secret: x\n": "tenant_id",
		"tenant_id: a\nclient_id: b\n":                     "client_secret: is required",
		"package_sid: S-1-15-2-1\nclient_secret: x\n":      "package_sid: must begin",
		good + "package_sid: ms-app://S-1-15-2-1\n":        "package_sid: stands beside",
		good + "secret_expires: next year\n":               "secret_expires",
		good + "token_endpoint: http://x\n":                "token_endpoint",
		good + "token_endpoint: https://kim:pw@x/\n":       "token_endpoint",
		good + "channel_hosts: [\"https://x\"]\n":          "channel_hosts",
		good + "channel_hosts: [\"*.x\"]\n":                "channel_hosts",
		good + "open: file\n":                              "open",
		good + "concurrency: 0\n":                          "concurrency",
		good + "concurrency: 257\n":                        "concurrency",
		good + "timeout: 1ms\n":                            "timeout",
		good + "timeout: 3m\n":                             "timeout",
		good + "ca_file: " + missing + "\n":                "ca_file",
		good + "ca_file: " + junk + "\n":                   "ca_file",
	} {
		a, err := New(notify.AdapterEnv{Section: yamlSection(section), Clock: notify.SystemClock{}})
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", section, err, want)
		case err == nil:
			_ = a.Close()
		}
		if err != nil && (strings.Contains(err.Error(), entra.Secret) || strings.Contains(err.Error(), "pw")) {
			t.Errorf("%q: the error repeats a secret: %v", section, err)
		}
	}
	a := &Adapter{cfg: Config{SecretExpires: "2027-05-31"}}
	if got := a.CredentialExpiry(); !got.Equal(time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
	if !(&Adapter{}).CredentialExpiry().IsZero() {
		t.Error("it expires without a day")
	}
	for c, want := range map[*Config]string{{TenantID: "t"}: "https://login.microsoftonline.com/t/oauth2/v2.0/token",
		{PackageSID: "s"}: "https://login.live.com/accesstoken.srf"} {
		if got, _ := c.login(); got != want {
			t.Error(got)
		}
	}
}
