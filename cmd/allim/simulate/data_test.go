package simulate

import (
	"errors"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestDataThatAPlatformCannotCarry is refused when it is posted, by every platform that has a limit; what fits is taken.
func TestDataThatAPlatformCannotCarry(t *testing.T) {
	r := run(t, Options{})
	h := startHub(t, r)
	tokens(t, r, h)
	send := func(size int, silent bool, platforms ...notify.Platform) error {
		_, _, err := h.Send(t.Context(), notify.Notification{TTL: time.Hour, Silent: silent,
			To: notify.Audience{Users: []string{"kim"}, Platforms: platforms}, Content: notify.Content{Title: strings.Repeat("제목", 100),
				Body: strings.Repeat("본문", 2000), Data: map[string]string{"blob": strings.Repeat("x", size)}}}, notify.Idempotency{})
		return err
	}
	for platform, most := range map[notify.Platform]int{notify.APNs: 3900, notify.FCM: 3000, notify.WNS: 3000, notify.WebPush: 3400} {
		for _, silent := range []bool{false, true} {
			if err := send(most, silent, platform); err != nil {
				t.Errorf("%s, silent %v: %d bytes are refused: %v", platform, silent, most, err)
			}
			err := send(5200, silent, platform)
			var e *notify.Error
			if !errors.As(err, &e) || e.Code != notify.CodeInvalid || len(e.Fields) != 1 || e.Fields[0].Path != "data" ||
				!strings.Contains(e.Fields[0].Message, "sim/"+string(platform)) {
				t.Errorf("%s, silent %v: 5200 bytes: %v", platform, silent, err)
			}
		}
	}
	if err := send(5200, false); err == nil {
		t.Error("to all platforms: 5200 bytes are taken")
	}
	if err := send(10000, false, notify.Webhook); err != nil {
		t.Errorf("webhooks have no limit of the kind: %v", err)
	}
	_, _, err := h.Send(t.Context(), notify.Notification{To: notify.Audience{All: true}, Content: notify.Content{Title: "a",
		Data: map[string]string{"google.x": "1"}}}, notify.Idempotency{})
	if notify.CodeOf(err) != notify.CodeInvalid {
		t.Errorf("a key of FCM's own: %v", err)
	}
}
