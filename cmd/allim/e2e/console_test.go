package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/connectors/imap/imaptest"
)

// consoleConfig is a hub with all platforms, of which only APNs has devices, a mail server whose mailboxes have passwords
// of their own, and one that is not there.
const consoleConfig = `identities: {phone_region: KR}
web: {approve_broadcasts: true}
apps:
  - id: corp
%s    fcm: {credentials_file: %s}
    wns: {tenant_id: 11111111-2222-3333-4444-555555555555, client_id: 66666666-7777-8888-9999-000000000000, client_secret: s3cret, secret_expires: %s}
    webpush: {subject: "mailto:it@example.com"}
sources:
  - {id: mail, kind: imap, address: %q, security: none, auth: {method: password}}
  - {id: down, kind: imap, address: "127.0.0.1:1", security: none, auth: {method: password}}
`

// TestConsoleInChromium does everything that the console can do in a real browser, in both languages: see
// node/console.mjs.
func TestConsoleInChromium(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: .ci/setup installs it", err)
	}
	mail, err := imaptest.New(imaptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mail.Close() }()
	for _, lang := range []string{"e", "k"} {
		mail.AddUser("box-"+lang, "right-word")
		mail.AddUser("closed-"+lang, "right-word")
	}
	dir := t.TempDir()
	apns, section := newAPNs(t, dir, sim.APNsOptions{})
	account, err := sim.NewFCMAccount("corp")
	if err != nil {
		t.Fatal(err)
	}
	file, err := account.File(dir, "https://127.0.0.1:1/token")
	if err != nil {
		t.Fatal(err)
	}
	soon := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	hub := newHub(t, checked(t), fmt.Sprintf(consoleConfig, section, file, soon, mail.Addr()))
	hub.start()
	defer hub.stop()
	for _, p := range [][2]string{{"boss", "admin"}, {"oper", "operator"}} {
		hub.allim("user", "add", p[0], "--name", p[0], "--time-zone", "Asia/Seoul")
		hub.allim("user", "role", p[0], p[1])
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("right-word"), 0o600); err != nil {
		t.Fatal(err)
	}
	hub.allim("account", "add", "--source", "down", "--user", "boss", "--login", "boss", "--password-file", password)
	around := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		apns.Script(r.URL.Query().Get("token"), sim.Fault{Status: http.StatusRequestEntityTooLarge, Reason: "PayloadTooLarge"})
	}))
	defer around.Close()
	runNode(t, "console.mjs", map[string]any{"url": hub.url(), "key": hub.key, "chromium": browser, "around": around.URL})
}
