package api

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"

	"allim.dev/allim/notify"
)

// Limits of a listing.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxCursor    = 512 // bytes
)

const badQuery = "the query is not valid"

// page reads cursor and limit.
func (c *call) page() (notify.Page, error) {
	limit, bad := c.limit()
	after, err := base64.RawURLEncoding.DecodeString(c.query("cursor"))
	if err != nil || len(after) > maxCursor {
		bad = append(bad, badCursor())
	}
	return notify.Page{After: string(after), Limit: limit}, invalid(badQuery, bad)
}

func (c *call) limit() (int, []notify.FieldError) {
	s := c.query("limit")
	if s == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit {
		return defaultLimit, []notify.FieldError{{Path: "limit", Message: "must be 1 to " + strconv.Itoa(maxLimit)}}
	}
	return n, nil
}

func badCursor() notify.FieldError {
	return notify.FieldError{Path: "cursor", Message: "is not one that this hub gave out"}
}

// next gives the cursor after a page: empty when the page was not full, so that there is nothing more. It is the store's
// own cursor (notify.Page), wrapped up so that nobody takes it for more than it is.
func next[T any](p notify.Page, list []T, cursor func(T) string) string {
	if len(list) < p.Limit {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(cursor(list[len(list)-1])))
}

// mapped converts a list; never nil, so that an empty list is [] and not null.
func mapped[A, B any](list []A, convert func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = convert(v)
	}
	return out
}

// invalid makes the error of some bad fields, in a stable order; nil when there are none.
func invalid(detail string, bad []notify.FieldError) error {
	if len(bad) == 0 {
		return nil
	}
	slices.SortStableFunc(bad, func(a, b notify.FieldError) int { return cmp.Compare(a.Path, b.Path) })
	return &notify.Error{Code: notify.CodeInvalid, Detail: detail, Fields: bad}
}
