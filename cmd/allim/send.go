package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// message is what the flags of send say.
type message struct {
	in         wire.NotificationInput
	identities []string
	platforms  []string
	data       []string
	priority   string
	ttl        time.Duration
	at         string
	badge      int
	idem       string
	wait       bool
}

func (c *cli) send() *cobra.Command {
	var m message
	cmd := &cobra.Command{
		Use:   "send (--to-user U | --to KIND:VALUE | --topic T | --all) --title T --body B [--wait]",
		Short: "Send a notification",
		Long: "Send a notification. The audience is everybody whom --to-user, --to, --to-device, --topic or --all name.\n" +
			"With --wait the command ends when the notification is done, with 1 when not one delivery was accepted.",
		Args: cobra.NoArgs,
	}
	m.flags(cmd)
	cmd.RunE = c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
		if err := m.finish(cmd); err != nil {
			return err
		}
		accepted, err := hub.Send(ctx, m.in, m.idem)
		if err != nil {
			return err
		}
		if err := c.waits(accepted.State, accepted.ID); err != nil {
			return err
		}
		if !m.wait {
			t := table{head: []string{"ID", "STATE", "TARGETED"}}
			t.add(accepted.ID, string(accepted.State), fmt.Sprint(accepted.Counts.Targeted))
			return errors.Join(c.print(accepted, t), c.inboxOnly(accepted.State, accepted.Counts))
		}
		return c.waitFor(ctx, hub, accepted.ID)
	})
	c.jsonFlag(cmd)
	return cmd
}

func (m *message) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&m.in.To.Users, "to-user", nil, "user `ID`; may be repeated, as all of the audience")
	f.StringArrayVar(&m.identities, "to", nil, "identity, `KIND:VALUE`, such as email:kim@example.com")
	f.StringArrayVar(&m.in.To.Devices, "to-device", nil, "device `ID`")
	f.StringArrayVar(&m.in.To.Topics, "topic", nil, "topic")
	f.BoolVar(&m.in.To.All, "all", false, "everybody")
	f.StringArrayVar(&m.in.To.Apps, "app", nil, "only devices of this app")
	f.StringArrayVar(&m.platforms, "platform", nil, "only devices of this platform")
	f.StringVar(&m.in.Title, "title", "", "title")
	f.StringVar(&m.in.Subtitle, "subtitle", "", "subtitle")
	f.StringVar(&m.in.Body, "body", "", "text")
	f.StringVar(&m.in.URL, "url", "", "where a tap leads")
	f.StringVar(&m.in.Image, "image", "", "address of a picture")
	f.StringVar(&m.in.Sound, "sound", "", "default, or a name that the app knows")
	f.IntVar(&m.badge, "badge", 0, "number on the app's icon")
	f.StringArrayVar(&m.data, "data", nil, "data for the app, `KEY=VALUE`")
	f.StringVar(&m.in.CollapseKey, "collapse-key", "", "a later notification with the same key replaces this one")
	f.StringVar(&m.priority, "priority", "", "high, normal or low")
	f.BoolVar(&m.in.Urgent, "urgent", false, "break through quiet hours")
	f.BoolVar(&m.in.Silent, "silent", false, "data for the app, nothing to show")
	f.DurationVar(&m.ttl, "ttl", 0, "how long it is worth telling, such as 2h (default a day)")
	f.StringVar(&m.at, "at", "", "when to send, such as 2026-12-01T09:00:00+09:00")
	f.IntVar(&m.in.Rate, "rate", 0, "deliveries a second at most")
	f.BoolVar(&m.in.Partial, "partial", false, "skip and report unknown people and topics")
	f.StringVar(&m.idem, "idempotency-key", "", "the same key within a day sends nothing again")
	f.BoolVar(&m.wait, "wait", false, "wait until it is done")
}

// finish makes the notification of the flags.
func (m *message) finish(cmd *cobra.Command) error {
	for _, s := range m.identities {
		id, err := notify.ParseIdentity(s)
		if err != nil {
			return &usageError{err}
		}
		m.in.To.Identities = append(m.in.To.Identities, wire.Identity(id))
	}
	for _, p := range m.platforms {
		m.in.To.Platforms = append(m.in.To.Platforms, notify.Platform(p))
	}
	to := m.in.To
	if !to.All && len(to.Users)+len(to.Identities)+len(to.Devices)+len(to.Topics) == 0 {
		return usagef("send: say to whom: --to-user, --to, --to-device, --topic or --all")
	}
	for _, pair := range m.data {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return usagef("send: --data must be KEY=VALUE")
		}
		if m.in.Data == nil {
			m.in.Data = map[string]string{}
		}
		m.in.Data[key] = value
	}
	m.in.Priority = notify.Priority(m.priority)
	if cmd.Flags().Changed("badge") {
		m.in.Badge = &m.badge
	}
	if cmd.Flags().Changed("ttl") {
		seconds := int64(m.ttl / time.Second)
		m.in.TTL = &seconds
	}
	if m.at != "" {
		at, err := time.Parse(time.RFC3339, m.at)
		if err != nil {
			return usagef("send: --at must be a time such as 2026-12-01T09:00:00+09:00")
		}
		m.in.SendAt = at
	}
	return nil
}

// waitFor follows the notification to its end, with a progress bar on a terminal.
func (c *cli) waitFor(ctx context.Context, hub *client.Client, id string) error {
	progress, finish := c.progress()
	n, err := hub.Wait(ctx, id, progress)
	finish()
	if err != nil {
		return fmt.Errorf("%s goes on, but its end could not be waited for: %w", id, err)
	}
	k := n.Counts
	t := table{head: []string{"ID", "STATE", "TARGETED", "ACCEPTED", "FAILED", "GONE", "EXPIRED", "SUPPRESSED"}}
	row := []string{n.ID, string(n.State)}
	for _, v := range []int64{k.Targeted, k.Accepted, k.Failed, k.Gone, k.Expired, k.Suppressed} {
		row = append(row, fmt.Sprint(v))
	}
	t.add(row...)
	if err := errors.Join(c.print(n, t), c.inboxOnly(n.State, n.Counts)); err != nil {
		return err
	}
	if k.Accepted == 0 && k.Failed+k.Gone+k.Expired > 0 {
		return fmt.Errorf("not one of %d deliveries was accepted; see allim trace %s", k.Targeted, id)
	}
	return nil
}

// inboxOnly says to people why nothing was pushed, when there was nothing to push to.
func (c *cli) inboxOnly(state notify.State, k wire.Counts) error {
	if c.json || state != notify.StateDone || k.Targeted > 0 {
		return nil
	}
	_, err := fmt.Fprintln(c.stdout, "no device of the audience is registered (allim device list); it stands in the inboxes only")
	return err
}

// progress gives what shows the progress, and what clears it away; nothing is shown where standard error is no terminal.
func (c *cli) progress() (show func(wire.Notification), finish func()) {
	if !isTerminal(c.stderr) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(0, progressbar.OptionSetWriter(c.stderr), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("sending"), progressbar.OptionSetPredictTime(true))
	show = func(n wire.Notification) {
		bar.ChangeMax64(max(n.Counts.Targeted, 1))
		bar.Describe(string(n.State))
		_ = bar.Set64(n.Counts.Targeted - n.Counts.Pending) // a bar that cannot be drawn is no reason to stop
	}
	return show, func() { _ = bar.Finish() }
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
