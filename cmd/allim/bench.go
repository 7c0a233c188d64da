package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/bench"
	"allim.dev/allim/cmd/allim/bench/hub"
	"allim.dev/allim/cmd/allim/bench/simulator"
)

// bench is the group of measurements; each has a file in the bench folder.
func (c *cli) bench() *cobra.Command {
	var subs []*cobra.Command
	for _, s := range bench.Scenarios() {
		subs = append(subs, c.scenario(s))
	}
	subs = append(subs, simulator.Command(), hub.Command())
	return group("bench", "Measure the hub on this machine", subs...)
}

func (c *cli) scenario(s bench.Scenario) *cobra.Command {
	cmd := &cobra.Command{Use: s.Name, Short: s.Short, Long: s.Long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
			result, err := s.Run(ctx, c.stderr)
			if err != nil {
				return err
			}
			head, rows := result.Table()
			return c.print(result, table{head: head, rows: rows})
		}}
	if s.Flags != nil {
		s.Flags(cmd.Flags())
	}
	c.jsonFlag(cmd)
	return cmd
}
