// Package simulator runs the fast simulator of APNs and FCM (adapters/sim/fast) in a process of its own, so that a
// measurement shows what the hub costs and not what the simulator does: Command is the process, Start starts it.
package simulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"allim.dev/allim/adapters/sim/fast"
)

// The hidden command's place.
const (
	group = "bench"
	name  = "simulator"
)

// Command is the hidden command that is the simulator's process. Its argument is fast.Options in JSON; it tells where it
// is in one line (fast.Hello) and ends with its standard input, so that it never outlives who started it.
func Command() *cobra.Command {
	return &cobra.Command{Use: name + " OPTIONS", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "The simulator of measurements",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer cancel()
			return run(ctx, args[0], cmd.InOrStdin(), cmd.OutOrStdout())
		}}
}

func run(ctx context.Context, options string, in io.Reader, out io.Writer) error {
	var o fast.Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return fmt.Errorf("the options of %s are not JSON: %w", name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process: nothing can stop a read of its standard input
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return fast.Run(ctx, o, out)
}

// Simulator is a running process.
type Simulator struct {
	fast.Hello
	cmd  *exec.Cmd
	in   io.Closer
	http *http.Client
}

// Patience of Start and of each question to the process.
const patience = 10 * time.Second

// Start runs this program again, as a simulator. Close it.
func Start(ctx context.Context, o fast.Options) (*Simulator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	options, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the simulator's options: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, group, name, string(options))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	s := &Simulator{cmd: cmd, in: in, http: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	late.Stop()
	if err == nil {
		err = json.Unmarshal(line, &s.Hello)
	}
	if err != nil {
		_, _ = s.Close()
		return nil, fmt.Errorf("the simulator does not say where it is: %w", err)
	}
	return s, nil
}

// Stats gives what the simulator counted.
func (s *Simulator) Stats(ctx context.Context) (st fast.Stats, err error) {
	raw, err := s.ask(ctx, http.MethodGet, "/stats")
	if err == nil {
		err = json.Unmarshal(raw, &st)
	}
	return st, err
}

// Reset forgets what was counted and who was sent away.
func (s *Simulator) Reset(ctx context.Context) error {
	_, err := s.ask(ctx, http.MethodPost, "/reset")
	return err
}

// Disconnect cuts every connection to the simulator.
func (s *Simulator) Disconnect(ctx context.Context) error {
	_, err := s.ask(ctx, http.MethodPost, "/disconnect")
	return err
}

func (s *Simulator) ask(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.Control+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the simulator: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the simulator says %s", resp.Status)
	}
	return raw, err
}

// Close ends the process and gives the processor time that it used.
func (s *Simulator) Close() (cpu time.Duration, err error) {
	err = errors.Join(s.in.Close(), s.cmd.Wait())
	if p := s.cmd.ProcessState; p != nil {
		cpu = p.UserTime() + p.SystemTime()
	}
	return cpu, err
}
