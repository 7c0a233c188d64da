package notify

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// NewID gives a UUIDv7 (RFC 9562 section 5.7): unique, and sorted by the time of its making.
func NewID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic("no randomness: " + err.Error()) // crypto/rand does not fail on a working system
	}
	return id.String()
}

// CheckName tells whether s can name a user, topic, app or source: 1 to 128 bytes of printable UTF-8 without spaces at
// its ends, without '/', '*', '?', '#', '%' and control characters, because it stands in URLs.
func CheckName(s string) error {
	switch {
	case s == "":
		return errors.New("is required")
	case len(s) > 128:
		return errors.New("is longer than 128 bytes")
	case !utf8.ValidString(s):
		return errors.New("is not valid UTF-8")
	case strings.TrimSpace(s) != s || s == "." || s == "..":
		return errors.New("has spaces at its ends or is a dot")
	case strings.ContainsAny(s, "/*?#%\\") || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("holds a character that cannot stand in a URL's path: / * ? # % \\ or a control character")
	}
	return nil
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// detail gives what an Error says without its code, for a field's message.
func detail(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}
