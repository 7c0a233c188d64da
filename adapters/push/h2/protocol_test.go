package h2

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// What a request looks like on the wire: common fields are indexed from the second request on, its own never.
func TestRequestOnTheWire(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c)
	begin(t, c, 3)
	for i := range 3 {
		r := rc.request()
		want := map[string]string{":method": "POST", ":scheme": "https", ":authority": "localhost", ":path": "/3/device/" + strings.Repeat("0", 63) + string(rune('0'+i)),
			"authorization": bearer, "apns-topic": "com.example.mail", "apns-push-type": "alert", "apns-priority": "5",
			"apns-id": apnsID(i), "content-length": "48"}
		for name, value := range want {
			if r.fields[name] != value {
				t.Errorf("%s: %q, want %q", name, r.fields[name], value)
			}
		}
		if len(r.fields) != len(want) || !r.never[":path"] || !r.never["apns-id"] || r.never["authorization"] {
			t.Errorf("%v, never indexed: %v", r.fields, r.never)
		}
		rc.answer(r.id, "200", "")
	}
}

// Settings take effect while requests are under way.
func TestSettingsMidFlight(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2})
	u := begin(t, c, 6)
	a, b := rc.request(), rc.request()
	rc.must(rc.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1},
		http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20}))
	rc.answer(a.id, "200", "")
	rc.ping() // all before it was handled
	rc.answer(b.id, "200", "")
	for range 2 {
		r := rc.request() // with a table of nothing
		if r.fields["authorization"] != bearer {
			t.Errorf("%v", r.fields)
		}
		rc.ping()
		rc.answer(r.id, "200", "")
	}
	rc.must(rc.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 256}))
	for range 2 {
		rc.answer(rc.request().id, "200", "")
	}
	for _, r := range u.wait() {
		if r.Status != 200 {
			t.Errorf("%+v", r)
		}
	}
}

// Both windows bound what is sent; it goes on when they are opened, and through a smaller SETTINGS_INITIAL_WINDOW_SIZE.
func TestWindows(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
	body := bytes.Repeat([]byte("x"), 3000)
	u := beginFilled(t, c, 1, func(i int, r *Request) error {
		err := fill(i, r)
		r.Body = body
		return err
	})
	r := rc.head()
	take := func(want int) (ended bool) {
		t.Helper()
		for want > 0 {
			f, err := rc.next()
			rc.must(err)
			d, ok := f.(*http2.DataFrame)
			if !ok || len(d.Data()) > want {
				t.Fatalf("%v, want at most %d bytes of data", f, want)
			}
			r.body = append(r.body, d.Data()...)
			want -= len(d.Data())
			ended = d.StreamEnded()
		}
		return ended
	}
	take(1000)
	rc.must(rc.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})) // 990 less than nothing
	rc.must(rc.fr.WriteWindowUpdate(r.id, 989))
	rc.ping() // nothing came before its answer
	rc.must(rc.fr.WriteWindowUpdate(r.id, 101))
	take(100)
	rc.must(rc.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1910}))
	if !take(1900) || !bytes.Equal(r.body, body) {
		t.Errorf("%d bytes came", len(r.body))
	}
	rc.answer(r.id, "200", "")
	if got := u.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
}

// The connection's own window holds up requests as well; those that wait do not begin.
func TestConnectionWindow(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c)
	body := bytes.Repeat([]byte("x"), 40_000) // two fill the window's 65,535
	u := beginFilled(t, c, 3, func(i int, r *Request) error {
		err := fill(i, r)
		r.Body = body
		return err
	})
	r := rc.request()
	rc.answer(r.id, "200", "")
	second := rc.head()
	got := 0
	for got < initialSpace-48-40_000 {
		f, err := rc.next()
		rc.must(err)
		got += len(f.(*http2.DataFrame).Data())
	}
	rc.ping()
	rc.must(rc.fr.WriteWindowUpdate(0, 1<<20))
	for got < 40_000 {
		f, err := rc.next()
		rc.must(err)
		got += len(f.(*http2.DataFrame).Data())
	}
	rc.answer(second.id, "200", "")
	rc.answer(rc.request().id, "200", "")
	for _, r := range u.wait() {
		if r.Status != 200 {
			t.Errorf("%+v", r)
		}
	}
}

// Answers in every shape that the protocol has: padded, in pieces, after 1xx, with trailers, cut off, early, too long.
func TestShapesOfAnswers(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c)
	head := func(r *rawRequest, ends bool, fields ...string) {
		rc.must(rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: r.id, BlockFragment: rc.block(fields...), EndHeaders: true, EndStream: ends}))
	}
	long := strings.Repeat("y", 5000)
	shapes := []struct {
		name   string
		play   func(r *rawRequest)
		status int
		body   string
		err    error
	}{
		{"padding", func(r *rawRequest) {
			rc.must(rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: r.id, BlockFragment: rc.block(":status", "400"), EndHeaders: true, PadLength: 200}))
			rc.must(rc.fr.WriteDataPadded(r.id, false, []byte("a"), make([]byte, 255)))
			rc.must(rc.fr.WriteDataPadded(r.id, true, []byte("b"), make([]byte, 1)))
		}, 400, "ab", nil},
		{"continuations", func(r *rawRequest) {
			b := rc.block(":status", "429", "retry-after", "7", "x-other", strings.Repeat("z", 300))
			rc.must(rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: r.id, BlockFragment: b[:1], EndStream: true}))
			rc.must(rc.fr.WriteContinuation(r.id, false, b[1:20]))
			rc.must(rc.fr.WriteContinuation(r.id, true, b[20:]))
		}, 429, "", nil},
		{"1xx", func(r *rawRequest) {
			head(r, false, ":status", "103", "link", "x")
			head(r, false, ":status", "100")
			head(r, true, ":status", "200")
		}, 200, "", nil},
		{"trailers", func(r *rawRequest) {
			head(r, false, ":status", "400")
			rc.must(rc.fr.WriteData(r.id, false, []byte("ab")))
			head(r, true, "grpc-status", "0", "retry-after", "9")
		}, 400, "ab", nil},
		{"empty data", func(r *rawRequest) {
			head(r, false, ":status", "200")
			rc.must(rc.fr.WriteData(r.id, true, nil))
		}, 200, "", nil},
		{"too long", func(r *rawRequest) {
			head(r, false, ":status", "400")
			rc.must(rc.fr.WriteData(r.id, false, []byte(long)))
		}, 400, long[:4096], nil},
		{"a body without a header", func(r *rawRequest) { rc.must(rc.fr.WriteData(r.id, true, []byte("x"))) }, 0, "", ErrMalformed},
		{"no status", func(r *rawRequest) { head(r, true, "x-a", "b") }, 0, "", ErrMalformed},
		{"two statuses", func(r *rawRequest) { head(r, true, ":status", "404", ":status", "200") }, 0, "", ErrMalformed},
		{"a status that is none", func(r *rawRequest) { head(r, true, ":status", "2x0") }, 0, "", ErrMalformed},
		{"a status behind", func(r *rawRequest) { head(r, true, "x-a", "b", ":status", "200") }, 0, "", ErrMalformed},
		{"101", func(r *rawRequest) { head(r, true, ":status", "101") }, 0, "", ErrMalformed},
		{"100 as the last word", func(r *rawRequest) { head(r, true, ":status", "100") }, 0, "", ErrMalformed},
		{"a second header in the middle", func(r *rawRequest) {
			head(r, false, ":status", "400")
			head(r, false, "x-a", "b")
		}, 0, "", ErrMalformed},
		{"a window of zero", func(r *rawRequest) { rc.must(rc.fr.WriteRawFrame(http2.FrameWindowUpdate, 0, r.id, make([]byte, 4))) }, 0, "", ErrMalformed},
		{"a window too far", func(r *rawRequest) { rc.must(rc.fr.WriteWindowUpdate(r.id, 1<<31-1)) }, 0, "", ErrMalformed},
		{"a header bomb", func(r *rawRequest) {
			fields := []string{":status", "400"}
			for range 200 {
				fields = append(fields, "x-bomb", strings.Repeat("b", 3000)) // a byte each from the second on
			}
			head(r, true, fields...)
		}, 0, "", ErrMalformed},
	}
	for _, shape := range shapes {
		u := begin(t, c, 1)
		r := rc.request()
		shape.play(r)
		got := u.wait()[0]
		if got.Status != shape.status || string(got.Body) != shape.body || !errors.Is(got.Err, shape.err) {
			t.Errorf("%s: %d, %d bytes, %v", shape.name, got.Status, len(got.Body), got.Err)
		}
		if want := map[string][]notify.Header{"continuations": {{Name: "retry-after", Value: "7"}}}[shape.name]; len(got.Header) != len(want) ||
			len(want) > 0 && got.Header[0] != want[0] {
			t.Errorf("%s: %v", shape.name, got.Header)
		}
		// Whatever it was, the connection goes on.
		if shape.err != nil || shape.name == "too long" {
			f, err := rc.next()
			rc.must(err)
			if _, ok := f.(*http2.RSTStreamFrame); !ok {
				t.Errorf("%s: %v instead of RST_STREAM", shape.name, f)
			}
		}
	}
	u := begin(t, c, 1)
	rc.answer(rc.request().id, "200", "")
	if got := u.wait()[0]; got.Status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
}

// What breaks the protocol ends the connection with the code that the RFC has for it; the request goes out again.
func TestBrokenProtocol(t *testing.T) {
	for name, test := range map[string]struct {
		play func(rc *rawConn, id uint32)
		code http2.ErrCode
	}{
		"data on a stream that is not open": {func(rc *rawConn, id uint32) { _ = rc.fr.WriteData(id+2, true, nil) }, http2.ErrCodeProtocol},
		"headers on an even stream": {func(rc *rawConn, _ uint32) {
			_ = rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, BlockFragment: rc.block(":status", "200"), EndHeaders: true})
		}, http2.ErrCodeProtocol},
		"reset of a stream that is not open":  {func(rc *rawConn, id uint32) { _ = rc.fr.WriteRSTStream(id+2, 0) }, http2.ErrCodeProtocol},
		"window of a stream that is not open": {func(rc *rawConn, id uint32) { _ = rc.fr.WriteWindowUpdate(id+2, 1) }, http2.ErrCodeProtocol},
		"the connection's window too far":     {func(rc *rawConn, _ uint32) { _ = rc.fr.WriteWindowUpdate(0, 1<<31-1) }, http2.ErrCodeFlowControl},
		"the connection's window by nothing":  {func(rc *rawConn, _ uint32) { _ = rc.fr.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, make([]byte, 4)) }, http2.ErrCodeProtocol},
		"a push promise": {func(rc *rawConn, id uint32) {
			_ = rc.fr.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, BlockFragment: rc.block(":method", "GET"), EndHeaders: true})
		}, http2.ErrCodeProtocol},
		"a frame too long": {func(rc *rawConn, _ uint32) { _ = rc.fr.WriteRawFrame(0x77, 0, 0, make([]byte, maxFrame+1)) }, http2.ErrCodeFrameSize},
		"a table index that is none": {func(rc *rawConn, id uint32) {
			_ = rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0xff, 0x7f}, EndHeaders: true})
		}, http2.ErrCodeCompression},
		"half of a field": {func(rc *rawConn, id uint32) {
			_ = rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x00, 0x05, 'a'}, EndHeaders: true})
		}, http2.ErrCodeCompression},
		"another frame inside of a header": {func(rc *rawConn, id uint32) {
			_ = rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: rc.block(":status", "200")})
			_ = rc.fr.WritePing(false, [8]byte{})
		}, http2.ErrCodeProtocol},
		"a continuation of nothing": {func(rc *rawConn, id uint32) { _ = rc.fr.WriteContinuation(id, true, nil) }, http2.ErrCodeProtocol},
		"enable push": {func(rc *rawConn, _ uint32) {
			_ = rc.fr.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 1})
		}, http2.ErrCodeProtocol},
		"a frame size below the least": {func(rc *rawConn, _ uint32) {
			_ = rc.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 100})
		}, http2.ErrCodeProtocol},
		"an initial window too far": {func(rc *rawConn, _ uint32) {
			_ = rc.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}, http2.ErrCodeFlowControl},
		"settings of seven bytes": {func(rc *rawConn, _ uint32) { _ = rc.fr.WriteRawFrame(http2.FrameSettings, 0, 0, make([]byte, 7)) }, http2.ErrCodeFrameSize},
		"a ping of seven bytes":   {func(rc *rawConn, _ uint32) { _ = rc.fr.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7)) }, http2.ErrCodeFrameSize},
		"a flood of continuations": {func(rc *rawConn, id uint32) {
			_ = rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: rc.block(":status", "200")})
			for range maxFragments {
				_ = rc.fr.WriteContinuation(id, false, nil)
			}
		}, http2.ErrCodeEnhanceYourCalm},
		"an endless header": {func(rc *rawConn, id uint32) {
			_ = rc.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: rc.block(":status", "200")})
			for range 5 {
				_ = rc.fr.WriteContinuation(id, false, bytes.Repeat([]byte{0x88}, maxFrame))
			}
		}, http2.ErrCodeEnhanceYourCalm},
		"more than the window that it was given": {func(rc *rawConn, id uint32) {
			rc.answerOpen(id)
			for range connWindow/maxFrame + 1 {
				_ = rc.fr.WriteDataPadded(id, false, nil, nil)
				_ = rc.fr.WriteRawFrame(http2.FrameData, 0, id, make([]byte, maxFrame))
			}
		}, http2.ErrCodeFlowControl},
		"a flood of pings":    {func(rc *rawConn, _ uint32) { rc.flood(func() error { return rc.fr.WritePing(false, [8]byte{}) }) }, http2.ErrCodeEnhanceYourCalm},
		"a flood of settings": {func(rc *rawConn, _ uint32) { rc.flood(func() error { return rc.fr.WriteSettings() }) }, http2.ErrCodeEnhanceYourCalm},
		"a flood of empty data": {func(rc *rawConn, id uint32) {
			rc.answerOpen(id)
			rc.flood(func() error { return rc.fr.WriteData(id, false, nil) })
		}, http2.ErrCodeEnhanceYourCalm},
	} {
		t.Run(name, func(t *testing.T) {
			s, dial := newRaw(t)
			o := options(dial)
			o.MaxBody = 2 * connWindow
			c := newClient(t, o)
			rc := warm(t, s, c)
			u := begin(t, c, 1)
			r := rc.request()
			type farewell struct {
				code http2.ErrCode
				said bool
			}
			read := make(chan farewell, 1)
			go func() { // reads while it writes, as a flood would else stand still
				code, said := rc.readToEnd()
				read <- farewell{code, said}
			}()
			test.play(rc, r.id)
			got := notifytest.Receive(t, "the connection ends", read)
			// Whoever still writes when the client closes is sent a reset by TCP, and may lose what it has not read.
			lost := !got.said && strings.HasPrefix(name, "a flood of ")
			if got.code != test.code && !lost {
				t.Errorf("GOAWAY %v, want %v", got, test.code)
			}
			next := s.accept()
			next.answer(next.request().id, "200", "")
			if got := u.wait()[0]; got.Status != 200 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// The server's first frame must be its settings; nothing is sent before.
func TestNoSettings(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	u := begin(t, c, 1)
	rc := s.acceptBare()
	rc.must(rc.fr.WritePing(false, [8]byte{}))
	if code, said := rc.ends(); !said || code != http2.ErrCodeProtocol {
		t.Errorf("%v %v", code, said)
	}
	if got := u.wait()[0]; !errors.Is(got.Err, ErrLost) || !got.Unsent {
		t.Errorf("%+v", got)
	}
}

// Pings are answered with their own bytes.
func TestPing(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	warm(t, s, c).ping()
}

// What no server may get is not sent, and holds up nobody.
func TestRequestsThatCannotBeSent(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c, http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 2000})
	broken := errors.New("no")
	u := beginFilled(t, c, 5, func(i int, r *Request) error {
		err := fill(i, r)
		switch i {
		case 0:
			r.Path += "\r\nx: y"
		case 1:
			r.Own = append(r.Own, notify.Header{Name: "x", Value: "a\x00b"})
		case 2:
			r.Own = append(r.Own, notify.Header{Name: "x", Value: strings.Repeat("a", 2000)})
		case 3:
			return broken
		}
		return err
	})
	r := rc.request()
	if r.fields["apns-id"] != apnsID(4) {
		t.Errorf("%v", r.fields)
	}
	rc.answer(r.id, "200", "")
	for i, r := range u.wait() {
		want := []error{ErrHeader, ErrHeader, ErrHeader, broken, nil}[i]
		if !errors.Is(r.Err, want) || r.Unsent != (want != nil) {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

// An answer before the whole request was sent ends it.
func TestEarlyAnswer(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c)
	rc.must(rc.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10}))
	rc.ping()
	u := begin(t, c, 2)
	r := rc.head()
	rc.answer(r.id, "413", "")
	var second *rawRequest
	for second == nil {
		f, err := rc.next()
		rc.must(err)
		switch f := f.(type) {
		case *http2.DataFrame:
			if f.StreamEnded() {
				t.Error("the whole body came through a window of ten bytes")
			}
		case *http2.RSTStreamFrame:
			second = rc.head()
		}
	}
	rc.answer(second.id, "200", "")
	if got := u.wait(); got[0].Status != 413 || got[1].Status != 200 {
		t.Errorf("%+v", got)
	}
}
