package push

import "fmt"

// What carries an adapter's requests: the setting `transport`.
const (
	TransportH2      = "h2"      // push/h2: frames of many requests in one write
	TransportNetHTTP = "nethttp" // Go's own, for what the other one does not know
)

// CheckTransport tells what is wrong with the setting.
func CheckTransport(value string) error {
	if value != TransportH2 && value != TransportNetHTTP {
		return fmt.Errorf("%q must be %s or %s", value, TransportH2, TransportNetHTTP)
	}
	return nil
}
