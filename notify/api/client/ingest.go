package client

import (
	"context"
	"net/http"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// Ingest posts a foreign document through a mapping that has no reply of its own.
func (c *Client) Ingest(ctx context.Context, mapping string, d notify.Foreign) (wire.Ingested, error) {
	return call[wire.Ingested](ctx, c, foreign(at("ingest", mapping), d))
}

// TryMapping tells what a foreign document would send, and to whom.
func (c *Client) TryMapping(ctx context.Context, mapping string, d notify.Foreign) (wire.Trial, error) {
	return call[wire.Trial](ctx, c, foreign(at("mappings", mapping, "try"), d))
}

func foreign(path string, d notify.Foreign) request {
	r := request{method: http.MethodPost, path: path, doc: d.Data, header: http.Header{}}
	if d.ContentType != "" {
		r.header.Set("Content-Type", d.ContentType)
	}
	return r
}
