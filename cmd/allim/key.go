package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) key() *cobra.Command {
	return group("key", "API keys", c.keyCreate(), c.keyList(), c.keyRevoke())
}

func (c *cli) keyCreate() *cobra.Command {
	var name, data string
	var words []string
	cmd := &cobra.Command{
		Use:   "create --name N --scope S[,S] [--data DIR]",
		Short: "Make an API key and print it; it is shown only now",
		Long: "Make an API key and print it; it is shown only now. Scopes: " + join(notify.KeyScopes()) + ".\n" +
			"broadcast tells everybody without a second person's word, where the configuration asks for one; admin does not hold it.\n" +
			"With --data it works on a data folder while no hub runs on it, which is how the first key is made.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scopes, err := parseScopes(words)
			if err != nil {
				return err
			}
			if name == "" {
				return usagef("key create: --name is required: who will use the key")
			}
			if data == "" {
				return c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
					key, err := hub.NewKey(ctx, name, scopes...)
					if err != nil {
						return err
					}
					return c.printKey(key)
				})(cmd, nil)
			}
			key, secret, err := app.CreateKey(cmd.Context(), data, app.KeyRequest{Name: name, Scopes: scopes})
			if app.HubRuns(err) {
				return notify.Errorf(notify.CodeWrongState, "a hub is running on the data folder %s; leave out --data, with an "+
					"admin key in %s, or stop the hub first", data, envKey)
			}
			if err != nil {
				return err
			}
			return c.printKey(wire.Key{ID: key.ID, Name: key.Name, Scopes: key.Scopes, Secret: secret, CreatedAt: key.CreatedAt})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "who will use it")
	cmd.Flags().StringSliceVar(&words, "scope", nil, "what it may do: "+join(notify.KeyScopes()))
	cmd.Flags().StringVar(&data, "data", "", "data folder `DIR` of a hub that does not run")
	c.jsonFlag(cmd)
	return cmd
}

func parseScopes(words []string) ([]notify.Scope, error) {
	if len(words) == 0 {
		return nil, usagef("key create: --scope is required, some of %s", join(notify.KeyScopes()))
	}
	scopes := make([]notify.Scope, len(words))
	for i, w := range words {
		if scopes[i] = notify.Scope(strings.TrimSpace(w)); !scopes[i].Valid() {
			return nil, usagef("key create: there is no scope %q; known are %s", w, join(notify.KeyScopes()))
		}
	}
	return scopes, nil
}

// printKey prints the secret alone, so that a script can take it.
func (c *cli) printKey(k wire.Key) error {
	if c.json {
		return c.printJSON(k)
	}
	_, err := fmt.Fprintln(c.stdout, k.Secret)
	return err
}

func (c *cli) keyList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the API keys", Args: cobra.NoArgs,
		RunE: c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
			l, err := hub.Keys(ctx)
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "NAME", "SCOPES", "CREATED", "LAST USED", "REVOKED"}}
			for _, k := range l.Keys {
				t.add(k.ID, k.Name, join(k.Scopes), when(k.CreatedAt), when(k.LastUsedAt), when(k.RevokedAt))
			}
			return c.print(l, t)
		})}
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) keyRevoke() *cobra.Command {
	return &cobra.Command{Use: "revoke ID", Short: "End an API key", Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			return c.done(hub.RevokeKey(ctx, args[0]), "the key %s is revoked", args[0])
		})}
}

func join[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, ",")
}
