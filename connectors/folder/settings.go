package folder

import (
	"errors"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// Settings are a folder source's own part of the configuration.
type Settings struct {
	// Path is the folder that files are put into; absolute.
	Path string `yaml:"path"`
	// Mapping is the id of the mapping that reads them.
	Mapping string `yaml:"mapping"`
	// Pattern is what the names of files look like, as a shell would match them. Hidden files and those that end in .tmp,
	// .part, .filepart or ~ are never taken: writers give such names to files that are not complete.
	Pattern string `yaml:"pattern"`
	// Done and Failed are the folders that files go to; relative ones are below Path. They must be on its file system.
	Done   string `yaml:"done"`
	Failed string `yaml:"failed"`
	// Poll is how often the folder is looked at.
	Poll time.Duration `yaml:"poll"`
	// Settle is how long a file must have stayed the same before it is taken, unless it was seen to be renamed within the
	// folder, which makes it complete. 0: at once, for writers that always rename.
	Settle time.Duration `yaml:"settle"`
	// MaxBytes is the greatest file that is taken.
	MaxBytes int64 `yaml:"max_bytes"`
}

// DefaultSettings are what the configuration is decoded over.
func DefaultSettings() Settings {
	return Settings{Pattern: "*", Done: "done", Failed: "failed", Poll: 2 * time.Second, Settle: 5 * time.Second, MaxBytes: 16 << 20}
}

// The bounds of the settings.
const (
	minPoll  = 100 * time.Millisecond
	maxPoll  = time.Hour
	maxBytes = 256 << 20
)

// check names what does not hold, at its place.
func (s *Settings) check(env notify.ConnectorEnv) error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, env.Source.Section.Errorf(key, format, args...))
	}
	if !filepath.IsAbs(s.Path) {
		bad("path", "must be an absolute path of a folder")
	}
	if env.Mappings[s.Mapping] == nil {
		known := slices.Sorted(maps.Keys(env.Mappings))
		bad("mapping", "must be the id of a mapping of this file that has no mistake; there are: %s", strings.Join(known, ", "))
	}
	if _, err := path.Match(s.Pattern, "x"); err != nil || s.Pattern == "" || strings.ContainsAny(s.Pattern, `/\`) {
		bad("pattern", "must be a pattern of file names such as *.xml")
	}
	for key, value := range map[string]string{"done": s.Done, "failed": s.Failed} {
		if value == "" || filepath.Clean(s.below(value)) == filepath.Clean(s.Path) {
			bad(key, "must be a folder other than path")
		}
	}
	if filepath.Clean(s.below(s.Done)) == filepath.Clean(s.below(s.Failed)) {
		bad("failed", "must be another folder than done")
	}
	if s.Poll < minPoll || s.Poll > maxPoll {
		bad("poll", "must be %s to %s", minPoll, maxPoll)
	}
	if s.Settle > maxPoll {
		bad("settle", "must be at most %s", maxPoll)
	}
	if s.MaxBytes < 1 || s.MaxBytes > maxBytes {
		bad("max_bytes", "must be 1 to %d", maxBytes)
	}
	return errors.Join(errs...)
}

// below gives a folder of the settings as a whole path.
func (s *Settings) below(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Path, name)
}
