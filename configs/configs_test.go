package configs_test

import (
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

func parse(t *testing.T, name, text string) *configs.Config {
	t.Helper()
	c, err := configs.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWholeFileIsRead(t *testing.T) {
	c := parse(t, "/etc/allim/allim.yaml", `
listen: "[::1]:8443"
public_url: https://allim.example.com/
data_dir: data
tls: {cert_file: cert.pem, key_file: /secret/key.pem}
log: {level: debug, format: json}
retention: 48h30m
trusted_proxies: [127.0.0.1, 10.0.0.0/8, "fd00::/8"]
limits: {body: 512KiB, requests_per_key: 20, accept_queue: 512, live_connections: 3000, live_per_user: 3}
store: {synchronous: normal}
outgoing: {proxy: "http://proxy:3128", allow_private: [192.168.0.0/16], transport: nethttp}
identities: {phone_region: DE, fold_plus: true}
web: {approve_broadcasts: true, oidc: {issuer: "https://sso.example.com", client_id: allim, client_secret: s3cret, identity: login, claim: preferred_username, trust_email: true}}
apps:
  - id: corp
    webpush:
    apns: {topic: com.example}
sources:
  - id: mail
    kind: imap
    privacy: sender
    topic: staff
    accounts: {from: identities, kind: email, domain: example.com}
    address: mail.example.com:993
`)
	want := configs.Settings{
		Listen: "[::1]:8443", PublicURL: "https://allim.example.com", DataDir: "/etc/allim/data",
		TLS:       configs.TLS{CertFile: "/etc/allim/cert.pem", KeyFile: "/secret/key.pem"},
		Log:       configs.Log{Level: "debug", Format: "json"},
		Retention: 48*time.Hour + 30*time.Minute,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"),
			netip.MustParsePrefix("fd00::/8")},
		Limits:     configs.Limits{Body: 512 << 10, RequestsPerKey: 20, AcceptQueue: 512, LiveConnections: 3000, LivePerUser: 3},
		Store:      configs.Store{Synchronous: "normal"},
		Outgoing:   configs.Outgoing{Proxy: "http://proxy:3128", AllowPrivate: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, Transport: "nethttp"},
		Identities: configs.Identities{PhoneRegion: "DE", FoldPlus: true},
		Web: configs.Web{ApproveBroadcasts: true, OIDC: configs.OIDC{Issuer: "https://sso.example.com", ClientID: "allim", ClientSecret: "s3cret",
			Identity: "login", Claim: "preferred_username", TrustEmail: true}},
	}
	if diff := cmp.Diff(want, c.Settings, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if len(c.Apps) != 1 || c.Apps[0].ID != "corp" || len(c.Apps[0].Platforms) != 2 || c.Apps[0].Platforms[0].Name != "webpush" {
		t.Errorf("apps: %+v", c.Apps)
	}
	s := c.Sources[0]
	s.Section = nil
	if diff := cmp.Diff(notify.SourceConfig{ID: "mail", Kind: "imap", Privacy: notify.PrivacySender, Topic: "staff",
		Accounts: notify.AccountsFrom{Kind: "email", Domain: "example.com"}}, s); diff != "" {
		t.Error(diff)
	}
	if (configs.TLS{}).Enabled() || !c.TLS.Enabled() {
		t.Error("TLS is on with a certificate, and only then")
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n", "apps:\nsources:\nlog:\n"} {
		c := parse(t, "allim.yaml", text)
		want := configs.Default().Settings
		want.DataDir = "data" // beside the file
		if diff := cmp.Diff(want, c.Settings); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestPrivacyIsFullUnlessSaid(t *testing.T) {
	c := parse(t, "a.yaml", "sources:\n  - {id: mail, kind: imap}\n")
	if c.Sources[0].Privacy != notify.PrivacyFull {
		t.Errorf("privacy is %q", c.Sources[0].Privacy)
	}
}

func TestKindsDecodeOverTheirDefaults(t *testing.T) {
	c := parse(t, "/etc/allim.yaml", `
sources:
  - id: mail
    kind: imap
    address: mail.example.com:993
    ca_file: ca.pem
    auth: {user: watcher}
`)
	got := kindSettings{Poll: time.Minute, Folders: []string{"INBOX"}}
	got.Auth.Method = "password"
	if err := c.Sources[0].Section.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := kindSettings{Address: "mail.example.com:993", Poll: time.Minute, Folders: []string{"INBOX"}, CAFile: "/etc/ca.pem"}
	want.Auth.Method, want.Auth.User = "password", "watcher"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSectionErrorsPointAtTheKey(t *testing.T) {
	c := parse(t, "a.yaml", `apps:
  - id: corp
    webpush:
sources:
  - id: mail
    kind: imap
    auth:
      method: magic
    folders: [INBOX, Lists]
`)
	for _, tc := range []struct {
		section notify.Section
		key     string
		want    string
	}{
		{c.Sources[0].Section, "auth.method", "a.yaml: line 8, column 7: sources[0].auth.method: is wrong"},
		{c.Sources[0].Section, "auth.password", "a.yaml: line 7, column 5: sources[0].auth.password: is wrong"},
		{c.Sources[0].Section, "address", "a.yaml: line 5, column 5: sources[0].address: is wrong"},
		{c.Sources[0].Section, "folders[1]", "a.yaml: line 9, column 22: sources[0].folders[1]: is wrong"},
		{c.Sources[0].Section, "", "a.yaml: line 5, column 5: sources[0]: is wrong"},
		{c.Apps[0].Platforms[0].Section, "subject", "a.yaml: line 3, column 5: apps[0].webpush.subject: is wrong"},
	} {
		if got := tc.section.Errorf(tc.key, "is %s", "wrong").Error(); got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.key, got, tc.want)
		}
	}
	if err := c.Errorf("log", "cannot be: %w", os.ErrNotExist); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "%!") {
		t.Errorf("the cause is lost: %v", err)
	}
	if got := configs.Default().Errorf("tls", "x").Error(); got != "tls: x" {
		t.Errorf("without a file there is no place: %s", got)
	}
}

func TestSecretsComeFromTheEnvironmentAndFromFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ALLIM_TEST_SECRET", "from the environment")
	if err := os.WriteFile(filepath.Join(dir, "secret.txt"), []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, filepath.Join(dir, "allim.yaml"), `
sources:
  - {id: mail, kind: imap, ca_file: "file:ca.pem", auth: {user: "env:ALLIM_TEST_SECRET", password: "file:secret.txt"}}
`)
	var got kindSettings
	if err := c.Sources[0].Section.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Auth.User != "from the environment" || got.Auth.Password != "from a file" {
		t.Errorf("got %+v", got.Auth)
	}
	if want := filepath.Join(dir, "ca.pem"); got.CAFile != want {
		t.Errorf("a key that wants a path got %q, want %q", got.CAFile, want)
	}
}

func TestSecretFilesThatCannotServe(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"empty": 0, "huge": 64<<10 + 1} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"file:empty":  "is empty",
		"file:huge":   "is longer than 65536 bytes",
		"file:absent": "cannot be read: no such file or directory",
		"file:.":      "is not an ordinary file",
		"env:":        "is not set or empty",
	} {
		_, err := configs.Parse(filepath.Join(dir, "a.yaml"), []byte("public_url: \""+text+"\"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 1, column 13: public_url: ") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// What stands in a wrong place may be a secret: no message repeats a value.
func TestMistakesRepeatNoValue(t *testing.T) {
	t.Setenv("ALLIM_TEST_SECRET", "hunter2")
	for _, text := range []string{
		"retention: hunter2", "tls: hunter2", "trusted_proxies: [hunter2]", "limits: {body: hunter2, requests_per_key: hunter2}",
		"listen: hunter2", "public_url: hunter2", "outgoing: {proxy: hunter2}", "identities: {phone_region: hunter2, fold_plus: hunter2}",
		"retention: env:ALLIM_TEST_SECRET", "listen: env:ALLIM_TEST_SECRET", "log: {level: env:ALLIM_TEST_SECRET}",
		"sources: [{id: a, kind: imap, poll: hunter2, port: hunter2, folders: hunter2, auth: hunter2}]",
		"public_url: https://u:hunter2@example.com", "a: b: hunter2", "- hunter2", "a: >hunter2", "a: | hunter2", "a: *hunter2",
		"a: @hunter2", "a: %hunter2", "a: \"hunter2", "a: [hunter2", "a: &hunter2", "a: !hunter2 x",
	} {
		err := problemsOf("a.yaml", []byte(text))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "allim.yaml")
	if _, err := configs.Load(file); err == nil || !strings.Contains(err.Error(), "cannot be read: no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(file, []byte("data_dir: state\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Load(file)
	if err != nil || c.DataDir != filepath.Join(filepath.Dir(file), "state") {
		t.Errorf("got %v, %v", c, err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("# long\n", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := configs.Load(file); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a file of 7 MiB: %v", err)
	}
}

func TestOutgoingProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://from-env:3128")
	t.Setenv("NO_PROXY", "inside.example.com")
	ask := func(o configs.Outgoing, url string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		u, err := o.Notify().Proxy(r)
		if err != nil {
			t.Fatal(err)
		}
		if u == nil {
			return ""
		}
		return u.String()
	}
	set := configs.Outgoing{Proxy: "http://from-file:3128"}
	for _, tc := range []struct {
		o         configs.Outgoing
		url, want string
	}{
		{configs.Outgoing{}, "https://api.push.apple.com", "http://from-env:3128"},
		{set, "https://api.push.apple.com", "http://from-file:3128"},
		{set, "http://push.example.com", "http://from-file:3128"},
		{set, "https://inside.example.com", ""},
		{set, "https://127.0.0.1:8443", ""},
	} {
		if got := ask(tc.o, tc.url); got != tc.want {
			t.Errorf("%s with %q goes through %q, want %q", tc.url, tc.o.Proxy, got, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("apps: [{id: a, apns: {topic: b}}]\nsources: [{id: a, kind: imap, auth: {method: x}, folders: [a]}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := problemsOf("a.yaml", data); err != nil && err.Error() == "" {
			t.Error("a mistake without words")
		}
	})
}
