package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load posts requests over keep-alive connections, each of which waits for its answer. It is a bare HTTP/1.1 client, so
// that it leaves the processors to the hub.
type load struct {
	base        string // the hub's address
	key         string
	mediaType   string
	connections int
	// body appends the body of a request of a connection.
	body  func(b []byte, connection, n int) []byte
	rate  int           // requests a second at most, over all connections; 0: as many as are answered
	taken *atomic.Int64 // counts what was accepted; nil: nobody looks
	// faulty: the hub may be gone or refuse; then the connection ends without an error. The ids of what was accepted are kept.
	faulty bool
}

// tally is what became of a load.
type tally struct {
	took     time.Duration
	accepted int
	refused  int // 503, which says Retry-After
	times    []time.Duration
	ids      []string // with faulty: of what was accepted
}

// run posts until ctx ends.
func (l load) run(ctx context.Context) (tally, error) {
	u, err := url.Parse(l.base)
	if err != nil {
		return tally{}, err
	}
	parts, errs := make([]tally, l.connections), make([]error, l.connections)
	var all sync.WaitGroup
	began := time.Now()
	for i := range l.connections {
		all.Go(func() { parts[i], errs[i] = l.one(ctx, u.Host, i) })
	}
	all.Wait()
	sum := tally{took: time.Since(began)}
	for _, p := range parts {
		sum.accepted += p.accepted
		sum.refused += p.refused
		sum.times = append(sum.times, p.times...)
		sum.ids = append(sum.ids, p.ids...)
	}
	return sum, errors.Join(errs...)
}

func (l load) one(ctx context.Context, host string, number int) (t tally, err error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return t, err
	}
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	head := fmt.Sprintf("POST /v1/notifications HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: ", host, l.key, l.mediaType)
	var out, body []byte
	start := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		if l.turn(ctx, start, number, n) != nil {
			return t, nil
		}
		body = l.body(body[:0], number, n)
		out = append(out[:0], head...)
		out = strconv.AppendInt(out, int64(len(body)), 10)
		out = append(out, "\r\n\r\n"...)
		out = append(out, body...)
		began := time.Now()
		if err := c.SetDeadline(began.Add(time.Minute)); err != nil {
			return t, err
		}
		_, err := c.Write(out)
		var a answer
		if err == nil {
			a, err = readAnswer(in)
		}
		switch {
		case err != nil && l.faulty:
			return t, nil
		case err != nil:
			return t, err
		case a.status == 202:
			t.accepted++
			if l.taken != nil {
				l.taken.Add(1)
			}
			if l.faulty {
				t.ids = append(t.ids, a.id)
			}
			t.times = append(t.times, time.Since(began))
		case a.status == 503 && a.retry > 0:
			t.refused++
			_ = pause(ctx, a.retry)
		default:
			return t, fmt.Errorf("the hub answered %d", a.status)
		}
	}
	return t, nil
}

// turn waits for the moment of a connection's next request; an error when ctx ends before. One that comes late is sent at
// once.
func (l load) turn(ctx context.Context, start time.Time, connection, n int) error {
	if l.rate == 0 {
		return nil
	}
	early := time.Until(start.Add(time.Duration(n*l.connections+connection) * time.Second / time.Duration(l.rate)))
	if early <= 0 {
		return nil
	}
	return pause(ctx, early)
}

// answer is what matters of one.
type answer struct {
	status int
	retry  time.Duration
	id     string
}

// readAnswer reads one answer and passes its body over.
func readAnswer(in *bufio.Reader) (a answer, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 {
		return a, fmt.Errorf("not an answer: %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return a, err
		}
		name, value, found := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		if !found {
			break
		}
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case "Retry-After":
			seconds, _ := strconv.Atoi(string(value))
			a.retry = time.Duration(seconds) * time.Second
		case "Location":
			a.id = string(value[bytes.LastIndexByte(value, '/')+1:])
		}
	}
	_, err = in.Discard(length)
	return a, err
}
