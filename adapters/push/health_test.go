package push

import "testing"

func TestHealth(t *testing.T) {
	var h Health
	if !h.Unavailable() {
		t.Error("the first answer of all is about the platform")
	}
	for range 50 {
		h.Good()
	}
	for i := range 1000 { // 2 % in between are single messages'
		if i%50 == 0 && h.Unavailable() {
			t.Fatalf("a single 503 counts for all at %d", i)
		}
		h.Good()
	}
	bad := 0
	for !h.Unavailable() {
		bad++
	}
	if bad < 4 || bad > 10 {
		t.Errorf("a platform that went down is noticed after %d answers", bad)
	}
}
