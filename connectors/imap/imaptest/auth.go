package imaptest

import (
	"bytes"
	"encoding/base64"
	"strings"
)

func (c *conn) runStartTLS(tag string) bool {
	if !c.srv.opts.StartTLS || c.secure {
		c.write(tag + " BAD no STARTTLS here\r\n")
		return true
	}
	c.writeNow(tag + " OK begin TLS\r\n")
	return c.startTLS() == nil
}

func (c *conn) runLogin(tag, args string) {
	words := parseArgs(args)
	if len(words) != 2 {
		c.write(tag + " BAD LOGIN user password\r\n")
		return
	}
	if c.srv.opts.LoginDisabled && !c.secure {
		c.write(tag + " NO [PRIVACYREQUIRED] use TLS first\r\n")
		return
	}
	c.enter(tag, c.srv.authenticate(words[0], words[1]))
}

// authenticate finds the user of LOGIN or PLAIN without an authorization identity: user, or user*master.
func (s *Server) authenticate(login, password string) *user {
	m := s.opts.Master
	if name, master, ok := strings.Cut(login, m.Separator); ok && m.User != "" && master == m.User {
		if password != m.Password {
			return nil
		}
		return s.user(name)
	}
	u := s.user(login)
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.password != password {
		return nil
	}
	return u
}

// enter ends a login.
func (c *conn) enter(tag string, u *user) {
	if u == nil {
		c.srv.count(func(s *Stats) { s.LoginFailures++ })
		c.write(tag + " NO [AUTHENTICATIONFAILED] login refused\r\n")
		return
	}
	c.srv.count(func(s *Stats) { s.Logins++ })
	c.login.Store(u)
	c.write(tag + " OK [CAPABILITY " + c.capabilities() + "] logged in\r\n")
}

func (c *conn) runAuthenticate(tag, args string) {
	mech, initial, hasInitial := strings.Cut(args, " ")
	if !hasInitial {
		c.writeNow("+ \r\n")
		line, err := c.readLine()
		if err != nil {
			return
		}
		initial = line
	}
	if initial == "=" {
		initial = ""
	}
	data, err := base64.StdEncoding.DecodeString(initial)
	if err != nil {
		c.write(tag + " BAD not base64\r\n")
		return
	}
	switch strings.ToUpper(mech) {
	case "PLAIN":
		c.authPlain(tag, data)
	case "XOAUTH2", "OAUTHBEARER":
		c.authBearer(tag, strings.ToUpper(mech), data)
	default:
		c.write(tag + " NO [CANNOT] no such mechanism\r\n")
	}
}

// authPlain is RFC 4616: authzid NUL authcid NUL password.
func (c *conn) authPlain(tag string, data []byte) {
	parts := bytes.Split(data, []byte{0})
	if len(parts) != 3 {
		c.write(tag + " BAD not a PLAIN message\r\n")
		return
	}
	authz, authc, password := string(parts[0]), string(parts[1]), string(parts[2])
	if authz == "" || authz == authc {
		c.enter(tag, c.srv.authenticate(authc, password))
		return
	}
	m := c.srv.opts.Master
	if m.User == "" || authc != m.User || password != m.Password {
		c.enter(tag, nil)
		return
	}
	u := c.srv.user(authz)
	if u == nil {
		c.srv.count(func(s *Stats) { s.LoginFailures++ })
		c.write(tag + " NO [AUTHORIZATIONFAILED] no such mailbox\r\n")
		return
	}
	c.enter(tag, u)
}

// authBearer is Google's XOAUTH2 and RFC 7628; a refusal comes as a challenge that the client must answer.
func (c *conn) authBearer(tag, mech string, data []byte) {
	var login, token string
	for _, part := range strings.Split(string(data), "\x01") {
		if v, ok := strings.CutPrefix(part, "user="); ok {
			login = v
		}
		if v, ok := strings.CutPrefix(part, "auth=Bearer "); ok {
			token = v
		}
		if v, ok := strings.CutPrefix(part, "n,a="); ok {
			login = strings.TrimSuffix(v, ",")
		}
	}
	u := c.srv.user(login)
	if c.srv.opts.Token != nil && u != nil && c.srv.opts.Token(login, token) {
		c.enter(tag, u)
		return
	}
	c.writeNow("+ " + base64.StdEncoding.EncodeToString([]byte(`{"status":"401","schemes":"bearer"}`)) + "\r\n")
	if _, err := c.readLine(); err != nil {
		return
	}
	c.enter(tag, nil)
}
