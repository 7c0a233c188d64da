package bench

import (
	"io"
	"testing"
)

// A small run of every sender, with goodbyes and through the proxy; nothing is said about figures.
func TestSenderMeasured(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := scenario(t, sender(), "--pushes", "3000", "--library-pushes", "2000", "--rounds", "1", "--goaway-after", "1000", "--proxy", "--procs", "0")
	got, err := s.Run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := got.(SenderResult)
	if len(r.Sides) != 7 || !r.Proxy || r.Sides[6].Name != "sideshow/apns2" {
		t.Fatalf("%+v", r)
	}
	for _, side := range r.Sides {
		if side.PerSecond <= 0 || side.Accepted < int64(side.Pushes)*97/100 {
			t.Errorf("%+v", side)
		}
	}
	if head, rows := r.Table(); len(rows) != 7 || len(rows[0]) != len(head) {
		t.Errorf("table %q %q", head, rows)
	}
	if _, err := scenario(t, sender(), "--rounds", "0").Run(t.Context(), io.Discard); err == nil {
		t.Error("no rounds were measured")
	}
}
