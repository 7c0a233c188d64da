package imaptest

import "fmt"

// A client knows messages by sequence number; its view follows the mailbox only when the server may say so.

func (c *conn) selectFolder(u *user, f *mbox) {
	c.deselect()
	c.vmu.Lock()
	defer c.vmu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	f.watchers[c] = struct{}{}
	c.selected, c.view, c.expunges = f, uidsOf(f, 0), f.expunged
}

func (c *conn) deselect() {
	c.vmu.Lock()
	defer c.vmu.Unlock()
	u := c.login.Load()
	if c.selected == nil || u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(c.selected.watchers, c)
	c.selected, c.view = nil, nil
}

func uidsOf(f *mbox, from int) []uint32 {
	l := make([]uint32, 0, len(f.messages)-from)
	for _, m := range f.messages[from:] {
		l = append(l, m.uid)
	}
	return l
}

// push tells an idling client of what changed; others are told at their next command.
func (c *conn) push() {
	if !c.idling.Load() {
		return
	}
	c.vmu.Lock()
	defer c.vmu.Unlock()
	if c.idling.Load() {
		c.update()
		c.flush()
	}
}

// update writes EXPUNGE and EXISTS and brings the view up to date; vmu is held.
func (c *conn) update() {
	u := c.login.Load()
	if c.selected == nil || u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	f := c.selected
	if c.expunges != f.expunged {
		now := make(map[uint32]bool, len(f.messages))
		for _, m := range f.messages {
			now[m.uid] = true
		}
		kept := c.view[:0]
		for _, uid := range c.view {
			if now[uid] {
				kept = append(kept, uid)
			} else {
				c.write(fmt.Sprintf("* %d EXPUNGE\r\n", len(kept)+1))
			}
		}
		c.view, c.expunges = kept, f.expunged
	}
	if len(f.messages) > len(c.view) {
		c.view = append(c.view, uidsOf(f, len(c.view))...)
		c.write(fmt.Sprintf("* %d EXISTS\r\n* 0 RECENT\r\n", len(c.view)))
	}
}

// found is a message with its sequence number.
type found struct {
	seq int
	msg message
}

// pick gives the messages of a sequence set, by UID or by number, that the client may know of.
func (c *conn) pick(set numSet, byUID bool) []found {
	c.vmu.Lock()
	defer c.vmu.Unlock()
	u := c.login.Load()
	u.mu.Lock()
	defer u.mu.Unlock()
	byID := make(map[uint32]*message)
	var maximum uint32
	for _, m := range c.selected.messages {
		if !m.hidden {
			maximum = max(maximum, m.uid)
		}
	}
	if !byUID {
		maximum = uint32(len(c.view))
	}
	set = set.resolve(maximum)
	for _, m := range c.selected.messages {
		if !byUID || set.has(m.uid) {
			byID[m.uid] = m
		}
	}
	var l []found
	for i, uid := range c.view {
		m := byID[uid]
		if m == nil || m.hidden || (!byUID && !set.has(uint32(i+1))) {
			continue
		}
		l = append(l, found{i + 1, *m})
	}
	return l
}
