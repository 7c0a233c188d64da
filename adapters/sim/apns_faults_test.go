package sim

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// With one stream until the first token is good, a second one at the same time is refused.
func TestAPNsAllowsOneStreamAtFirst(t *testing.T) {
	p := newPhone(t, APNsOptions{OneStream: true})
	nc, err := tls.Dial("tcp", strings.TrimPrefix(p.sim.URL(), "https://"),
		&tls.Config{RootCAs: p.sim.CA().Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(nc, nc)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint32{1, 3} { // no header at all, and no end: they stay open
		if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x83, 0x87, 0x84}, EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	var limit uint32
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if v, ok := frame.Value(http2.SettingMaxConcurrentStreams); ok {
				limit = v
			}
			continue
		case *http2.RSTStreamFrame:
			if limit != 1 || frame.StreamID != 3 || frame.ErrCode != http2.ErrCodeRefusedStream {
				t.Errorf("limit %d, %v", limit, frame)
			}
		default:
			continue
		}
		break
	}
	if n := p.sim.RefusedStreams(); n != 1 {
		t.Errorf("%d refused", n)
	}
}

func TestAPNsFaults(t *testing.T) {
	p := newPhone(t, APNsOptions{})
	bearer := p.bearer(p.key, 0)
	p.sim.Script(goodToken, Fault{Status: 410, Reason: "Unregistered", Timestamp: time.UnixMilli(1755500000123),
		Header: map[string]string{"Retry-After": "7"}})
	resp, err := p.client.Do(p.request(bearer))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 410 || string(text) != `{"reason":"Unregistered","timestamp":1755500000123}` || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("%d %s %v", resp.StatusCode, text, resp.Header)
	}
	for name, f := range map[string]Fault{"stall": {Stall: true}, "reset": {Reset: 2}, "drop": {Drop: DropBefore},
		"goaway": {GoAway: &GoAway{Close: true, Reason: "Shutdown"}}} {
		p.sim.Script(goodToken, f)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		r := p.request(bearer).WithContext(ctx)
		r.GetBody = nil // so that net/http does not try again by itself
		if resp, err := p.client.Do(r); err == nil {
			t.Errorf("%s: %d", name, resp.StatusCode)
			resp.Body.Close()
		}
		cancel()
	}
	if got := p.send(p.request(bearer)); got != "200" {
		t.Errorf("afterwards: %s", got)
	}
	if c := p.sim.Log().Counts(); c.Accepted != 1 || c.Requests != 6 {
		t.Errorf("%+v", c)
	}
}

func TestAPNsTakesNoHTTP1(t *testing.T) {
	p := newPhone(t, APNsOptions{})
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.sim.CA().Pool()}}
	defer tr.CloseIdleConnections()
	if resp, err := (&http.Client{Transport: tr}).Do(p.request(p.bearer(p.key, 0))); err == nil {
		resp.Body.Close()
		t.Errorf("HTTP/1.1 is answered with %d", resp.StatusCode)
	}
}
