package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// configFile writes a configuration into a folder of its own and gives its path.
func configFile(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	writeConfig(t, dir, "listen: 127.0.0.1:0\n"+text)
	return filepath.Join(dir, "allim.yaml")
}

func imapSource(addr, password string) string {
	return fmt.Sprintf("sources:\n  - id: mail\n    kind: imap\n    address: %s\n    security: none\n"+
		"    auth: {method: master, user: watcher, password: %q}\n"+
		"    accounts: {from: identities, kind: email, domain: example.com}\n", addr, password)
}

func TestCheckOfAFile(t *testing.T) {
	contains(t, must(t, "check"), "configuration", "ok", "is valid")
	good := configFile(t, "retention: 48h\n")
	contains(t, must(t, "check", "-c", good), "is valid")
	findings := inJSON[[]app.Finding](t, "check", "-c", good)
	if len(findings) != 1 || !findings[0].OK {
		t.Errorf("findings: %+v", findings)
	}
	refused(t, 1, "cannot be read", "check", "-c", filepath.Join(t.TempDir(), "absent.yaml"))

	// Mistakes of the file and of the kinds' own parts, at once, in the order of the file.
	bad := configFile(t, "retention: 1s\nsources:\n  - {id: mail, kind: imap, adress: x}\n  - {id: b, kind: telepathy}\napps:\n  - {id: corp, apns: {topic: a}}\n")
	for _, command := range []string{"check", "serve"} {
		o := allim(t, command, "-c", bad)
		lines := strings.Split(strings.TrimSpace(o.errOut), "\n")
		want := []string{"line 2, column 1: retention", `line 4, column 28: unknown key "adress" in sources[0]; did you mean "address"?`,
			`line 5, column 19: unknown kind "telepathy" in sources[1]; known are: `, "line 7, column 16: apps[0].apns.key_file"}
		if o.status != 1 || o.out != "" || len(lines) != len(want) {
			t.Fatalf("%s: exit status %d, %s", command, o.status, o.errOut)
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, "allim: "+bad+": "+want[i]) {
				t.Errorf("%s says %q, want %q", command, line, want[i])
			}
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(bad), "data")); err == nil {
		t.Error("a refused configuration left a data folder")
	}
}

func TestCheckOfAnUnreachableServer(t *testing.T) {
	file := configFile(t, imapSource(freeAddr(t), "masterpw"))
	o := allim(t, "check", "-c", file, "--online")
	if o.status != 1 || strings.Count(o.errOut, "\n") != 1 || !strings.Contains(o.errOut, "source mail") {
		t.Errorf("exit status %d, %q", o.status, o.errOut)
	}
	contains(t, o.out, "source mail", "failed", "connection refused")
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "data")); err == nil {
		t.Error("a check made a data folder")
	}
}

// hubOnce runs a hub with the file until cond holds of its accounts.
func hubOnce(t *testing.T, file string, cond func(notify.Account) bool) {
	t.Helper()
	c, err := configs.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Options{Config: c, Synchronous: sqlite.Normal})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Hub().PutUser(t.Context(), notify.User{ID: "kim",
		Identities: []notify.Identity{{Kind: notify.KindEmail, Value: "kim@example.com"}}}); err != nil {
		t.Error(err)
	}
	notifytest.Until(t, "the account's health", func() bool {
		accounts, err := a.Store().Accounts(t.Context(), "", notify.Page{})
		return err == nil && len(accounts) == 1 && cond(accounts[0])
	})
	if o := allim(t, "check", "-c", file, "--online"); o.status != 0 || !strings.Contains(o.out, "a hub is running") {
		t.Errorf("beside a running hub: %+v", o)
	}
	if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestCheckOfAPassword(t *testing.T) {
	s, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "masterpw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.AddUser("kim@example.com", "secret")
	file := configFile(t, imapSource(s.Addr(), "masterpw"))
	contains(t, must(t, "check", "-c", file, "--online"), "the server answers", "no accounts yet")
	hubOnce(t, file, func(a notify.Account) bool { return a.Health.State == notify.HealthWatching })
	contains(t, must(t, "check", "-c", file, "--online"), "tried 1 of 1 accounts")

	writeConfig(t, filepath.Dir(file), imapSource(s.Addr(), "not-the-password"))
	before := s.Stats().LoginFailures
	o := allim(t, "check", "-c", file, "--online")
	if o.status != 1 || strings.Count(o.errOut, "\n") != 1 || !strings.Contains(o.errOut, "source mail") {
		t.Errorf("exit status %d, %q", o.status, o.errOut)
	}
	contains(t, o.out, "failed", "kim@example.com", "refused")
	if strings.Contains(o.out+o.errOut, "not-the-password") {
		t.Error("the password is shown")
	}
	if n := s.Stats().LoginFailures - before; n != 1 {
		t.Errorf("%d logins were tried", n)
	}
}

func TestCheckOfAPlatform(t *testing.T) {
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
	ca, err := apple.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	client, err := apple.CA().Client("com.example.mail", 40*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := sim.PEMFiles(dir, "client", client)
	if err != nil {
		t.Fatal(err)
	}
	file := configFile(t, fmt.Sprintf("apps:\n  - id: corp\n    apns: {topic: com.example.mail, cert_file: %s, cert_key_file: %s, endpoint: %q, ca_file: %s}\n"+
		"    webpush: {subject: \"mailto:it@example.com\"}\n", cert, key, apple.URL(), ca))
	o := allim(t, "check", "-c", file, "--online")
	contains(t, o.out, "app corp apns", "the credentials expire on", "in 39 days", "app corp webpush")
	if strings.Contains(o.errOut, "webpush") {
		t.Errorf("it says %q", o.errOut)
	}
}

// TestCheckOfWhatExpires: it is told without a login; soon is a warning, the end is a failure only where logins are tried.
func TestCheckOfWhatExpires(t *testing.T) {
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for life, want := range map[time.Duration]struct{ state, says string }{
		40 * 24 * time.Hour: {"ok", "in 39 days"}, 20 * 24 * time.Hour: {"warning", "in 19 days"}, -time.Minute: {"warning", "expired on"},
	} {
		dir := t.TempDir()
		client, err := ca.Client("com.example.mail", life)
		if err != nil {
			t.Fatal(err)
		}
		cert, key, err := sim.PEMFiles(dir, "client", client)
		if err != nil {
			t.Fatal(err)
		}
		file := configFile(t, fmt.Sprintf("tls: {cert_file: %s, key_file: %s}\napps:\n  - id: corp\n    apns: {topic: com.example.mail, cert_file: %s, cert_key_file: %s, endpoint: \"https://127.0.0.1:1\"}\n",
			cert, key, cert, key))
		lines := strings.Split(strings.TrimSpace(must(t, "check", "-c", file)), "\n")
		if len(lines) != 4 { // with a head
			t.Fatalf("%s: %q", life, lines)
		}
		contains(t, lines[2], "tls", want.state, want.says)
		contains(t, lines[3], "app corp apns", want.state, want.says)
		if o := allim(t, "check", "-c", file, "--online"); o.status != 1 || !strings.Contains(o.out, want.says) {
			t.Errorf("%s, online: %+v", life, o)
		}
	}
}
