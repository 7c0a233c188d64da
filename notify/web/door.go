package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// The ways to sign in, as sessions name them.
const (
	wayInvitation = "invitation"
	wayPassword   = "password"
	waySSO        = "oidc"
)

// signInData is the sign-in page's.
type signInData struct {
	Next    string
	Address string
}

func (p *Pages) signInPage(v *visit) error {
	if v.signed() {
		return v.see("/")
	}
	return p.show(v, "signin", signInData{Next: local(v.r.URL.Query().Get("next"))})
}

// signIn checks the password of a mailbox at its server. What is wrong is not told apart.
func (p *Pages) signIn(v *visit) error {
	address, password := strings.TrimSpace(v.r.PostFormValue("address")), v.r.PostFormValue("password")
	data := signInData{Next: local(v.r.PostFormValue("next")), Address: address}
	if address == "" || password == "" || len(address) > 320 || len(password) > 1024 {
		return p.showStatus(v, http.StatusBadRequest, "signin", view{D: data, Error: text(v.lang, "signin.missing")})
	}
	name, place := "a "+strings.ToLower(address), "p "+p.place(v.r)
	err := p.slow.may(name, place)
	if err == nil {
		select {
		case p.slow.asked <- struct{}{}:
			defer func() { <-p.slow.asked }()
		case <-v.ctx.Done():
			err = notify.Wrap(notify.CodeUnavailable, v.ctx.Err(), "too many people sign in at once")
		}
	}
	var user notify.User
	if err == nil {
		user, err = p.o.Hub.SignIn(v.ctx, address, password)
	}
	switch notify.CodeOf(err) {
	case "":
		p.slow.right(name)
		if err := p.begin(v, user.ID, wayPassword); err != nil {
			return err
		}
		return v.see(data.Next)
	case notify.CodeForbidden:
		p.slow.wrong(name, place)
		return p.showStatus(v, http.StatusForbidden, "signin", view{D: data, Error: text(v.lang, "signin.wrong")})
	case notify.CodeTooManyRequests:
		return p.showStatus(v, http.StatusTooManyRequests, "signin", view{D: data, Error: text(v.lang, "error.too-many-requests")})
	case notify.CodeUnavailable:
		p.o.Log.Warn("a mail server could not be asked for a password", "error", err)
		return p.showStatus(v, http.StatusServiceUnavailable, "signin", view{D: data, Error: text(v.lang, "signin.down")})
	}
	return err
}

// place is where a request comes from: the address of the client, as far as trusted proxies tell it.
func (p *Pages) place(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(host)
		if err != nil || !p.trusted(addr) {
			break
		}
		if hop := strings.TrimSpace(hops[i]); hop != "" {
			host = hop
		}
	}
	return host
}

func (p *Pages) trusted(a netip.Addr) bool {
	for _, prefix := range p.o.TrustedProxies {
		if prefix.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// joinPage shows the form of an invitation; its secret stands behind # and is filled in by the page's script.
func (p *Pages) joinPage(v *visit) error { return p.show(v, "join", nil) }

// join takes an invitation, once.
func (p *Pages) join(v *visit) error {
	place := "p " + p.place(v.r)
	if err := p.slow.may(place); err != nil {
		return err
	}
	secret := strings.TrimSpace(v.r.PostFormValue("invitation"))
	i, err := p.o.Store.UseInvitation(v.ctx, notify.HashSecret(secret), p.o.Clock.Now())
	if notify.CodeOf(err) == notify.CodeUnknownKey {
		p.slow.wrong("i", place)
		p.slow.right("i")
		return p.showStatus(v, http.StatusForbidden, "join", view{Error: text(v.lang, "join.wrong")})
	}
	if err != nil {
		return err
	}
	if err := p.begin(v, i.User, wayInvitation); err != nil {
		return err
	}
	return v.see("/devices?done=welcome")
}

// begin signs the person in: a new session, whatever the browser had before.
func (p *Pages) begin(v *visit, user, way string) error {
	now := p.o.Clock.Now()
	agent := v.r.UserAgent()
	s := notify.Session{ID: notify.NewID(), User: user, Way: way, Agent: strings.ToValidUTF8(agent[:min(len(agent), 200)], ""), CreatedAt: now, UsedAt: now,
		ExpiresAt: now.Add(notify.SessionLife)}
	secret := notify.NewSecret(notify.SessionPrefix)
	if err := p.o.Store.PutSession(v.ctx, s, notify.HashSecret(secret)); err != nil {
		return err
	}
	p.cookie(v, secret, int(notify.SessionMost.Seconds()))
	p.o.Log.Info("a person signed in", "user", user, "way", way)
	return nil
}

// cookie sets the session's. Lax and not Strict: the single sign-on, and a notice on the desktop, lead here from elsewhere.
func (p *Pages) cookie(v *visit, value string, age int) {
	http.SetCookie(v.w, &http.Cookie{Name: api.SessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: p.secure(),
		SameSite: http.SameSiteLaxMode})
}

func (p *Pages) signOut(v *visit) error {
	err := p.o.Store.RevokeSession(v.ctx, v.key.ID, v.key.User)
	if err != nil && notify.CodeOf(err) != notify.CodeUnknownKey { // a token of the demo is no session
		return err
	}
	p.o.API.Forget()
	p.cookie(v, "", -1)
	return v.see("/signin")
}

func (p *Pages) endSession(v *visit) error {
	if err := p.o.Store.RevokeSession(v.ctx, v.r.PathValue("id"), v.key.User); err != nil {
		return err
	}
	p.o.API.Forget()
	return v.said("/devices", "session")
}
