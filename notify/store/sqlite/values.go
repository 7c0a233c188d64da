package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"allim.dev/allim/notify"
)

// ms gives a time as it is stored: Unix milliseconds, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at reads a stored time.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// stored cuts a time to what the store keeps of it, so that an answer now and a reading later are equal.
func stored(t time.Time) time.Time { return at(ms(t)) }

// uid gives an id as it is stored: a UUID in 16 bytes, anything else as it is.
func uid(id string) any {
	if len(id) == 36 {
		if u, err := uuid.Parse(id); err == nil && u.String() == id {
			return u[:]
		}
	}
	return id
}

// id reads a stored id.
type id string

// Scan implements sql.Scanner.
func (i *id) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i = ""
	case string:
		*i = id(v)
	case []byte:
		u, err := uuid.FromBytes(v)
		if err != nil {
			return fmt.Errorf("stored id: %w", err)
		}
		*i = id(u.String())
	default:
		return fmt.Errorf("stored id has type %T", v)
	}
	return nil
}

// packToken gives a token as it is stored: lower-case hexadecimal ones, such as APNs has, take half the room as bytes.
func packToken(token string) any {
	if len(token)%2 == 0 {
		if b, err := hex.DecodeString(token); err == nil && hex.EncodeToString(b) == token {
			return b
		}
	}
	return token
}

// token reads a stored token.
type token string

// Scan implements sql.Scanner.
func (t *token) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*t = token(v)
	case []byte:
		*t = token(hex.EncodeToString(v))
	default:
		return fmt.Errorf("stored token has type %T", v)
	}
	return nil
}

// tokenHash finds a token in its lane; the token itself is compared after it. It has 32 bits: of a million devices, a
// hundred share theirs with another.
func tokenHash(lane int64, token string) int64 {
	sum := sha256.Sum256([]byte(strconv.FormatInt(lane, 10) + " " + token))
	return int64(int32(binary.BigEndian.Uint32(sum[:4])))
}

// toldHash keeps a told key short, and of a length that does not depend on others' data.
func toldHash(e notify.Event) []byte {
	told := "told " + e.Told
	if e.Told == "" {
		told = "event " + e.Source + " " + e.Account + " " + e.Key
	}
	sum := sha256.Sum256([]byte(told))
	return sum[:16]
}

// deviceID derives a device's id from its key: a UUIDv8 (RFC 9562 section 5.8) of 40 bits of key and 82 bits of a hash of
// the key and the store's salt. So a million devices need no index of ids, and the device of a kept delivery has its
// name even after the device was deleted.
func (s *Store) deviceID(key int64) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte("allim device "), s.salt...), uint64(key)))
	u := uuid.UUID(sum[:16])
	u[0], u[1], u[2], u[3], u[4] = byte(key>>32), byte(key>>24), byte(key>>16), byte(key>>8), byte(key)
	u[6] = 0x80 | u[6]&0x0f
	u[8] = 0x80 | u[8]&0x3f
	return u.String()
}

// deviceKey gives the key in a device id; false when this store cannot have made the id.
func (s *Store) deviceKey(id string) (int64, bool) {
	u, err := uuid.Parse(id)
	if err != nil {
		return 0, false
	}
	key := int64(u[0])<<32 | int64(u[1])<<24 | int64(u[2])<<16 | int64(u[3])<<8 | int64(u[4])
	return key, s.deviceID(key) == u.String()
}

// orNull keeps an empty word out of the row.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// text reads a column that may be NULL.
type text string

// Scan implements sql.Scanner.
func (t *text) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t = ""
	case string:
		*t = text(v)
	default:
		return fmt.Errorf("stored text has type %T", v)
	}
	return nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// toJSON encodes what is made of strings, numbers and times only: it cannot fail.
func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return string(b)
}

// limitOf gives a page's length.
func limitOf(p notify.Page) int {
	if p.Limit <= 0 {
		return 100
	}
	return min(p.Limit, 1000)
}

// keyOf reads a cursor that is a number; CodeInvalid when it is none.
func keyOf(p notify.Page) (int64, error) {
	if p.After == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil || n < 0 {
		return 0, notify.Errorf(notify.CodeInvalid, badCursor)
	}
	return n, nil
}

const badCursor = "the cursor is not one that this listing gave out"
