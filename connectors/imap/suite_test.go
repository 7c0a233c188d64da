package imap

import (
	"fmt"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// TestSuite is what every connector must do, with IDLE and with polling.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]imaptest.Options{"idle": {}, "poll": {Without: []string{"IDLE"}}} {
		t.Run(name, func(t *testing.T) {
			notifytest.ConnectorSuite(t, func(t *testing.T) notifytest.ConnectorSetup {
				r := newRig(t, o)
				r.set = func(s *Settings) { s.Poll = time.Second }
				return notifytest.ConnectorSetup{
					New:      func(*testing.T) notify.Connector { return r.connector() },
					Accounts: []notify.Account{mailbox(kim)},
					Happen:   func(_ *testing.T, n int) { r.deliver(fmt.Sprint("mail ", n), imaptest.Delivery{}) },
					Break:    func(*testing.T) { r.srv.Stop() },
					Mend: func(t *testing.T) {
						if err := r.srv.Start(); err != nil {
							t.Fatal(err)
						}
					},
				}
			})
		})
	}
}
