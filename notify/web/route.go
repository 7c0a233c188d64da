package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// Who may see a page.
type audience string

// The audiences: everybody, who is signed in, and those with at least a role.
const (
	forAll      audience = "everybody"
	forSigned   audience = "signed in"
	forAuditor  audience = "auditor"
	forOperator audience = "operator"
	forAdmin    audience = "admin"
)

// Route is one page or action, for the router and the tests.
type Route struct {
	Method string
	Path   string // with {name} for its parameters
	For    audience
	Act    string // for the audit trail: a stable word; empty: nothing of administration

	serve func(p *Pages, v *visit) error
}

// pattern is the path as http.ServeMux takes it.
func (r Route) pattern() string {
	if strings.HasSuffix(r.Path, "/") {
		return r.Path + "{$}"
	}
	return r.Path
}

// Allows tells whether somebody with the role may: signed is false for who is not signed in.
func (r Route) Allows(signed bool, role notify.Role) bool {
	switch r.For {
	case forAll:
		return true
	case forSigned:
		return signed
	case forAuditor:
		return signed && role.Covers(notify.RoleAuditor)
	case forOperator:
		return signed && role.Covers(notify.RoleOperator)
	}
	return signed && role == notify.RoleAdmin
}

// Routes is the table of all pages and actions.
func Routes() []Route {
	return slices.Concat(doorRoutes(), peopleRoutes(), consoleRoutes())
}

// doorRoutes are for who is not signed in yet.
func doorRoutes() []Route {
	return []Route{
		{"GET", "/signin", forAll, "", (*Pages).signInPage},
		{"POST", "/signin", forAll, "", (*Pages).signIn},
		{"GET", "/signin/oidc", forAll, "", (*Pages).beginSSO},
		{"GET", "/signin/oidc/callback", forAll, "", (*Pages).endSSO},
		{"GET", "/join", forAll, "", (*Pages).joinPage},
		{"POST", "/join", forAll, "", (*Pages).join},
		{"POST", "/language", forAll, "", (*Pages).language},
		{"GET", "/manifest.webmanifest", forAll, "", (*Pages).manifest},
		{"GET", "/sw.js", forAll, "", (*Pages).serviceWorker},
	}
}

// peopleRoutes are a person's own pages.
func peopleRoutes() []Route {
	return []Route{
		{"GET", "/", forSigned, "", (*Pages).inbox},
		{"POST", "/read", forSigned, "", (*Pages).readAll},
		{"GET", "/devices", forSigned, "", (*Pages).devices},
		{"POST", "/devices/{id}/name", forSigned, "", (*Pages).nameDevice},
		{"POST", "/devices/{id}/test", forSigned, "", (*Pages).testDevice},
		{"POST", "/devices/{id}/remove", forSigned, "", (*Pages).removeDevice},
		{"POST", "/sessions/{id}/end", forSigned, "", (*Pages).endSession},
		{"GET", "/preferences", forSigned, "", (*Pages).preferences},
		{"POST", "/preferences", forSigned, "", (*Pages).putPreferences},
		{"POST", "/signout", forSigned, "", (*Pages).signOut},
	}
}

// visit is one request on its way.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	key  notify.Key // of who is signed in
	user notify.User
	role notify.Role
	lang string
	act  string // what it is in the audit trail
}

func (v *visit) signed() bool { return v.key.User != "" }

// actor is who did something, for the audit trail and as the sender of notices.
func (v *visit) actor() string { return "user:" + v.key.User }

const (
	pageTimeout = 30 * time.Second
	maxForm     = 1 << 20 // bytes of a form
)

// handler does what is the same around every page: who asks, may they, is the form whole and from our own page, and the
// answer to errors.
func (p *Pages) handler(route Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
		defer cancel()
		p.headers(w.Header())
		v := &visit{w: w, r: r, ctx: ctx, act: route.Act}
		err := p.known(v)
		if err == nil {
			err = p.admit(v, route)
		}
		if err == nil {
			err = p.form(v)
		}
		if err == nil {
			err = route.serve(p, v)
		}
		if err != nil {
			p.fail(v, err)
		}
	}
}

// known finds who is signed in, if anybody, and the language.
func (p *Pages) known(v *visit) error {
	v.lang = languageOf(v.r, "")
	key, err := p.o.API.Authenticate(v.r)
	switch notify.CodeOf(err) {
	case "":
	case notify.CodeUnauthenticated, notify.CodeForbidden: // the form check says more of the latter
		return nil
	default:
		return err
	}
	if key.User == "" { // an API key opens no pages
		return nil
	}
	user, err := p.o.Store.User(v.ctx, key.User)
	if err != nil {
		return err
	}
	role, err := p.o.Store.RoleOf(v.ctx, key.User)
	if err != nil {
		return err
	}
	v.key, v.user, v.role = key, user, role
	v.lang = languageOf(v.r, user.Locale)
	return nil
}

// errSignIn leads to the sign-in page and back.
var errSignIn = errors.New("sign in first")

func (p *Pages) admit(v *visit, route Route) error {
	if v.r.Method == http.MethodPost {
		if err := p.origin.Check(v.r); err != nil {
			return notify.Wrap(notify.CodeForbidden, err, text(v.lang, "error.origin"))
		}
	}
	switch {
	case route.Allows(v.signed(), v.role):
		return nil
	case !v.signed():
		return errSignIn
	}
	return notify.Errorf(notify.CodeForbidden, "%s", text(v.lang, "error.role"))
}

// form reads a form's fields; a greater one than maxForm is refused before it is read.
func (p *Pages) form(v *visit) error {
	if v.r.Method != http.MethodPost {
		return nil
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	err := v.r.ParseForm()
	if err == nil && strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/form-data") {
		err = v.r.ParseMultipartForm(maxForm)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return notify.Errorf(notify.CodeTooLarge, "%s", text(v.lang, "error.large"))
	case err != nil:
		return notify.Wrap(notify.CodeMalformed, err, text(v.lang, "error.form"))
	}
	return nil
}

// see leads the browser to another page, after a form: the answer to a reload is then that page.
func (v *visit) see(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// said is see with a word about what was done.
func (v *visit) said(path, word string) error {
	glue := "?"
	if strings.Contains(path, "?") {
		glue = "&"
	}
	return v.see(path + glue + "done=" + url.QueryEscape(word))
}

// did writes an administrative act into the audit trail. The act is done: a failure is logged.
func (p *Pages) did(v *visit, subject, detail string) {
	act := notify.Act{At: p.o.Clock.Now(), Actor: v.actor(), Act: v.act, Subject: subject, Detail: detail}
	if err := p.o.Store.PutAct(context.WithoutCancel(v.ctx), act); err != nil {
		p.o.Log.Error("an administrative act is not in the audit trail", "act", v.act, "subject", subject, "error", err)
	}
}
