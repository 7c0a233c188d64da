package notify

import (
	"strings"
	"testing"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct {
		in   Identity
		want string // "" = refused
	}{
		{Identity{"email", " Kim@Example.COM "}, "kim@example.com"},
		{Identity{"EMAIL", "kim@한국.kr"}, "kim@xn--3e0b707e.kr"},
		{Identity{"email", "kim@example.com."}, "kim@example.com"},
		{Identity{"email", "kim"}, ""},
		{Identity{"email", "a b@example.com"}, ""},
		{Identity{"email", "@example.com"}, ""},
		{Identity{"phone", "010-1234-5678"}, "+821012345678"},
		{Identity{"phone", "+82 10 1234 5678"}, "+821012345678"},
		{Identity{"phone", "12"}, ""},
		{Identity{"mac", "00-1A-2b-3C-4d-5E"}, "00:1a:2b:3c:4d:5e"},
		{Identity{"mac", "001a.2b3c.4d5e"}, "00:1a:2b:3c:4d:5e"},
		{Identity{"mac", "00:1a:2b:3c:4d"}, ""},
		{Identity{"mac", "zz:1a:2b:3c:4d:5e"}, ""},
		{Identity{"employee", "E0042"}, "e0042"},
		{Identity{"badge", "X 7"}, "X 7"},
		{Identity{"badge", "x\x00"}, ""},
		{Identity{"two words", "x"}, ""},
		{Identity{"badge", strings.Repeat("x", 321)}, ""},
	} {
		got, err := Normalizer{}.Normalize(c.in)
		if c.want == "" {
			if CodeOf(err) != CodeInvalid {
				t.Errorf("%v: got %v, %v; want it refused", c.in, got, err)
			}
			continue
		}
		if err != nil || got.Value != c.want {
			t.Errorf("%v: got %q, %v; want %q", c.in, got.Value, err, c.want)
		}
	}
	plus, _ := Normalizer{FoldPlus: true}.Normalize(Identity{"email", "kim+lists@example.com"})
	if plus.Value != "kim@example.com" {
		t.Errorf("plus address kept: %q", plus.Value)
	}
}

func TestUserNamesEveryBadField(t *testing.T) {
	_, err := User{ID: "a/b", Locale: "!!", TimeZone: "Mars/Olympus",
		Identities: []Identity{{"email", "kim@example.com"}, {"email", "nope"}}}.Validate(Normalizer{})
	for _, path := range []string{"id", "locale", "timeZone", "identities[1]"} {
		if err == nil || !strings.Contains(err.Error(), "; "+path+": ") {
			t.Errorf("%v does not name %s", err, path)
		}
	}
	u, err := User{ID: "kim", Identities: []Identity{{"email", "kim@example.com"}, {"email", "KIM@example.com"}}}.Validate(Normalizer{})
	if err != nil || len(u.Identities) != 1 {
		t.Errorf("the same identity twice: %v, %v", u.Identities, err)
	}
}

func TestCheckName(t *testing.T) {
	for _, bad := range []string{"", " a", "a ", "a/b", "..", "a?b", "a\nb", strings.Repeat("x", 129), "\xff"} {
		if CheckName(bad) == nil {
			t.Errorf("%q taken", bad)
		}
	}
	for _, good := range []string{"kim", "김민수", "kim@example.com", "dept.7 west"} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
