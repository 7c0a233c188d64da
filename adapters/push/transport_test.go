package push

import (
	"testing"

	"allim.dev/allim/notify"
)

func TestTransport(t *testing.T) {
	for set, want := range map[string]string{"": TransportH2, TransportH2: TransportH2, TransportNetHTTP: TransportNetHTTP} {
		if got := Transport(notify.Outgoing{Transport: set}); got != want {
			t.Errorf("%q: %s, want %s", set, got, want)
		}
	}
	if CheckTransport(TransportH2) != nil || CheckTransport(TransportNetHTTP) != nil || CheckTransport("") == nil {
		t.Error("the values that the setting takes")
	}
}
