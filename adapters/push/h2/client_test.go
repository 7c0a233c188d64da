package h2

import (
	"testing"

	"allim.dev/allim/adapters/sim/fast"
)

func TestManyRequests(t *testing.T) {
	s := server(t, fast.Options{Track: true, OneStream: true})
	c := newClient(t, options(to(s)))
	for range 3 {
		if got := pushN(t, c, 10_000).count(); got[200] != 10_000 {
			t.Errorf("%v", got)
		}
	}
	if st := s.Stats(); st.Distinct != 10_000 || st.Duplicates != 20_000 || st.Connections != 1 || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
}
