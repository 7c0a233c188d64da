package api

import (
	"context"
	"net/http"
	"time"

	"allim.dev/allim/notify/api/wire"
)

// The words of Status.
const (
	statusOK       = "ok"
	statusDegraded = "degraded"
	statusUnready  = "unready"
)

// readyTimeout bounds the look at the store: who asks does so every few seconds.
const readyTimeout = 2 * time.Second

// laneMisconfigured is notify.LaneState's word for a lane whose credentials were refused.
const laneMisconfigured = "misconfigured"

func (a *API) healthz(*call, *wire.None) (*wire.Status, error) {
	return &wire.Status{Status: statusOK}, nil
}

// readyz is 503 when requests cannot be served: the store does not take writes, or what Options.Ready says. A lane that
// is misconfigured degrades the hub only, because the others work. Everybody may ask, so reasons stay in the log and in
// GET /v1/lanes.
func (a *API) readyz(c *call, _ *wire.None) (*wire.Status, error) {
	ctx, cancel := context.WithTimeout(c.ctx, readyTimeout)
	defer cancel()
	out := &wire.Status{Status: statusOK}
	lanes, err := a.hub.Lanes(ctx)
	if err != nil {
		a.log.Warn("readyz: the lanes could not be read", "error", err)
	}
	for _, l := range lanes {
		if l.State == laneMisconfigured {
			out.Status = statusDegraded
			out.Faults = append(out.Faults, wire.Fault{Part: "lane " + l.Lane.String(), Message: "is misconfigured and keeps its queue"})
		}
	}
	if err := a.store.Ping(ctx); err != nil {
		a.log.Warn("readyz: the store cannot be written to", "error", err)
		out.Status = statusUnready
		out.Faults = append(out.Faults, wire.Fault{Part: "store", Message: "cannot be written to"})
	}
	if a.ready != nil {
		if faults := a.ready(ctx); len(faults) > 0 {
			out.Status = statusUnready
			out.Faults = append(out.Faults, faults...)
		}
	}
	if out.Status == statusUnready {
		c.status = http.StatusServiceUnavailable
		c.header("Retry-After", "5")
	}
	return out, nil
}
