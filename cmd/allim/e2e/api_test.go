package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"allim.dev/allim/notify/api/wire"
)

// call makes a request in JSON as the holder of key and decodes the answer into out (nil: dropped). An answer of 400 and
// more is a *wire.Problem as error.
func (h *hub) call(ctx context.Context, key, method, path string, in, out any) error {
	body := io.Reader(http.NoBody)
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.url()+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 400 {
		return &refusal{Status: res.StatusCode, Type: res.Header.Get("Content-Type"), Text: string(text)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// refusal is an answer that says no.
type refusal struct {
	Status     int
	Type, Text string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.Status, r.Text) }

// must makes a call as administrator that has to work.
func (h *hub) must(method, path string, in, out any) {
	h.t.Helper()
	if err := h.call(h.t.Context(), h.key, method, path, in, out); err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// inbox gives everything that a person was told.
func (h *hub) inbox(token string) ([]wire.InboxItem, error) {
	var all []wire.InboxItem
	after := ""
	for {
		var page wire.Inbox
		path := "/v1/me/inbox"
		if after != "" {
			path += "?cursor=" + after
		}
		if err := h.call(h.t.Context(), token, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		if len(page.Items) == 0 {
			return all, nil
		}
		all = append(all, page.Items...)
		after = page.Next
	}
}

// metric gives a sample of /metrics by its name with labels, such as `allim_accounts{source="mail",state="watching"}`;
// -1 when it is not there.
func (h *hub) metric(sample string) float64 {
	res, err := h.http.Get(h.url() + "/metrics")
	if err != nil {
		return -1
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, sample+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err == nil {
				return v
			}
		}
	}
	return -1
}
