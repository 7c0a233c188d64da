package apns

import (
	"context"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// request is one push as it goes out.
type request struct {
	token      string // of the device
	id         string // apns-id
	expiration string // apns-expiration; empty: left out
	header     []notify.Header
	body       []byte
}

// answer is what came back for one request.
type answer struct {
	status     int
	reason     string    // Apple's word, made safe by push.Word; with err: from a GOAWAY
	since      time.Time // with 410: since when Apple knows that the token is dead
	retryAfter time.Time
	bearer     string // the provider token that it was sent with
	err        error  // no answer came; status is 0
	local      bool   // with err: it says nothing about other requests
	unsent     bool   // with err: nothing was sent
	fresh      bool   // with err: it was the first request on a new connection
}

// sender carries requests to one environment of APNs, with one set of credentials. The adapter knows nothing of
// connections, and a sender nothing of what an answer means: so one writes its own frames, and the one on net/http can take
// its place.
type sender interface {
	// send sends the requests, in about their order and many at a time, and calls done exactly once for each, from any
	// goroutine, before it returns. When done gives false, no more requests are begun: those left are answered with
	// unsent. When ctx ends, the rest is answered with its error. Every attempt has its own deadline.
	send(ctx context.Context, requests []request, done func(i int, a answer) bool)
	// close ends all connections and goroutines; no send is running then.
	close()
}

// newSender makes the sender of a transport.
func newSender(transport string, c senderConfig) sender {
	if transport == push.TransportNetHTTP {
		return newHTTPSender(c)
	}
	return newH2Sender(c)
}
