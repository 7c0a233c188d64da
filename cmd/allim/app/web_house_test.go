package app_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/notifytest"
)

// webHouse is the whole program with a mail server, two people and those who run it, for the tests of its pages.
type webHouse struct {
	t     *testing.T
	app   *app.App
	clock *notifytest.Clock
	mail  *imaptest.Server
}

const webConfig = `
apps:
  - {id: corp, webpush: {subject: "mailto:it@example.com"}}
sources:
  - {id: mail, kind: imap, address: "%s", security: none, auth: {method: master, user: watcher, password: master-word, separator: "*"}, accounts: {from: identities, kind: email}}
`

func newWebHouse(t *testing.T, config string) *webHouse {
	t.Helper()
	srv, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "master-word"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	srv.AddUser("kim@example.com", "kim-word")
	h := &webHouse{t: t, clock: notifytest.NewClock(time.Time{}), mail: srv}
	o := options(parse(t, t.TempDir(), fmt.Sprintf(webConfig, srv.Addr())+config))
	o.Clock = h.clock
	h.app = start(t, o)
	for id, role := range map[string]notify.Role{"kim": notify.RolePerson, "lee": notify.RolePerson, "audit": notify.RoleAuditor,
		"oper": notify.RoleOperator, "boss": notify.RoleAdmin} {
		u := notify.User{ID: id, Name: strings.ToUpper(id), Locale: "en", TimeZone: "Asia/Seoul"}
		if id == "kim" {
			u.Identities = []notify.Identity{{Kind: "email", Value: "kim@example.com"}}
		}
		if _, _, err := h.app.Hub().PutUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if err := h.app.Store().SetRole(t.Context(), id, role); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// browser keeps cookies and follows no redirects.
type browser struct {
	h    *webHouse
	http *http.Client
	lang string
}

// answer is what a page answered.
type answer struct {
	status int
	header http.Header
	body   string
}

func (h *webHouse) browser() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h: h, http: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is a browser in which somebody is signed in; empty: nobody.
func (h *webHouse) as(user string) *browser {
	h.t.Helper()
	b := h.browser()
	if user != "" {
		if a := b.post("/join", url.Values{"invitation": {h.invite(user)}}); a.status != http.StatusSeeOther {
			h.t.Fatalf("%s cannot sign in: %d %s", user, a.status, a.body)
		}
	}
	return b
}

func (h *webHouse) invite(user string) string {
	h.t.Helper()
	i, secret := api.NewInvitation(user, h.clock)
	if err := h.app.Store().PutInvitation(h.t.Context(), i, notify.HashSecret(secret)); err != nil {
		h.t.Fatal(err)
	}
	return secret
}

func (b *browser) do(req *http.Request) answer {
	b.h.t.Helper()
	if b.lang != "" {
		req.Header.Set("Accept-Language", b.lang)
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b *browser) request(method, path, body string) *http.Request {
	b.h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.h.app.URL()+path, strings.NewReader(body))
	if err != nil {
		b.h.t.Fatal(err)
	}
	return req
}

func (b *browser) get(path string) answer { return b.do(b.request(http.MethodGet, path, "")) }

func (b *browser) post(path string, form url.Values) answer {
	req := b.request(http.MethodPost, path, form.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// alert gives the words of what went wrong on a page.
func (a answer) alert() string {
	_, rest, _ := strings.Cut(a.body, `role="alert">`)
	rest, _, _ = strings.Cut(rest, "</div>")
	return strings.TrimSpace(tags.ReplaceAllString(rest, ""))
}

func (a answer) want(t *testing.T, what string, status int, words string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, words) {
		t.Errorf("%s: %d %q, want %d with %q", what, a.status, a.alert(), status, words)
	}
}

// point is a public key of P-256 as a browser gives it.
func point() []byte {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key.PublicKey().Bytes()
}
