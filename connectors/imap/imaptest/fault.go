package imaptest

import (
	"strings"
	"time"
)

// Command is one command of a client, as a fault's Match sees it. Two are not sent by clients: CONNECT comes before the
// greeting, and IDLING when an IDLE was acknowledged.
type Command struct {
	Login string // who logged in; empty before
	Name  string // upper case: "LOGIN", "UID FETCH", "DONE" (the end of an IDLE)
	Args  string // the rest of the line, literals in place
	N     int    // how many commands of this name came before, on all connections
}

// Fault is what happens to a command instead of, or besides, its proper execution. In all raw text {tag} stands for the
// command's tag; lines end without CRLF, it is added.
type Fault struct {
	Name  string             // the command to hit; empty: every one
	Login string             // only of this login; empty: of everybody
	Match func(Command) bool // a finer choice; nil: all. It must not call the server
	Times int                // how often; 0: until it is removed

	Before []string        // raw lines before the answer
	Reply  []string        // raw lines instead of the answer (the command is not executed)
	After  []string        // raw lines after the answer
	Bytes  string          // raw bytes instead of the answer, nothing added
	Drop   bool            // close the connection, after what is written by the fields above
	Hang   bool            // answer nothing to anything from now on, but keep the connection open
	Wait   <-chan struct{} // answer only when this is closed
	Do     func()          // called before the answer
}

// NO is a Fault that refuses a command with a text, such as "[LIMIT] Maximum number of connections".
func NO(name, text string) Fault { return Fault{Name: name, Reply: []string{"{tag} NO " + text}} }

type fault struct {
	Fault
	left int
}

// Inject sets up a fault, before those that exist; call remove to take it away.
func (s *Server) Inject(f Fault) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &fault{Fault: f, left: f.Times}
	s.faults = append([]*fault{g}, s.faults...)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(g)
	}
}

// drop removes a fault; the lock is held.
func (s *Server) drop(g *fault) {
	for i, f := range s.faults {
		if f == g {
			s.faults = append(append([]*fault(nil), s.faults[:i]...), s.faults[i+1:]...)
			return
		}
	}
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// faultFor counts a command and finds its fault.
func (s *Server) faultFor(cmd Command) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd.N = s.stats.Commands[cmd.Name]
	s.stats.Commands[cmd.Name]++
	for _, f := range s.faults {
		if (f.Name != "" && f.Name != cmd.Name) || (f.Login != "" && f.Login != cmd.Login) {
			continue
		}
		if f.Match != nil && !f.Match(cmd) {
			continue
		}
		if f.Times > 0 {
			if f.left--; f.left == 0 {
				s.drop(f)
			}
		}
		return f.Fault, true
	}
	return Fault{}, false
}

// apply does what a fault says before a command; run tells whether the command is to be executed.
func (c *conn) apply(f Fault, tag string) (run bool) {
	if f.Do != nil {
		f.Do()
	}
	if f.Wait != nil {
		select {
		case <-f.Wait:
		case <-c.gone:
		}
	}
	for _, l := range f.Before {
		c.write(strings.ReplaceAll(l, "{tag}", tag) + "\r\n")
	}
	if f.Reply != nil || f.Bytes != "" {
		for _, l := range f.Reply {
			c.write(strings.ReplaceAll(l, "{tag}", tag) + "\r\n")
		}
		c.write(strings.ReplaceAll(f.Bytes, "{tag}", tag))
		return false
	}
	return !f.Drop && !f.Hang
}

// finish does what a fault says after the command.
func (c *conn) finish(f Fault, tag string) {
	for _, l := range f.After {
		c.write(strings.ReplaceAll(l, "{tag}", tag) + "\r\n")
	}
	c.flush()
	if f.Drop {
		_ = c.raw.Close() // the reader sees it
	}
	if f.Hang {
		c.freeze()
	}
}

// Poison says how a message spoils the FETCH that meets it.
type Poison string

// The poisons. Each strikes when header fields or a body are asked for; with Delivery.Deadly at every FETCH.
const (
	PoisonNone    Poison = ""
	PoisonDrop    Poison = "drop"    // the connection is closed in the middle of the answer
	PoisonNO      Poison = "no"      // the whole command is refused
	PoisonGarbage Poison = "garbage" // the response is no IMAP
	PoisonHang    Poison = "hang"    // the answer stops
	PoisonShort   Poison = "short"   // a literal announces more than follows
	PoisonSilent  Poison = "silent"  // the message is left out of the answer
	PoisonFields  Poison = "fields"  // ENVELOPE NIL, bad INTERNALDATE, odd flags and unknown items around a good header
)

// Delivery says how a message is put into a mailbox; the zero value is an ordinary delivery to INBOX.
type Delivery struct {
	Folder string    // empty: INBOX
	Flags  []string  // such as \Seen
	Date   time.Time // INTERNALDATE; zero: now
	UID    uint32    // zero: the next one; else it must be greater than all before
	Quiet  bool      // nobody is told (no EXISTS)
	Hidden bool      // FETCH and SEARCH do not find it until Reveal
	Poison Poison
	Deadly bool // the poison strikes at every FETCH
}
