package simulator

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"allim.dev/allim/adapters/sim/fast"
)

// TestMain makes the test's own program the simulator when Start runs it again.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == group && os.Args[2] == name {
		cmd := Command()
		cmd.SetArgs(os.Args[3:])
		if err := cmd.Execute(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestProcess(t *testing.T) {
	s, err := Start(t.Context(), fast.Options{Gone: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL, "https://127.0.0.1:") || s.CAPEM == "" {
		t.Errorf("%+v", s.Hello)
	}
	if st, err := s.Stats(t.Context()); err != nil || st != (fast.Stats{}) {
		t.Errorf("%+v %v", st, err)
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Disconnect(t.Context()); err != nil {
		t.Error(err)
	}
	if cpu, err := s.Close(); err != nil || cpu <= 0 {
		t.Errorf("%s %v", cpu, err)
	}
	if _, err := s.Stats(t.Context()); err == nil {
		t.Error("it answers after Close")
	}
}

func TestWrongOptions(t *testing.T) {
	if err := run(t.Context(), "{", strings.NewReader(""), nil); err == nil {
		t.Error("taken")
	}
}
