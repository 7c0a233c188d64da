package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/notify"
)

func (c *cli) check() *cobra.Command {
	var file string
	var online bool
	cmd := &cobra.Command{
		Use:   "check [-c FILE] [--online]",
		Short: "Validate the configuration; with --online log in to every source and platform",
		Args:  onlyTheFile,
		RunE:  func(cmd *cobra.Command, _ []string) error { return c.runCheck(cmd.Context(), file, online) },
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE`")
	cmd.Flags().BoolVar(&online, "online", false, "log in to every source and platform")
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) runCheck(ctx context.Context, file string, online bool) error {
	config := c.defaults()
	if file != "" {
		var err error
		if config, err = readConfig(file); err != nil {
			return err
		}
	}
	parts, err := app.Offline(config)
	if err != nil {
		return err
	}
	findings := []app.Finding{{Part: "configuration", OK: true, Text: "is valid"}}
	clock := notify.SystemClock{}
	if online {
		var more []app.Finding
		more, err = app.Online(ctx, config, parts, clock)
		findings = append(append(findings, app.ListenerExpiry(config, clock.Now())...), more...)
	} else {
		findings = append(findings, app.Expiries(config, parts, clock.Now())...)
	}
	if err := errors.Join(err, parts.Close()); err != nil {
		return err
	}
	if err := c.printFindings(findings); err != nil {
		return err
	}
	var failed []string
	for _, f := range findings {
		if !f.OK {
			failed = append(failed, f.Part)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d checks failed: %s", len(failed), len(findings), strings.Join(failed, ", "))
	}
	return nil
}

func (c *cli) printFindings(findings []app.Finding) error {
	t := table{head: []string{"PART", "STATE", "WHAT"}}
	for _, f := range findings {
		state := "ok"
		switch {
		case !f.OK:
			state = "failed"
		case f.Warn:
			state = "warning"
		}
		t.add(f.Part, state, f.Text)
	}
	return c.print(findings, t)
}
