package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse makes a configuration in a folder of its own; %DIR% in the text is that folder.
func parse(t *testing.T, dir, text string) *configs.Config {
	t.Helper()
	c, err := configs.Parse(filepath.Join(dir, "allim.yaml"), []byte("listen: 127.0.0.1:0\ndata_dir: data\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func options(c *configs.Config) app.Options {
	return app.Options{Config: c, Synchronous: sqlite.Normal}
}

// start starts the program; the test's end stops it.
func start(t *testing.T, o app.Options) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// get asks without keeping a connection.
func get(t *testing.T, url string, trust *sim.CA) (status int, body string, cert string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if trust != nil {
		transport.TLSClientConfig.RootCAs = trust.Pool()
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if res.TLS != nil {
		cert = res.TLS.PeerCertificates[0].SerialNumber.String()
	}
	return res.StatusCode, string(data), cert
}

func TestStartServeStop(t *testing.T) {
	dir := t.TempDir()
	a := start(t, options(parse(t, dir, "")))
	if status, _, _ := get(t, a.URL()+"/readyz", nil); status != http.StatusOK {
		t.Errorf("not ready: %d", status)
	}
	status, metrics, _ := get(t, a.URL()+"/metrics", nil)
	for _, name := range []string{"go_goroutines", "process_open_fds", "allim_http_requests_total", "allim_live_connections"} {
		if status != http.StatusOK || !strings.Contains(metrics, name) {
			t.Errorf("/metrics (%d) has no %s", status, name)
		}
	}
	if err := a.Start(t.Context()); err == nil {
		t.Error("a second start was allowed")
	}
	if a.PublicURL() != a.URL() || !strings.HasPrefix(a.URL(), "http://127.0.0.1:") {
		t.Errorf("addresses: %s, %s", a.URL(), a.PublicURL())
	}
}

func TestStopFreesEverything(t *testing.T) {
	dir := t.TempDir()
	for range 3 { // the same folder and program, again
		a, err := app.New(t.Context(), options(parse(t, dir, "")))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop(t, a)
	}
	a, err := app.New(t.Context(), options(parse(t, dir, ""))) // made, and never started
	if err != nil {
		t.Fatal(err)
	}
	stop(t, a)
}

func TestNoSecondHubOnTheSameFolder(t *testing.T) {
	dir := t.TempDir()
	start(t, options(parse(t, dir, "")))
	_, err := app.New(t.Context(), options(parse(t, dir, "")))
	if notify.CodeOf(err) != notify.CodeWrongState || !strings.Contains(err.Error(), filepath.Join(dir, "data")) {
		t.Errorf("got %v", err)
	}
	_, _, err = app.CreateKey(t.Context(), filepath.Join(dir, "data"), app.KeyRequest{Name: "x", Scopes: []notify.Scope{notify.ScopeAdmin}})
	if notify.CodeOf(err) != notify.CodeWrongState {
		t.Errorf("a key on the folder of a running hub: %v", err)
	}
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	c := parse(t, dir, "apps: [{id: corp, webpush: {subject: \"mailto:a@example.com\"}}]\n")
	c.Listen = taken.Addr().String()
	if _, err := app.New(t.Context(), options(c)); err == nil || !strings.Contains(err.Error(), c.Listen) {
		t.Errorf("an address in use: %v", err)
	}
	start(t, options(parse(t, dir, ""))) // the folder is free
}

func TestAWrongConfigurationLeavesNoFolder(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{
		"sources: [{id: mail, kind: imap, adress: x}]\n",
		"sources: [{id: mail, kind: imap}]\n",
		"sources: [{id: mail, kind: telepathy}]\n",
		"apps: [{id: corp, fax: {}}]\n",
		"tls: {cert_file: absent.pem, key_file: absent.pem}\n",
	} {
		_, err := app.New(t.Context(), options(parse(t, dir, text)))
		if found, other := configs.ProblemsOf(err); len(found) != 1 || len(other) != 0 || found[0].Line != 3 {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a refused configuration made a data folder")
	}
}

func TestFirstKeyIsPrintedOnce(t *testing.T) {
	dir := t.TempDir()
	for life := range 2 {
		var out bytes.Buffer
		o := options(parse(t, dir, ""))
		o.Stdout = &out
		a, err := app.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if printed := out.Len() > 0; printed != (life == 0) {
			t.Errorf("life %d printed %q", life, out.String())
		}
		stop(t, a)
	}
}

// writeCertificate makes one of the authority's and gives its serial number.
func writeCertificate(t *testing.T, ca *sim.CA, dir string) string {
	t.Helper()
	cert, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sim.PEMFiles(dir, "tls", cert); err != nil {
		t.Fatal(err)
	}
	return cert.Leaf.SerialNumber.String()
}

func TestTLSAndItsReload(t *testing.T) {
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile, err := sim.PEMFiles(dir, "tls", cert)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("tls: {cert_file: %s, key_file: %s}\n", certFile, keyFile)
	a := start(t, options(parse(t, dir, text)))
	_, _, before := get(t, a.URL()+"/healthz", ca)
	if !strings.HasPrefix(a.URL(), "https://") {
		t.Errorf("the address is %s", a.URL())
	}
	writeCertificate(t, ca, dir)
	_, level := app.NewLogger(configs.Log{Level: "info"}, io.Discard)
	restart, err := a.Reload(parse(t, dir, text+"log: {level: debug}\nretention: 48h\n"), level)
	if err != nil || len(restart) != 1 || restart[0] != "retention" {
		t.Errorf("reload: %v, %v", restart, err)
	}
	if level.Level() != app.Level(configs.Log{Level: "debug"}) {
		t.Error("the log's level was not applied")
	}
	if _, _, after := get(t, a.URL()+"/healthz", ca); after == before {
		t.Error("the certificate was not read again")
	}
	if err := os.WriteFile(certFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Reload(parse(t, dir, text+"log: {level: error}\n"), level); err == nil {
		t.Error("a broken certificate was taken")
	}
	if level.Level() != app.Level(configs.Log{Level: "debug"}) {
		t.Error("a failed reload changed something")
	}
	get(t, a.URL()+"/healthz", ca)
}

// appleFiles writes the key and the authority with which an app signs on at the simulator.
func appleFiles(t *testing.T, apple *sim.APNs, dir string) (keyFile, caFile string) {
	t.Helper()
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		t.Fatal(err)
	}
	apple.AddKey(key)
	if keyFile, err = key.File(dir); err != nil {
		t.Fatal(err)
	}
	if caFile, err = apple.CAFile(dir); err != nil {
		t.Fatal(err)
	}
	return keyFile, caFile
}

// TestAMailIsPushed is the whole program in small: a mail in a mailbox becomes a push on the owner's phone.
func TestAMailIsPushed(t *testing.T) {
	mail, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "masterpw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mail.Close(); err != nil {
			t.Error(err)
		}
	})
	mail.AddUser("kim@example.com", "secret")
	apple, err := sim.NewAPNs(sim.APNsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := apple.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	keyFile, caFile := appleFiles(t, apple, dir)
	a := start(t, options(parse(t, dir, fmt.Sprintf(`
apps:
  - id: corp
    apns: {key_file: %s, key_id: ABC123DEFG, team_id: TEAM123456, topic: com.example.mail, endpoint: "%s", ca_file: %s}
sources:
  - id: mail
    kind: imap
    address: %s
    security: none
    auth: {method: master, user: watcher, password: masterpw}
    accounts: {from: identities, kind: email, domain: example.com}
`, keyFile, apple.URL(), caFile, mail.Addr()))))
	if _, _, err := a.Hub().PutUser(t.Context(), notify.User{ID: "kim",
		Identities: []notify.Identity{{Kind: notify.KindEmail, Value: "kim@example.com"}}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Hub().RegisterDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.APNs,
		Token: strings.Repeat("ab", 32)}); err != nil {
		t.Fatal(err)
	}
	notifytest.Until(t, "the mailbox to be watched", func() bool {
		accounts, err := a.Store().Accounts(t.Context(), "mail", notify.Page{})
		return err == nil && len(accounts) == 1 && accounts[0].Health.State == notify.HealthWatching
	})
	if _, err := mail.Deliver("kim@example.com", []byte("From: Lee <lee@example.org>\r\nSubject: Lunch\r\nMessage-ID: <1@example.org>\r\n\r\nHi\r\n"),
		imaptest.Delivery{}); err != nil {
		t.Fatal(err)
	}
	notifytest.Until(t, "the push", func() bool {
		for _, e := range apple.Log().Entries() {
			if e.Accepted && bytes.Contains(e.Body, []byte("Lunch")) {
				return true
			}
		}
		return false
	})
}
