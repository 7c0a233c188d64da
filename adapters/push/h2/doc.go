// Package h2 is an HTTP/2 client made for many small requests to one server, as push services get them: it writes frames of
// many requests with one system call, needs no goroutine, no timer and no allocation a request, and bounds what is under
// way and in memory whatever the server does. What the server certainly did not process is sent again at once; what it
// may have processed is sent again too, for the caller's requests carry ids that make a repeat harmless.
//
// Reading order: client.go (what it is told), call.go (a batch on its way), pool.go (connections), conn.go (one connection),
// write.go and encoder.go (requests), read.go, frames.go and answer.go (what comes back), end.go (how requests end
// otherwise), keep.go (deadlines and pings), dial.go (TLS, proxies).
//
// Sources: RFC 9113 (HTTP/2), RFC 7541 (HPACK). golang.org/x/net/http2 has the frames, hpack the tables.
package h2
