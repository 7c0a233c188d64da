package main

import (
	"context"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify/api/client"
)

func (c *cli) trace() *cobra.Command {
	cmd := &cobra.Command{Use: "trace ID", Short: "Tell the life of an event, notification or delivery, step by step",
		Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			trace, err := hub.Trace(ctx, args[0])
			if err != nil {
				return err
			}
			t := table{head: []string{"TIME", "STEP", "ID", "WHAT"}}
			for _, s := range trace.Steps {
				at := ""
				if !s.At.IsZero() {
					at = s.At.Local().Format("2006-01-02 15:04:05.000")
				}
				t.add(at, s.Step, s.ID, s.Text)
			}
			return c.print(trace, t)
		})}
	c.jsonFlag(cmd)
	return cmd
}
