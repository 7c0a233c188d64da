package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	saltLen   = 16
	publicLen = 65 // an uncompressed P-256 point
	authLen   = 16
	// headerLen is RFC 8188 section 2.1's header with the sender's public key as keyid (RFC 8291 section 4).
	headerLen = saltLen + 4 + 1 + publicLen
	tagLen    = 16
	// maxBody is what every push service must take (RFC 8030 section 7.2) and what bridges cut off beyond.
	maxBody = 4096
	// recordSize only has to be greater than the one record (RFC 8291 section 4).
	recordSize = 4096
	// MaxPayload is the longest plaintext, in bytes: the body less header, tag and the padding's delimiter.
	MaxPayload = maxBody - headerLen - tagLen - 1
	// delimiter ends the plaintext of the last record, and zeros follow it (RFC 8188 section 2).
	delimiter = 2
)

const (
	keyInfo   = "WebPush: info\x00"               // RFC 8291 section 3.4
	cekInfo   = "Content-Encoding: aes128gcm\x00" // RFC 8188 section 2.2
	nonceInfo = "Content-Encoding: nonce\x00"     // RFC 8188 section 2.3
)

// receiver is a browser: its public key and its authentication secret.
type receiver struct {
	key  *ecdh.PublicKey
	raw  []byte // key as 65 bytes
	auth []byte
}

// newReceiver checks a subscription's keys: a point on the curve, a secret of 16 bytes (RFC 8291 sections 3.1, 3.2).
func newReceiver(p256dh, auth []byte) (receiver, error) {
	if len(auth) != authLen {
		return receiver{}, fmt.Errorf("auth has %d bytes, not %d", len(auth), authLen)
	}
	if len(p256dh) != publicLen || p256dh[0] != 4 {
		return receiver{}, errors.New("p256dh is not an uncompressed P-256 point of 65 bytes")
	}
	key, err := ecdh.P256().NewPublicKey(p256dh)
	if err != nil {
		return receiver{}, errors.New("p256dh is not a point on P-256")
	}
	return receiver{key: key, raw: p256dh, auth: auth}, nil
}

// sender is what is fresh for every message: two messages under the same keys would give each other away.
type sender struct {
	key  *ecdh.PrivateKey
	salt [saltLen]byte
}

func newSender() (sender, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return sender{}, fmt.Errorf("make a key: %w", err)
	}
	s := sender{key: key}
	if _, err := rand.Read(s.salt[:]); err != nil {
		return sender{}, fmt.Errorf("make a salt: %w", err)
	}
	return s, nil
}

// plaintextIn gives the place in a body where the plaintext goes before seal encrypts it there. buf is grown as needed.
func plaintextIn(buf []byte, n, pad int) (body, plaintext []byte) {
	size := headerLen + n + 1 + pad + tagLen
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	body = buf[:size]
	return body, body[headerLen : headerLen+n]
}

// seal encrypts in place what plaintextIn's n bytes of body hold, and makes body the message of RFC 8291 section 4:
// salt, record size, key, and one record.
func seal(body []byte, n int, to receiver, from sender) error {
	public := from.key.PublicKey().Bytes()
	copy(body, from.salt[:])
	binary.BigEndian.PutUint32(body[saltLen:], recordSize)
	body[saltLen+4] = publicLen
	copy(body[saltLen+5:headerLen], public)

	record := body[headerLen : len(body)-tagLen]
	record[n] = delimiter
	clear(record[n+1:])

	secret, err := from.key.ECDH(to.key)
	if err != nil {
		return fmt.Errorf("agree on a secret: %w", err)
	}
	cek, nonce, err := derive(secret, to, public, from.salt[:])
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		return fmt.Errorf("make the cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("make the cipher: %w", err)
	}
	aead.Seal(record[:0], nonce, record, nil)
	return nil
}

// derive makes the content key and nonce (RFC 8291 section 3.4).
func derive(secret []byte, to receiver, public, salt []byte) (cek, nonce []byte, err error) {
	info := make([]byte, 0, len(keyInfo)+2*publicLen)
	info = append(append(append(info, keyInfo...), to.raw...), public...)
	ikm, err := hkdf.Key(sha256.New, secret, to.auth, string(info), sha256.Size)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the keying material: %w", err)
	}
	prk, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the keys: %w", err)
	}
	if cek, err = hkdf.Expand(sha256.New, prk, cekInfo, 16); err != nil {
		return nil, nil, fmt.Errorf("derive the content key: %w", err)
	}
	if nonce, err = hkdf.Expand(sha256.New, prk, nonceInfo, 12); err != nil {
		return nil, nil, fmt.Errorf("derive the nonce: %w", err)
	}
	return cek, nonce, nil
}

// Padding hides the length of what is told: up to padTo, a plaintext grows to the next multiple of padStep bytes.
// Longer ones are sent as they are, because services with small limits would refuse the rest (413).
const (
	padStep = 128
	padTo   = 2560
)

func padding(n int) int {
	if n >= padTo {
		return 0
	}
	return (padStep - n%padStep) % padStep
}
