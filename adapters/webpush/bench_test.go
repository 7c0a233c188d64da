package webpush

import (
	"context"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// BenchmarkSeal is what one push costs before it is sent: a key, an agreement, five HMACs and the cipher.
func BenchmarkSeal(b *testing.B) {
	to, _ := rfc8291(b)
	text := strings.Repeat("x", 400)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		from, err := newSender()
		if err != nil {
			b.Fatal(err)
		}
		body, plaintext := plaintextIn(buf, len(text), padding(len(text)))
		buf = body
		copy(plaintext, text)
		if err := seal(body, len(text), to, from); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthorization is what the cache saves.
func BenchmarkAuthorization(b *testing.B) {
	s := testSigner(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.authorization("https://push.example.net", start); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	a := mustBuild(b, testEnv(b.TempDir(), goodSection), nil)
	n := notice()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Render(n, notify.Variant{Locale: "ko"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPush sends batches as the hub does to a simulator in the same process, which takes its part of the CPU: it
// neither verifies nor decrypts, but reads and answers.
func BenchmarkPush(b *testing.B) {
	for _, transport := range []string{push.TransportH2, push.TransportNetHTTP} {
		b.Run(transport, func(b *testing.B) { benchmarkPush(b, "transport: "+transport+"\n") })
	}
}

func benchmarkPush(b *testing.B, via string) {
	h := newHouseAt(b, notify.SystemClock{}, sim.WebPushOptions{Blind: true, LogLimit: -1}, via)
	payload, err := h.adapter.Render(notice(), notify.Variant{Locale: "ko"})
	if err != nil {
		b.Fatal(err)
	}
	list := make([]notify.Delivery, 256)
	for i := range list {
		list[i] = notify.Delivery{ID: notify.DeliveryID(1, int64(i+1)), Device: h.device(b, sim.ModeGoogle), Payload: payload,
			Expires: time.Now().Add(time.Hour)}
	}
	settle := func(i int, o notify.Outcome) {
		if o.Verdict != notify.Accepted {
			b.Errorf("%d: %+v", i, o)
		}
	}
	h.adapter.Push(context.Background(), list, settle)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		h.adapter.Push(context.Background(), list, settle)
		n += len(list)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "us/push")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pushes/s")
}
