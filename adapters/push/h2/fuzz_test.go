package h2

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"

	"allim.dev/allim/notify/notifytest"
)

// FuzzServer has a server say anything behind its settings, and then go: every request gets one reply, nothing hangs, and
// nothing panics.
func FuzzServer(f *testing.F) {
	seed := func(write func(fr *http2.Framer)) {
		var b bytes.Buffer
		fr := http2.NewFramer(&b, nil)
		fr.AllowIllegalWrites = true
		write(fr)
		f.Add(b.Bytes())
	}
	ok := http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}, EndHeaders: true}
	seed(func(fr *http2.Framer) {
		p := ok
		p.EndStream = true
		_ = fr.WriteHeaders(p)
		p.StreamID = 3
		_ = fr.WriteHeaders(p)
		_ = fr.WriteGoAway(3, http2.ErrCodeNo, []byte(`{"reason":"Shutdown"}`))
	})
	seed(func(fr *http2.Framer) {
		_ = fr.WriteHeaders(ok)
		_ = fr.WriteDataPadded(1, true, []byte("x"), make([]byte, 9))
		_ = fr.WriteRSTStream(3, http2.ErrCodeRefusedStream)
	})
	seed(func(fr *http2.Framer) {
		_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x48, 0x03, '4'}})
		_ = fr.WriteContinuation(1, true, []byte("10"))
		_ = fr.WriteWindowUpdate(1, 5)
	})
	f.Fuzz(func(t *testing.T, said []byte) {
		c := newClient(t, options(func(context.Context) (*Wire, error) {
			ours, theirs := net.Pipe()
			go play(theirs, said)
			return NewWire(ours), nil
		}))
		a := newAnswers(t, 3)
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Do(context.Background(), Batch{N: 3, Fill: fill, Done: a.done})
		}()
		notifytest.Receive(t, "Do returns", done)
		a.count()
	})
}

// play is the server's side of one connection.
func play(nc net.Conn, said []byte) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, nc)
	}()
	if http2.NewFramer(nc, nil).WriteSettings() == nil {
		_, _ = nc.Write(said)
	}
	_ = nc.Close()
	<-read
}
