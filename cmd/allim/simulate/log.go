package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// arrival is one request with the platform that it came to.
type arrival struct {
	Platform notify.Platform `json:"platform"`
	sim.Entry
}

// arrivals is the answer of GET /log.
type arrivals struct {
	Counts  map[notify.Platform]sim.Counts `json:"counts"` // of pushes, whatever is filtered
	Entries []arrival                      `json:"entries"`
}

// filter says which requests are wanted.
type filter struct {
	platform notify.Platform
	token    string
	limit    int // the newest
}

// How many requests are given.
const (
	defaultLimit = 1000
	maxLimit     = 50000
)

func (s *simulators) filterOf(q url.Values) (filter, error) {
	f := filter{platform: notify.Platform(q.Get("platform")), token: q.Get("token"), limit: defaultLimit}
	if f.platform != "" && s.platform(f.platform) == nil {
		return f, fmt.Errorf("there is no platform %q", f.platform)
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return f, errors.New("limit must be 1 to " + strconv.Itoa(maxLimit))
		}
		f.limit = n
	}
	return f, nil
}

// arrived gives what came to the simulators, in the order of arrival.
func (s *simulators) arrived(f filter) arrivals {
	a := arrivals{Counts: map[notify.Platform]sim.Counts{}, Entries: []arrival{}}
	for _, p := range s.platforms {
		a.Counts[p.name] = p.logs[0].Counts()
		if f.platform != "" && p.name != f.platform {
			continue
		}
		for _, log := range p.logs {
			for _, e := range log.Entries() {
				if f.token == "" || e.Key == f.token {
					a.Entries = append(a.Entries, arrival{p.name, e})
				}
			}
		}
	}
	slices.SortStableFunc(a.Entries, func(x, y arrival) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Platform, y.Platform), cmp.Compare(x.N, y.N))
	})
	a.Entries = a.Entries[max(len(a.Entries)-f.limit, 0):]
	return a
}
