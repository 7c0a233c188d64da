package web

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"allim.dev/allim/notify"
)

// view is what a template gets: who looks, in which language, and the page's own data.
type view struct {
	Lang    string
	Page    string
	Me      notify.User
	Signed  bool
	Role    notify.Role
	Path    string
	Done    string // what was done just now, in words
	Error   string
	Fields  []notify.FieldError
	SSO     bool
	D       any
	zone    *time.Location
	current time.Time
}

// T gives a text of the page in its language.
func (w view) T(key string, args ...any) string { return text(w.Lang, key, args...) }

// Has tells whether who looks has at least the role.
func (w view) Has(role string) bool { return w.Signed && w.Role.Covers(notify.Role(role)) }

// Time writes a moment in the reader's zone.
func (w view) Time(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(w.zone)
	if w.Lang == "ko" {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format("2 Jan 2006, 15:04")
}

// Clock writes a moment's time of day.
func (w view) Clock(t time.Time) string { return t.In(w.zone).Format("15:04") }

// Zone is the reader's zone, by its name.
func (w view) Zone() string { return w.zone.String() }

// ISO writes a moment for programs.
func (w view) ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Day writes a day: today and yesterday by name.
func (w view) Day(t time.Time) string {
	t, now := t.In(w.zone), w.current.In(w.zone)
	switch {
	case sameDay(t, now):
		return w.T("day.today")
	case sameDay(t, now.AddDate(0, 0, -1)):
		return w.T("day.yesterday")
	case w.Lang == "ko":
		return t.Format("2006년 1월 2일") + " (" + w.T("weekday."+strings.ToLower(t.Format("Mon"))) + ")"
	}
	return t.Format("Monday, 2 January 2006")
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

// Number writes a count with separators.
func (w view) Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func functions() template.FuncMap {
	return template.FuncMap{
		// A URL, or the template would escape its percent signs once more.
		"query":     func(s string) template.URL { return template.URL(url.QueryEscape(s)) },
		"join":      strings.Join,
		"safeImage": safeImage,
		"str":       func(v any) string { return toString(v) },
	}
}

func toString(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case interface{ String() string }:
		return v.String()
	}
	return strings.TrimSpace(template.HTMLEscaper(v))
}

// zoneOf is where the person is.
func zoneOf(u notify.User) *time.Location {
	if l, err := time.LoadLocation(u.TimeZone); err == nil && u.TimeZone != "Local" {
		return l
	}
	return time.UTC
}

// show renders a page.
func (p *Pages) show(v *visit, page string, data any) error {
	return p.showStatus(v, http.StatusOK, page, view{D: data})
}

func (p *Pages) showStatus(v *visit, status int, page string, w view) error {
	w.Lang, w.Page, w.Me, w.Signed, w.Role, w.Path = v.lang, page, v.user, v.signed(), v.role, v.r.URL.RequestURI()
	w.zone, w.current, w.SSO = zoneOf(v.user), p.o.Clock.Now(), p.sso != nil
	if word := v.r.URL.Query().Get("done"); word != "" && w.Done == "" && known("done."+word) {
		w.Done = text(v.lang, "done."+word)
	}
	var b bytes.Buffer
	if err := p.templates[page].Execute(&b, w); err != nil {
		return notify.Wrap(notify.CodeInternal, err, "the page cannot be shown")
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.lang)
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // a reader who left does not matter
	return nil
}

// fail answers an error with a plain page: what is wrong and what to do, and nothing more.
func (p *Pages) fail(v *visit, err error) {
	if errors.Is(err, errSignIn) {
		next := ""
		if v.r.Method == http.MethodGet && v.r.URL.Path != "/" {
			next = "?next=" + url.QueryEscape(v.r.URL.RequestURI())
		}
		http.Redirect(v.w, v.r, "/signin"+next, http.StatusSeeOther)
		return
	}
	status := statusOf(err)
	w := view{Error: text(v.lang, "error.internal")}
	var e *notify.Error
	if errors.As(err, &e) && status < http.StatusInternalServerError || status == http.StatusServiceUnavailable {
		w.Error, w.Fields = e.Detail, e.Fields
		if t := "error." + string(e.Code); known(t) {
			w.Error = text(v.lang, t)
		}
	}
	if status == http.StatusInternalServerError {
		p.o.Log.Error("a page failed", "path", v.r.URL.Path, "error", err, "cause", errors.Unwrap(err))
	}
	if e != nil && e.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter/time.Second)+1))
	}
	if err := p.showStatus(v, status, "error", w); err != nil {
		http.Error(v.w, text(v.lang, "error.internal"), http.StatusInternalServerError)
	}
}

func statusOf(err error) int {
	switch code := notify.CodeOf(err); code {
	case notify.CodeInvalid, notify.CodeMalformed, notify.CodeInvalidToken:
		return http.StatusBadRequest
	case notify.CodeUnauthenticated:
		return http.StatusUnauthorized
	case notify.CodeForbidden:
		return http.StatusForbidden
	case notify.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case notify.CodeTooManyRequests:
		return http.StatusTooManyRequests
	case notify.CodeWrongState, notify.CodeIdentityTaken:
		return http.StatusConflict
	case notify.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		if code == notify.CodeNotFound || strings.HasPrefix(string(code), "unknown-") {
			return http.StatusNotFound
		}
	}
	return http.StatusInternalServerError
}

// languageCookie remembers a choice of language.
const languageCookie = "allim_lang"

// languageOf is the chosen language, else the person's, else what the browser asks for.
func languageOf(r *http.Request, locale string) string {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == "ko" || c.Value == "en") {
		return c.Value
	}
	if locale != "" {
		return notify.Language(locale)
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return "en"
	}
	return notify.Language(tags[0].String())
}

// language stores the choice.
func (p *Pages) language(v *visit) error {
	lang := v.r.PostFormValue("lang")
	if lang != "ko" && lang != "en" {
		return notify.Errorf(notify.CodeInvalid, "%s", text(v.lang, "error.form"))
	}
	http.SetCookie(v.w, &http.Cookie{Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true,
		Secure: p.secure(), SameSite: http.SameSiteLaxMode})
	return v.see(local(v.r.PostFormValue("next")))
}

// local is a path of this hub: what leads elsewhere becomes the first page.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, "\\") {
		return "/"
	}
	return path
}
