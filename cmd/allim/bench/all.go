package bench

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

// AllResult is the results of several scenarios.
type AllResult struct {
	names   []string
	Results map[string]Result `json:"results"`
}

// Table implements Result: a row for each figure.
func (r AllResult) Table() (head []string, rows [][]string) {
	for _, name := range r.names {
		columns, figures := r.Results[name].Table()
		for _, f := range figures {
			if len(columns) == 2 { // figures below each other
				rows = append(rows, []string{name, f[0], f[1]})
				continue
			}
			for i := range f {
				rows = append(rows, []string{name, columns[i], f[i]})
			}
		}
	}
	return []string{"SCENARIO", "WHAT", "FIGURE"}, rows
}

// engine is the delivery engine's scenarios behind each other, with their own defaults.
func engine() Scenario {
	parts := []struct {
		name  string
		s     Scenario
		flags []string
	}{
		{"accept, JSON", accept(), nil},
		{"accept, XML", accept(), []string{"--xml"}},
		{"accept, JSON, each with a device", accept(), []string{"--devices=1"}},
		{"accept, JSON, 100 recipients", accept(), []string{"--recipients=100"}},
		{"broadcast", broadcast(), nil},
		{"broadcast, killed three times", broadcast(), []string{"--kills=3"}},
		{"alert during a broadcast", alert(), nil},
		{"broadcast, through a proxy", broadcast(), []string{"--proxy"}},
		{"live", live(), nil},
		{"live, websockets", live(), []string{"--transport=ws"}},
		{"live, polls", live(), []string{"--transport=poll"}},
	}
	return Scenario{
		Name: "all", Short: "Acceptance, broadcast, alerts and open pages, one after the other",
		Long: "Runs accept (JSON, XML, with devices, 100 recipients), broadcast (also killed and through a proxy),\n" +
			"alert-during-broadcast and live (streams, websockets, polls) one after the other, with their own defaults. It takes about\n" +
			"ten minutes.",
		Run: func(ctx context.Context, progress io.Writer) (Result, error) {
			all := AllResult{Results: map[string]Result{}}
			for _, p := range parts {
				flags := pflag.NewFlagSet(p.s.Name, pflag.ContinueOnError)
				p.s.Flags(flags)
				if err := flags.Parse(p.flags); err != nil {
					return nil, err
				}
				fmt.Fprintf(progress, "== %s\n", p.name)
				r, err := p.s.Run(ctx, progress)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", p.name, err)
				}
				all.names, all.Results[p.name] = append(all.names, p.name), r
			}
			return all, nil
		},
	}
}
