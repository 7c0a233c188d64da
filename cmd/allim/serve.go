package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
)

func (c *cli) serve() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve [-c FILE]",
		Short: "Run the hub",
		Long: "Run the hub until SIGTERM or SIGINT; a second one ends it at once. Without a file it has the built-in\n" +
			"defaults, keeps its data in ./data, and prints an admin key when there is none yet.\n" +
			"SIGHUP reads the file again.",
		Args: onlyTheFile,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.runServe(cmd.Context(), file) },
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE`")
	return cmd
}

func (c *cli) runServe(ctx context.Context, file string) error {
	// From here on signals are ours: one that comes while the hub starts is not lost.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	config := c.defaults()
	options := app.Options{Stdout: c.stdout}
	if file != "" {
		var err error
		if config, err = readConfig(file); err != nil {
			return err
		}
		options.Stdout = nil
	}
	app.SaveMemory()
	log, level := app.NewLogger(config.Log, c.stderr)
	options.Config, options.Log = config, log
	a, err := app.New(ctx, options)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	s := &server{app: a, file: file, log: log, level: level, signals: signals, tell: serviceManager(log)}
	return s.run(ctx)
}

// running is what the server does with the program; *app.App is one.
type running interface {
	Failed() <-chan error
	Reload(next *configs.Config, level *slog.LevelVar) (restart []string, err error)
	Stop(ctx context.Context) error
}

// server is the running hub between its signals.
type server struct {
	app     running
	file    string
	log     *slog.Logger
	level   *slog.LevelVar
	signals <-chan os.Signal
	tell    func(state string) // the service manager
}

// run waits for what ends the hub, and stops it.
func (s *server) run(ctx context.Context) error {
	s.tell("READY=1")
	var cause error
	for running := true; running; {
		select {
		case sig := <-s.signals:
			if sig == syscall.SIGHUP {
				s.reload()
				continue
			}
			s.log.Info("stopping", "signal", sig.String())
			running = false
		case cause = <-s.app.Failed():
			running = false
		case <-ctx.Done():
			running = false
		}
	}
	s.tell("STOPPING=1")
	return errors.Join(cause, s.stop())
}

// stop stops the hub in order; another signal to stop ends it at once.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.app.Stop(ctx) }()
	for {
		select {
		case err := <-done:
			if err == nil {
				s.log.Info("stopped")
			}
			return err
		case sig := <-s.signals:
			if sig != syscall.SIGHUP {
				return fmt.Errorf("ended at once by a second signal (%s); what was under way is stored", sig)
			}
		}
	}
}

// reload reads the file again; a wrong one changes nothing.
func (s *server) reload() {
	if s.file == "" {
		s.log.Warn("there is no configuration file to read again")
		return
	}
	s.tell("RELOADING=1")
	defer s.tell("READY=1")
	next, err := readConfig(s.file)
	if err == nil {
		var restart []string
		if restart, err = s.app.Reload(next, s.level); err == nil {
			if len(restart) > 0 {
				s.log.Warn("the configuration was read again; some changes need a restart", "changed", strings.Join(restart, ", "))
				return
			}
			s.log.Info("the configuration was read again")
			return
		}
	}
	s.log.Error("the configuration was read again and is wrong; nothing was changed", "error", strings.ReplaceAll(err.Error(), "\n", "; "))
}

// readConfig loads a file and, when it is wrong, looks for the mistakes in the kinds' own parts too.
func readConfig(file string) (*configs.Config, error) {
	config, err := configs.Load(file)
	if err == nil || config == nil {
		return config, err
	}
	parts, more := app.Offline(config)
	if parts != nil {
		more = parts.Close()
	}
	return nil, errors.Join(err, more)
}
