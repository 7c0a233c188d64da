package sim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// This decoder is written from the RFCs alone and shares nothing with adapters/webpush, so that a mistake there cannot
// hide behind the same mistake here.

// aes128gcm is a body in the coding of RFC 8188 section 2.1, taken apart.
type aes128gcm struct {
	salt    []byte // 16 bytes
	size    uint32 // of a record, with its tag
	keyID   []byte
	records []byte
}

func parseAES128GCM(body []byte) (aes128gcm, error) {
	if len(body) < 21 {
		return aes128gcm{}, errors.New("shorter than a header")
	}
	idLen := int(body[20])
	if len(body) < 21+idLen {
		return aes128gcm{}, errors.New("the keyid is cut off")
	}
	m := aes128gcm{salt: body[:16], size: binary.BigEndian.Uint32(body[16:20]), keyID: body[21 : 21+idLen], records: body[21+idLen:]}
	if m.size < 18 {
		return aes128gcm{}, fmt.Errorf("record size %d is less than 18", m.size)
	}
	return m, nil
}

// open decrypts all records with the input keying material (RFC 8188 section 2.2 to 2.4).
func (m aes128gcm) open(ikm []byte) ([]byte, error) {
	prk := mac(m.salt, ikm)
	key := mac(prk, []byte("Content-Encoding: aes128gcm\x00\x01"))[:16]
	base := mac(prk, []byte("Content-Encoding: nonce\x00\x01"))[:12]
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	var out []byte
	rest := m.records
	for seq := uint64(0); ; seq++ {
		last := uint64(len(rest)) <= uint64(m.size)
		record := rest
		if !last {
			record = rest[:m.size]
		}
		nonce := bytes.Clone(base)
		counter := binary.BigEndian.Uint64(nonce[4:]) ^ seq
		binary.BigEndian.PutUint64(nonce[4:], counter)
		plain, err := gcm.Open(nil, nonce, record, nil)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", seq, err)
		}
		plain = bytes.TrimRight(plain, "\x00")
		want := byte(1)
		if last {
			want = 2
		}
		if len(plain) == 0 || plain[len(plain)-1] != want {
			return nil, fmt.Errorf("record %d: its delimiter is not %d", seq, want)
		}
		out = append(out, plain[:len(plain)-1]...)
		if last {
			return out, nil
		}
		rest = rest[m.size:]
	}
}

// mac is HMAC-SHA-256: HKDF's Extract, and its Expand for up to 32 bytes (RFC 5869).
func mac(key, msg []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

// pushKeys is what a browser keeps of a subscription.
type pushKeys struct {
	private *ecdh.PrivateKey
	auth    []byte
}

// decrypt opens a push message as RFC 8291 section 4 tells user agents to: one record, a keyid that is a P-256 point.
func (k pushKeys) decrypt(body []byte) ([]byte, error) {
	m, err := parseAES128GCM(body)
	if err != nil {
		return nil, err
	}
	if len(m.keyID) != 65 {
		return nil, fmt.Errorf("the keyid has %d bytes, not 65", len(m.keyID))
	}
	if uint64(len(m.records)) > uint64(m.size) {
		return nil, errors.New("more than one record")
	}
	sender, err := ecdh.P256().NewPublicKey(m.keyID)
	if err != nil {
		return nil, errors.New("the keyid is not a point on P-256")
	}
	secret, err := k.private.ECDH(sender)
	if err != nil {
		return nil, fmt.Errorf("agree on a secret: %w", err)
	}
	info := bytes.Join([][]byte{[]byte("WebPush: info\x00"), k.private.PublicKey().Bytes(), m.keyID, {1}}, nil)
	return m.open(mac(mac(k.auth, secret), info))
}
