package sim

import "testing"

// TestFaultsOfACredential: a device's own faults come first, then its sender's, then everyone's; other senders have none.
func TestFaultsOfACredential(t *testing.T) {
	p := newPhone(t, APNsOptions{})
	p.sim.Script(p.key.ID, Fault{Status: 403, Reason: "InvalidProviderToken"})
	p.sim.Script(goodToken, Fault{Status: 410, Reason: "Unregistered"})
	p.sim.Script(Everyone, Fault{Status: 503, Reason: "Shutdown"})
	p.sim.Script("OTHERKEY99", Fault{Status: 500, Times: -1})
	bearer := p.bearer(p.key, 0)
	for _, want := range []string{"410 Unregistered", "403 InvalidProviderToken", "503 Shutdown", "200"} {
		if got := p.send(p.request(bearer)); got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
	client, err := p.sim.CA().Client("com.example.mail", caLife)
	if err != nil {
		t.Fatal(err)
	}
	c := &apnsConn{client: client.Leaf}
	if got := apnsSender(c, &h2request{}); got != "com.example.mail" {
		t.Errorf("a certificate is told as %q", got)
	}
	if got := vapidParam("vapid t=a.b.c, k=BPublic", "k"); got != "BPublic" {
		t.Errorf("a VAPID key is told as %q", got)
	}
}
