// Package hub runs a hub in a process of its own, so that a measurement can tell its processor time and memory from those
// of the load, and can kill it: Command is the process, Start starts it.
package hub

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

// The hidden command's place.
const (
	group = "bench"
	name  = "hub"
)

// Options is how the process runs.
type Options struct {
	Config  string `json:"config"`  // the configuration file
	Profile string `json:"profile"` // a folder for processor and memory profiles; empty: none
	// MaxPages is the database's greatest size in pages of 4 KiB, as if the disk were full then; 0: none.
	MaxPages int `json:"max_pages"`
	// Jump is by how much the hub's clock jumps, a second after the start and every second from then on, to and fro.
	Jump time.Duration `json:"jump"`
	// Ahead is by how much the hub's clock is ahead of the machine's, so that a night passes between two starts.
	Ahead time.Duration `json:"ahead"`
}

// hello is the line of JSON that the process begins with.
type hello struct {
	URL string `json:"url"`
}

// Command is the hidden command that is the hub's process. Its argument is Options in JSON; it ends with its standard
// input, so that it never outlives who started it.
func Command() *cobra.Command {
	return &cobra.Command{Use: name + " OPTIONS", Hidden: true, Args: cobra.ExactArgs(1), Short: "The hub of measurements",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer cancel()
			var o Options
			if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
				return fmt.Errorf("the options of %s are not JSON: %w", name, err)
			}
			return run(ctx, o, cmd.InOrStdin(), cmd.OutOrStdout())
		}}
}

func run(ctx context.Context, o Options, in io.Reader, out io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process: nothing can stop a read of its standard input
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	config, err := configs.Load(o.Config)
	if err != nil {
		return err
	}
	app.SaveMemory() // as allim serve does
	stop, err := profile(o.Profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: app.Level(config.Log)}))
	a, err := app.New(ctx, app.Options{Config: config, Log: log, Clock: clockOf(o), MaxPages: o.MaxPages})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	if err = json.NewEncoder(out).Encode(hello{URL: a.URL()}); err == nil {
		select {
		case <-ctx.Done():
		case err = <-a.Failed():
		}
	}
	return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

// jumping is a clock that is ahead, and jumps to and fro every second. Its timers run as usual, as a monotonic clock does.
type jumping struct {
	notify.SystemClock
	began time.Time
	by    time.Duration
	ahead time.Duration
}

func clockOf(o Options) notify.Clock {
	if o.Jump == 0 && o.Ahead == 0 {
		return notify.SystemClock{}
	}
	return jumping{began: time.Now(), by: o.Jump, ahead: o.Ahead}
}

// Now implements notify.Clock.
func (c jumping) Now() time.Time {
	now := time.Now()
	if int(now.Sub(c.began)/time.Second)%2 == 1 {
		now = now.Add(c.by)
	}
	return now.Add(c.ahead)
}

// profile writes a processor profile until it is stopped, and a memory profile then.
func profile(dir string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	cpu, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		mem, err := os.Create(filepath.Join(dir, "heap.pprof"))
		if err == nil {
			err = errors.Join(pprof.Lookup("heap").WriteTo(mem, 0), mem.Close())
		}
		return errors.Join(err, cpu.Close())
	}, nil
}

// Hub is a running process.
type Hub struct {
	URL string
	cmd *exec.Cmd
	in  io.Closer
}

// patience of Start: a store that was killed is looked through first.
const patience = 30 * time.Second

// Start runs this program again, as a hub. Close or Kill it.
func Start(ctx context.Context, o Options) (*Hub, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	options, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the hub's options: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, group, name, string(options))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the hub: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the hub: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the hub: %w", err)
	}
	h := &Hub{cmd: cmd, in: in}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	late.Stop()
	var says hello
	if err == nil {
		err = json.Unmarshal(line, &says)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the hub does not start: %w", err), h.Kill())
	}
	h.URL = says.URL
	return h, nil
}

// PID is the process's number.
func (h *Hub) PID() int { return h.cmd.Process.Pid }

// Kill ends the process at once, as kill -9 does.
func (h *Hub) Kill() error {
	err := h.cmd.Process.Kill()
	_ = h.in.Close()
	var killed *exec.ExitError
	if e := h.cmd.Wait(); e != nil && !errors.As(e, &killed) {
		err = errors.Join(err, e)
	}
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

// Close ends the process in order.
func (h *Hub) Close() error {
	err := h.in.Close()
	late := time.AfterFunc(patience, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	return errors.Join(err, h.cmd.Wait())
}
