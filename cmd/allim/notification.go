package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) notification() *cobra.Command {
	return group("notification", "What is told, and steering it", c.notificationList(),
		c.steered("approve", "Start what waits for a second person's word; not with the key that sent it", (*client.Client).Approve),
		c.steered("refuse", "End what waits for a second person's word", (*client.Client).Refuse),
		c.steered("pause", "Hold a notification; what is under way goes out", (*client.Client).Pause),
		c.steered("resume", "Go on with a paused one", (*client.Client).Resume),
		c.steered("cancel", "End a notification; what was sent stays sent", (*client.Client).Cancel))
}

func (c *cli) notificationList() *cobra.Command {
	var f client.NotificationFilter
	var state string
	var limit int
	cmd := &cobra.Command{Use: "list", Short: "List the latest notifications", Args: cobra.NoArgs,
		RunE: c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
			f.State = notify.State(state)
			l, err := hub.Notifications(ctx, f, client.Page{Limit: limit})
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "CREATED", "STATE", "TITLE", "TARGETED", "ACCEPTED", "FAILED"}}
			for _, n := range l.Notifications {
				t.add(n.ID, when(n.CreatedAt), string(n.State), n.Title, fmt.Sprint(n.Counts.Targeted), fmt.Sprint(n.Counts.Accepted), fmt.Sprint(n.Counts.Failed))
			}
			return c.print(l, t)
		})}
	cmd.Flags().StringVar(&state, "state", "", "only those that are awaitingApproval, scheduled, sending, paused, done or cancelled")
	cmd.Flags().StringVar(&f.User, "user", "", "only those to this user `ID`")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, at most 1000")
	c.jsonFlag(cmd)
	return cmd
}

// steered is a command that does one thing with one notification, and says where that stands then.
func (c *cli) steered(word, short string, do func(*client.Client, context.Context, string) (wire.Notification, error)) *cobra.Command {
	return &cobra.Command{Use: word + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			n, err := do(hub, ctx, args[0])
			return c.done(err, "the notification %s is %s", args[0], n.State)
		})}
}

// waits says to people that a notification needs somebody else, and how that is done.
func (c *cli) waits(state notify.State, id string) error {
	if c.json || state != notify.StateAwaitingApproval {
		return nil
	}
	_, err := fmt.Fprintf(c.stderr, "it waits for a second person: in the console, or allim notification approve %s with another admin key\n", id)
	return err
}
