package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestChartsAreSplit: each source or platform is a series of its own, the greatest first; those beyond the colours are one;
// sums stand on each other, and of latencies the longest counts.
func TestChartsAreSplit(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	var samples []notify.Sample
	for i := range 8 {
		samples = append(samples, notify.Sample{At: now.Add(-time.Hour), Label: fmt.Sprintf("source%d", i), Value: float64(i + 1)},
			notify.Sample{At: now.Add(-time.Minute), Label: fmt.Sprintf("source%d", i), Value: 1})
	}
	c := drawings()[0].draw("en", samples, now)
	if c.Title != "Events seen" || c.Text != "44 in a day" || len(c.Series) != chartSeries || c.Lines {
		t.Errorf("%+v", c)
	}
	for i, want := range []string{"source7 9", "source6 8", "source5 7", "source4 6", "source3 5", "3 others 9"} {
		if got := fmt.Sprintf("%s %d", c.Series[i].Label, c.Series[i].Total); got != want {
			t.Errorf("series %d is %s, want %s", i, got, want)
		}
	}
	// The hour before: 36 events are the whole height, and the second series stands on the first.
	if !strings.HasPrefix(c.Series[0].Path, "M368 77.8h3v22.2h-3z") || !strings.HasPrefix(c.Series[1].Path, "M368 58.3h3v19.4h-3z") {
		t.Error(c.Series[0].Path, c.Series[1].Path)
	}
	var latency drawing
	for _, d := range drawings() {
		if d.lines {
			latency = d
		}
	}
	c = latency.draw("ko", []notify.Sample{{At: now, Label: "mail", Value: 40}, {At: now.Add(-time.Minute), Label: "mail", Value: 90}, {At: now, Label: "cal", Value: 10}}, now)
	if len(c.Series) != 2 || c.Series[0].Total != 90 || c.Series[0].Path != "M380 0.0h3" || !strings.Contains(c.Text, "90") {
		t.Errorf("%+v", c)
	}
	if c = latency.draw("en", nil, now); len(c.Series) != 0 || c.Text != "at most 0 ms in a day" {
		t.Errorf("of nothing: %+v", c)
	}
}

// TestWordsOfPayloads are found whatever the platform's form; a form that is not known has none.
func TestWordsOfPayloads(t *testing.T) {
	for body, want := range map[string]string{
		`{"aps":{"alert":{"title":"T","subtitle":"S","body":"B"}}}`:                                             "T|B",
		`{"message":{"data":{"delivery":"x"},"android":{"notification":{"title":"T","body":"B"}}}}`:             "T|B",
		`{"web_push":8030,"notification":{"title":"<b>T</b>","navigate":"x","data":{"title":"other"}}}`:         "<b>T</b>|",
		`{"id":"1","title":"T","body":"B"}`:                                                                     "T|B",
		`<toast><visual><binding><text>T</text><text>B&amp;B</text><text>C</text></binding></visual></toast>`:   "T|B&B\nC",
		`<?xml version="1.0"?><notification xmlns="urn:allim:v1"><title>T</title><body>B</body></notification>`: "T|B",
		`{"aps":{"content-available":1}}`:                                                                       "|", `nonsense`: "|", ``: "|", `[1]`: "|", `<badge value="3"/>`: "|",
	} {
		title, text := told([]byte(body))
		if got := title + "|" + text; got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// TestPlainWords: what a server said, in words for people, in both languages; numbers only by themselves.
func TestPlainWords(t *testing.T) {
	for err, want := range map[string]string{
		"dial tcp 10.0.0.5:14013: connect: connection refused":          "plain.refused",
		"dial tcp: lookup mail.example.com: no such host":               "plain.name",
		"x509: certificate has expired or is not yet valid":             "plain.certificate",
		"read tcp 10.0.0.5:993: i/o timeout":                            "plain.slow",
		"no answer in time":                                             "plain.slow",
		"NO [AUTHENTICATIONFAILED] Authentication failed.":              "plain.login",
		"the server refuses access (HTTP 401): check user and password": "plain.login",
		"HTTP 503": "plain.server", "port 14015 says 4011": "", "something new": "", "": "",
	} {
		for _, lang := range []string{"en", "ko"} {
			words := text(lang, want)
			if want == "" {
				words = ""
			}
			if got := plain(lang, err); got != words {
				t.Errorf("%q in %s: %q, want %q", err, lang, got, words)
			}
		}
	}
}

// TestSpans are said to the two greatest units.
func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1 s", 59 * time.Second: "59 s", 200 * time.Second: "3 min 20 s", 2*time.Hour + 5*time.Minute + time.Second: "2 h 5 min"} {
		if got := span("en", d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
	if got := span("ko", 200*time.Second); got != "3분 20초" {
		t.Error(got)
	}
}
