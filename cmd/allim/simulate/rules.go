package simulate

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

// rule is one fault with whom it is for, as it stands in a file or comes over HTTP.
type rule struct {
	Platform   string `yaml:"platform"`
	Token      string `yaml:"token"`      // a device's token, channel or endpoint
	Credential string `yaml:"credential"` // a sender's: see docs/simulate.md; neither: everyone
	Login      bool   `yaml:"login"`      // for logins instead of pushes: FCM and WNS
	// RetryAfter is the header as it is sent: seconds, or an HTTP date.
	RetryAfter retryAfter `yaml:"retryAfter"`
	// RetryAfterIn sends it as the date that is so far away when the fault is scripted, in whole seconds.
	RetryAfterIn time.Duration `yaml:"retryAfterIn"`
	sim.Fault    `yaml:",inline"`
}

// retryAfter is a Retry-After header's value (RFC 9110 section 10.2.3).
type retryAfter string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *retryAfter) UnmarshalText(text []byte) error {
	_, noNumber := strconv.ParseUint(string(text), 10, 31)
	if _, noDate := http.ParseTime(string(text)); noNumber != nil && noDate != nil {
		return errors.New("must be seconds, or an HTTP date such as Mon, 23 Nov 2026 09:00:00 GMT")
	}
	*r = retryAfter(text)
	return nil
}

// rules are those of one file or request.
type rules struct {
	at   *configs.Section
	list []rule
}

// readFaults reads a file of faults; no name: there are none.
func readFaults(file string) (rules, error) {
	if file == "" {
		return rules{}, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return rules{}, fmt.Errorf("--faults: %w", err)
	}
	return parseFaults(file, data)
}

// parseFaults reads faults, strictly; the error names every mistake with its line.
func parseFaults(name string, data []byte) (rules, error) {
	section, err := configs.Plain(name, data)
	if err != nil {
		return rules{}, err
	}
	var file struct {
		Faults []rule `yaml:"faults"`
	}
	if err := section.Decode(&file); err != nil {
		return rules{}, err
	}
	if len(file.Faults) == 0 {
		return rules{}, section.Errorf("faults", "is required: a list, each with platform and what goes wrong")
	}
	return rules{section, file.Faults}, nil
}

// script has the simulators play the faults: all of them, or none when one is wrong.
func (s *simulators) script(r rules) error {
	var errs []error
	var acts []func()
	for i, one := range r.list {
		act, key, err := s.act(one)
		if err != nil {
			errs = append(errs, r.at.Errorf(strings.TrimSuffix(fmt.Sprintf("faults[%d].%s", i, key), "."), "%w", err))
			continue
		}
		acts = append(acts, act)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, act := range acts {
		act()
	}
	return nil
}

// act gives what scripts one fault; an error with the key that is wrong.
func (s *simulators) act(r rule) (act func(), key string, err error) {
	p := s.platform(notify.Platform(r.Platform))
	if p == nil {
		return nil, "platform", fmt.Errorf("must be one of %s", strings.Join(s.names(), ", "))
	}
	f, key, err := r.fault(p.target, s.opts.Clock.Now())
	if err != nil {
		return nil, key, err
	}
	switch {
	case r.Token != "" && r.Credential != "":
		return nil, "credential", errors.New("stands beside token: a fault is for one of them")
	case r.Login && p.target.login == nil:
		return nil, "login", fmt.Errorf("%s has no login", p.name)
	case r.Login && r.Token != "":
		return nil, "token", errors.New("a login is not for one device")
	case r.Login:
		return func() { p.target.login(r.Credential, f) }, "", nil
	case r.Credential != "" && p.target.noCredential:
		return nil, "credential", fmt.Errorf("requests to %s have none", p.name)
	}
	who := sim.Everyone
	if r.Token+r.Credential != "" {
		who = r.Token + r.Credential
	}
	return func() { p.target.pushes(who, f) }, "", nil
}

// fault checks what is to go wrong and gives it as the simulators take it.
func (r rule) fault(t target, now time.Time) (f sim.Fault, key string, err error) {
	f = r.Fault
	switch {
	case r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return f, "status", errors.New("must be 200 to 599")
	case r.Drop != "" && r.Drop != sim.DropBefore && r.Drop != sim.DropAfter:
		return f, "drop", errors.New("must be before or after")
	case r.Reset != 0 && !t.frames:
		return f, "reset", fmt.Errorf("is not played by the simulator of %s", r.Platform)
	case r.GoAway != nil && !t.frames:
		return f, "goAway", fmt.Errorf("is not played by the simulator of %s", r.Platform)
	case r.RetryAfter != "" && r.RetryAfterIn != 0:
		return f, "retryAfterIn", errors.New("stands beside retryAfter")
	}
	f.Header = r.headers(now)
	what := f
	what.Times = 0
	if reflect.ValueOf(what).IsZero() {
		return f, "", errors.New("does not say what goes wrong")
	}
	return f, "", nil
}

// headers gives the fault's header fields with Retry-After among them.
func (r rule) headers(now time.Time) map[string]string {
	after := string(r.RetryAfter)
	if r.RetryAfterIn != 0 {
		after = now.Add(r.RetryAfterIn).UTC().Format(http.TimeFormat)
	}
	if after == "" {
		return r.Header
	}
	all := map[string]string{"Retry-After": after}
	maps.Copy(all, r.Header)
	return all
}

func (s *simulators) names() []string {
	names := make([]string, len(s.platforms))
	for i, p := range s.platforms {
		names[i] = string(p.name)
	}
	return names
}
