package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Page asks for a stretch of a listing.
type Page struct {
	Cursor string // Next of the page before; empty: from the start
	Limit  int    // 1 to 1000; 0: 100
}

func (p Page) query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	return q
}

func list[T any](ctx context.Context, c *Client, path string, q url.Values) (T, error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: path, query: q})
}

// All goes through every entry of a listing, page by page. It ends after the first error.
//
//	for u, err := range client.All(func(p client.Page) ([]wire.User, string, error) {
//		l, err := c.Users(ctx, p)
//		return l.Users, l.Next, err
//	}) { … }
func All[T any](page func(Page) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p := Page{Limit: 1000}
		for {
			items, next, err := page(p)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			p.Cursor = next
		}
	}
}
