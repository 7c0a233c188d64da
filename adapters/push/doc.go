// Package push is what the adapters share: fitting a notice into a platform's limit, sending many with few goroutines,
// words for what went wrong on the way that hold no secret, and how requests leave the house.
package push
