package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"
)

// verify checks a token as RFC 8292 section 4 tells services to, with the key that came with it, and gives its claims.
func verify(t *testing.T, authorization string) claims {
	t.Helper()
	token, key, ok := strings.Cut(strings.TrimPrefix(authorization, "vapid t="), ", k=")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		t.Fatalf("not a vapid header: %q", authorization)
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b64(t, key))
	if err != nil {
		t.Fatal(err)
	}
	sig := b64(t, parts[2])
	if len(sig) != 64 {
		t.Fatalf("the signature has %d bytes", len(sig))
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(pub, hash[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Fatal("the signature does not verify")
	}
	var c claims
	if err := json.Unmarshal(b64(t, parts[1]), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The example of RFC 8292 section 2.4 verifies by the same rules that our own tokens are checked by.
func TestVerifyTheVector(t *testing.T) {
	got := verify(t, "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1"+
		"MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmys"+
		"azNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs")
	if want := (claims{"https://push.example.net", 1453523768, "mailto:push@example.com"}); got != want {
		t.Errorf("claims %+v", got)
	}
}

func testSigner(t testing.TB) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSigner(key, "mailto:it@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokensVerify(t *testing.T) {
	s := testSigner(t)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for range 1500 { // r or s begin with a zero in one of 128
		token, err := s.authorization("https://push.example.net", now)
		if err != nil {
			t.Fatal(err)
		}
		want := claims{"https://push.example.net", now.Add(12 * time.Hour).Unix(), "mailto:it@example.com"}
		if got := verify(t, token); got != want {
			t.Fatalf("claims %+v, want %+v", got, want)
		}
	}
	if len(s.public) != 87 || strings.Contains(s.public, "=") {
		t.Errorf("the public key %q is not 87 characters of base64url", s.public)
	}
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	s := testSigner(t)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	all := newOrigins(8)
	o := all.get("https://push.example.net", google)
	get := func(at time.Time) string {
		token, err := o.authorization(s, at)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := get(now)
	if got := get(now.Add(tokenRenew - time.Second)); got != first {
		t.Error("renewed before half of its life")
	}
	second := get(now.Add(tokenRenew))
	if second == first {
		t.Error("not renewed at half of its life")
	}
	if got := get(now.Add(tokenRenew - time.Minute)); got != second {
		t.Error("renewed because the clock went back a little")
	}
	if got := get(now); got == second {
		t.Error("kept although the clock was put back far: it would live longer than a service takes")
	}
	other, err := all.get("https://other.example.net", google).authorization(s, now)
	if err != nil || verify(t, other).Audience != "https://other.example.net" {
		t.Errorf("another origin's token is for %q, %v", verify(t, other).Audience, err)
	}
}

func TestTokenIsRefreshedOnce(t *testing.T) {
	s := testSigner(t)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		vendor vendor
		after  time.Duration // the first refusal
		want   bool
	}{
		"at once":               {google, 0, true},
		"Apple at once":         {apple, 0, false},
		"Apple before an hour":  {apple, time.Hour - time.Second, false},
		"Apple after an hour":   {apple, time.Hour, true},
		"Mozilla after an hour": {mozilla, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigins(8).get("https://push.example.net", c.vendor)
			first, err := o.authorization(s, now)
			if err != nil {
				t.Fatal(err)
			}
			second, err := o.refresh(s, first, now.Add(c.after))
			if err != nil || (second != "") != c.want {
				t.Fatalf("refresh = %q, %v", second, err)
			}
			if !c.want {
				return
			}
			if again, err := o.refresh(s, first, now.Add(c.after)); err != nil || again != second {
				t.Errorf("who was refused with the old token gets %q, %v, not the new one", again, err)
			}
			if third, err := o.refresh(s, second, now.Add(c.after+tokenPause-time.Second)); err != nil || third != "" {
				t.Errorf("refreshed again within the pause: %q, %v", third, err)
			}
		})
	}
}

func TestCheckSubject(t *testing.T) {
	for s, good := range map[string]bool{
		"mailto:it@example.com": true, "https://example.com/contact": true, "mailto:it+push@mail.example.co.kr": true,
		"": false, "it@example.com": false, "mailto:mailto:it@example.com": false, "mailto:<it@example.com>": false,
		"mailto: it@example.com": false, "mailto:it@localhost": false, "mailto:it@host.local": false, "http://example.com": false,
		"https://localhost/": false, "https://": false, "mailto:": false, "mailto:a@example.com,b@example.com": false,
		"mailto:김@example.com": false, "mailto:it@example.com\n": false, "mailto:it@intranet": false,
	} {
		if err := checkSubject(s); (err == nil) != good {
			t.Errorf("checkSubject(%q) = %v", s, err)
		}
	}
}
