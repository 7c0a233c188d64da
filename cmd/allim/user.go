package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) user() *cobra.Command {
	return group("user", "People and the identities that name them",
		c.userAdd(), c.userShow(), c.userList(), c.userRemove(), c.userImport(), c.userInvite(), c.userRole())
}

func (c *cli) userAdd() *cobra.Command {
	var in wire.UserInput
	var emails, phones, identities []string
	var replace bool
	cmd := &cobra.Command{
		Use:   "add ID [--email E]... [--phone P]... [--identity KIND:VALUE]...",
		Short: "Add a person",
		Args:  cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			for _, e := range emails {
				in.Identities = append(in.Identities, wire.Identity{Kind: notify.KindEmail, Value: e})
			}
			for _, p := range phones {
				in.Identities = append(in.Identities, wire.Identity{Kind: notify.KindPhone, Value: p})
			}
			for _, i := range identities {
				id, err := notify.ParseIdentity(i)
				if err != nil {
					return &usageError{err}
				}
				in.Identities = append(in.Identities, wire.Identity(id))
			}
			return c.addUser(ctx, hub, userChange{args[0], in, replace})
		}),
	}
	cmd.Flags().StringVar(&in.Name, "name", "", "full name")
	cmd.Flags().StringVar(&in.Locale, "locale", "", "language, such as ko-KR")
	cmd.Flags().StringVar(&in.TimeZone, "time-zone", "", "such as Asia/Seoul")
	cmd.Flags().StringArrayVar(&emails, "email", nil, "e-mail address")
	cmd.Flags().StringArrayVar(&phones, "phone", nil, "phone number")
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "any identity, `KIND:VALUE`")
	cmd.Flags().BoolVar(&replace, "replace", false, "when there is such a user, replace all that is known")
	return cmd
}

// userChange is one user to be put.
type userChange struct {
	id      string
	in      wire.UserInput
	replace bool
}

// addUser makes a user. One that is there already is only replaced when that was asked for: its identities would go.
func (c *cli) addUser(ctx context.Context, hub *client.Client, u userChange) error {
	if !u.replace {
		_, err := hub.User(ctx, u.id)
		if err == nil {
			return fmt.Errorf("there is a user %q already; --replace replaces all that is known", u.id)
		}
		if notify.CodeOf(err) != notify.CodeUnknownUser {
			return err
		}
	}
	_, created, err := hub.PutUser(ctx, u.id, u.in)
	word := "replaced"
	if created {
		word = "added"
	}
	return c.done(err, "the user %s is %s", u.id, word)
}

// shown is a person with devices.
type shown struct {
	wire.User
	Devices []wire.Device `json:"devices"`
}

func (c *cli) userShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show ID|KIND:VALUE", Short: "Show a person, by id or by any identity", Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			u, err := findUser(ctx, hub, args[0])
			if err != nil {
				return err
			}
			devices, err := hub.DevicesOf(ctx, u.ID)
			if err != nil {
				return err
			}
			t := table{head: []string{"WHAT", "VALUE"}}
			for _, row := range [][2]string{{"id", u.ID}, {"name", u.Name}, {"locale", u.Locale}, {"time zone", u.TimeZone},
				{"created", when(u.CreatedAt)}, {"updated", when(u.UpdatedAt)}} {
				t.add(row[0], row[1])
			}
			for _, i := range u.Identities {
				t.add(i.Kind, i.Value)
			}
			for _, d := range devices.Devices {
				t.add("device", deviceLine(d))
			}
			return c.print(shown{u, devices.Devices}, t)
		})}
	c.jsonFlag(cmd)
	return cmd
}

// findUser finds by id, then, where it looks like one, by identity.
func findUser(ctx context.Context, hub *client.Client, who string) (wire.User, error) {
	u, err := hub.User(ctx, who)
	if err == nil || notify.CodeOf(err) != notify.CodeUnknownUser {
		return u, err
	}
	if _, perr := notify.ParseIdentity(who); perr != nil {
		return u, err
	}
	return hub.FindUser(ctx, who)
}

func (c *cli) userList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List all people", Args: cobra.NoArgs,
		RunE: c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
			users, err := gather(func(p client.Page) ([]wire.User, string, error) {
				l, err := hub.Users(ctx, p)
				return l.Users, l.Next, err
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "NAME", "IDENTITIES"}}
			for _, u := range users {
				ids := make([]string, len(u.Identities))
				for i, id := range u.Identities {
					ids[i] = id.Kind + ":" + id.Value
				}
				t.add(u.ID, u.Name, join(ids))
			}
			return c.print(wire.UserList{Users: users}, t)
		})}
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) userRemove() *cobra.Command {
	return &cobra.Command{Use: "remove ID", Short: "Erase a person with devices, tokens and inbox", Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			return c.done(hub.DeleteUser(ctx, args[0]), "the user %s is removed", args[0])
		})}
}

// done says that something was done, unless it was not.
func (c *cli) done(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, format+"\n", args...)
	return err
}

// firstErrors joins errors, at most a screenful of them.
func firstErrors(errs []error) error {
	const most = 20
	if len(errs) > most {
		errs = append(errs[:most:most], fmt.Errorf("and %d more", len(errs)-most))
	}
	return errors.Join(errs...)
}
