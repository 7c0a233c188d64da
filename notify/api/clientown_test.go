package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// TestOwnThingsByTheClient: preferences, marks, sessions and devices of a person, in both forms; what is somebody else's is
// as unknown as what is not there.
func TestOwnThingsByTheClient(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		ctx := t.Context()
		kim, lee := h.client(h.token("kim"), xml), h.client(h.token("lee"), xml)
		wishes := wire.Preferences{Bundle: 60, LiveFirst: 5, KeepRead: true, Privacy: notify.PrivacySender, Language: "ko",
			Quiet:   &wire.Quiet{From: "22:00", To: "07:00", Days: []string{"mon"}, Zone: "Asia/Seoul", HoldUrgent: true},
			Choices: []wire.Choice{{Source: "mail", Folder: "뉴스", Say: notify.SayInbox}}, Rule: `mail.from matches "@boss" ? "urgent" : ""`}
		ok[wire.Preferences](t)(kim.PutPreferences(ctx, wishes))
		if diff := cmp.Diff(wishes, ok[wire.Preferences](t)(kim.Preferences(ctx))); diff != "" {
			t.Error(diff)
		}
		if got := ok[wire.Preferences](t)(lee.Preferences(ctx)); got.Bundle != 0 || got.Quiet != nil {
			t.Errorf("somebody else wishes %+v", got)
		}
		_, err := kim.PutPreferences(ctx, wire.Preferences{Rule: "nonsense(", Bundle: -1})
		wantCode(t, err, notify.CodeInvalid, "bundle", "rule")

		if err := kim.Mark(ctx, true, "n1", "n2"); err != nil {
			t.Error(err)
		}
		if m := h.store.people.marks["n2"]; m.ReadAt.IsZero() {
			t.Error("nothing was read")
		}
		wantCode(t, kim.Mark(ctx, true), notify.CodeInvalid, "ids")
		if end := ok[int64](t)(kim.MarksEnd(ctx)); end != 1 {
			t.Error("the marks end at", end)
		}
		if l := ok[wire.MarkList](t)(kim.Marks(ctx, 0)); len(l.Marks) != 1 || l.Marks[0].Notification != "n1" || l.Next != 1 {
			t.Errorf("%+v", l)
		}
		_, err = kim.Marks(ctx, -1)
		wantCode(t, err, notify.CodeInvalid, "after")

		id := h.session("kim")
		if l := ok[wire.SessionList](t)(kim.Sessions(ctx)); len(l.Sessions) != 1 || l.Sessions[0].ID != id || l.Sessions[0].Way != "password" {
			t.Errorf("%+v", l)
		}
		wantCode(t, lee.EndSession(ctx, id), notify.CodeUnknownKey)
		if err := kim.EndSession(ctx, id); err != nil {
			t.Error(err)
		}
		if l := ok[wire.SessionList](t)(kim.Sessions(ctx)); len(l.Sessions) != 0 {
			t.Errorf("ended, there is %+v", l)
		}

		d, _, err := kim.RegisterMyDevice(ctx, wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: "aa"})
		if err != nil {
			t.Fatal(err)
		}
		if named := ok[wire.Device](t)(kim.NameMyDevice(ctx, d.ID, "<b>서재</b>")); named.Name != "<b>서재</b>" {
			t.Errorf("%+v", named)
		}
		_, err = lee.NameMyDevice(ctx, d.ID, "mine")
		wantCode(t, err, notify.CodeUnknownDevice)
		moved := wire.DeviceUpdate{Token: strings.Repeat("cd", 32)}
		if renewed := ok[wire.Device](t)(kim.RenewMyDevice(ctx, d.ID, moved)); renewed.ID != d.ID || renewed.Name != "<b>서재</b>" || !strings.HasPrefix(renewed.Token, "cdcd") {
			t.Errorf("%+v", renewed)
		}
		_, err = lee.RenewMyDevice(ctx, d.ID, moved)
		wantCode(t, err, notify.CodeUnknownDevice)
		_, err = kim.RenewMyDevice(ctx, d.ID, wire.DeviceUpdate{Token: "misshapen"})
		wantCode(t, err, notify.CodeInvalidToken, "token")
		_, err = kim.RenewMyDevice(ctx, d.ID, wire.DeviceUpdate{Subscription: &wire.Subscription{Endpoint: "https://push.example.com/1"}})
		wantCode(t, err, notify.CodeInvalid, "subscription", "subscription.keys.auth", "subscription.keys.p256dh")
		if n := ok[wire.Notification](t)(kim.TestMyDevice(ctx, d.ID)); n.ID == "" {
			t.Errorf("%+v", n)
		}
		_, err = lee.TestMyDevice(ctx, d.ID)
		wantCode(t, err, notify.CodeUnknownDevice)
	})
}
