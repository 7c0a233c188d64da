// Package demo is `allim demo`: a whole hub on loopback in one process, with an IMAP server, a CalDAV server, simulated
// devices and two people; mails, invitations and tasks keep arriving, pushes are shown as they go out, and a page shows all
// of it live.
//
// Reading order: demo.go (the command), world.go (what is started, in which order, and how it ends), people.go, mails.go, calendar.go,
// ledger.go (what happened, for the terminal and the page), front.go (the page and the hub behind one address).
package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify"
)

const (
	defaultListen = "127.0.0.1:8080"
	defaultEvery  = 3 * time.Second
	firstMail     = 500 * time.Millisecond // after everything is watched, so that there is time to read the addresses
	stopTimeout   = 8 * time.Second
)

// Options is what a demo is made of; the zero value is that of the command without flags.
type Options struct {
	Listen string        // a loopback address; empty: 127.0.0.1:8080, or a free port when that one is taken
	Every  time.Duration // between mails; 0: 3 s
	Once   int           // end after so many pushes; 0: when ctx does
	Clock  notify.Clock  // nil: the machine's
	Stdout io.Writer     // what happens; nil: nothing is told
	Stderr io.Writer     // warnings; nil: none
	Ready  func(url string)
}

// Command is `allim demo`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:   "demo [--listen ADDR]",
		Short: "Try it: a hub with a mail and a calendar server, simulated devices and two people",
		Long: "Run a whole hub in a temporary folder, on loopback only and without any other network: an embedded IMAP\n" +
			"and a CalDAV server, simulators of APNs and Web Push, and two people. Mails, meetings, reminders and tasks\n" +
			"keep arriving, pushes are shown as they go out, and the printed address shows them live in a browser. Ctrl-C\n" +
			"ends it and removes the folder.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
			o.Stdout, o.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return Run(ctx, o)
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "", "loopback `ADDR` for the page and the API (default "+defaultListen+", or a free port)")
	cmd.Flags().DurationVar(&o.Every, "every", defaultEvery, "time between mails")
	cmd.Flags().IntVar(&o.Once, "once", 0, "end after `N` pushes")
	return cmd
}

// Run runs the demo until ctx ends or Once pushes went out, and leaves nothing behind.
func Run(ctx context.Context, o Options) (err error) {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	w := &world{opts: o, ledger: newLedger(o.Stdout, o.Clock, o.Once)}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if stopErr := w.stop(ctx); err == nil {
			err = stopErr
		}
	}()
	if err := w.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it started
		}
		return fmt.Errorf("start the demo: %w", err)
	}
	w.greet()
	if o.Ready != nil {
		o.Ready(w.front.url)
	}
	return w.play(ctx)
}
