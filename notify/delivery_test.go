package notify

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestDeliveryIDHoldsItsNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<48-1).Draw(t, "notification")
		d := rapid.Int64Range(1, 1<<40-1).Draw(t, "device")
		id := DeliveryID(n, d)
		u, err := uuid.Parse(id)
		if err != nil || u.Version() != 8 || u.Variant() != uuid.RFC4122 || id != u.String() {
			t.Fatalf("%s is no canonical UUIDv8: %v", id, err)
		}
		gn, gd, ok := ParseDeliveryID(id)
		if !ok || gn != n || gd != d {
			t.Fatalf("%s gave %d, %d, %v; want %d, %d", id, gn, gd, ok, n, d)
		}
		bit := rapid.IntRange(0, 127).Draw(t, "bit")
		u[bit/8] ^= 1 << (bit % 8)
		if fn, fd, ok := ParseDeliveryID(u.String()); ok && (fn != n || fd != d) {
			t.Fatalf("a flipped bit %d reads as another delivery: %d, %d", bit, fn, fd)
		}
	})
	if _, _, ok := ParseDeliveryID("not an id"); ok {
		t.Error("garbage taken for a delivery id")
	}
}
