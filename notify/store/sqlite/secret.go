package sqlite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

const keySize = 32 // AES-256

// sealer encrypts accounts' secrets with AES-256-GCM. Its key is in a file beside the data file, so that a copy of the
// data file alone tells no password. It seals with the first key, and opens what any of them sealed: there are two while
// the key is changed (rekey.go).
type sealer struct{ keys []cipher.AEAD }

// openSealer reads the key file, or makes it.
func openSealer(path string, log *slog.Logger) (*sealer, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the stored passwords: %w", err)
	}
	if len(key) == 0 || len(key)%keySize != 0 {
		return nil, fmt.Errorf("key of the stored passwords: %s has %d bytes instead of %d; put the right file back", path, len(key), keySize)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the key of the stored passwords can be read by other users of this machine; chmod 600 it", "file", path)
	}
	return newSealer(key)
}

// newSealer makes one of the keys in a file, one after the other.
func newSealer(keys []byte) (*sealer, error) {
	s := &sealer{}
	for ; len(keys) > 0; keys = keys[keySize:] {
		block, err := aes.NewCipher(keys[:keySize])
		if err != nil {
			return nil, fmt.Errorf("key of the stored passwords: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("key of the stored passwords: %w", err)
		}
		s.keys = append(s.keys, aead)
	}
	return s, nil
}

func newKey() ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return key, nil
}

// makeKey writes a new key.
func makeKey(path string) ([]byte, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	return key, writeKey(path, key)
}

// writeKey writes a key file, which is there whole or not at all, also after a power failure.
func writeKey(path string, key []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "secret.key.*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// seal encrypts a secret; nil for an empty one. It is bound to its account and source: moved to another row, it does
// not open.
func (s *sealer) seal(secret, account, source string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	aead := s.keys[0]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return aead.Seal(nonce, nonce, []byte(secret), bound(account, source)), nil
}

var errSealed = errors.New("its password cannot be read: secret.key in the data folder is not the one it was stored with; " +
	"put that file back, or set the password again")

// open decrypts a secret.
func (s *sealer) open(sealed []byte, account, source string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	for _, aead := range s.keys {
		n := aead.NonceSize()
		if len(sealed) < n {
			return "", errSealed
		}
		if plain, err := aead.Open(nil, sealed[:n], sealed[n:], bound(account, source)); err == nil {
			return string(plain), nil
		}
	}
	return "", errSealed
}

func bound(account, source string) []byte {
	return []byte("allim account " + account + " of " + source)
}
