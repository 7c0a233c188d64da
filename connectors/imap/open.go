package imap

import (
	"context"
	"crypto/tls"
	"io"
	"net"

	"allim.dev/allim/notify"
)

// dialer opens connections to the source's server.
type dialer struct {
	settings *Settings
	tls      *tls.Config
	tokens   *tokens // oauth2 only
}

// open connects and does what security asks for; no login yet. The error is a trouble; nothing stays open then.
func (d *dialer) open(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, d.settings.Timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.settings.Address)
	if err != nil {
		return nil, &trouble{kind: kindUnreachable, text: "cannot connect to " + d.settings.Address + ": " + netWords(err), dead: true, err: err}
	}
	l := &link{raw: raw, conn: raw, timeout: d.settings.Timeout}
	defer l.guard(ctx)()
	if err := d.greet(ctx, l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// greet takes the server's greeting, encrypted as the settings say.
func (d *dialer) greet(ctx context.Context, l *link) error {
	if d.settings.Security == securityTLS {
		if err := d.encrypt(ctx, l); err != nil {
			return err
		}
	}
	l.in.src = l.conn
	l.within(l.timeout)
	r, err := l.read()
	if err != nil {
		t := farewell(nil, err)
		return &trouble{kind: kindUnreachable, text: "no greeting: " + t.text, dead: true, err: err}
	}
	st := parseStatus(r)
	switch {
	case r.tag == "*" && r.kind == "BYE":
		t := farewell(&st, io.EOF)
		if t.kind == kindTransient {
			t.kind = kindUnreachable
		}
		return t
	case r.tag == "*" && r.kind == "PREAUTH":
		return d.preauthenticated()
	case r.tag != "*" || r.kind != "OK":
		return troublef(kindSetup, "this is no IMAP server: it greets with %q", notify.Clip(notify.CleanText(r.tag+" "+r.kind), 40))
	}
	if d.settings.Security == securityStartTLS {
		return d.startTLS(ctx, l)
	}
	return nil
}

// preauthenticated refuses a session that the server, or somebody on the way, claims to be logged in: under STARTTLS that
// would keep TLS away (RFC 9051 section 11.1), and elsewhere nobody knows whose mailbox it is.
func (d *dialer) preauthenticated() error {
	if d.settings.Security == securityStartTLS {
		return troublef(kindSetup, "the server says PREAUTH before TLS; that is refused, somebody may be on the line")
	}
	return troublef(kindSetup, "the server says PREAUTH: it would not say whose mailbox this is")
}

// startTLS is RFC 9051 section 6.2.1. What came in clear is forgotten: capabilities, and bytes after the OK.
func (d *dialer) startTLS(ctx context.Context, l *link) error {
	if l.caps == nil {
		if _, err := l.command("CAPABILITY", nil); err != nil {
			return err
		}
	}
	if l.caps == nil || !l.caps.startTLS {
		return troublef(kindSetup, "the server does not offer STARTTLS; nothing is sent in clear. Set security: tls, or look who is on the line")
	}
	st, err := l.command("STARTTLS", nil)
	if err != nil {
		return err
	}
	if st.kind != "OK" {
		return troublef(kindSetup, "the server refused STARTTLS: %s", said(st))
	}
	if l.in.r < l.in.w {
		return troublef(kindSetup, "there was more after STARTTLS than the server may say; somebody may be on the line")
	}
	if err := d.encrypt(ctx, l); err != nil {
		return err
	}
	l.in = lines{src: l.conn}
	l.caps, l.alert, l.bye = nil, "", nil
	return nil
}

func (d *dialer) encrypt(ctx context.Context, l *link) error {
	c := tls.Client(l.raw, d.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		return tlsTrouble(err)
	}
	l.conn, l.secure = c, true
	return nil
}
