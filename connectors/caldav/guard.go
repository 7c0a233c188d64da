package caldav

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"allim.dev/allim/notify"
)

// guard keeps redirects and addresses that a server names out of private networks: a calendar server must not make the hub
// ask the cloud's metadata service or the house's own machines. Where the configuration itself leads is free.
type guard struct {
	allow  []netip.Prefix
	dialer net.Dialer

	mu    sync.Mutex
	hosts map[string]bool // free to dial, wherever they resolve to
}

// errRefusedAddr is the cause of every refusal by a guard.
var errRefusedAddr = errors.New("the address is in a private network")

func newGuard(allow []netip.Prefix) *guard {
	return &guard{allow: allow, hosts: map[string]bool{}, dialer: net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}}
}

// free lets a host be dialled wherever it resolves to.
func (g *guard) free(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts[strings.ToLower(host)] = true
}

func (g *guard) isFree(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hosts[strings.ToLower(host)]
}

// proxy is the environment's; it is named by IT, so it may be anywhere.
func (g *guard) proxy(r *http.Request) (*url.URL, error) {
	via, err := http.ProxyFromEnvironment(r)
	if via != nil {
		g.free(via.Hostname())
	}
	return via, err
}

func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := g.dialer
	if host, _, err := net.SplitHostPort(addr); err != nil || !g.isFree(host) {
		d.Control = g.control // a copy's: sees the address that is really dialled, after the name was resolved
	}
	return d.DialContext(ctx, network, addr)
}

func (g *guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errRefusedAddr
	}
	return g.check(ap.Addr())
}

// literal refuses an address that a URL names outright, also where a proxy would dial it.
func (g *guard) literal(host string) error {
	if g.isFree(host) {
		return nil
	}
	if strings.EqualFold(host, "localhost") {
		return g.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return g.check(a)
	}
	return nil
}

func (g *guard) check(a netip.Addr) error {
	if !(notify.Outgoing{AllowPrivate: g.allow}).Allows(a) {
		return errRefusedAddr
	}
	return nil
}
