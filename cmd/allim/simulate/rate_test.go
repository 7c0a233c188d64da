package simulate

import (
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// TestLanesKeepTheirRate: with rate set each platform gets a second's worth at once and the rest evenly, whatever the
// transport; without time nothing more goes out.
func TestLanesKeepTheirRate(t *testing.T) {
	const rate = 10
	for _, transport := range []string{push.TransportH2, push.TransportNetHTTP} {
		t.Run(transport, func(t *testing.T) {
			clock := notifytest.NewClock(time.Now()) // certificates are of today
			r := run(t, Options{Clock: clock})
			a := hubWith(t, r, clock, func(apps string) string {
				for _, p := range []string{"apns", "wns", "webpush", "webhook"} {
					apps = strings.Replace(apps, "\n    "+p+":\n", "\n    "+p+":\n      rate: 10\n", 1)
				}
				for _, p := range []string{"apns", "webpush"} {
					apps = strings.Replace(apps, "\n    "+p+":\n", "\n    "+p+":\n      transport: "+transport+"\n", 1)
				}
				return apps
			})
			people(t, r, a.Hub())
			platforms := []notify.Platform{notify.APNs, notify.WNS, notify.WebPush, notify.Webhook}
			if _, _, err := a.Hub().Send(t.Context(), notify.Notification{TTL: time.Hour, To: notify.Audience{All: true, Platforms: platforms},
				Content: notify.Content{Title: "a"}}, notify.Idempotency{}); err != nil {
				t.Fatal(err)
			}
			least := func(n int) func() bool {
				return func() bool {
					counts := r.log("?limit=1").Counts
					for _, p := range platforms {
						if counts[string(p)].Accepted < n {
							return false
						}
					}
					return true
				}
			}
			notifytest.Until(t, "the burst", least(rate))
			began := clock.Now()
			for deadline := time.Now().Add(patience); !least(crowd)(); clock.Advance(50 * time.Millisecond) {
				// A burst, what the time since allows, and WNS's login.
				most := rate + int(clock.Now().Sub(began).Seconds()*rate) + 2
				for _, p := range platforms {
					if n := r.log("?limit=1").Counts[string(p)].Accepted; n > most {
						t.Fatalf("%s took %d in %s, at most %d are allowed", p, n, clock.Now().Sub(began), most)
					}
				}
				if time.Now().After(deadline) {
					t.Fatalf("not all were told: %+v", r.log("?limit=1").Counts)
				}
			}
		})
	}
}
