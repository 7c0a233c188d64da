package notifytest

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"allim.dev/allim/notify"
)

// YAML is a notify.Section made of text, for tests of what the configuration file may say.
type YAML string

var _ notify.Section = YAML("")

// Decode implements notify.Section.
func (s YAML) Decode(into any) error {
	if strings.TrimSpace(string(s)) == "" {
		return nil
	}
	return yaml.UnmarshalWithOptions([]byte(s), into, yaml.Strict())
}

// Errorf implements notify.Section: the key stands in front.
func (s YAML) Errorf(key, format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{key}, args...)...)
}
