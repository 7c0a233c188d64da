package caldav

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/notify"
)

// dns is a resolver with fixed records.
type dns struct {
	srv map[string][]*net.SRV // by service
	txt []string
	err error
}

// LookupSRV implements resolver.
func (d dns) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if d.err != nil {
		return "", nil, d.err
	}
	if len(d.srv[service]) == 0 || proto != "tcp" || name != "example.com" {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return "", d.srv[service], nil
}

// LookupTXT implements resolver.
func (d dns) LookupTXT(context.Context, string) ([]string, error) { return d.txt, nil }

// find runs discovery against the rig's server.
func (r *rig) find() (place, error) {
	r.t.Helper()
	c, ok := r.connector().(*connector)
	if !ok {
		r.t.Fatal("not a connector")
	}
	s := newSource(c, r.watch)
	defer s.client.close()
	return s.client.access(kim, "secret").discover(r.t.Context(), s.locator)
}

func (r *rig) finds(want string) {
	r.t.Helper()
	p, err := r.find()
	if err != nil || len(p.Homes) != 1 || !strings.HasSuffix(p.Homes[0], want) {
		r.t.Fatalf("found %+v, %v; want %s", p, err, want)
	}
}

const kimsHome = "/dav/calendars/" + kim + "/"

// TestWellKnown: every redirect of /.well-known/caldav keeps method and body.
func TestWellKnown(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			r := newRig(t, caldavtest.Options{WellKnown: status})
			r.finds(kimsHome)
		})
	}
	r := newRig(t, caldavtest.Options{WellKnown: -1, Root: "/"})
	r.finds("/calendars/" + kim + "/") // the root itself
	r = newRig(t, caldavtest.Options{WellKnown: -1})
	if _, err := r.find(); !is(err, kindSetup) || !strings.Contains(err.Error(), "set home") {
		t.Errorf("nothing to be found: %v", err)
	}
}

// TestAddresses: what may be configured.
func TestAddresses(t *testing.T) {
	for _, path := range []string{"", "dav/", "dav/principals/" + kim + "/", "dav/calendars/" + kim + "/", "dav/calendars/" + kim + "/work/"} {
		t.Run(path, func(t *testing.T) {
			r := newRig(t, caldavtest.Options{WellKnown: 307})
			r.set = func(s *Settings) { s.URL += path }
			if path != "" && !strings.HasSuffix(path, "dav/") {
				// A server that does not say who is logged in.
				r.srv.Inject(caldavtest.Fault{Method: "PROPFIND", Edit: caldavtest.Replace("current-user-principal", "x-principal")})
			}
			want := kimsHome
			if strings.HasSuffix(path, "work/") {
				want += "work/"
			}
			r.finds(want)
			r.well()
			r.put("new.ics", meeting("new", "New", tomorrow(2)))
			r.poll()
			r.expect("calendar.created New")
		})
	}
}

// TestByName: SRV records say where the server of a domain is, the TXT record where on it; a target that is away leads to
// the next.
func TestByName(t *testing.T) {
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	r := newRig(t, caldavtest.Options{TLS: &tls.Config{Certificates: certs.TLS.Certificates}, WellKnown: -1})
	_, port, err := net.SplitHostPort(r.srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	records := dns{txt: []string{"v=1", "path=/dav/"},
		srv: map[string][]*net.SRV{"caldavs": {{Target: "127.0.0.1.", Port: 1}, {Target: ".", Port: 0}, {Target: "127.0.0.1.", Port: uint16(n)}}}}
	r.set = func(s *Settings) { s.URL = "example.com" }
	r.alter = func(c *connector) {
		c.resolver = records
		c.roots = certs.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	r.finds(kimsHome)
	records.err = errors.New("servfail")
	if _, err := r.find(); !is(err, kindUnreachable) {
		t.Errorf("a name server that is away: %v", err)
	}
}

// TestByNamePlain: without TLS only where it is allowed.
func TestByNamePlain(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	host, port, err := net.SplitHostPort(r.srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	r.alter = func(c *connector) {
		c.resolver = dns{srv: map[string][]*net.SRV{"caldav": {{Target: host, Port: uint16(n)}}}}
	}
	r.set = func(s *Settings) { s.URL, s.Insecure = "example.com", true }
	r.finds(kimsHome)
}

// TestLogins: every way to log in, over polls and over a nonce that gets stale.
func TestLogins(t *testing.T) {
	bearer := func(token string) (string, bool) { return kim, token == "secret" || token == "fixed" }
	reader := caldavtest.Options{Reader: "watcher", ReaderPassword: "pw"}
	for name, c := range map[string]struct {
		server caldavtest.Options
		set    func(*Settings)
	}{
		"basic":            {caldavtest.Options{}, func(*Settings) {}},
		"basic, asked for": {caldavtest.Options{}, func(s *Settings) { s.Auth.Scheme = schemeBasic }},
		"digest":           {caldavtest.Options{Auth: "digest"}, func(*Settings) {}},
		"only digest":      {caldavtest.Options{Auth: "digest"}, func(s *Settings) { s.Auth.Scheme = schemeDigest }},
		"own token":        {caldavtest.Options{Auth: "bearer", Bearer: bearer}, func(s *Settings) { s.Auth.Method = methodBearer }},
		"one token": {caldavtest.Options{Auth: "bearer", Bearer: bearer}, func(s *Settings) {
			s.Auth, s.Home = Auth{Method: methodBearer, Token: "fixed"}, "/dav/calendars/{login}/"
		}},
		"reader by home": {reader, func(s *Settings) {
			s.Auth, s.Home = Auth{Method: methodProxy, User: "watcher", Password: "pw"}, "/dav/calendars/{local}@{domain}/"
		}},
		"reader by principal": {reader, func(s *Settings) {
			s.Auth, s.Principal = Auth{Method: methodProxy, User: "watcher", Password: "pw"}, "/dav/principals/{login}/"
		}},
		"reader by search": {reader, func(s *Settings) {
			s.URL += "dav/principals/" + kim + "/"
			s.Auth = Auth{Method: methodProxy, User: "watcher", Password: "pw"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.server)
			r.srv.AddUser("x"+kim, "other") // an address that has kim's in it
			r.set = c.set
			r.well()
			r.poll()
			r.srv.NewNonce()
			r.put("new.ics", meeting("new", "New", tomorrow(2)))
			r.poll()
			r.expect("calendar.created New")
			if n := r.srv.Count("401"); name != "digest" && name != "only digest" && n > 1 {
				t.Errorf("%d refusals", n)
			}
		})
	}
}

// TestOAuth2: the token comes by client credentials, and a new one when the server refuses the old one.
func TestOAuth2(t *testing.T) {
	asked := make(chan string, 10)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked <- q.FormValue("grant_type")
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token": "good", "token_type": "Bearer", "expires_in": 3600}`)
	}))
	defer endpoint.Close()
	r := newRig(t, caldavtest.Options{Auth: "bearer", Bearer: func(token string) (string, bool) { return kim, token == "good" }})
	r.set = func(s *Settings) {
		s.Auth = Auth{Method: methodOAuth2, TokenURL: endpoint.URL, ClientID: "hub", ClientSecret: "s"}
		s.Home = "/dav/calendars/{login}/"
	}
	r.well()
	r.poll()
	if len(asked) != 1 || <-asked != "client_credentials" {
		t.Error("the token endpoint was asked in another way than once for client credentials")
	}
	c, ok := r.connector().(*connector)
	if !ok {
		t.Fatal("not a connector")
	}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if text, err := c.ListAccount(t.Context(), home(kim)); err != nil || text != "Work (calendar and tasks)" {
		t.Errorf("found %q, %v", text, err)
	}
}

// TestNoWayOut is case 55: redirects and addresses of the server lead into no private network, and no other host gets the
// login.
func TestNoWayOut(t *testing.T) {
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		got = append(got, q.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	for _, target := range []string{"http://169.254.169.254/latest/", elsewhere + "/dav/", "http://[::1]:1/", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/"} {
		r := newRig(t, caldavtest.Options{Root: "/dav/", WellKnown: -1})
		r.srv.Inject(caldavtest.Fault{Path: wellKnown, Status: 302, Header: map[string]string{"Location": target}})
		_, err := r.find()
		if err == nil || !strings.Contains(err.Error(), "allow_private") {
			t.Errorf("%s: %v", target, err)
		}
		// The same by a home on another host.
		r.srv.Heal()
		r.set = func(s *Settings) { s.URL += "dav/" }
		r.srv.Inject(caldavtest.Fault{Method: "PROPFIND", Path: "/principals/" + kim + "/",
			Edit: caldavtest.Replace("<D:href>/dav/calendars/", "<D:href>"+target+"x/")})
		r.start()
		r.inState(notify.HealthBackoff)
		r.stop()
	}
	if len(got) != 0 {
		t.Errorf("another server was asked: %q", got)
	}
	// Allowed, but without the login.
	r := newRig(t, caldavtest.Options{WellKnown: -1})
	r.set = func(s *Settings) {
		s.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	r.srv.Inject(caldavtest.Fault{Path: wellKnown, Status: 302, Header: map[string]string{"Location": elsewhere + "/dav/"}})
	if _, err := r.find(); err == nil || !strings.Contains(err.Error(), "hosts") {
		t.Errorf("a host that is not trusted: %v", err)
	}
	for _, a := range got {
		if a != "" {
			t.Error("a strange server got the login")
		}
	}
}

// TestTrusted says who gets the login.
func TestTrusted(t *testing.T) {
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	s := Defaults()
	s.Hosts = []string{"*.Trusted.example", "one.example"}
	c := newClient(s, parse("http://DAV.example.com/"), nil, notify.SystemClock{})
	for address, want := range map[string]bool{
		"http://dav.example.com/x": true, "http://dav.example.com:80/": true, "https://dav.example.com/": true, "http://dav.example.com:81/": false,
		"https://dav.example.com:444/": false, "https://example.com/": false, "https://a.trusted.example/": true, "https://trusted.example/": false,
		"http://a.trusted.example/": false, "https://one.example/": true, "https://xone.example/": false, "https://eviltrusted.example/": false,
	} {
		if got := c.trusted(parse(address)); got != want {
			t.Errorf("%s: trusted %v, want %v", address, got, want)
		}
	}
}

// TestRetryAfter reads what servers write.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "99999999": maxRetryAfter,
		start.Add(time.Hour).Format(http.TimeFormat): time.Hour, start.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(value, start); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
