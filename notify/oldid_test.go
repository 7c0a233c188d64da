package notify

import (
	"strings"
	"testing"
)

// TestOldIDsAreLong: registration ids had up to 4 KiB, an e-mail address has not.
func TestOldIDsAreLong(t *testing.T) {
	for kind, max := range map[string]int{KindGCM: 4096, KindC2DM: 4096, KindMPNS: 4096, KindLogin: 320} {
		if _, err := (Normalizer{}).Normalize(Identity{kind, strings.Repeat("x", max)}); err != nil {
			t.Errorf("%s of %d bytes: %v", kind, max, err)
		}
		if _, err := (Normalizer{}).Normalize(Identity{kind, strings.Repeat("x", max+1)}); CodeOf(err) != CodeInvalid {
			t.Errorf("%s of %d bytes: %v", kind, max+1, err)
		}
	}
}
