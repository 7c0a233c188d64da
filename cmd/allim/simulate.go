package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/simulate"
)

// lastPort is the greatest first port that leaves room for the others.
const lastPort = 65000

func (c *cli) simulate() *cobra.Command {
	var o simulate.Options
	cmd := &cobra.Command{
		Use:   "simulate [--listen ADDR] [--faults FILE] [--dir DIR] [--ports FIRST]",
		Short: "Run simulators of APNs, FCM, WNS, Web Push and webhooks to push to",
		Long: "Run strict simulators of the push platforms on loopback, with credentials of their own, and print the lines\n" +
			"that point a hub at them. A page shows what arrived; faults are scripted over HTTP or in a YAML file. Ctrl-C\n" +
			"ends it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Ports < 0 || o.Ports > lastPort {
				return usagef("simulate: --ports must be 1 to %d, or 0 for free ones", lastPort)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
			o.Stdout = c.stdout
			return simulate.Run(ctx, o)
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", simulate.DefaultListen, "`ADDR` of the page; the simulators are always on loopback")
	cmd.Flags().StringVar(&o.Faults, "faults", "", "YAML `FILE` of faults to begin with")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "`DIR` for credentials, which stay there (default a temporary one)")
	cmd.Flags().IntVar(&o.Ports, "ports", 0, "the `FIRST` of the simulators' ports, one after the other (default free ones)")
	return cmd
}
