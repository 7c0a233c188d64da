package sim

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// BenchmarkAPNs shows what the simulator itself costs: bare frames, a window of 500 requests, one connection.
func BenchmarkAPNs(b *testing.B) {
	s, err := NewAPNs(APNsOptions{LogLimit: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	key, err := NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		b.Fatal(err)
	}
	s.AddKey(key)
	nc, err := tls.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"),
		&tls.Config{RootCAs: s.CA().Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	w := bufio.NewWriterSize(nc, 64<<10)
	f := http2.NewFramer(w, bufio.NewReaderSize(nc, 64<<10))
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	if _, err := io.WriteString(w, http2.ClientPreface); err != nil {
		b.Fatal(err)
	}
	err = errors.Join(f.WriteSettings(), f.WriteWindowUpdate(0, 1<<28))
	bearer := "bearer " + sign(b, key, `{"alg":"ES256","kid":"ABC123DEFG"}`,
		fmt.Sprintf(`{"iss":"TEAM123456","iat":%d}`, time.Now().Unix()))
	payload := []byte(`{"aps":{"alert":{"title":"Kim","body":"` + strings.Repeat("x", 160) + `"}}}`)
	window := make(chan struct{}, 500)
	done := make(chan error, 1)
	b.ResetTimer()
	go func() { done <- readAnswers(f, b.N, window) }()
	for i := range b.N {
		if len(window) == cap(window) {
			err = errors.Join(err, w.Flush())
		}
		window <- struct{}{}
		block.Reset()
		for _, h := range []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "https"},
			{Name: ":path", Value: fmt.Sprintf("/3/device/%064x", i+1), Sensitive: true}, {Name: ":authority", Value: "localhost"},
			{Name: "authorization", Value: bearer}, {Name: "apns-topic", Value: goodTopic},
			{Name: "apns-push-type", Value: "alert"}} {
			err = errors.Join(err, enc.WriteField(h))
		}
		id := uint32(2*i + 1)
		err = errors.Join(err, f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}),
			f.WriteData(id, true, payload))
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	if n := s.Log().Counts().Accepted; n != int64(b.N) {
		b.Fatalf("%d of %d were accepted", n, b.N)
	}
}

// readAnswers reads until n streams have ended.
func readAnswers(f *http2.Framer, n int, window <-chan struct{}) error {
	for n > 0 {
		frame, err := f.ReadFrame()
		if err != nil {
			return err
		}
		if h, ok := frame.(*http2.HeadersFrame); ok && h.StreamEnded() {
			n--
			<-window
		}
	}
	return nil
}
