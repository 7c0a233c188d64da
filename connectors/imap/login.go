package imap

import (
	"context"
	"encoding/base64"
	"io"
	"strings"

	"github.com/emersion/go-sasl"
)

// identity is who logs in.
type identity struct {
	login  string // of the mailbox
	secret string // its own password, where there is one
}

// login authenticates (RFC 9051 sections 6.2.2 and 6.2.3). The error is a trouble.
func (d *dialer) login(ctx context.Context, l *link, who identity) error {
	if l.caps == nil {
		if _, err := l.command("CAPABILITY", nil); err != nil {
			return err
		}
	}
	if l.caps == nil {
		l.caps = &capabilities{}
	}
	before := l.caps
	st, err := d.authenticate(ctx, l, who)
	if err != nil {
		return err
	}
	if st.kind != "OK" {
		t := refusedLogin(st)
		if st.kind == "NO" && l.bye != nil && t.kind == kindAuth && (l.bye.code != "" || tooMany(strings.ToLower(l.bye.text))) {
			return farewell(l.bye, io.EOF)
		}
		t.text = d.redact(t.text, who)
		return t
	}
	if l.caps == before { // the old ones were for before the login
		if _, err := l.command("CAPABILITY", nil); err != nil {
			return err
		}
	}
	if l.caps.id { // RFC 2971; some servers open no mailbox for a client without a name
		_, err = l.command(`ID ("name" "allim")`, nil)
	}
	return err
}

func (d *dialer) authenticate(ctx context.Context, l *link, who identity) (status, error) {
	a := d.settings.Auth
	switch a.Method {
	case methodMaster:
		return d.password(l, who.login+a.Separator+a.User, a.Password)
	case methodProxy:
		if !l.caps.plain {
			return status{}, troublef(kindSetup, "the server does not offer AUTH=PLAIN, which auth.method proxy needs")
		}
		return l.sasl(sasl.NewPlainClient(who.login, a.User, a.Password))
	case methodOAuth2:
		return d.bearer(ctx, l, who)
	}
	return d.password(l, who.login, who.secret)
}

// password logs in by PLAIN, which takes any characters, else by LOGIN.
func (d *dialer) password(l *link, user, password string) (status, error) {
	if l.caps.plain {
		return l.sasl(sasl.NewPlainClient("", user, password))
	}
	if l.caps.loginDisabled {
		return status{}, troublef(kindSetup, "the server takes no password here (LOGINDISABLED); set security: tls or starttls")
	}
	if strings.ContainsAny(user+password, "\r\n\x00") {
		return status{}, troublef(kindSetup, "the login or password holds a line end, which LOGIN cannot send")
	}
	return l.command("LOGIN "+quote(user)+" "+quote(password), nil)
}

// sasl runs AUTHENTICATE with a mechanism (RFC 9051 section 6.2.2, RFC 4959 for the initial response).
func (l *link) sasl(c sasl.Client) (status, error) {
	mech, first, err := c.Start()
	if err != nil {
		return status{}, troublef(kindSetup, "cannot begin to log in: %w", err)
	}
	line := "AUTHENTICATE " + mech
	sent := false
	if l.caps.saslIR {
		line += " " + encodeSASL(first)
		sent = true
	}
	return l.command(line, func(challenge string) (string, error) {
		if !sent {
			sent = true
			return base64.StdEncoding.EncodeToString(first), nil
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(challenge))
		if err != nil {
			return "*", nil // RFC 9051: this ends the exchange
		}
		reply, err := c.Next(data)
		if err != nil && len(reply) == 0 {
			return "", nil // the mechanisms here only get challenges that tell of an error
		}
		return base64.StdEncoding.EncodeToString(reply), nil
	})
}

// encodeSASL writes an initial response; an empty one is "=".
func encodeSASL(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

// redact takes secrets out of the server's words, which may quote what was sent.
func (d *dialer) redact(text string, who identity) string {
	for _, secret := range []string{d.settings.Auth.Password, who.secret} {
		if len(secret) > 3 {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// connect opens and logs in. The error is a trouble; opened tells that the server answered.
func (d *dialer) connect(ctx context.Context, who identity) (l *link, opened bool, err error) {
	if d.settings.Auth.Method == methodPassword && who.secret == "" {
		return nil, true, troublef(kindAuth, "the account has no password here; give it one with: allim account add")
	}
	if l, err = d.open(ctx); err != nil {
		return nil, false, err
	}
	limited, cancel := context.WithTimeout(ctx, 2*d.settings.Timeout)
	defer cancel()
	release := l.guard(limited)
	err = d.login(limited, l, who)
	if !release() && err == nil {
		err = &trouble{kind: kindNetwork, text: "the login took too long", dead: true, err: context.DeadlineExceeded}
	}
	if err != nil {
		l.close()
		return nil, true, err
	}
	return l, true, nil
}
