// Package imap watches mailboxes over IMAP (RFC 3501 and 9051, with IDLE of RFC 2177) and tells of new mail.
//
// Read it in this order:
//
//   - settings.go (what there is to set), imap.go (the kind), source.go (accounts come and go);
//   - account.go (one mailbox: connect, work, wait), enter.go (its turn), keep.go (its state), session.go (the work on one
//     connection), resolve.go (which folders);
//   - diff.go, news.go, take.go and reset.go (what is new), state.go (how far it was seen), message.go and folders.go (what is
//     told and what stays silent);
//   - header.go, words.go and charset.go (from any bytes to readable text).
//
// Below that: link.go, lines.go, scan.go, response.go and idle.go (the connection), open.go, login.go, capabilities.go and
// bearer.go (the way in), mailbox.go (commands, through go-imap), tap.go, filter.go, filterfetch.go and mailboxname.go (what
// go-imap gets to see). Beside it: gate.go, queue.go, credential.go, slots.go and backoff.go (how not to trample on a
// server), alarms.go, trouble.go, health.go.
//
// Three rules carry it. What the server says of changes is only a reason to look: the truth is which UIDs there are. The
// state moves in the same transaction as the events, never before. Every wait has an end.
package imap

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"allim.dev/allim/notify"
)

// Kind is the connector for IMAP servers.
var Kind = notify.ConnectorKind{
	Name: "imap", Title: "IMAP mail server",
	Example: func() any { return Defaults() },
	New:     New,
}

// connector is one IMAP source.
type connector struct {
	settings *Settings
	dialer   *dialer
	clock    notify.Clock
	log      *slog.Logger
}

var (
	_ notify.Connector      = (*connector)(nil)
	_ notify.Checker        = (*connector)(nil)
	_ notify.AccountChecker = (*connector)(nil)
)

// New makes a connector from its section of the configuration. The error points at the line that is wrong.
func New(env notify.ConnectorEnv) (notify.Connector, error) {
	s := Defaults()
	at := env.Source.Section
	if err := at.Decode(s); err != nil {
		return nil, err
	}
	if err := s.check(at); err != nil {
		return nil, err
	}
	roots, endpointRoots, err := s.roots(at)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, at.Errorf("address", "must be host:port")
	}
	d := &dialer{settings: s, tls: &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}}
	if s.Auth.Method == methodOAuth2 {
		d.tokens = newTokens(s, endpointRoots, env.Clock)
	}
	return &connector{settings: s, dialer: d, clock: env.Clock, log: env.Log.With("source", env.Source.ID)}, nil
}

// Run implements notify.Connector.
func (c *connector) Run(ctx context.Context, watch notify.Watch) error {
	return newSource(c, watch).run(ctx)
}

// Check implements notify.Checker: the server answers, encrypted as asked for, and offers the way to log in. A shared
// login is tried with the accounts (CheckAccount), since it opens nothing by itself.
func (c *connector) Check(ctx context.Context) error {
	l, err := c.dialer.open(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	defer l.guard(ctx)()
	if l.caps == nil {
		if _, err := l.command("CAPABILITY", nil); err != nil {
			return err
		}
	}
	caps := l.caps
	if caps == nil {
		caps = &capabilities{}
	}
	defer l.logout()
	switch c.settings.Auth.Method {
	case methodProxy:
		if !caps.plain {
			return troublef(kindSetup, "the server does not offer AUTH=PLAIN, which auth.method proxy needs")
		}
	case methodOAuth2:
		if !caps.xoauth2 && !caps.oauthBearer {
			return troublef(kindSetup, "the server offers neither AUTH=XOAUTH2 nor AUTH=OAUTHBEARER, which auth.method oauth2 needs")
		}
		_, err := c.dialer.tokens.get(ctx)
		return err
	default:
		if caps.loginDisabled && !caps.plain {
			return troublef(kindSetup, "the server takes no password here (LOGINDISABLED); set security: tls or starttls")
		}
	}
	return nil
}

// CheckAccount implements notify.AccountChecker: logs in and opens the first folder.
func (c *connector) CheckAccount(ctx context.Context, a notify.Account) error {
	l, _, err := c.dialer.connect(ctx, identity{a.Login, a.Secret})
	if err != nil {
		if t := asTrouble(err); t.kind == kindAuth {
			return troublef(kindAuth, "the login of %s was refused: %s", notify.Clip(notify.CleanText(a.Login), maxAddress), t.text)
		}
		return err
	}
	defer l.close()
	defer l.guard(ctx)()
	name := c.settings.Folders[0]
	if isPattern(name) {
		name = "INBOX"
	}
	if _, err := l.examine(name); err != nil {
		return err
	}
	l.logout()
	return nil
}
