package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/store/sqlite"
)

// folder is a data folder as a command names it: by --data, or by the configuration that has it.
type folder struct{ data, file string }

func (f *folder) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.data, "data", "", "data folder `DIR` (default: the configuration's, else ./data)")
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE` that names the data folder")
}

func (f *folder) path(c *cli) (string, error) {
	switch {
	case f.data != "":
		return f.data, nil
	case f.file != "":
		config, err := readConfig(f.file)
		if err != nil {
			return "", err
		}
		return config.DataDir, nil
	}
	return c.defaults().DataDir, nil
}

func (c *cli) backup() *cobra.Command {
	var from folder
	var noKeys bool
	cmd := &cobra.Command{
		Use:   "backup FILE [-c FILE | --data DIR] [--without-keys]",
		Short: "Back the data up, while the hub runs",
		Long: "Write a copy of the hub's data, as it is at one moment, to a new file. The hub goes on meanwhile. Run it as the\n" +
			"hub's user. The file holds the keys of the stored passwords and of Web Push, too, unless they are left out.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := from.path(c)
			if err != nil {
				return err
			}
			m, err := app.Backup(cmd.Context(), app.BackupOptions{Dir: dir, File: args[0], NoKeys: noKeys, Program: buildInfo().String()})
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(m)
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.stdout, "%s: %d KiB.\n", args[0], (info.Size()+1023)/1024)
			if len(m.Keys) == 0 {
				fmt.Fprintln(c.stdout, "The keys are not in it: keep secret.key and webpush-*.pem of the data folder in another safe place.")
			} else {
				fmt.Fprintf(c.stdout, "The keys are in it (%s): keep it as safe as the passwords that they open.\n", strings.Join(m.Keys, ", "))
			}
			return nil
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&noKeys, "without-keys", false, "leave out the keys that lie in the data folder")
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) restore() *cobra.Command {
	var to folder
	cmd := &cobra.Command{
		Use:   "restore FILE [-c FILE | --data DIR]",
		Short: "Put a backup into a data folder, while no hub runs",
		Long: "Put a backup into a data folder that holds no data. The hub that then starts on it tells nothing again: what was\n" +
			"under way when the backup was made counts as told, and what the mail and calendar servers have now is not news.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := to.path(c)
			if err != nil {
				return err
			}
			r, err := app.Restore(cmd.Context(), args[0], dir)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(r)
			}
			fmt.Fprintf(c.stdout, "Restored to %s, as of %s: %d users, %d accounts.\n", dir, r.MadeAt.Local().Format("2006-01-02 15:04:05"), r.Users, r.Accounts)
			if r.Ended > 0 {
				fmt.Fprintf(c.stdout, "%d notifications that were under way are cancelled: they may have been told since.\n", r.Ended)
			}
			if r.Unreadable > 0 {
				fmt.Fprintf(c.stdout, "%d of %d stored passwords cannot be read without the key: put secret.key of the lost hub into the folder, or set them again.\n",
					r.Unreadable, r.Passwords)
			}
			fmt.Fprintln(c.stdout, "People sign in again. API keys that were revoked since are valid again: see allim key list.")
			return nil
		},
	}
	to.flags(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) rekey() *cobra.Command {
	var at folder
	cmd := &cobra.Command{
		Use:   "rekey [-c FILE | --data DIR]",
		Short: "Encrypt the stored passwords with a new key, while no hub runs",
		Long: "Make a new key for the stored passwords and encrypt them with it. Backups made before need the old key, which\n" +
			"is in them unless it was left out.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := at.path(c)
			if err != nil {
				return err
			}
			n, err := sqlite.Rekey(cmd.Context(), sqlite.Options{Dir: dir})
			if app.HubRuns(err) {
				return notify.Errorf(notify.CodeWrongState, "a hub is running on the data folder %s; stop it first", dir)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.stdout, "%d stored passwords are encrypted with a new key.\n", n)
			return nil
		},
	}
	at.flags(cmd)
	return cmd
}
