package sim

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest"
)

var (
	wnsEntra = WNSApp{Tenant: "tenant", Client: "client", Secret: "s3cret"}
	wnsUWP   = WNSApp{PackageSID: "ms-app://S-1-15-2-1", Secret: "live"}
)

// wnsClient talks to a simulator as a sender would.
type wnsClient struct {
	t      *testing.T
	sim    *WNS
	http   *http.Client
	bearer string
}

func newWNSClient(t *testing.T, o WNSOptions) *wnsClient {
	t.Helper()
	s, err := NewWNS(o)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA().Pool()}}
	t.Cleanup(func() { tr.CloseIdleConnections(); _ = s.Close() })
	s.AddApp(wnsEntra)
	s.AddApp(wnsUWP)
	c := &wnsClient{t: t, sim: s, http: &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	_, answer := c.login(wnsEntra, nil)
	c.bearer, _ = answer["access_token"].(string)
	return c
}

func (c *wnsClient) do(method, target string, header http.Header, body io.Reader) (*http.Response, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), notifytest.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(text)
}

// login signs on; change alters the form of a good request.
func (c *wnsClient) login(a WNSApp, change func(url.Values)) (int, map[string]any) {
	c.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_secret": {a.Secret}, "client_id": {a.Client}, "scope": {"https://wns.windows.com/.default"}}
	if a.PackageSID != "" {
		form.Set("client_id", a.PackageSID)
		form.Set("scope", "notify.windows.com")
	}
	if change != nil {
		change(form)
	}
	resp, text := c.do(http.MethodPost, c.sim.TokenURL(a), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, strings.NewReader(form.Encode()))
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// push sends a good toast but for what change alters.
func (c *wnsClient) push(uri, body string, change func(http.Header)) *http.Response {
	c.t.Helper()
	h := http.Header{"Authorization": {"Bearer " + c.bearer}, "X-Wns-Type": {"wns/toast"}, "Content-Type": {"text/xml"}, "X-Wns-Requestforstatus": {"true"}}
	if change != nil {
		change(h)
	}
	resp, _ := c.do(http.MethodPost, uri, h, strings.NewReader(body))
	return resp
}

const goodToast = `<toast launch="x"><visual lang="ko-KR"><binding template="ToastGeneric"><text>t</text></binding></visual><audio silent="true"/></toast>`

func TestWNSLogins(t *testing.T) {
	set := func(k, v string) func(url.Values) { return func(f url.Values) { f.Set(k, v) } }
	for _, c := range []struct {
		o      WNSOptions
		app    WNSApp
		change func(url.Values)
		status int
		key    string
		want   any
	}{
		{WNSOptions{}, wnsEntra, nil, 200, "expires_in", 86400.0},
		{WNSOptions{TextExpiry: true}, wnsEntra, nil, 200, "expires_in", "86400"},
		{WNSOptions{NoExpiry: true}, wnsUWP, nil, 200, "expires_in", nil},
		{WNSOptions{TokenLife: time.Hour}, wnsUWP, nil, 200, "expires_in", 3600.0},
		{WNSOptions{}, wnsUWP, nil, 200, "token_type", "bearer"},
		{WNSOptions{}, wnsEntra, set("client_secret", "x"), 401, "error", "invalid_client"},
		{WNSOptions{}, wnsEntra, set("client_id", "x"), 400, "error", "unauthorized_client"},
		{WNSOptions{}, wnsEntra, set("scope", "notify.windows.com"), 400, "error", "invalid_scope"},
		{WNSOptions{}, wnsEntra, set("grant_type", "password"), 400, "error", "unsupported_grant_type"},
		{WNSOptions{}, WNSApp{Tenant: "no", Client: "client", Secret: "s3cret"}, nil, 400, "error", "invalid_request"},
		{WNSOptions{}, wnsUWP, set("client_id", "x"), 400, "error_description", "Invalid client id"},
		{WNSOptions{}, wnsUWP, set("client_secret", "x"), 400, "error", "invalid_client"},
		{WNSOptions{}, wnsUWP, set("scope", "https://wns.windows.com/.default"), 400, "error", "invalid_scope"},
	} {
		status, answer := newWNSClient(t, c.o).login(c.app, c.change)
		if status != c.status || answer[c.key] != c.want {
			t.Errorf("%d %v, want %d with %s %v", status, answer, c.status, c.key, c.want)
		}
	}
}

// Every request that the real service refuses is refused, with its own status.
func TestWNSRefusals(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	c := newWNSClient(t, WNSOptions{Clock: clock})
	uri, err := c.sim.NewChannel(wnsEntra)
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.sim.NewChannel(wnsUWP)
	if err != nil {
		t.Fatal(err)
	}
	set := func(pairs ...string) func(http.Header) {
		return func(h http.Header) {
			for i := 0; i < len(pairs); i += 2 {
				h.Set(pairs[i], pairs[i+1])
			}
		}
	}
	for name, x := range map[string]struct {
		uri, body string
		change    func(http.Header)
		status    int
		word      string
	}{
		"good":             {uri, goodToast, nil, 200, "received"},
		"all headers":      {uri, goodToast, set("X-WNS-TTL", "60", "X-WNS-Tag", "a1", "X-WNS-Group", "b2", "X-WNS-PRIORITY", "4", "X-WNS-Cache-Policy", "cache"), 200, "received"},
		"zero TTL alone":   {uri, goodToast, set("X-WNS-TTL", "0", "X-WNS-Cache-Policy", "no-cache"), 200, "received"},
		"zero TTL":         {uri, goodToast, set("X-WNS-TTL", "0"), 400, "Ttl value conflicts with X-WNS-Cache-Policy."},
		"TTL":              {uri, goodToast, set("X-WNS-TTL", "-1"), 400, "X-WNS-TTL is not valid"},
		"policy":           {uri, goodToast, set("X-WNS-Cache-Policy", "yes"), 400, "X-WNS-Cache-Policy is not valid"},
		"tag":              {uri, goodToast, set("X-WNS-Tag", "12345678901234567"), 400, "X-WNS-Tag is not valid"},
		"group":            {uri, goodToast, set("X-WNS-Group", "a-b"), 400, "X-WNS-Group is not valid"},
		"priority":         {uri, goodToast, set("X-WNS-PRIORITY", "5"), 400, "X-WNS-PRIORITY is not valid"},
		"status":           {uri, goodToast, set("X-WNS-RequestForStatus", "yes"), 400, "X-WNS-RequestForStatus is not valid"},
		"popup":            {uri, goodToast, set("X-WNS-SuppressPopup", "true"), 400, "phones only"},
		"match":            {uri, goodToast, set("X-WNS-Match", "type=wns/toast"), 400, "phones only"},
		"no type":          {uri, goodToast, set("X-WNS-Type", ""), 400, "X-WNS-Type is required"},
		"unknown type":     {uri, goodToast, set("X-WNS-Type", "wns/toasts"), 400, "X-WNS-Type is not known"},
		"raw as XML":       {uri, "x", set("X-WNS-Type", "wns/raw"), 400, "Content-Type"},
		"toast as bytes":   {uri, goodToast, set("Content-Type", "application/octet-stream"), 400, "Content-Type"},
		"no bearer":        {uri, goodToast, set("Authorization", ""), 401, "bearer"},
		"bad bearer":       {uri, goodToast, set("Authorization", "Bearer x"), 401, "bearer"},
		"another's":        {other, goodToast, nil, 403, "another app"},
		"unknown":          {c.sim.URL() + "/?token=x", goodToast, nil, 404, "not valid"},
		"encoded anew":     {strings.ReplaceAll(uri, "%2f", "%2F"), goodToast, nil, 404, "not valid"},
		"decoded":          {strings.ReplaceAll(uri, "%3d", "="), goodToast, nil, 404, "not valid"},
		"5000 bytes":       {uri, goodToast + strings.Repeat(" ", 5000-len(goodToast)), nil, 200, "received"},
		"5001 bytes":       {uri, goodToast + strings.Repeat(" ", 5001-len(goodToast)), nil, 413, "5000"},
		"empty":            {uri, "", set("X-WNS-Type", "wns/raw", "Content-Type", "application/octet-stream"), 400, "empty"},
		"broken, but sent": {uri, "<toast>", nil, 200, "received"},
	} {
		resp := c.push(x.uri, x.body, x.change)
		said := resp.Header.Get("X-WNS-NotificationStatus") + " " + resp.Header.Get("X-WNS-Error-Description")
		if resp.StatusCode != x.status || !strings.Contains(said, x.word) {
			t.Errorf("%s: %d %q, want %d %q", name, resp.StatusCode, said, x.status, x.word)
		}
	}
	if p := c.sim.Problems(); len(p) != 1 {
		t.Errorf("what Windows would drop: %q", p)
	}
	h := http.Header{"Authorization": {"Bearer " + c.bearer}}
	if resp, _ := c.do(http.MethodGet, uri, h, nil); resp.StatusCode != 405 {
		t.Errorf("GET: %d", resp.StatusCode)
	}
	if resp, _ := c.do(http.MethodPost, uri, h, io.MultiReader(strings.NewReader(goodToast))); resp.StatusCode != 411 {
		t.Errorf("chunked: %d", resp.StatusCode)
	}
	clock.Advance(25 * time.Hour)
	if resp := c.push(uri, goodToast, nil); resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("an old token: %d", resp.StatusCode)
	}
	clock.Advance(wnsChannelLife)
	_, answer := c.login(wnsEntra, nil)
	c.bearer, _ = answer["access_token"].(string)
	if resp := c.push(uri, goodToast, nil); resp.StatusCode != 410 {
		t.Errorf("an old channel: %d", resp.StatusCode)
	}
}

// Windows drops what breaks the schema; this is how strict it is.
func TestParseToast(t *testing.T) {
	binding := func(s string) string {
		return `<toast><visual><binding template="ToastGeneric">` + s + `</binding></visual></toast>`
	}
	parts := func(s string) string {
		return `<toast><visual><binding template="ToastGeneric"><text>t</text></binding></visual>` + s + `</toast>`
	}
	for body, good := range map[string]bool{
		goodToast: true, `<?xml version="1.0" encoding="utf-8"?>` + goodToast: true,
		binding(`<text>a</text><text>b</text><text>c</text><text placement="attribution">d</text>`):                                                                true,
		binding(`<text>a</text><image placement="hero" src="https://x/y"/>`):                                                                                       true,
		parts(`<audio src="ms-winsoundevent:Notification.Default"/><actions><action content="a" arguments="b"/></actions><header id="1" title="t" arguments=""/>`): true,
		binding(``): false, binding(`<text>a</text><text>b</text><text>c</text><text>d</text>`): false,
		binding(`<image src="https://x/y"/><text>a</text>`): false, binding(`<text>a</text><image src="c:\x"/>`): false,
		binding(`<text>a</text><image placement="hero"/>`): false, binding(`<Text>a</Text>`): false, binding(`loose<text>a</text>`): false,
		parts(`<header id="1" title="t" arguments=""/><audio silent="true"/>`): false, parts(`<audio silent="yes"/>`): false,
		parts(`<header id="1" title="t"/>`): false, parts(`<audio src="chime.caf"/>`): false, parts(`<audio/><audio/>`): false,
		strings.Replace(goodToast, "ko-KR", "not a locale", 1): false, strings.Replace(goodToast, "ToastGeneric", "ToastText01", 1): false,
		strings.Replace(goodToast, `launch="x"`, `launch="x" launch="y"`, 1): false, strings.Replace(goodToast, `launch="x"`, `colour="x"`, 1): false,
		strings.Replace(goodToast, "<toast", `<toast xmlns="urn:x"`, 1): false, `<!DOCTYPE toast>` + goodToast: false,
		goodToast + goodToast: false, goodToast + "x": false, goodToast[:60]: false, "": false, "\xff": false, `<badge value="1"/>`: false,
	} {
		if _, err := ParseToast([]byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	for body, good := range map[string]bool{`<badge value="7"/>`: true, `<badge value="none"/>`: true, `<badge value="-1"/>`: false,
		`<badge value="newmessage"/>`: false, `<badge/>`: false, `<badge value="1">x<y/></badge>`: false, `<b value="1"/>`: false} {
		if _, err := ParseBadge([]byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// What a device is like decides what becomes of a push, and people can read it over HTTP.
func TestWNSDevices(t *testing.T) {
	c := newWNSClient(t, WNSOptions{PerMinute: 4})
	uri, err := c.sim.NewChannel(wnsEntra)
	if err != nil {
		t.Fatal(err)
	}
	c.sim.SetDevice(uri, "disconnected")
	noCache := func(h http.Header) { h.Set("X-WNS-Cache-Policy", "no-cache") }
	for i, x := range []struct {
		change           func(http.Header)
		status           int
		word, connection string
	}{{nil, 200, "received", "disconnected"}, {noCache, 200, "dropped", "disconnected"},
		{func(h http.Header) { h.Del("X-WNS-RequestForStatus") }, 200, "received", ""}, {nil, 200, "received", "disconnected"},
		{nil, 406, "dropped", "disconnected"}} {
		resp := c.push(uri, goodToast, x.change)
		if resp.StatusCode != x.status || resp.Header.Get("X-WNS-Status") != x.word || resp.Header.Get("X-WNS-DeviceConnectionStatus") != x.connection {
			t.Errorf("%d: %d %v", i, resp.StatusCode, resp.Header)
		}
		if (resp.StatusCode == 406) != (resp.Header.Get("Retry-After") == "60") {
			t.Errorf("%d: Retry-After %q", i, resp.Header.Get("Retry-After"))
		}
	}
	for path, want := range map[string]string{"/log": `"reason":"Throttled"`, "/messages?channel=" + url.QueryEscape(uri): `"text":["t"]`, "/problems": "null"} {
		w := httptest.NewRecorder()
		c.sim.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if c.sim.Accepted("wns/toast") != 3 || c.sim.Opened() == 0 {
		t.Errorf("%d toasts, %d connections", c.sim.Accepted("wns/toast"), c.sim.Opened())
	}
}

func TestVerifyHook(t *testing.T) {
	now := time.Unix(1795424400, 0)
	for _, bad := range []string{"", "t=", "v1=aa", "t=1795424400,v1=a8f9f1cd1a2a1f6a", "t=1795424400", "t=1795424400,v1="} {
		if VerifyHook("0123456789abcdef", bad, []byte("{}"), now) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
