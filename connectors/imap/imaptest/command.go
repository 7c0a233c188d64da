package imaptest

import (
	"slices"
	"strings"
)

// capabilities lists what is offered now.
func (c *conn) capabilities() string {
	o := c.srv.opts
	caps := []string{"IMAP4rev1", "ID", "IDLE", "SASL-IR", "LITERAL+", "SPECIAL-USE", "UNSELECT"}
	if o.StartTLS && !c.secure {
		caps = append(caps, "STARTTLS")
	}
	if o.LoginDisabled && !c.secure {
		caps = append(caps, "LOGINDISABLED")
	} else {
		caps = append(caps, "AUTH=PLAIN")
	}
	if o.Token != nil {
		caps = append(caps, "AUTH=XOAUTH2", "AUTH=OAUTHBEARER")
	}
	caps = append(caps, o.Extra...)
	return strings.Join(slices.DeleteFunc(caps, func(s string) bool { return slices.Contains(o.Without, s) }), " ")
}

// run executes one command; false when the connection is to end.
func (c *conn) run(tag, name, args string) bool {
	switch name {
	case "CAPABILITY":
		c.write("* CAPABILITY " + c.capabilities() + "\r\n")
		c.ok(tag, "done")
	case "NOOP", "CHECK":
		c.settle(tag, "done")
	case "ID":
		c.write("* ID (\"name\" \"imaptest\")\r\n")
		c.ok(tag, "done")
	case "LOGOUT":
		c.write("* BYE good bye\r\n")
		c.ok(tag, "done")
		return false
	case "STARTTLS":
		return c.runStartTLS(tag)
	case "LOGIN":
		c.runLogin(tag, args)
	case "AUTHENTICATE":
		c.runAuthenticate(tag, args)
	default:
		return c.runAuthenticated(tag, name, args)
	}
	return true
}

func (c *conn) runAuthenticated(tag, name, args string) bool {
	if c.login.Load() == nil {
		c.write(tag + " BAD log in first\r\n")
		return true
	}
	switch name {
	case "LIST":
		c.runList(tag, args)
	case "STATUS":
		c.runStatus(tag, args)
	case "SELECT", "EXAMINE":
		c.runSelect(tag, name, args)
	default:
		return c.runSelected(tag, name, args)
	}
	return true
}

func (c *conn) runSelected(tag, name, args string) bool {
	c.vmu.Lock()
	selected := c.selected != nil
	c.vmu.Unlock()
	if !selected {
		c.write(tag + " BAD select a mailbox first, or unknown command\r\n")
		return true
	}
	switch name {
	case "IDLE":
		if slices.Contains(c.srv.opts.Without, "IDLE") {
			c.write(tag + " BAD unknown command\r\n")
			return true
		}
		return c.runIdle(tag)
	case "FETCH", "UID FETCH":
		return c.runFetch(tag, args, name == "UID FETCH")
	case "SEARCH", "UID SEARCH":
		c.runSearch(tag, args, name == "UID SEARCH")
	case "CLOSE", "UNSELECT":
		c.deselect()
		c.ok(tag, "done")
	default:
		c.write(tag + " BAD unknown command\r\n")
	}
	return true
}

func (c *conn) ok(tag, text string) { c.write(tag + " OK " + text + "\r\n") }

// settle tells what changed in the mailbox, then that the command is done.
func (c *conn) settle(tag, text string) {
	c.vmu.Lock()
	c.update()
	c.vmu.Unlock()
	c.ok(tag, text)
}

// runIdle waits for DONE (RFC 2177). Pushes happen meanwhile, from other goroutines.
func (c *conn) runIdle(tag string) bool {
	c.vmu.Lock()
	c.idling.Store(true) // before the look at the mailbox: a delivery in between pushes when the lock is free
	c.write("+ idling\r\n")
	c.update()
	c.flush()
	c.vmu.Unlock()
	f, _ := c.srv.faultFor(Command{Login: c.loginName(), Name: "IDLING"})
	if c.apply(f, tag) {
		c.flush()
	}
	c.finish(f, tag)
	line, err := c.readLine()
	c.vmu.Lock()
	c.idling.Store(false)
	c.vmu.Unlock()
	if err != nil {
		return false
	}
	if c.frozen.Load() {
		return true // the next read finds the black hole
	}
	f, _ = c.srv.faultFor(Command{Login: c.loginName(), Name: "DONE"})
	if c.apply(f, tag) {
		if strings.EqualFold(line, "DONE") {
			c.settle(tag, "idle ended")
		} else {
			c.write(tag + " BAD expected DONE\r\n")
		}
	}
	c.finish(f, tag)
	return true
}
