package livetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parse(p *Parser, s string) (events []Event) {
	for i := range len(s) {
		if e, ok := p.Feed(s[i]); ok {
			events = append(events, e)
		}
	}
	return events
}

// The streams are of the standard's own kinds of example (WHATWG HTML 9.2.6) and its corners.
func TestParser(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []Event
		lastID string
		retry  time.Duration
	}{
		"two lines of data":        {"data: YHOO\ndata: +2\ndata: 10\n\n", []Event{{"message", "YHOO\n+2\n10", ""}}, "", 0},
		"comment, ids, cleared id": {": test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n", []Event{{"message", "first", "1"}, {"message", "second", ""}, {"message", " third", ""}}, "", 0},
		"empty data":               {"data\n\ndata\ndata\n\ndata:", []Event{{"message", "", ""}, {"message", "\n", ""}}, "", 0},
		"space after colon":        {"data:test\n\ndata: test\n\n", []Event{{"message", "test", ""}, {"message", "test", ""}}, "", 0},
		"CR":                       {"event: a\rdata: 1\r\rdata: 2\r\r", []Event{{"a", "1", ""}, {"message", "2", ""}}, "", 0},
		"CRLF":                     {"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []Event{{"a", "1", ""}, {"message", "2", ""}}, "", 0},
		"mixed":                    {"data: 1\r\n\ndata: 2\n\r\n", []Event{{"message", "1", ""}, {"message", "2", ""}}, "", 0},
		"byte order mark":          {"\xef\xbb\xbfdata: 1\n\n", []Event{{"message", "1", ""}}, "", 0},
		"mark only once":           {"data: 0\n\n\xef\xbb\xbfdata: 1\n\n", []Event{{"message", "0", ""}}, "", 0},
		"short first line":         {"\ndata: 1\n\n", []Event{{"message", "1", ""}}, "", 0},
		"missing last blank line":  {"data: 1\n\nid: 7\ndata: 2\n", []Event{{"message", "1", ""}}, "", 0},
		"id without data":          {"id: 7\n\n", nil, "7", 0},
		"id with NUL":              {"id: 7\n\nid: a\x00b\ndata: 1\n\n", []Event{{"message", "1", "7"}}, "7", 0},
		"id is kept":               {"id: 7\ndata: 1\n\ndata: 2\n\n", []Event{{"message", "1", "7"}, {"message", "2", "7"}}, "7", 0},
		"retry":                    {"retry: 1500\n\nretry: 15x\n\nretry: -1\nretry: +2\nretry:\n\n", nil, "", 1500 * time.Millisecond},
		"unknown fields":           {"foo: 1\nDATA: 2\n data: 3\ndata: 4\n\n", []Event{{"message", "4", ""}}, "", 0},
		"name goes with its event": {"event: a\n\ndata: 1\n\n", []Event{{"message", "1", ""}}, "", 0},
		"broken UTF-8":             {"data: \xff\n\n", []Event{{"message", "\ufffd", ""}}, "", 0},
		"colons in the value":      {"data: {\"a\":1}\n\n", []Event{{"message", `{"a":1}`, ""}}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var p Parser
			if diff := cmp.Diff(c.want, parse(&p, c.stream)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if p.LastID != c.lastID || p.Retry != c.retry {
				t.Errorf("last id %q, retry %s; want %q, %s", p.LastID, p.Retry, c.lastID, c.retry)
			}
		})
	}
}
