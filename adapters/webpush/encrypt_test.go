package webpush

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func b64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rfc8291 are the keys of RFC 8291 section 5 and appendix A.
func rfc8291(t testing.TB) (receiver, sender) {
	t.Helper()
	to, err := newReceiver(
		b64(t, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
		b64(t, "BTBZMqHH6r4Tts7J_aSIgg"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.P256().NewPrivateKey(b64(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	from := sender{key: key}
	copy(from.salt[:], b64(t, "DGv6ra1nlYgDCS1FRnbzlw"))
	return to, from
}

func TestSealMatchesTheVectors(t *testing.T) {
	to, from := rfc8291(t)
	for _, c := range []struct {
		name, text string
		pad        int
		body, sum  string
		length     int
	}{
		{name: "RFC 8291 section 5", text: "When I grow up, I want to be a watermelon", length: 144,
			body: "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_" +
				"yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"},
		{name: "the longest", text: strings.Repeat("a", MaxPayload), length: maxBody,
			sum: "a9e84efbfe3cbbd3deb4e24870b13d42f4657b35bbdc6c279af04a8055d14354"},
		{name: "padded", text: "pad me", pad: 10, length: 119,
			body: "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_" +
				"Vnt8VD7eYFiG804552iU_nbmELxJwonyUi6XWQ_PT6rk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dirty := bytes.Repeat([]byte{0xff}, maxBody) // a buffer that was used before
			body, plaintext := plaintextIn(dirty, len(c.text), c.pad)
			copy(plaintext, c.text)
			if err := seal(body, len(c.text), to, from); err != nil {
				t.Fatal(err)
			}
			if len(body) != c.length {
				t.Errorf("the body has %d bytes, want %d", len(body), c.length)
			}
			if c.body != "" && !bytes.Equal(body, b64(t, c.body)) {
				t.Errorf("body %s", base64.RawURLEncoding.EncodeToString(body))
			}
			if sum := sha256.Sum256(body); c.sum != "" && hex.EncodeToString(sum[:]) != c.sum {
				t.Errorf("SHA-256 %x, want %s", sum, c.sum)
			}
		})
	}
}

// The intermediate values of RFC 8291 appendix A.
func TestDeriveMatchesTheVector(t *testing.T) {
	to, from := rfc8291(t)
	secret, err := from.key.ECDH(to.key)
	if err != nil || !bytes.Equal(secret, b64(t, "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs")) {
		t.Fatalf("ecdh %x, %v", secret, err)
	}
	cek, nonce, err := derive(secret, to, from.key.PublicKey().Bytes(), from.salt[:])
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(cek, b64(t, "oIhVW04MRdy2XN9CiKLxTg")) || !bytes.Equal(nonce, b64(t, "4h_95klXJ5E_qnoN")) {
		t.Errorf("CEK %x, NONCE %x", cek, nonce)
	}
}

func TestPadding(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 127, 128: 0, 129: 127, 2432: 0, 2433: 127, 2559: 1, 2560: 0, 2561: 0, 3993: 0} {
		if got := padding(n); got != want {
			t.Errorf("padding(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestNewReceiverRefuses(t *testing.T) {
	to, _ := rfc8291(t)
	off := bytes.Clone(to.raw)
	off[40] ^= 1
	for name, c := range map[string]struct{ key, auth []byte }{
		"short key":     {to.raw[:64], to.auth},
		"compressed":    {append([]byte{2}, to.raw[1:33]...), to.auth},
		"wrong form":    {append([]byte{6}, to.raw[1:]...), to.auth},
		"off the curve": {off, to.auth},
		"no key":        {nil, to.auth},
		"short auth":    {to.raw, to.auth[:15]},
		"long auth":     {to.raw, append(bytes.Clone(to.auth), 0)},
	} {
		if _, err := newReceiver(c.key, c.auth); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
