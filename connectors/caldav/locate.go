package caldav

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// resolver is what is asked of DNS; net.Resolver is one.
type resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// locator finds where the server's calendars begin: the addresses to try, best first. They are the same for all accounts
// of a source, so DNS is asked once in a while.
type locator struct {
	client   *client
	resolver resolver
	base     *url.URL
	bare     bool // only a domain is configured

	mu      sync.Mutex
	found   []*url.URL
	foundAt time.Time
}

const (
	locateEvery = time.Hour
	wellKnown   = "/.well-known/caldav" // RFC 6764 section 5
	maxTargets  = 8
)

// places gives the addresses to try. The error is a trouble.
func (l *locator) places(ctx context.Context) ([]*url.URL, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.client.clock.Now()
	if l.found != nil && now.Sub(l.foundAt) < locateEvery && !now.Before(l.foundAt) {
		return l.found, nil
	}
	found := around(l.base)
	if l.bare {
		byName, err := l.byName(ctx)
		if err != nil {
			return nil, err
		}
		found = append(byName, found...)
	}
	l.found, l.foundAt = found, now
	return found, nil
}

// around gives a server's address as it is configured, then where it may send us, then its root.
func around(u *url.URL) []*url.URL {
	list := []*url.URL{u}
	for _, path := range []string{wellKnown, "/"} {
		if path != u.Path {
			list = append(list, u.ResolveReference(&url.URL{Path: path}))
		}
	}
	return list
}

// byName follows RFC 6764 section 6: SRV records say which host and port, the TXT record beside them where on it. Without
// TLS only where the settings allow it. No records are no error.
func (l *locator) byName(ctx context.Context) ([]*url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, l.client.settings.Timeout)
	defer cancel()
	domain := l.base.Hostname()
	services := []struct{ service, scheme string }{{"caldavs", "https"}}
	if l.client.settings.Insecure {
		services = append(services, struct{ service, scheme string }{"caldav", "http"})
	}
	var list []*url.URL
	for _, s := range services {
		_, targets, err := l.resolver.LookupSRV(ctx, s.service, "tcp", domain) // ordered by priority and weight
		if err != nil && !noSuchName(err) {
			return nil, &trouble{kind: kindUnreachable, text: "the name " + domain + " cannot be looked up: " + netWords(err), err: err}
		}
		path := ""
		if len(targets) > 0 {
			path = l.path(ctx, "_"+s.service+"._tcp."+domain)
		}
		for _, t := range targets[:min(len(targets), maxTargets)] {
			host := strings.TrimSuffix(t.Target, ".")
			if host == "" || t.Port == 0 { // RFC 2782: "." means that there is no such service
				continue
			}
			u := &url.URL{Scheme: s.scheme, Host: net.JoinHostPort(host, strconv.Itoa(int(t.Port))), Path: "/"}
			l.client.trust(u)
			if path != "" {
				list = append(list, u.ResolveReference(&url.URL{Path: path}))
			}
			list = append(list, u.ResolveReference(&url.URL{Path: wellKnown}), u)
		}
	}
	return list, nil
}

// path reads the TXT record: path=/somewhere (RFC 6764 section 4). Others beside it are left alone.
func (l *locator) path(ctx context.Context, name string) string {
	records, _ := l.resolver.LookupTXT(ctx, name) // a hint: without it there is the well-known address
	for _, r := range records {
		if path, ok := strings.CutPrefix(r, "path="); ok && strings.HasPrefix(path, "/") {
			return path
		}
	}
	return ""
}

func noSuchName(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
