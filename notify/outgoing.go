package notify

import (
	"net/http"
	"net/netip"
	"net/url"
)

// Outgoing is how requests leave the house.
type Outgoing struct {
	Proxy        func(*http.Request) (*url.URL, error) // nil: none
	AllowPrivate []netip.Prefix                        // where addresses that strangers supply may lead, besides public ones
	Transport    string                                // of adapters whose section does not say: one of the constants; empty: TransportH2
}

// What carries an adapter's requests.
const (
	TransportH2      = "h2"      // frames of many requests in one write
	TransportNetHTTP = "nethttp" // Go's own, for what the other one does not know
)

// Allows tells whether an address that a stranger supplied, by its name or by a redirect, may be reached: a public one, or
// one that the configuration allows.
func (o Outgoing) Allows(a netip.Addr) bool {
	a = a.WithZone("").Unmap() // ::ffff:10.0.0.1 is 10.0.0.1
	for _, p := range o.AllowPrivate {
		if p.Contains(a) {
			return true
		}
	}
	if !a.IsValid() || !a.IsGlobalUnicast() {
		return false
	}
	for _, p := range inner {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// inner are the ranges of the IANA special-purpose registries that are not simply someone's public address, among them
// those that hold an IPv4 address inside: a gateway would take the packet to that address.
var inner = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
