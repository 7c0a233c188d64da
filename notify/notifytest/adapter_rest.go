package notifytest

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"allim.dev/allim/notify"
)

func testRender(t *testing.T, r *adapterRun) {
	n := sample()
	long := n
	long.Content.Title, long.Content.Body = strings.Repeat("제목 ", 200), strings.Repeat("긴 본문 👨‍👩‍👧 ", 900)
	silent := n
	silent.Silent = true
	for name, note := range map[string]notify.Notification{"plain": n, "long": long, "silent": silent} {
		data := maps.Clone(note.Content.Data)
		first, err := r.Adapter.Render(note, notify.Variant{Locale: "ko"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		second, err := r.Adapter.Render(note, notify.Variant{Locale: "ko"})
		if diff := cmp.Diff(first, second); diff != "" || err != nil {
			t.Errorf("%s: a second rendering differs: %s %v", name, diff, err)
		}
		if len(first.Body) == 0 || len(first.Body) > r.TooLong {
			t.Errorf("%s: the payload has %d bytes, want 1 to %d", name, len(first.Body), r.TooLong)
		}
		if diff := cmp.Diff(data, note.Content.Data); diff != "" {
			t.Errorf("%s: Render changed its argument: %s", name, diff)
		}
	}
	hidden, err := r.Adapter.Render(n, notify.Variant{Privacy: notify.PrivacyNone})
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{n.Content.Title, n.Content.Body, n.Content.Subtitle, n.Content.URL} {
		if strings.Contains(string(hidden.Body), word) {
			t.Errorf("with privacy none the payload tells %q", word)
		}
	}
}

func testDevices(t *testing.T, r *adapterRun) {
	checker, ok := r.Adapter.(notify.DeviceChecker)
	if !ok {
		if len(r.BadDevices) > 0 {
			t.Error("there are bad devices, but nothing that checks them")
		}
		return
	}
	good, err := checker.CheckDevice(r.Device(0))
	if err != nil {
		t.Errorf("a good device is refused: %v", err)
	}
	if again, err := checker.CheckDevice(good); err != nil || !cmp.Equal(again, good) {
		t.Errorf("the canonical form is not stable: %v %s", err, cmp.Diff(good, again))
	}
	for i, d := range r.BadDevices {
		_, err := checker.CheckDevice(d)
		if notify.CodeOf(err) != notify.CodeInvalidToken {
			t.Errorf("bad device %d: %v, want %s", i, err, notify.CodeInvalidToken)
			continue
		}
		r.note(err.Error(), d.Token)
	}
}

func testClose(t *testing.T, setup func(testing.TB, *slog.Logger) AdapterSetup) {
	others := goleak.IgnoreCurrent()
	t.Run("unused", func(t *testing.T) {
		if err := setup(t, slog.New(slog.DiscardHandler)).Adapter.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("used", func(t *testing.T) {
		r := &adapterRun{t: t, said: map[string]bool{}, used: map[string]bool{}}
		r.AdapterSetup = setup(t, slog.New(slog.DiscardHandler))
		r.push(t.Context(), r.deliveries(0, 500))
		r.Stall(0)
		r.push(t.Context(), r.deliveries(0, 1))
		if err := r.Adapter.Close(); err != nil {
			t.Error(err)
		}
	})
	goleak.VerifyNone(t, others)
}
