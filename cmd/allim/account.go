package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) account() *cobra.Command {
	return group("account", "Mailboxes and calendars that are watched", c.accountAdd(), c.accountList(), c.accountRemove())
}

func (c *cli) accountAdd() *cobra.Command {
	var in wire.AccountInput
	var file string
	cmd := &cobra.Command{
		Use:   "add --source S --user U... [--login L] [--password-file F]",
		Short: "Watch an account at a source",
		Long: "Watch an account at a source and tell its users. Without --login it is the first user's e-mail address.\n" +
			"--password-file holds the account's own password, where the source has no login for all; - is standard input.",
		Args: cobra.NoArgs,
		RunE: c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
			if in.Source == "" || len(in.Users) == 0 {
				return usagef("account add: --source and --user are required")
			}
			var err error
			if in.Login == "" {
				if in.Login, err = loginOf(ctx, hub, in.Users[0]); err != nil {
					return err
				}
			}
			if file != "" {
				if in.Password, err = c.password(file); err != nil {
					return err
				}
			}
			a, created, err := hub.AddAccount(ctx, in)
			if err != nil {
				return err
			}
			word := "changed"
			if created {
				word = "added"
			}
			return c.done(nil, "the account %s (%s at %s) is %s", a.ID, a.Login, a.Source, word)
		}),
	}
	cmd.Flags().StringVar(&in.Source, "source", "", "id of the source")
	cmd.Flags().StringArrayVar(&in.Users, "user", nil, "who is told, by id; may be repeated")
	cmd.Flags().StringVar(&in.Login, "login", "", "how the source names the account")
	cmd.Flags().StringVar(&file, "password-file", "", "`FILE` with the account's own password")
	return cmd
}

// loginOf gives the user's e-mail address, if there is just one.
func loginOf(ctx context.Context, hub *client.Client, user string) (string, error) {
	u, err := hub.User(ctx, user)
	if err != nil {
		return "", err
	}
	login := ""
	for _, i := range u.Identities {
		if i.Kind != notify.KindEmail {
			continue
		}
		if login != "" {
			return "", fmt.Errorf("the user %q has several e-mail addresses; say which with --login", user)
		}
		login = i.Value
	}
	if login == "" {
		return "", fmt.Errorf("the user %q has no e-mail address; say --login", user)
	}
	return login, nil
}

// password reads a secret; the line's end is not part of it.
func (c *cli) password(file string) (string, error) {
	data, err := c.readAll(file)
	if err != nil {
		return "", err
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 {
		return "", errors.New("the password file is empty")
	}
	return string(data), nil
}

func (c *cli) accountList() *cobra.Command {
	var source string
	cmd := &cobra.Command{Use: "list [--source S]", Short: "List accounts with their health", Args: cobra.NoArgs,
		RunE: c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
			accounts, err := gather(func(p client.Page) ([]wire.Account, string, error) {
				l, err := hub.Accounts(ctx, source, p)
				return l.Accounts, l.Next, err
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "SOURCE", "LOGIN", "USERS", "STATE", "SINCE", "LAST EVENT", "LAST ERROR"}}
			for _, a := range accounts {
				h := a.Health
				t.add(a.ID, a.Source, a.Login, join(a.Users), string(h.State), when(h.Since), when(h.LastEventAt), faultOf(h))
			}
			return c.print(wire.AccountList{Accounts: accounts}, t)
		})}
	cmd.Flags().StringVar(&source, "source", "", "of one source, by id")
	c.jsonFlag(cmd)
	return cmd
}

// faultOf gives what is wrong now. The last error of an account that is watched again is over; --json has it with its time.
func faultOf(h wire.Health) string {
	if h.State == notify.HealthWatching {
		return ""
	}
	return h.LastError
}

func (c *cli) accountRemove() *cobra.Command {
	return &cobra.Command{Use: "remove ID", Short: "Stop watching an account", Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			return c.done(hub.DeleteAccount(ctx, args[0]), "the account %s is removed", args[0])
		})}
}
