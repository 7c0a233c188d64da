package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
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
	body func(b []byte, connection, n int) []byte
}

// tally is what became of a load.
type tally struct {
	took     time.Duration
	accepted int
	refused  int // 503, which says Retry-After
	times    []time.Duration
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
	for n := 0; ctx.Err() == nil; n++ {
		body = l.body(body[:0], number, n)
		out = append(out[:0], head...)
		out = strconv.AppendInt(out, int64(len(body)), 10)
		out = append(out, "\r\n\r\n"...)
		out = append(out, body...)
		began := time.Now()
		if err := c.SetDeadline(began.Add(time.Minute)); err != nil {
			return t, err
		}
		if _, err := c.Write(out); err != nil {
			return t, err
		}
		status, retry, err := readAnswer(in)
		switch {
		case err != nil:
			return t, err
		case status == 202:
			t.accepted++
			t.times = append(t.times, time.Since(began))
		case status == 503 && retry > 0:
			t.refused++
			_ = pause(ctx, retry)
		default:
			return t, fmt.Errorf("the hub answered %d", status)
		}
	}
	return t, nil
}

// readAnswer reads one answer and passes its body over.
func readAnswer(in *bufio.Reader) (status int, retry time.Duration, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, fmt.Errorf("not an answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	length := 0
	for {
		line, err = in.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return 0, 0, err
			}
		}
		if v, ok := bytes.CutPrefix(line, []byte("Retry-After: ")); ok {
			seconds, _ := strconv.Atoi(string(v))
			retry = time.Duration(seconds) * time.Second
		}
	}
	if _, err := in.Discard(length); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	return status, retry, nil
}
