package sim

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
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

// rfc8291Body is the message of RFC 8291 section 5.
const rfc8291Body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_" +
	"yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"

func rfc8291Keys(t testing.TB) pushKeys {
	t.Helper()
	key, err := ecdh.P256().NewPrivateKey(b64(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	return pushKeys{private: key, auth: b64(t, "BTBZMqHH6r4Tts7J_aSIgg")}
}

func TestDecryptTheVectors(t *testing.T) {
	keys := rfc8291Keys(t)
	for body, want := range map[string]string{
		rfc8291Body: "When I grow up, I want to be a watermelon",
		"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_" +
			"Vnt8VD7eYFiG804552iU_nbmELxJwonyUi6XWQ_PT6rk": "pad me",
	} {
		if got, err := keys.decrypt(b64(t, body)); err != nil || string(got) != want {
			t.Errorf("decrypted %q, %v; want %q", got, err, want)
		}
	}
}

// RFC 8188 sections 3.1 and 3.2: one record, and two.
func TestOpenTheVectors(t *testing.T) {
	for _, c := range []struct{ name, key, body string }{
		{"section 3.1", "yqdlZ-tYemfogSmv7Ws5PQ", "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg"},
		{"section 3.2", "BO3ZVPxUlnLORbVGMpbT1Q", "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA"},
	} {
		m, err := parseAES128GCM(b64(t, c.body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.open(b64(t, c.key)); err != nil || string(got) != "I am the walrus" {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	keys := rfc8291Keys(t)
	good := b64(t, rfc8291Body)
	changed := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for name, body := range map[string][]byte{
		"a flipped bit in the tag":  changed(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		"a flipped bit in the text": changed(func(b []byte) []byte { b[90] ^= 1; return b }),
		"another salt":              changed(func(b []byte) []byte { b[0] ^= 1; return b }),
		"a point off the curve":     changed(func(b []byte) []byte { b[60] ^= 1; return b }),
		"a record size too small":   changed(func(b []byte) []byte { b[18], b[19] = 0, 17; return b }),
		"two records":               changed(func(b []byte) []byte { b[18], b[19] = 0, 57; return b }),
		"no keyid":                  append(changed(func(b []byte) []byte { b[20] = 0; return b })[:21], good[86:]...),
		"a keyid that is cut off":   good[:50],
		"nothing":                   nil,
		"a header only":             good[:86],
		"no room for a delimiter":   good[:86+16],
		"RFC 8188's two records":    b64(t, "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA"),
	} {
		if got, err := keys.decrypt(body); err == nil {
			t.Errorf("%s: decrypted to %q", name, got)
		}
	}
	keys.auth = bytes.Clone(keys.auth)
	keys.auth[3] ^= 1
	if _, err := keys.decrypt(good); err == nil {
		t.Error("decrypted with another auth secret")
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add(b64(f, rfc8291Body))
	keys := rfc8291Keys(f)
	good := b64(f, rfc8291Body)
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := keys.decrypt(body); err == nil && !bytes.Equal(body, good) {
			// Only the record size may differ without the tag noticing (RFC 8188 section 4.6).
			same := bytes.Clone(body)
			if len(same) == len(good) {
				copy(same[16:20], good[16:20])
			}
			if !bytes.Equal(same, good) {
				t.Errorf("decrypted %x", body)
			}
		}
	})
}

// RFC 8291 section 4: the delimiter of the one record is 2, and nothing but zeros follows.
func TestDecryptDelimiters(t *testing.T) {
	keys := rfc8291Keys(t)
	sub := Subscription{P256dh: keys.private.PublicKey().Bytes(), Auth: keys.auth}
	for record, good := range map[string]bool{
		"x\x02": true, "x\x02\x00\x00": true, "\x02": true, "x\x01": false, "x": false, "x\x02\x00\x01": false, "x\x00": false, "": false,
	} {
		if _, err := keys.decrypt(encryptRecord(t, sub, []byte(record))); (err == nil) != good {
			t.Errorf("record %q: %v", record, err)
		}
	}
}
