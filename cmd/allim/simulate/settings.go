package simulate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// appID names the app in the printed lines.
const appID = "sim"

// plainWord is a value that YAML takes for a text without quotes.
var plainWord = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/._:-]*[A-Za-z0-9]$`)

// String is the line as it stands in a configuration.
func (s setting) String() string {
	value := s.value
	if !plainWord.MatchString(value) && !strings.HasPrefix(value, "[") {
		value = strconv.Quote(value)
	}
	return s.key + ": " + value
}

// block gives the lines that point a hub at the simulators.
func (s *simulators) block() string {
	var b strings.Builder
	b.WriteString("outgoing: {allow_private: [127.0.0.0/8]}   # endpoints come from strangers; these are on loopback\n")
	fmt.Fprintf(&b, "apps:\n  - id: %s\n", appID)
	for _, p := range s.platforms {
		fmt.Fprintf(&b, "    %s:\n", p.name)
		for _, line := range p.settings {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	}
	return b.String()
}

// greet writes the lines to a file, too, and tells what runs where.
func (s *simulators) greet(out io.Writer) error {
	file := filepath.Join(s.dir, "apps.yaml")
	if err := os.WriteFile(file, []byte(s.block()), 0o600); err != nil {
		return fmt.Errorf("write the lines for a hub: %w", err)
	}
	var b strings.Builder
	b.WriteString("Simulators are running:\n")
	for _, p := range s.platforms {
		fmt.Fprintf(&b, "  %-8s %s   devices: %s\n", p.name, p.url, p.hint)
	}
	fmt.Fprintf(&b, "\nWhat arrives, and faults: %s\nThe authority of their certificates: %s\n", s.front.url, s.caFile)
	fmt.Fprintf(&b, "\nFor a hub's configuration (also in %s):\n\n%s\n", file, s.block())
	end := "Ctrl-C ends it"
	if s.opts.Dir == "" {
		end += " and removes " + s.dir
	}
	b.WriteString(end + ".\n")
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("tell what runs: %w", err)
	}
	return nil
}
