package configs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret is the greatest file that a file: value may name, in bytes.
const maxSecret = 64 << 10

// resolve replaces "env:NAME" and "file:PATH" by what they name; other text stays as it is. One line end at the end of a
// file is not part of the secret. The error is plain words without the secret.
func resolve(text, dir string) (string, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		value := os.Getenv(name)
		if value == "" {
			return "", fmt.Errorf("the environment variable %q is not set or empty", name)
		}
		return value, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		return secretFile(relative(path, dir))
	}
	return text, nil
}

func secretFile(path string) (string, error) {
	// Looked at first, because to open a named pipe would wait for its writer.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fileError(path, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("the file %s is not an ordinary file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fileError(path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", fileError(path, err)
	case len(b) > maxSecret:
		return "", fmt.Errorf("the file %s is longer than %d bytes", path, maxSecret)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if value == "" {
		return "", fmt.Errorf("the file %s is empty", path)
	}
	return value, nil
}

// fileError says in few words why a file cannot be used.
func fileError(path string, err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("the file %s cannot be read: %w", path, err)
}

// relative starts a relative path at dir.
func relative(path, dir string) string {
	if path == "" || dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// namesFile tells whether the key's value is a path, by its name.
func namesFile(key string) bool { return strings.HasSuffix(key, "_file") }
