package push

import (
	"cmp"
	"fmt"

	"allim.dev/allim/notify"
)

// What carries an adapter's requests: the setting `transport`.
const (
	TransportH2      = notify.TransportH2 // push/h2
	TransportNetHTTP = notify.TransportNetHTTP
)

// Transport is an adapter's, when its section does not say.
func Transport(o notify.Outgoing) string { return cmp.Or(o.Transport, TransportH2) }

// CheckTransport tells what is wrong with the setting.
func CheckTransport(value string) error {
	if value != TransportH2 && value != TransportNetHTTP {
		return fmt.Errorf("%q must be %s or %s", value, TransportH2, TransportNetHTTP)
	}
	return nil
}
