package sim

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Names is a name server for tests: it leads the real services' names to a simulator, or a stranger's name to one
// address now and to another one the next time.
type Names struct {
	conn net.PacketConn
	lead func(name string) string
	wg   sync.WaitGroup
}

// NewNames starts a name server on loopback. lead gives the address of a name, as often as it is asked; "": there is no
// such name. It is called from one goroutine.
func NewNames(lead func(name string) string) (*Names, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the name server's port: %w", err)
	}
	n := &Names{conn: conn, lead: lead}
	n.wg.Go(n.serve)
	return n, nil
}

// Resolver asks this name server, whatever the machine's own settings are.
func (n *Names) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// Close ends the name server.
func (n *Names) Close() error {
	err := n.conn.Close()
	n.wg.Wait()
	return err
}

func (n *Names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply, err := n.answer(buf[:size]); err == nil {
			_, _ = n.conn.WriteTo(reply, from) // who asked asks again
		}
	}
}

func (n *Names) answer(query []byte) ([]byte, error) {
	var msg dnsmessage.Message
	if err := msg.Unpack(query); err != nil {
		return nil, err
	}
	msg.Response, msg.Additionals = true, nil
	for _, q := range msg.Questions {
		name := q.Name.String()
		ip, err := netip.ParseAddr(n.lead(name[:len(name)-1]))
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
		switch {
		case err != nil:
			msg.RCode = dnsmessage.RCodeNameError
		case q.Type == dnsmessage.TypeA && ip.Is4():
			msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
		case q.Type == dnsmessage.TypeAAAA && ip.Is6():
			msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return msg.Pack()
}
