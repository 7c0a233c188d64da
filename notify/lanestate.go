package notify

import (
	"context"
	"time"
)

// The states of a lane, as stored and shown.
const (
	LaneOK            = "ok"
	LaneThrottled     = "throttled"     // the platform said until when
	LaneOpen          = "open"          // the platform is in trouble; one probe at a time
	LaneMisconfigured = "misconfigured" // our fault: credentials or settings; the queue is kept, a probe a minute
	LanePaused        = "paused"
)

const (
	probeSize  = 4           // deliveries with which a lane in trouble is tried
	probePause = time.Minute // between probes of a misconfigured lane
)

var laneStateNumber = map[string]float64{LaneOK: 0, LaneThrottled: 1, LaneOpen: 2, LaneMisconfigured: 3, LanePaused: 4}

// state gives how the lane is.
func (l *lane) state() LaneState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.st
}

// judge looks at an outcome with the whole lane in mind, changes the lane's state by it, and gives the outcome as it is
// to be stored: while the lane is misconfigured, no device is blamed.
func (r *laneRun) judge(o Outcome, d Device, now time.Time) Outcome {
	tripped := r.guard.note(d.Key, o.Verdict, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch o.Verdict {
	case Accepted, Failed: // the platform let us in and understood us
		r.recovered(now)
	case Misconfigured:
		r.misconfigured(o.Reason, now)
	case Retry:
		if o.WholeLane {
			r.trouble(o, now)
		}
	case Gone, Suspect:
		switch {
		case r.st.State == LaneMisconfigured:
			r.misconfigured(r.st.Reason, now)
			o.Verdict = Misconfigured
		case tripped:
			r.guard.reset()
			r.misconfigured("most devices are refused ("+o.Reason+"): wrong environment, key or app", now)
			o.Verdict = Misconfigured
		default:
			r.recovered(now)
		}
	}
	return o
}

// recovered notes a success. Called with mu held, as are the others below.
func (r *laneRun) recovered(now time.Time) {
	r.failures = 0
	switch {
	case r.st.State == LaneOK || r.st.State == LanePaused:
	case r.st.State == LaneMisconfigured && !r.mending:
		// It works again when all is pardoned: until then nothing may be retired.
		r.mending = true
		r.pardon(r.st.Since.Add(-guardWindow))
	case r.st.State != LaneMisconfigured:
		r.works(now)
	}
}

// works lets the lane go on. Called with mu held.
func (r *laneRun) works(now time.Time) {
	r.hub.log.Info("lane works again", "lane", r.name, "was", r.st.State)
	r.setState(LaneState{Lane: r.name, State: LaneOK, Since: now})
}

// trouble pauses the lane: until the platform's own time, or longer with each failure in a row. Several answers of one
// batch are one failure.
func (r *laneRun) trouble(o Outcome, now time.Time) {
	if r.st.NotBefore.After(now) && !o.At.After(r.st.NotBefore) {
		return
	}
	st := LaneState{Lane: r.name, State: LaneThrottled, Reason: o.Reason, Since: r.st.Since, NotBefore: o.At}
	if !o.At.After(now) {
		r.failures++
		st.State, st.NotBefore = LaneOpen, now.Add(backoff(r.failures, lanePauseBase, lanePauseCap))
	}
	if r.st.State == LaneOK {
		st.Since = now
		r.hub.log.Warn("lane in trouble", "lane", r.name, "state", st.State, "reason", o.Reason, "until", st.NotBefore)
	}
	r.setState(st)
}

func (r *laneRun) misconfigured(reason string, now time.Time) {
	st := LaneState{Lane: r.name, State: LaneMisconfigured, Reason: reason, Since: r.st.Since, NotBefore: now.Add(probePause)}
	if r.st.State != LaneMisconfigured {
		st.Since = now
		r.hub.log.Error("lane stopped: it is misconfigured; its queue is kept, no device is retired",
			"lane", r.name, "reason", reason)
	}
	r.setState(st)
}

// setState changes the state and has it stored, so that a restart does not forget it.
func (r *laneRun) setState(st LaneState) {
	r.st = st
	r.hub.metrics.lane.WithLabelValues(r.name.App, string(r.name.Platform)).Set(laneStateNumber[st.State])
	select {
	case r.changed <- struct{}{}:
	default: // the keeper will see this state, too
	}
}

// keepState stores the lane's state when it changed, the newest only.
func (r *laneRun) keepState() {
	for range r.changed {
		ctx, cancel := context.WithTimeout(context.Background(), advanceTimeout)
		if err := r.hub.store.SetLaneState(ctx, r.state()); err != nil {
			r.hub.log.Error("the lane's state is not stored: a restart would forget it", "lane", r.name, "error", err)
		}
		cancel()
	}
}

// pardon takes back what was concluded of devices since a fault of ours began, now that it is mended, and then lets the
// lane go on. It is a short write that settle must not wait for; the loop waits for it at the end. If it fails, the next
// probe's success tries again.
func (r *laneRun) pardon(since time.Time) {
	r.pushes.Add(1)
	go func() {
		defer r.pushes.Done()
		ctx, cancel := context.WithTimeout(context.Background(), advanceTimeout)
		defer cancel()
		devices, deliveries, err := r.hub.store.PardonDevices(ctx, r.name, since)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mending = false
		if err != nil {
			r.hub.log.Error("devices could not be pardoned; the lane stays as it is", "lane", r.name, "error", err)
			return
		}
		r.hub.log.Warn("devices pardoned", "lane", r.name, "devices", devices, "deliveries", deliveries)
		r.works(r.hub.clock.Now())
		r.look()
	}()
}

// loadLanes takes over what was stored of the lanes. A misconfigured one is tried at once: a restart often is the repair.
func (h *Hub) loadLanes(ctx context.Context) error {
	states, err := h.store.LaneStates(ctx)
	if err != nil {
		return err
	}
	for _, st := range states {
		l := h.lanes[st.Lane]
		if l == nil {
			continue
		}
		if st.State == LaneMisconfigured || st.State == LaneOpen {
			st.NotBefore = time.Time{}
		}
		l.mu.Lock()
		l.st = st
		l.mu.Unlock()
	}
	for _, name := range h.names {
		h.metrics.lane.WithLabelValues(name.App, string(name.Platform)).Set(laneStateNumber[h.lanes[name].state().State])
	}
	return nil
}
