package notify

import (
	"cmp"
	"maps"
	"slices"
)

// turns are those of the big walks of a lane, so that one broadcast does not wait for the end of another. The loop's own.
type turns struct {
	count  int64
	served map[int64]int64 // walk: when it got its last chunk
}

// serve notes that the walk has got a chunk.
func (t *turns) serve(walk int64) {
	t.count++
	t.served[walk] = t.count
}

// inTurn puts the big walks of a look, which stand behind the small ones, into the order of their turns: who has the fewest
// chunks under way, then who got one the longest ago.
func (r *laneRun) inTurn(walks []Walk) {
	first := slices.IndexFunc(walks, func(w Walk) bool { return !w.Small })
	if first < 0 {
		clear(r.turns.served)
		return
	}
	big := walks[first:]
	maps.DeleteFunc(r.turns.served, func(id, _ int64) bool {
		return !slices.ContainsFunc(big, func(w Walk) bool { return w.ID == id })
	})
	if len(big) == 1 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(big, func(a, b Walk) int {
		return cmp.Or(cmp.Compare(r.chunksOf(a), r.chunksOf(b)), cmp.Compare(r.turns.served[a.ID], r.turns.served[b.ID]))
	})
}

// chunksOf gives how many chunks of a walk are under way. Called with mu held.
func (r *laneRun) chunksOf(w Walk) int {
	if f := r.flights[w.ID]; f != nil {
		return len(f.chunks)
	}
	return 0
}
