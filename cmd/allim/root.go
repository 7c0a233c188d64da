package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/demo"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is what every command works with.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool
	defaults       func() *configs.Config // the configuration without a file
}

// run runs one command line (without the program's name) and gives the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{stdin: stdin, stdout: stdout, stderr: stderr, defaults: configs.Default}
	return c.run(context.Background(), args)
}

func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	c.complain(err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// complain writes an error: one line, or one line for each mistake of a configuration.
func (c *cli) complain(err error) {
	found, other := configs.ProblemsOf(err)
	for _, p := range found {
		fmt.Fprintln(c.stderr, "allim: "+oneLine(p.Error()))
	}
	for _, e := range other {
		fmt.Fprintln(c.stderr, "allim: "+oneLine(plain(e)))
	}
}

// plain says an error in words for people: without the code where there is a detail.
func plain(err error) string {
	var e *notify.Error
	if !errors.As(err, &e) || e.Detail == "" {
		return err.Error()
	}
	text := e.Detail
	for _, f := range e.Fields {
		text += "; " + f.Path + ": " + f.Message
	}
	return text
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// usageError is a wrong command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "allim",
		Short:         "Allim tells people of mail, events and notices on all their devices",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       buildInfo().String(),
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(c.serve(), demo.Command(), c.check(), c.simulate(), c.bench(), c.key(), c.user(), c.device(), c.account(), c.topic(), c.send(), c.notification(), c.mapping(), c.trace(), c.backup(), c.restore(), c.rekey(), c.version())
	strict(root)
	return root
}

// strict makes wrong flags and arguments of a command and all below it errors of usage, and leaves a group of commands
// called by itself with its help.
func strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misused(cmd, err)
	})
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return misused(cmd, err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// onlyTheFile are the arguments of a command that knows only -c FILE.
func onlyTheFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown argument %q; a configuration is given with -c %s", args[0], args[0])
}

func misused(cmd *cobra.Command, err error) error {
	path := cmd.CommandPath()
	if _, sub, ok := strings.Cut(path, " "); ok { // "allim" stands before every error
		return usagef("%s: %w; see %s --help", sub, err, path)
	}
	return usagef("%w; see %s --help", err, path)
}

// group is a command that only has commands below it.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := make([]string, len(subs))
			for i, s := range subs {
				names[i] = s.Name()
			}
			return misused(cmd, fmt.Errorf("say what to do: %s", strings.Join(names, ", ")))
		}}
	g.AddCommand(subs...)
	return g
}
