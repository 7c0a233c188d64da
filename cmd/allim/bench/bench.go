// Package bench is `allim bench`: measurements of the hub on the machine at hand, one file for each scenario. They run in
// a temporary folder, on loopback, and leave nothing behind.
package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"
)

// Scenario is one measurement.
type Scenario struct {
	Name  string // the command's
	Short string
	Long  string
	// Flags adds the scenario's own; nil: none.
	Flags func(*pflag.FlagSet)
	// Run measures until it is done or ctx ends, and tells on progress what it does at present.
	Run func(ctx context.Context, progress io.Writer) (Result, error)
}

// Result is what was measured: it is printed as JSON as it is, or as a table for people.
type Result interface {
	Table() (head []string, rows [][]string)
}

// Scenarios are all of them, in the order in which help lists them.
func Scenarios() []Scenario {
	return []Scenario{accept(), alert(), broadcast(), chaos(), engine(), live(), reminders(), sender(), webPages()}
}

// Spread is how measured times are distributed, in milliseconds.
type Spread struct {
	P50 float64 `json:"p50Ms"`
	P99 float64 `json:"p99Ms"`
	Max float64 `json:"maxMs"`
}

// spread sums times up; the zero value for none.
func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[min(len(times)-1, int(share*float64(len(times))))].Microseconds()) / 1000
	}
	return Spread{P50: at(.5), P99: at(.99), Max: at(1)}
}

// cells writes a spread for a table.
func (s Spread) cells() []string {
	return []string{fmt.Sprintf("%.1f ms", s.P50), fmt.Sprintf("%.1f ms", s.P99), fmt.Sprintf("%.1f ms", s.Max)}
}
