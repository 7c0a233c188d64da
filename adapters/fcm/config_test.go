package fcm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// keyFile writes the test account's key file, changed, and gives its path.
func keyFile(t testing.TB, change func(map[string]string)) string {
	t.Helper()
	account, err := testAccount()
	if err != nil {
		t.Fatal(err)
	}
	path, err := account.File(t.TempDir(), "https://127.0.0.1:1/token")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]string
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	change(file)
	if raw, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigErrorsNameTheKey(t *testing.T) {
	set := func(k, v string) string {
		return "credentials_file: " + keyFile(t, func(m map[string]string) { m[k] = v }) + "\n"
	}
	good := set("type", "service_account")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ section, want string }{
		{"project_id: x\n", "credentials_file: is required"},
		{"credentials_file: " + filepath.Join(t.TempDir(), "absent") + "\n", "credentials_file: read the key"},
		{"credentials_file: " + text + "\n", "credentials_file: the file is not a service account's key in JSON"},
		{set("type", "authorized_user"), "type must be service_account"},
		{set("client_email", ""), "lacks client_email"},
		{set("private_key", "secret"), "not an RSA key"},
		{set("private_key", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"), "not an RSA key"},
		{set("token_uri", "http://oauth2.example.com/token"), "token_uri is not an https address"},
		{set("project_id", "a/b"), "project_id is not"},
		{set("project_id", ""), "project_id: is required"},
		{good + "project_id: a/b\n", "project_id:"},
		{good + "endpoint: http://127.0.0.1:1\n", "endpoint:"},
		{good + "endpoint: https://u:secret@host/\n", "endpoint:"},
		{good + "endpoint: https://host/path\n", "endpoint:"},
		{good + "token_endpoint: nonsense\n", "token_endpoint:"},
		{good + "ca_file: " + text + "\n", "ca_file: the file holds no PEM certificate"},
		{good + "relays: [gcm]\n", "relays:"},
		{good + "package: mail\n", "package:"},
		{good + "quota: 0\n", "quota: must be 1 to"},
		{good + "ramp: 2h\n", "ramp: must be 0 to"},
		{good + "connections: 17\n", "connections: must be 1 to 16"},
		{good + "in_flight: 0\n", "in_flight: must be 1 to 1000"},
		{good + "timeout: 5m\n", "timeout: must be"},
		{good + "tken_endpoint: x\n", "tken_endpoint"},
	} {
		_, err := New(notify.AdapterEnv{Section: notifytest.YAML(test.section), Clock: notify.SystemClock{}, Log: notifytest.Quiet()})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") && !strings.Contains(test.section, "tken") {
			t.Errorf("%q: %v, want %q", test.section, err, test.want)
		}
	}
	a := newAdapter(t, good, notify.SystemClock{}, notifytest.Quiet())
	if got := a.sender.url.String(); got != "https://fcm.googleapis.com/v1/projects/allim-test/messages:send" {
		t.Errorf("messages go to %s", got)
	}
}

// The assertion is for the key file's token_uri, wherever it is sent.
func TestTokenEndpointElsewhere(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "")
	section := h.section(t) + "token_endpoint: " + strings.Replace(h.sim.TokenURL(), "127.0.0.1", "localhost", 1) + "\n" +
		"project_id: \"" + h.account.Number + "\"\n"
	h.adapter = newAdapter(t, section, h.clock, notifytest.Quiet())
	if o := h.one(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("%+v", o)
	}
}

func TestCheckDevice(t *testing.T) {
	a := &Adapter{}
	for in, want := range map[string]string{
		" " + deviceToken(1) + "\n": deviceToken(1), "cJug2GoHzEfcshCE_OLL24": "cJug2GoHzEfcshCE_OLL24",
		"APA91b" + strings.Repeat("x", 134): "APA91b" + strings.Repeat("x", 134),
	} {
		if d, err := a.CheckDevice(notify.Device{Token: in, Name: "n"}); err != nil || d.Token != want || d.Name != "n" {
			t.Errorf("%q: %+v, %v", in, d, err)
		}
	}
}

func TestCheck(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "timeout: 2s\n")
	if err := h.adapter.Check(t.Context()); err != nil {
		t.Errorf("good credentials: %v", err)
	}
	h.sim.Script(h.account.Email, sim.Fault{Status: 503, Reason: "UNAVAILABLE"})
	if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "does not answer as it should: 503") {
		t.Errorf("trouble: %v", err)
	}
	denied := h.account
	denied.Denied = true
	h.sim.AddAccount(denied)
	h.sim.RevokeTokens()
	if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "refuses the credentials or the project: 403 PERMISSION_DENIED") {
		t.Errorf("an account without the right: %v", err)
	}
	h.sim.RevokeKey(h.account.KeyID)
	h.sim.RevokeTokens()
	h.forgive()
	if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "access token: invalid_grant") {
		t.Errorf("a revoked key: %v", err)
	}
	other := newAdapter(t, h.section(t)+"project_id: other-project\n", h.clock, notifytest.Quiet())
	h.sim.AddAccount(h.account)
	if err := other.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "PERMISSION_DENIED") {
		t.Errorf("another project: %v", err)
	}
	if n := h.sim.Log().Counts().Accepted; n != 0 {
		t.Errorf("Check pushed %d times", n)
	}
	_ = h.sim.Close()
	if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be reached: access token: connection refused") {
		t.Errorf("no server: %v", err)
	}
}
