// Package webpush is the adapter for Web Push: Chrome, Edge, Firefox, Safari and UnifiedPush phones, which all are
// reached over RFC 8030 with bodies encrypted by RFC 8291 (in the coding of RFC 8188) and senders known by RFC 8292.
//
// Reading order: config.go, payload.go (what is told), webpush.go (one push from start to end), encrypt.go, vapid.go,
// key.go, device.go (which endpoints are taken), origin.go (one push service: token, concurrency, breaker), carry.go (how
// requests travel), response.go (what its answers mean).
//
// An endpoint is a capability: whoever knows it can push to it. It is never logged and never part of a reason.
package webpush
