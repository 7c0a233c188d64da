package imap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// TestSettings: every mistake is named with its key.
func TestSettings(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, set := range map[string]func(*Settings){
		"":                       func(*Settings) {},
		"address: is missing":    func(s *Settings) { s.Address = "" },
		"address: must be host":  func(s *Settings) { s.Address = "mail.example.com" },
		"security: must be":      func(s *Settings) { s.Security = "ssl" },
		"security: none would":   func(s *Settings) { s.Security = "none" },
		"auth.method: must be":   func(s *Settings) { s.Auth.Method = "kerberos" },
		"auth.user: is missing":  func(s *Settings) { s.Auth.Method = "master" },
		"auth.password: is":      func(s *Settings) { s.Auth = Auth{Method: "proxy", User: "w"} },
		"auth.separator: is":     func(s *Settings) { s.Auth = Auth{Method: "master", User: "w", Password: "p"} },
		"auth.client_id: is":     func(s *Settings) { s.Auth = Auth{Method: "oauth2"} },
		"auth.token_url: must":   func(s *Settings) { s.Auth = Auth{Method: "oauth2", ClientID: "c", TokenURL: "http://example.com/t"} },
		"folders: is empty":      func(s *Settings) { s.Folders = nil },
		"folders[1]: is no":      func(s *Settings) { s.Folders = []string{"INBOX", "a\r\nb"} },
		"poll: must be":          func(s *Settings) { s.Poll = time.Millisecond },
		"renew: must be":         func(s *Settings) { s.Renew = 30 * time.Minute },
		"timeout: must be":       func(s *Settings) { s.Timeout = 0 },
		"max_connections: must":  func(s *Settings) { s.MaxConnections = 0 },
		"login_rate: must":       func(s *Settings) { s.LoginRate = 0 },
		"max_age: must":          func(s *Settings) { s.MaxAge = 0 },
		"ca_file: cannot":        func(s *Settings) { s.CAFile = filepath.Join(t.TempDir(), "absent.pem") },
		"ca_file: holds no cert": func(s *Settings) { s.CAFile = empty },
	} {
		_, err := New(notifytest.ConnectorEnv("imap", notify.SystemClock{}, func(s *Settings) {
			s.Address = "mail.example.com:993"
			set(s)
		}))
		if (err == nil) != (want == "") || (err != nil && !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("want %q, have %v", want, err)
		}
	}
	for _, good := range []func(*Settings){
		func(s *Settings) { s.Address, s.Security = "[::1]:143", "none" },
		func(s *Settings) { s.Address, s.Security, s.Insecure = "old.example.com:143", "none", true },
		func(s *Settings) { s.Auth = Auth{Method: "oauth2", ClientID: "c", TokenURL: "http://127.0.0.1:1/t"} },
	} {
		if _, err := New(notifytest.ConnectorEnv("imap", notify.SystemClock{}, func(s *Settings) { s.Address = "a.b:993"; good(s) })); err != nil {
			t.Error(err)
		}
	}
}

// TestKind: the kind's example is its defaults.
func TestKind(t *testing.T) {
	if s, ok := Kind.Example().(*Settings); !ok || s.Poll != time.Minute || s.Renew != 9*time.Minute || Kind.Name != "imap" {
		t.Errorf("kind %+v", Kind)
	}
}
