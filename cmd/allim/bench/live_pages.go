package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// The transports of pages.
const (
	transportSSE  = "sse"
	transportWS   = "ws"
	transportPoll = "poll"
)

// dialogue is a page's side of a connection, until it ends: it calls begun once, when it listens, and got for every
// notification. The error says why it could not begin.
type dialogue func(say sayer, begun, got func()) error

var dialogues = map[string]dialogue{transportSSE: readStream, transportWS: readSocket, transportPoll: readPolls}

// sayer asks on a connection.
type sayer struct {
	net.Conn
	host, token string
}

// get sends a request; more are further lines of its header.
func (s sayer) get(path, more string) error {
	_, err := io.WriteString(s, "GET /v1/me/"+path+" HTTP/1.1\r\nHost: "+s.host+"\r\nAuthorization: Bearer "+s.token+"\r\n"+more+"\r\n")
	return err
}

func readStream(say sayer, begun, got func()) error {
	if err := say.get("stream", ""); err != nil {
		return err
	}
	return readMarked(say, begun, got, "event: ready", "event: notification", nil)
}

// A websocket's ping without a text, which cannot stand in one, and the answer to it (RFC 6455 sections 5.2, 5.3, 5.5).
var (
	socketPing = []byte{0x89, 0}
	socketPong = []byte{0x8a, 0x80, 0, 0, 0, 0}
)

func readSocket(say sayer, begun, got func()) error {
	if err := say.get("ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"); err != nil {
		return err
	}
	return readMarked(say, begun, got, `{"t":"ready"`, `{"t":"notification"`, func(b []byte) {
		if bytes.Contains(b, socketPing) {
			_, _ = say.Write(socketPong) // a connection that ended shows when it is read
		}
	})
}

// readMarked counts what arrives by what it begins with; a message of the measurement is small, and comes in one piece.
func readMarked(c io.Reader, begun, got func(), ready, notification string, also func([]byte)) error {
	buf := make([]byte, 1024)
	var seen []byte
	for listens := false; ; {
		n, err := c.Read(buf)
		switch {
		case !listens:
			seen = append(seen, buf[:n]...)
			if listens = bytes.Contains(seen, []byte(ready)); listens {
				begun()
				seen = nil
			} else if err != nil || len(seen) > 900 {
				return fmt.Errorf("the page does not begin: %.200s (%w)", seen, errors.Join(err, io.ErrUnexpectedEOF))
			}
		case err != nil:
			return err
		case bytes.Contains(buf[:n], []byte(notification)):
			got()
		}
		if also != nil {
			also(buf[:n])
		}
	}
}

// readPolls polls again and again, as long as a poll may wait.
func readPolls(say sayer, begun, got func()) error {
	in := bufio.NewReaderSize(say, 1024)
	var answer struct {
		Items []struct{} `json:"items"`
		Next  string     `json:"next"`
	}
	for path := "poll"; ; path = "poll?wait=55&after=" + answer.Next {
		if err := say.get(path, ""); err != nil {
			return err
		}
		if answer.Next != "" && begun != nil {
			begun()
			begun = nil
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		answer.Items = nil
		err = json.NewDecoder(resp.Body).Decode(&answer)
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("a poll is answered %s: %w", resp.Status, errors.Join(err, io.ErrUnexpectedEOF))
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		for range answer.Items {
			got()
		}
	}
}
