package notify

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// What a lane does with a batch: render, hand over, settle.

// push renders and sends a batch, and passes every task on when its last outcome is there.
func (r *laneRun) push(ctx context.Context, b *batch) {
	deliveries, items := make([]Delivery, 0, b.size), make([]item, 0, b.size)
	began := r.hub.clock.Now()
	for _, t := range b.tasks {
		t.batch = b
		t.left.Store(int64(len(t.targets)) + 1) // one more: held until all are handed over
		for i := range t.targets {
			d, verdict := r.prepare(ctx, t, i, began)
			if verdict != nil {
				r.record(t, i, *verdict, began)
				continue
			}
			deliveries = append(deliveries, d)
			items = append(items, item{t, i})
		}
	}
	for _, t := range b.tasks {
		r.finish(t) // each is stored when its own last outcome is there, not the batch's
	}
	if len(deliveries) > 0 {
		r.send(ctx, deliveries, items)
	}
}

// send has the adapter push, and sees to it that every delivery is settled once, whatever the adapter does: a panic of
// its own, or a delivery that it forgot, is a retry like any other.
func (r *laneRun) send(ctx context.Context, deliveries []Delivery, items []item) {
	began := r.hub.clock.Now()
	settled := make([]atomic.Bool, len(items))
	var answered atomic.Bool
	settle := func(i int, o Outcome) {
		if settled[i].Swap(true) {
			r.hub.log.Error("an adapter settled a delivery twice", "lane", r.name, "delivery", deliveries[i].ID)
			return
		}
		took := r.hub.clock.Now().Sub(began)
		r.hub.metrics.push.WithLabelValues(string(r.name.Platform)).Observe(took.Seconds())
		if o.Verdict == Accepted && !answered.Swap(true) {
			r.far.note(took)
		}
		if ctx.Err() != nil && o.Verdict == Retry {
			o = Outcome{Verdict: Retry, At: began, Reason: reasonStopped}
		}
		r.settle(items[i].task, items[i].i, o)
	}
	defer func() {
		if v := recover(); v != nil {
			r.hub.log.Error("an adapter panicked", "lane", r.name, "panic", v, "stack", string(debug.Stack()))
		}
		for i := range settled {
			if !settled[i].Load() {
				settle(i, Outcome{Verdict: Retry, Reason: "the adapter failed"})
			}
		}
	}()
	r.adapter.Push(ctx, deliveries, settle)
}

// prepare makes the delivery, or says at once what becomes of the target without one.
func (r *laneRun) prepare(ctx context.Context, t *task, i int, now time.Time) (Delivery, *Outcome) {
	n, err := t.notification(ctx, r.hub.store)
	if err != nil {
		return Delivery{}, &Outcome{Verdict: Retry, Reason: "the notification could not be read"}
	}
	target := &t.targets[i]
	deadline := t.expires()
	if n.TTL == 0 && t.attempt == 0 {
		deadline = deadline.Add(onceGrace)
	}
	switch {
	case target.Suppressed != "":
		return Delivery{}, &Outcome{Verdict: suppressed, Reason: target.Suppressed}
	case t.retry && quarantined(t.row, target.Device):
		return Delivery{}, &Outcome{Verdict: Failed, Reason: t.row.Reason}
	case !now.Before(deadline):
		return Delivery{}, &Outcome{Verdict: expired, Reason: "its time ran out before it could be sent"}
	}
	w, verdict := r.hub.consult(ctx, t, i, now)
	if verdict != nil {
		return Delivery{}, verdict
	}
	p, err := r.payload.getAs(w.name, w.n, w.variant)
	if err != nil {
		return Delivery{}, &Outcome{Verdict: Failed, Reason: "cannot be rendered: " + err.Error()}
	}
	return Delivery{ID: DeliveryID(t.seq, target.Device.Key), Device: target.Device, Payload: p, Expires: t.expires(),
		Attempt: t.attempt + 1}, nil
}
