package h2

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/notify/notifytest"
)

// What the server did not take goes out again at once, on another connection; what it took is waited for.
func TestGoAwaySplitsWhatIsUnderWay(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	first := warm(t, s, c)
	u := begin(t, c, 4)
	var ids []uint32
	sent := map[string]int{}
	for range 4 {
		r := first.request()
		ids = append(ids, r.id)
		sent[r.fields["apns-id"]]++
	}
	first.must(first.fr.WriteGoAway(ids[1], http2.ErrCodeNo, nil))
	second := s.accept()
	r := second.request() // alone: the connection is new
	sent[r.fields["apns-id"]]++
	second.answer(r.id, "200", "")
	r = second.request()
	sent[r.fields["apns-id"]]++
	second.answer(r.id, "200", "")
	first.answer(ids[0], "200", "") // still good
	first.answer(ids[1], "410", `{"reason":"Unregistered"}`)
	if code, said := first.ends(); !said || code != http2.ErrCodeNo {
		t.Errorf("the old connection ends with %v %v, want a goodbye", code, said)
	}
	got := u.wait()
	if got[0].Status != 200 || got[1].Status != 410 || string(got[1].Body) != `{"reason":"Unregistered"}` || got[2].Status != 200 ||
		got[3].Status != 200 {
		t.Errorf("%+v", got)
	}
	for id, n := range sent {
		if want := map[string]int{apnsID(0): 1, apnsID(1): 1, apnsID(2): 2, apnsID(3): 2}[id]; n != want {
			t.Errorf("%s was sent %d times, want %d", id, n, want)
		}
	}
}

func apnsID(i int) string {
	var r Request
	_ = fill(i, &r)
	return r.Own[0].Value
}

// A first goodbye for all, and a second one that takes some back.
func TestSecondGoAway(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	first := warm(t, s, c)
	u := begin(t, c, 2)
	a, b := first.request(), first.request()
	first.must(first.fr.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil))
	first.must(first.fr.WriteGoAway(a.id, http2.ErrCodeNo, nil))
	second := s.accept()
	r := second.request()
	if r.fields["apns-id"] != b.fields["apns-id"] {
		t.Errorf("%s is sent again, want %s", r.fields["apns-id"], b.fields["apns-id"])
	}
	second.answer(r.id, "200", "")
	first.answer(a.id, "200", "")
	for _, r := range u.wait() {
		if r.Status != 200 {
			t.Errorf("%+v", r)
		}
	}
}

// What may have been processed when the connection ends goes out again under the same id; what was accepted does not.
func TestLostAfterGoAway(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	first := warm(t, s, c)
	u := begin(t, c, 2)
	a, b := first.request(), first.request()
	first.must(first.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: a.id, BlockFragment: first.block(":status", "200"), EndHeaders: true}))
	first.must(first.fr.WriteGoAway(b.id, http2.ErrCodeInternal, nil))
	_ = first.nc.Close()
	second := s.accept()
	r := second.request()
	if r.fields["apns-id"] != b.fields["apns-id"] {
		t.Errorf("%s is sent again, want %s", r.fields["apns-id"], b.fields["apns-id"])
	}
	second.answer(r.id, "200", "")
	got := u.wait()
	var bye *GoAwayError
	if got[0].Status != 200 || !errors.As(got[0].Err, &bye) || got[1].Status != 200 || got[1].Err != nil {
		t.Errorf("%+v", got)
	}
}

// Words in a goodbye may forbid another try.
func TestGoAwayWithWords(t *testing.T) {
	s, dial := newRaw(t)
	o := options(dial)
	o.Again = func(debug []byte) bool { return string(debug) != "BadCertificate" }
	c := newClient(t, o)
	first := warm(t, s, c)
	u := begin(t, c, 1)
	r := first.request()
	first.must(first.fr.WriteGoAway(r.id, http2.ErrCodeNo, []byte("BadCertificate")))
	_ = first.nc.Close()
	var bye *GoAwayError
	if got := u.wait()[0]; !errors.As(got.Err, &bye) || string(bye.Debug) != "BadCertificate" || got.Unsent {
		t.Errorf("%+v", got)
	}
}

// A request is sent three times at most, and no third time when two new connections were lost under it.
func TestTriesEnd(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c)
	u := begin(t, c, 1)
	for range maxTries {
		rc.must(rc.fr.WriteRSTStream(rc.request().id, http2.ErrCodeRefusedStream))
	}
	var reset *ResetError
	if got := u.wait()[0]; !errors.As(got.Err, &reset) || reset.Code != http2.ErrCodeRefusedStream || !Local(got.Err) {
		t.Errorf("%+v", got)
	}
	_ = rc.nc.Close()
	c.noConns(t)
	u = begin(t, c, 1)
	for range 2 {
		rc := s.accept()
		rc.request()
		_ = rc.nc.Close()
	}
	if got := u.wait()[0]; !errors.Is(got.Err, ErrLost) || !got.Fresh || got.Unsent {
		t.Errorf("%+v", got)
	}
}

// Any other reset is the request's own, and the others go on.
func TestResets(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c)
	codes := []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeProtocol, http2.ErrCodeInternal, http2.ErrCodeCancel,
		http2.ErrCodeEnhanceYourCalm, http2.ErrCodeStreamClosed, 0x99}
	u := begin(t, c, len(codes)+1)
	for i := range len(codes) + 1 {
		r := rc.request()
		if i == len(codes) {
			rc.answer(r.id, "200", "")
			break
		}
		rc.must(rc.fr.WriteRSTStream(r.id, codes[i]))
	}
	got := u.wait()
	for i, code := range codes {
		var reset *ResetError
		if !errors.As(got[i].Err, &reset) || reset.Code != code {
			t.Errorf("%v: %+v", code, got[i])
		}
	}
	if got[len(codes)].Status != 200 {
		t.Errorf("%+v", got[len(codes)])
	}
}

// Connections that come to nothing are not opened in a storm: after a few at once they are paced by the clock.
func TestBackoff(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	dials := 0
	o := options(func(context.Context) (*Wire, error) {
		dials++
		return nil, errors.New("refused " + strconv.Itoa(dials))
	})
	o.Clock = clock
	c := newClient(t, o)
	for range 20 {
		a := newAnswers(t, 1)
		c.Do(t.Context(), Batch{N: 1, Fill: fill, Done: a.done})
		if a.list[0].Err == nil || !a.list[0].Unsent {
			t.Fatalf("%+v", a.list[0])
		}
	}
	if dials != freeStrikes {
		t.Errorf("%d dials for 20 requests, want %d", dials, freeStrikes)
	}
	clock.Advance(backoffMost)
	pushN(t, c, 1)
	if dials != freeStrikes+1 {
		t.Errorf("%d dials after the pause, want one more", dials)
	}
}
