package push

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"allim.dev/allim/notify"
)

func TestTruncate(t *testing.T) {
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{
		{"hello", 5, "hello"},
		{"hello", 4, "h…"},
		{"hello", 3, ""},
		{"", 0, ""},
		{"가나다", 9, "가나다"},
		{"가나다", 8, "가…"},
		{"가나다", 5, ""},
		{"a👨‍👩‍👧b", 19, "a…"}, // the family has 18 bytes
		{"a👨‍👩‍👧bcdef", 22, "a👨‍👩‍👧…"},
		{"e\u0301e\u0301", 5, ""}, // the accent and the ellipsis do not both fit
		{"e\u0301e\u0301", 6, "e\u0301e\u0301"},
		{"🇰🇷🇰🇷", 11, "🇰🇷…"},
		{"e" + strings.Repeat("\u0301", 100), 20, "e" + strings.Repeat("\u0301", 8) + "…"},
	} {
		if got := Truncate(test.in, test.limit); got != test.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
		}
	}
}

func TestTruncateNeverTears(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		limit := rapid.IntRange(-1, 60).Draw(t, "limit")
		got := Truncate(in, limit)
		cut, ok := strings.CutSuffix(got, ellipsis)
		switch {
		case len(in) <= limit && got != in:
			t.Fatalf("%q was cut although it fits", in)
		case len(got) > max(limit, 0) || !utf8.ValidString(got):
			t.Fatalf("%q has %d bytes, limit %d", got, len(got), limit)
		case got != in && got != "" && (!ok || !strings.HasPrefix(in, cut)):
			t.Fatalf("%q is no cut of %q", got, in)
		}
	})
}

func build(c notify.Content) ([]byte, error) {
	return json.Marshal(map[string]any{"t": c.Title, "s": c.Subtitle, "b": c.Body, "u": c.URL, "i": c.Image, "d": c.Data})
}

func TestShrinkLosesTheLeastFirst(t *testing.T) {
	whole := notify.Content{Title: "Kim Minji", Subtitle: "Budget", Body: strings.Repeat("body ", 100),
		URL: "https://e.example/1", Image: "https://e.example/i.png", Data: map[string]string{"k": strings.Repeat("d", 200)}}
	for _, test := range []struct {
		limit                   int
		title, body, image, sub string // "whole", "cut" or ""
		data                    bool
	}{
		{2000, "whole", "whole", "whole", "whole", true},
		{700, "whole", "cut", "whole", "whole", true},
		{460, "whole", "cut", "", "whole", true},
		{300, "whole", "cut", "", "whole", false},
		{100, "whole", "cut", "", "whole", false},
		{85, "whole", "cut", "", "whole", false},
		{79, "whole", "", "", "whole", false},
		{77, "whole", "", "", "cut", false},
		{73, "whole", "", "", "", false},
		{70, "cut", "", "", "", false},
	} {
		out, err := Shrink(whole, test.limit, build)
		if err != nil {
			t.Errorf("%d: %v", test.limit, err)
			continue
		}
		var got struct {
			T, S, B, U, I string
			D             map[string]string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		state := func(now, before string) string {
			switch {
			case now == before:
				return "whole"
			case now == "":
				return ""
			}
			return "cut"
		}
		if len(out) > test.limit || got.U != whole.URL || state(got.T, whole.Title) != test.title ||
			state(got.B, whole.Body) != test.body || state(got.I, whole.Image) != test.image ||
			state(got.S, whole.Subtitle) != test.sub || (got.D != nil) != test.data {
			t.Errorf("%d: %d bytes: %s", test.limit, len(out), out)
		}
	}
	if _, err := Shrink(whole, 60, build); notify.CodeOf(err) != notify.CodeTooLarge {
		t.Errorf("60: %v", err)
	}
}

func TestShrinkFillsTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := notify.Content{Title: "t", Body: strings.Repeat(rapid.StringN(1, 20, -1).Draw(t, "unit"), 300)}
		limit := rapid.IntRange(300, 1000).Draw(t, "limit")
		out, err := Shrink(c, limit, build)
		if err != nil || len(out) > limit {
			t.Fatalf("%d bytes, limit %d, %v", len(out), limit, err)
		}
	})
}

func TestShrinkPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	if _, err := Shrink(notify.Content{Body: "b"}, 10, func(notify.Content) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
