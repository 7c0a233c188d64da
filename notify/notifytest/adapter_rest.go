package notifytest

import (
	"log/slog"
	"maps"
	"regexp"
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

// passing are the numbers in a request that change from second to second.
var passing = regexp.MustCompile(`\d{3,}`)

// testPreview compares what a preview says with what the platform then gets.
func testPreview(t *testing.T, r *adapterRun) {
	previewer, ok := r.Adapter.(notify.Previewer)
	if !ok || r.Got == nil {
		t.Fatal("the adapter shows no previews, or its simulator not what came")
	}
	d := r.deliveries(0, 1)[0]
	payload := string(d.Payload.Body)
	p, err := previewer.Preview(d)
	if err != nil {
		t.Fatal(err)
	}
	if string(d.Payload.Body) != payload {
		t.Error("Preview changed the payload, which others share")
	}
	for _, f := range p.Header {
		for _, s := range r.Secrets() {
			if s != "" && strings.Contains(f.Value, s) {
				t.Errorf("the preview's %s shows a secret", f.Name)
			}
		}
		if name := strings.ToLower(f.Name); name == "authorization" || strings.HasSuffix(name, "signature") {
			t.Errorf("the preview shows the header %s", f.Name)
		}
	}
	r.push(t.Context(), []notify.Delivery{d})
	steady := func(s string) string { return passing.ReplaceAllString(s, "N") }
	var all []string
	for _, got := range r.Got() {
		all = append(all, steady(string(got.Body)))
		if steady(string(got.Body)) != steady(string(p.Body)) {
			continue // another push beside it, such as a badge's
		}
		for _, f := range p.Header {
			if got.Header == nil {
				break
			}
			if sent := got.Header(f.Name); steady(sent) != steady(f.Value) {
				t.Errorf("the preview says %s: %s, and %q went out", f.Name, f.Value, sent)
			}
		}
		return
	}
	t.Errorf("the preview is\n%s\nand this went out:\n%s", steady(string(p.Body)), strings.Join(all, "\n"))
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
