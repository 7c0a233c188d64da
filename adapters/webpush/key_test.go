package webpush

import (
	"bytes"
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

	"allim.dev/allim/notify"
)

const goodSection = "subject: mailto:it@example.com\n"

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	env := testEnv(t.TempDir(), goodSection)
	first := mustBuild(t, env, nil)
	path := filepath.Join(env.DataDir, "webpush-corp.pem")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("the key was made before it was needed: %v", err)
	}
	key, err := first.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	again, err := mustBuild(t, env, nil).PublicKey()
	if err != nil || again != key {
		t.Errorf("after a restart the key is %q, %v, not %q", again, err, key)
	}
	if err := mustBuild(t, env, nil).Check(t.Context()); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(env.DataDir, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	env.App = "other"
	if other, err := mustBuild(t, env, nil).PublicKey(); err != nil || other == key {
		t.Errorf("another app's key: %q, %v", other, err)
	}
}

// Many at once, as when two processes start on one folder: all get the one key that is on the disk.
func TestKeyIsMadeOnceByMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.pem")
	keys := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := ensureKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			if keys[i], err = key.Bytes(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if !bytes.Equal(k, keys[0]) {
			t.Fatal("different keys were given out")
		}
	}
}

// A key that cannot be read is never replaced: every subscription is bound to it.
func TestDamagedKeyIsNotReplaced(t *testing.T) {
	env := testEnv(t.TempDir(), goodSection)
	a := mustBuild(t, env, nil)
	if err := os.MkdirAll(env.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path, []byte("-----BEGIN PRIVATE"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := a.PublicKey(); err == nil {
		t.Fatalf("a key was made over a damaged one: %q", key)
	}
	if data, err := os.ReadFile(a.path); err != nil || string(data) != "-----BEGIN PRIVATE" {
		t.Errorf("the file is now %q, %v", data, err)
	}
	h := sendAll(t, a, []notify.Delivery{{}, {}})
	if h[0].Verdict != notify.Misconfigured || h[1].Verdict != notify.Misconfigured {
		t.Errorf("a push without a key: %+v", h)
	}
}

func TestReadKeyForms(t *testing.T) {
	s := testSigner(t)
	sec1, err := x509.MarshalECPrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(name string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := x509.MarshalPKCS8PrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		good bool
	}{
		"PKCS #8":            {block("PRIVATE KEY", pkcs8), true},
		"SEC 1":              {block("EC PRIVATE KEY", sec1), true},
		"openssl ecparam":    {block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + block("EC PRIVATE KEY", sec1), true},
		"a public key":       {block("PUBLIC KEY", []byte("x")), false},
		"a damaged key":      {block("PRIVATE KEY", pkcs8[:50]), false},
		"P-384":              {block("PRIVATE KEY", big), false},
		"nothing":            {"", false},
		"the raw base64 key": {"q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", false},
	} {
		path := filepath.Join(t.TempDir(), "k.pem")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := readKey(path)
		if (err == nil) != c.good || c.good && (key.Curve != elliptic.P256() || !key.Equal(s.key)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for section, want := range map[string]string{
		"subject: it@example.com":               "subject: ",
		goodSection + "key_file: /no/such/file": "key_file: ",
		goodSection + "ca_file: /no/such/file":  "ca_file: ",
		goodSection + "concurrency: 0":          "concurrency: ",
		goodSection + "transport: quic":         "transport: ",
		goodSection + "timeout: 1ms":            "timeout: ",
		goodSection + "hosts: [\"https://x\"]":  "hosts: ",
		goodSection + "http_hosts: [\"a/b\"]":   "http_hosts: ",
		goodSection + "key: x":                  "unknown field",
	} {
		_, err := New(testEnv(t.TempDir(), section))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", section, err, want)
		}
	}
	env := testEnv(t.TempDir(), "")
	if a := mustBuild(t, env, nil); a.cfg.Subject != env.PublicURL {
		t.Errorf("without a subject: %q, want the hub's address", a.cfg.Subject)
	}
	env.PublicURL = "http://127.0.0.1:8080"
	if _, err := New(env); err == nil || !strings.Contains(err.Error(), "subject: is required") {
		t.Errorf("without a subject and an address: %v", err)
	}
	if _, ok := Kind.Example().(*Config); !ok {
		t.Error("the example is not the settings")
	}
}
