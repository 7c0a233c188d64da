package app

import (
	"time"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

// expirySoon is how long before their end credentials are a warning.
const expirySoon = 30 * 24 * time.Hour

// Expiries tells when the listener's certificate and the platforms' credentials expire, without asking anyone. What has
// expired is a warning only: one app's certificate must not keep a hub from starting.
func Expiries(c *configs.Config, p *Parts, now time.Time) []Finding {
	found := ListenerExpiry(c, now)
	for _, lane := range p.lanes() {
		if e, ok := p.Lanes[lane].(notify.Expirer); ok {
			found = append(found, expiry(lanePart(lane), e.CredentialExpiry(), now)...)
		}
	}
	for i := range found {
		found[i].Warn, found[i].OK = found[i].Warn || !found[i].OK, true
	}
	return found
}

// ListenerExpiry tells when the listener's own certificate expires; nothing without TLS.
func ListenerExpiry(c *configs.Config, now time.Time) []Finding {
	cert, err := loadCertificate(c)
	if err != nil || cert == nil { // Offline says what is wrong with it
		return nil
	}
	return expiry("tls", cert.current.Load().Leaf.NotAfter, now)
}

func lanePart(lane notify.Lane) string { return "app " + lane.App + " " + string(lane.Platform) }

// expiry tells when credentials expire; nothing when they never do.
func expiry(part string, at, now time.Time) []Finding {
	if at.IsZero() {
		return nil
	}
	day, left := at.UTC().Format(time.DateOnly), at.Sub(now)
	if left <= 0 {
		return []Finding{{Part: part, Text: "the credentials expired on " + day}}
	}
	return []Finding{{Part: part, OK: true, Warn: left <= expirySoon, Text: "the credentials expire on " + day + ", in " + days(left)}}
}
