package notify

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBundlesAreFoundAgain: what the stored deliveries say of a person's bundles, whatever the moment of the crash. A word is
// a mail: its name, a for accepted, c for told with others, w for waiting and r for tried again, and the second of its
// update or, waiting, of its end.
func TestBundlesAreFoundAgain(t *testing.T) {
	begin := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	at := func(s string) time.Time {
		d, err := time.ParseDuration(s + "s")
		if err != nil {
			t.Fatal(err)
		}
		return begin.Add(d)
	}
	for stored, want := range map[string]string{
		"":                      "",
		"h:a:5":                 "open 65 head h",
		"h:a:5 x:w:60 y:w:60":   "open 60 head h x y",
		"x:w:60 y:w:60":         "open 60 x y",
		"x:c:61 y:c:61 z:w:60":  "open 60 x y z",   // killed before the newest told of them
		"x:c:61 y:c:61 z:a:61":  "open 121 head z", // told
		"x:c:61 z:a:61 v:w:120": "open 120 head z v",
		"x:c:61 y:c:61 z:r:62":  "last 62 x y z", // the newest is tried again
		"x:c:61 z:r:62 v:w:120": "last 62 x z open 120 v",
		"x:w:60 y:w:60 v:w:120": "last 60 x y open 120 v",
		"h:r:3":                 "",
		"h:r:3 x:w:60":          "open 60 x",
	} {
		var r recalled
		for word := range strings.FieldsSeq(stored) {
			p := strings.Split(word, ":")
			row := BundleRow{Notification: p[0], UpdatedAt: at(p[2])}
			switch p[1] {
			case "a":
				row.State = DeliveryAccepted
			case "c":
				row.State, row.Reason = DeliverySuppressed, reasonBundled
			case "w":
				row.State, row.Reason, row.NextAt, row.UpdatedAt = DeliveryPending, reasonTogether, at(p[2]), begin
			case "r":
				row.State, row.Reason = DeliveryPending, "503"
			}
			r.add(bundled{id: p[0]}, row, time.Minute)
		}
		var got []string
		for name, b := range map[string]*bundle{"last": r.last, "open": r.open} {
			if b == nil || name == "last" && len(b.members) == 0 {
				continue
			}
			words := []string{name, strconv.Itoa(int(b.until.Sub(begin).Seconds()))}
			if b.head != "" {
				words = append(words, "head", b.head)
			}
			for _, m := range b.members {
				words = append(words, m.id)
			}
			if name == "last" {
				got = append(words, got...)
			} else {
				got = append(got, words...)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%q is found as %q, want %q", stored, g, want)
		}
	}
}
