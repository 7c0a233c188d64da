package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/docmap"
)

func (c *cli) mapping() *cobra.Command {
	return group("map", "Look at mappings of foreign documents", c.mapTry())
}

func (c *cli) mapTry() *cobra.Command {
	var file, contentType string
	cmd := &cobra.Command{
		Use:   "try MAPPING FILE [-c CONFIG]",
		Short: "Show what a document would send, and to whom, and send nothing",
		Long: "Show what a document would send, and to whom, and send nothing. FILE is the document, - for standard input.\n" +
			"The running hub is asked, who knows the people and their devices; with -c the mapping is taken from a configuration\n" +
			"file instead, and no hub is needed.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := c.document(args[1])
			if err != nil {
				return err
			}
			trial, err := c.tryMapping(cmd.Context(), file, args[0], notify.Foreign{Name: args[1], Data: data, ContentType: contentType})
			if err != nil {
				return err
			}
			return c.printTrial(trial, file == "")
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE` to take the mapping from")
	cmd.Flags().StringVar(&contentType, "content-type", "", "the `TYPE` that the sender gives, such as text/xml; charset=euc-kr")
	c.jsonFlag(cmd)
	return cmd
}

// maxDocument is the greatest document that is tried, in bytes: the greatest body that a hub takes.
const maxDocument = 64 << 20

func (c *cli) document(name string) ([]byte, error) {
	from := c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("the document cannot be read: %w", err)
		}
		defer f.Close()
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("the document cannot be read: %w", err)
	}
	if len(data) > maxDocument {
		return nil, fmt.Errorf("the document is longer than %d bytes", maxDocument)
	}
	return data, nil
}

func (c *cli) tryMapping(ctx context.Context, file, mapping string, d notify.Foreign) (wire.Trial, error) {
	if file != "" {
		return tryLocally(ctx, file, mapping, d)
	}
	hub, err := c.client()
	if err != nil {
		return wire.Trial{}, fmt.Errorf("%w; or give a configuration file with -c", err)
	}
	trial, err := hub.TryMapping(ctx, mapping, d)
	return trial, hinted(err)
}

// tryLocally applies a mapping of a file without a hub: who is told stays as it is named.
func tryLocally(ctx context.Context, file, mapping string, d notify.Foreign) (wire.Trial, error) {
	config, err := readConfig(file)
	if err != nil {
		return wire.Trial{}, err
	}
	templates, err := app.Templates(config)
	if err != nil {
		return wire.Trial{}, err
	}
	mappings, err := app.Mappings(config, templates)
	if err != nil {
		return wire.Trial{}, err
	}
	var m *docmap.Mapping
	names := make([]string, len(mappings))
	for i, one := range mappings {
		if names[i] = one.ID(); one.ID() == mapping {
			m = one
		}
	}
	if m == nil {
		return wire.Trial{}, fmt.Errorf("%s has no mapping %q; it has: %s", file, mapping, strings.Join(names, ", "))
	}
	items, err := m.Map(ctx, d)
	if err != nil {
		return wire.Trial{}, err
	}
	trial := wire.Trial{Notifications: []wire.TrialNotification{}}
	var faults notify.Faults
	clock := notify.SystemClock{}
	for _, s := range items {
		s.Notification.Words = templates
		n, err := s.Notification.Validate(config.Normalizer(), clock.Now())
		if err != nil && !faults.Add(s, err) {
			return wire.Trial{}, err
		}
		trial.Notifications = append(trial.Notifications, api.TrialOf(s, notify.Acceptance{Notification: n}))
	}
	return trial, faults.Err(len(items))
}

// printTrial shows a line for each notification; known tells that the hub has found the people.
func (c *cli) printTrial(trial wire.Trial, known bool) error {
	t := table{head: []string{"WHERE", "LINE", "TO", "DEVICES", "TITLE", "BODY", "ONCE"}}
	for _, n := range trial.Notifications {
		devices := "?"
		if known {
			devices = strconv.FormatInt(n.Targeted, 10)
		}
		title, body := n.Title, n.Body
		if n.Template != "" {
			title, body = "template "+n.Template, params(n.Params)
		}
		once := n.Idempotency
		if n.Replayed {
			once += " (sent before)"
		}
		line := ""
		if n.Line > 0 {
			line = strconv.Itoa(n.Line)
		}
		t.add(n.Where, line, audience(n), devices, title, body, once)
	}
	if len(trial.Notifications) == 0 && !c.json {
		return errors.New("the document would send nothing: its condition (when) holds for no match")
	}
	return c.print(trial, t)
}

// audience names who is told: what the document says, and the people whom the hub found.
func audience(n wire.TrialNotification) string {
	to := append([]string{}, n.To.Users...)
	for _, i := range n.To.Identities {
		to = append(to, i.Kind+":"+i.Value)
	}
	for _, d := range n.To.Devices {
		to = append(to, "device "+d)
	}
	for _, topic := range n.To.Topics {
		to = append(to, "topic "+topic)
	}
	if n.To.All {
		to = append(to, "everybody")
	}
	s := strings.Join(to, ", ")
	if len(n.People) > 0 && len(n.To.Identities)+len(n.To.Devices) > 0 {
		s += " = " + strings.Join(n.People, ", ")
	}
	return s
}

func params(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, " ")
}
