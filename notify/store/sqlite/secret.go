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
// data file alone tells no password.
type sealer struct{ aead cipher.AEAD }

// openSealer reads the key file, or makes it.
func openSealer(path string, log *slog.Logger) (*sealer, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the stored passwords: %w", err)
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("key of the stored passwords: %s has %d bytes instead of %d; put the right file back", path, len(key), keySize)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the key of the stored passwords can be read by other users of this machine; chmod 600 it", "file", path)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of the stored passwords: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key of the stored passwords: %w", err)
	}
	return &sealer{aead: aead}, nil
}

// makeKey writes a new key; the file is there whole or not at all, also after a power failure.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "secret.key.*") // 0600
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return key, syncFolder(filepath.Dir(path))
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
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return s.aead.Seal(nonce, nonce, []byte(secret), bound(account, source)), nil
}

var errSealed = errors.New("its password cannot be read: secret.key in the data folder is not the one it was stored with; " +
	"put that file back, or set the password again")

// open decrypts a secret.
func (s *sealer) open(sealed []byte, account, source string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", errSealed
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], bound(account, source))
	if err != nil {
		return "", errSealed
	}
	return string(plain), nil
}

func bound(account, source string) []byte {
	return []byte("allim account " + account + " of " + source)
}
