package notify

import (
	"strings"
	"testing"
	"time"
)

func TestNotificationNamesEveryBadField(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	badge := -1
	_, err := Notification{
		To:       Audience{Identities: []Identity{{"email", "x"}}, Platforms: []Platform{"gcm", "pigeon"}},
		Content:  Content{Title: strings.Repeat("x", 1025), URL: "relative", Image: "::", Data: map[string]string{"aps": ""}, Badge: &badge},
		Priority: "now", TTL: MaxTTL + 1, SendAt: now.AddDate(2, 0, 0), Rate: -1, Template: "nope",
		CollapseKey: strings.Repeat("x", 201),
	}.Validate(Normalizer{}, now)
	for _, path := range []string{"to.identities[0]", "to.platforms[0]", "to.platforms[1]", "title", "url", "image", "data",
		"badge", "priority", "ttl", "sendAt", "rate", "template", "collapseKey"} {
		if err == nil || !strings.Contains(err.Error(), "; "+path+": ") {
			t.Errorf("does not name %s: %v", path, err)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "fcm") {
		t.Errorf("does not name gcm's successor: %v", err)
	}
	if _, err = (Notification{Content: Content{Title: "x"}}).Validate(Normalizer{}, now); !strings.Contains(err.Error(), "; to: ") {
		t.Errorf("an audience of nobody: %v", err)
	}
	if _, err = (Notification{To: Audience{All: true}}).Validate(Normalizer{}, now); !strings.Contains(err.Error(), "; title: ") {
		t.Errorf("nothing to say: %v", err)
	}
	n, err := Notification{To: Audience{All: true}, Content: Content{Body: "x"}}.Validate(Normalizer{}, now)
	if err != nil || n.Priority != PriorityNormal || n.Privacy != PrivacyFull {
		t.Errorf("defaults: %+v, %v", n, err)
	}
}

func TestDeviceValidate(t *testing.T) {
	err := Device{App: "corp", Platform: "c2dm", Token: "x"}.Validate()
	if CodeOf(err) != CodeRetiredPlatform || !strings.Contains(err.Error(), "fcm") {
		t.Errorf("c2dm: %v", err)
	}
	err = Device{Platform: "x", Locale: "!", TimeZone: "Local", Environment: "test", Name: strings.Repeat("x", 201)}.Validate()
	for _, path := range []string{"app", "platform", "token", "locale", "timeZone", "environment", "name"} {
		if err == nil || !strings.Contains(err.Error(), "; "+path+": ") {
			t.Errorf("does not name %s: %v", path, err)
		}
	}
	if err := (Device{App: "corp", Platform: APNs, Token: "ab", Locale: "ko-KR", TimeZone: "Asia/Seoul"}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestCursor(t *testing.T) {
	for _, bad := range []string{"", "5", "e1.", ".5", "e1.-1", "e1.x", strings.Repeat("e", 64) + ".1"} {
		if _, err := ParseCursor(bad); CodeOf(err) != CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if c, err := ParseCursor("e1.42"); err != nil || c.Seq != 42 || c.String() != "e1.42" {
		t.Errorf("%v, %v", c, err)
	}
}
