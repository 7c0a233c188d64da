package app_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
)

// openStream opens a person's live stream and reads until it says that it is ready.
func openStream(t *testing.T, url, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/me/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() }) // it was read to its end, or the test failed
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event: ready") {
			return res
		}
	}
	t.Fatalf("the stream (%s) never said that it is ready", res.Status)
	return nil
}

// TestStopEndsOpenPages: an open page does not hold up the stop, and its stream ends cleanly.
func TestStopEndsOpenPages(t *testing.T) {
	var out bytes.Buffer
	o := options(parse(t, t.TempDir(), ""))
	o.Stdout = &out
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(strings.TrimSpace(out.String()), ": ")
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	c, err := client.New(client.Options{URL: a.URL(), Key: key, HTTP: web})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Hub().PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	token, err := c.NewToken(t.Context(), "kim", "page")
	if err != nil {
		t.Fatal(err)
	}
	stream := openStream(t, a.URL(), token.Token)
	began := time.Now()
	if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > app.StopTimeout/2 {
		t.Errorf("it took %s", took)
	}
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() {
		continue
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
}
