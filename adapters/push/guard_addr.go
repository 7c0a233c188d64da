package push

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// MaxEndpoint is the greatest length of a URL that strangers may supply, in bytes: UnifiedPush's maximum for an
// endpoint (AND_3, "definitions"), enough for every other service too.
const MaxEndpoint = 1000

// CheckURL parses a URL that a stranger supplied: absolute, https (http for the hosts that the configuration names),
// no user, no fragment, at most MaxEndpoint bytes, not an address or name of the house. Names are not resolved: what
// they lead to is checked when it is dialled. The error says what is wrong without repeating the URL.
func (g *Guard) CheckURL(raw string) (*url.URL, error) {
	if len(raw) > MaxEndpoint {
		return nil, fmt.Errorf("%w: is longer than %d bytes", ErrRefused, MaxEndpoint)
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] >= 0x7f {
			return nil, fmt.Errorf("%w: holds a character that no URL can have", ErrRefused)
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: is not a URL", ErrRefused) // the parser's own words repeat it
	}
	if strings.Contains(raw, "#") {
		return nil, fmt.Errorf("%w: has a fragment", ErrRefused)
	}
	if err := g.checkParsed(u); err != nil {
		return nil, err
	}
	return u, nil
}

func (g *Guard) checkParsed(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	switch {
	case u.Opaque != "" || host == "":
		return fmt.Errorf("%w: is not an absolute https URL", ErrRefused)
	case u.Scheme == "http" && !g.plainAllowed(host):
		return fmt.Errorf("%w: must be https", ErrRefused)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%w: must be https", ErrRefused)
	case u.User != nil:
		return fmt.Errorf("%w: has a user name in it", ErrRefused)
	case u.Port() == "0" || strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("%w: has no usable port", ErrRefused)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return g.checkAddr(a)
	}
	if local(host) && len(g.opts.Outgoing.AllowPrivate) == 0 {
		return fmt.Errorf("%w: leads into the house's own network", ErrRefused)
	}
	return nil
}

func (g *Guard) plainAllowed(host string) bool {
	for _, h := range g.opts.HTTPHosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// local tells names that can only mean something of the house: RFC 6761 (localhost), RFC 6762 (local), ICANN's
// internal, RFC 8375 (home.arpa), names without a dot, and numbers that resolvers read as addresses (0x7f.1, 2130706433).
func local(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case host == last:
		return true
	case last == "localhost" || last == "local" || last == "internal" || last == "localdomain" || last == "lan":
		return true
	case strings.HasSuffix(host, ".home.arpa"):
		return true
	}
	return last == "" || last[0] >= '0' && last[0] <= '9'
}

// checkAddr decides whether an address may be dialled.
func (g *Guard) checkAddr(a netip.Addr) error {
	if !g.opts.Outgoing.Allows(a) {
		return fmt.Errorf("%w: leads into the house's own network", ErrRefused)
	}
	return nil
}
