// Package notify is the domain of Allim and its walk: from an event that a connector saw, or a notice that a system
// posted, to one push on each device of each person who is to be told. It imports nothing else of this module.
//
// Read it in this order:
//
//  1. The words: event.go, identity.go, device.go, notification.go, delivery.go, inbox.go, errors.go.
//  2. The seams, which technologies fill in: connector.go, adapter.go, store.go, bus.go, clock.go.
//  3. The walk, in the order of a notice's life: record.go, plan.go, dispatch.go (gather.go,
//     push.go), settle.go, retry.go, schedule.go, remind.go (moved.go).
//  4. hub.go, which starts and stops it all.
//
// Promises kept here: what was accepted is never lost (an answer comes after the commit, a position moves after the
// outcomes); a person is told once of one thing (events are unique by source, account and key; telling is unique by user
// and told key); a repeat carries the same delivery id, so that it replaces the first one on the device.
package notify
