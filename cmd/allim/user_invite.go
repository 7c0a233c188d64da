package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/skip2/go-qrcode"
	"github.com/spf13/cobra"

	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) userInvite() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{Use: "invite ID", Short: "Make a link that lets a person sign in once, with a QR code",
		Long: "Make a link that lets a person sign in once, within three days. The person's former link ends.", Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			i, err := hub.Invite(ctx, args[0])
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(i)
			}
			if !quiet {
				q, err := qrcode.New(i.URL, qrcode.Low)
				if err != nil {
					return fmt.Errorf("make the QR code: %w", err)
				}
				if _, err := fmt.Fprint(c.stdout, q.ToSmallString(false)); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(c.stdout, "%s\n", i.URL)
			return err
		})}
	cmd.Flags().BoolVar(&quiet, "no-qr", false, "only the link")
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) userRole() *cobra.Command {
	roles := []string{"person", "auditor", "operator", "admin"}
	return &cobra.Command{Use: "role ID ROLE", Short: "Say what part a person has in running the hub: person, auditor, operator, admin",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(roles, args[1]) {
				return usagef("user role: there is no role %q; known are: person, auditor, operator, admin", args[1])
			}
			return c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
				return c.done(hub.SetRole(ctx, args[0], wire.Word(args[1])), "%s is now: %s", args[0], args[1])
			})(cmd, args)
		}}
}
