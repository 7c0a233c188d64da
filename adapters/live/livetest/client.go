package livetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// Stream is one connection to an event stream.
type Stream struct {
	Parser
	Response *http.Response
	body     *bufio.Reader
}

// StatusError is an answer that stops a browser for good: 204, any other status than 200, or a wrong media type.
type StatusError struct {
	Status    int
	MediaType string
	Header    http.Header
	Body      string
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("not an event stream: status %d, type %q: %s", e.Status, e.MediaType, e.Body)
}

// Open connects; lastID is sent as Last-Event-ID unless it is empty. Errors: *StatusError, or the network's.
func Open(ctx context.Context, client *http.Client, url string, header http.Header, lastID string) (*Stream, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode != http.StatusOK || mediaType != "text/event-stream" {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
		res.Body.Close()
		return nil, &StatusError{Status: res.StatusCode, MediaType: mediaType, Header: res.Header, Body: string(body)}
	}
	s := &Stream{Response: res, body: bufio.NewReader(res.Body)}
	s.LastID, s.id, s.idKnown = lastID, lastID, true
	return s, nil
}

// Next waits for the next event; io.EOF when the server ended the stream in order, else the network's error.
func (s *Stream) Next() (Event, error) {
	for {
		b, err := s.body.ReadByte()
		if err != nil {
			return Event{}, err
		}
		if e, ok := s.Feed(b); ok {
			return e, nil
		}
	}
}

// Close drops the connection.
func (s *Stream) Close() error { return s.Response.Body.Close() }

// EventSource reconnects as a browser does.
type EventSource struct {
	Client *http.Client
	URL    string
	Header http.Header
	// Wait waits for the reconnection time; nil: not at all.
	Wait func(ctx context.Context, d time.Duration) error
}

// Run calls each for every event, with the number of the connection from 0, until ctx ends, each gives an error, or the
// server's answer stops a browser for good (*StatusError).
func (e *EventSource) Run(ctx context.Context, each func(connection int, ev Event) error) error {
	lastID := ""
	for n := 0; ctx.Err() == nil; n++ {
		s, err := Open(ctx, e.Client, e.URL, e.Header, lastID)
		if err != nil {
			if _, stop := err.(*StatusError); stop {
				return err
			}
		} else {
			err = s.pass(n, each)
			lastID = s.LastID
			s.Close()
			if err != nil {
				return err
			}
		}
		if e.Wait != nil {
			retry := 3 * time.Second
			if s != nil && s.Retry > 0 {
				retry = s.Retry
			}
			if err := e.Wait(ctx, retry); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// pass hands on events until the connection ends, whatever ended it.
func (s *Stream) pass(n int, each func(int, Event) error) error {
	for {
		ev, err := s.Next()
		if err != nil {
			return nil
		}
		if err := each(n, ev); err != nil {
			return err
		}
	}
}
