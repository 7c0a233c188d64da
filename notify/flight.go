package notify

import (
	"slices"
	"time"
)

// A big walk has several chunks under way at once. Their outcomes are stored in the order of the chunks, and those of
// finished ones behind each other as one: the stored position passes only what has its outcome.

// flight is a big walk on its way. Its fields are guarded by lane.mu.
type flight struct {
	walk    int64
	n       Notification
	next    int64     // the position up to which targets were read
	read    bool      // the last ones were read
	reading bool      // a chunk is being read
	chunks  []*task   // in order, not yet stored
	aside   time.Time // an outcome could not be stored: nothing behind it may be, until then
}

// board takes a big walk in hand for one more chunk; nil when there is no room for it.
func (r *laneRun) board(w Walk) *flight {
	room := r.far.batches()
	most := chunksOf(room) // so much is sent again after a crash, at most
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sleepersWait {
		room--
	}
	if r.big >= room {
		return nil
	}
	f := r.flights[w.ID]
	switch {
	case f == nil:
		if !r.walks.claim(w.ID) {
			return nil
		}
		f = &flight{walk: w.ID, next: w.Position}
		r.flights[w.ID] = f
	case f.read || f.reading || !f.aside.IsZero() || len(f.chunks) >= most:
		return nil
	}
	f.reading = true
	return f
}

// boarded ends what board began; t is the chunk, nil when it could not be read.
func (r *laneRun) boarded(f *flight, t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.reading = false
	if t != nil {
		t.flight = f
		f.chunks = append(f.chunks, t)
		f.next, f.read = t.progress.Position, t.last
	}
	r.land(f)
}

// finished takes chunks with all their outcomes and gives those that can be stored now: all finished ones from the first on.
// Those of a flight that was put aside are let go instead.
func (r *laneRun) finished(f *flight) (whole []*task, drop bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !f.aside.IsZero() {
		return slices.DeleteFunc(slices.Clone(f.chunks), func(t *task) bool { return !t.done }), true
	}
	n := 0
	for n < len(f.chunks) && f.chunks[n].done {
		n++
	}
	return slices.Clone(f.chunks[:n]), false
}

// passed forgets chunks that were stored, or let go: until (if any) is when the walk may be looked at again.
func (r *laneRun) passed(f *flight, chunks []*task, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !until.IsZero() {
		f.aside = until
	}
	f.chunks = slices.DeleteFunc(f.chunks, func(t *task) bool { return slices.Contains(chunks, t) })
	r.land(f)
}

// land ends a flight that has nothing under way; the next chunk begins another one. Called with mu held.
func (r *laneRun) land(f *flight) {
	if f.reading || len(f.chunks) > 0 {
		return
	}
	delete(r.flights, f.walk)
	if f.aside.IsZero() {
		r.walks.release(f.walk)
	} else {
		r.walks.aside(f.walk, f.aside)
	}
}

// entry is what is stored as one: a task, or finished chunks of a flight.
type entry struct {
	tasks    []*task
	progress Progress
}

// entries makes what can be stored of tasks that have all their outcomes.
func (r *laneRun) entries(group []*task) (out []entry) {
	var flights []*flight
	out = make([]entry, 0, len(group))
	for i, t := range group {
		if t.flight == nil {
			p := t.progress
			p.Counts.Suppressed += int64(t.missing)
			out = append(out, entry{group[i : i+1 : i+1], p})
			continue
		}
		r.mu.Lock()
		t.done = true
		r.mu.Unlock()
		if !slices.Contains(flights, t.flight) {
			flights = append(flights, t.flight)
		}
	}
	for _, f := range flights {
		chunks, drop := r.finished(f)
		switch {
		case drop:
			r.passed(f, chunks, time.Time{})
			for _, t := range chunks {
				r.free(t)
			}
		case len(chunks) > 0:
			out = append(out, entry{chunks, merged(chunks)})
		}
	}
	return out
}

// merged is the progress of chunks behind each other as one.
func merged(chunks []*task) Progress {
	p := chunks[0].progress
	for _, c := range chunks[1:] {
		p.Position, p.Done, p.Counts = c.progress.Position, c.progress.Done, p.Counts.Add(c.progress.Counts)
		p.Rows = append(p.Rows, c.progress.Rows...)
		p.Held = append(p.Held, c.progress.Held...)
		p.Devices = append(p.Devices, c.progress.Devices...)
	}
	return p
}
