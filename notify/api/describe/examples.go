package describe

import (
	"strings"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// at is a moment of the examples.
func at(minute int) time.Time { return time.Date(2026, 12, 1, 0, minute, 0, 0, time.UTC) }

// examples has one of every request and answer; the documents in both forms are made of them.
func examples() []any {
	out := append(tellingExamples(), peopleExamples()...)
	return append(append(append(out, deviceExamples()...), houseExamples()...), ownExamples()...)
}

func tellingExamples() []any {
	ttl := int64(3600)
	badge := 3
	to := wire.Audience{Users: []string{"kim"}, Identities: []wire.Identity{{Kind: "email", Value: "lee@example.com"}},
		Topics: []string{"staff"}}
	counts := wire.Counts{Targeted: 3, Pending: 3}
	content := wire.Content{Title: "Order 4711", Body: "was approved", URL: "https://erp.example.com/4711",
		Data: map[string]string{"order": "4711"}, Badge: &badge, Sound: "default"}
	n := wire.Notification{ID: uuid, State: notify.StateSending, Counts: counts, To: to, Content: content,
		CollapseKey: "order-4711", Priority: notify.PriorityHigh, TTL: ttl, By: keyID, CreatedAt: at(0), ExpiresAt: at(60)}
	d := wire.Delivery{ID: deliveryID, Notification: uuid, Device: deviceID, User: "kim", App: "corp", Platform: notify.APNs,
		State: notify.DeliveryFailed, Attempt: 1, Reason: "TopicDisallowed", CreatedAt: at(0), UpdatedAt: at(1)}
	return []any{
		wire.NotificationInput{To: to, Content: content, CollapseKey: "order-4711", Priority: notify.PriorityHigh, TTL: &ttl},
		wire.Accepted{ID: uuid, State: notify.StateSending, Counts: counts},
		n,
		wire.NotificationList{Notifications: []wire.Notification{n}},
		d,
		wire.DeliveryList{Deliveries: []wire.Delivery{d}},
		wire.Receipt{Delivery: deliveryID, State: wire.ReceiptOpened},
		wire.Send{IdempotencyKey: "order-4711", Notification: wire.NotificationInput{To: to, Content: content, CollapseKey: "order-4711"}},
		wire.SendResponse{Notification: wire.Accepted{ID: uuid, State: notify.StateSending, Counts: counts}},
		wire.SendMany{Notifications: []wire.NotificationInput{{To: to, Content: content}, {To: wire.Audience{All: true}, Content: content}}},
		wire.SendManyResponse{Notifications: []wire.Accepted{{ID: uuid, State: notify.StateSending, Counts: counts},
			{ID: keyID, State: notify.StateSending, Counts: counts}}},
		wire.GetStatus{ID: uuid},
		wire.GetStatusResponse{Notification: n},
		wire.Ingested{IDs: []string{uuid}},
		wire.Trial{Notifications: []wire.TrialNotification{{Where: "match[0]", Line: 2, Idempotency: "4711",
			To: to, People: []string{"kim", "lee"}, Targeted: 3, Content: content, Priority: notify.PriorityNormal, TTL: ttl}}},
		wire.Trace{ID: uuid, Steps: []wire.Step{
			{At: at(0), Step: "accepted", ID: uuid, Text: "3 deliveries"},
			{At: at(1), Step: "attempted", ID: deliveryID, Text: "corp/apns: TopicDisallowed"}}},
	}
}

// Ids of the examples.
const (
	deliveryID = "00000000-002a-8000-8000-001c7d5b9e12"
	deviceID   = "3b1f8a52-6d0c-4c1e-9f57-0a4be2d97c33"
	keyID      = "01938c4a-11b0-7d11-8a01-5c3c6d7e8f90"
)

func peopleExamples() []any {
	ids := []wire.Identity{{Kind: "email", Value: "kim@example.com"}, {Kind: "employee", Value: "e1001"}}
	u := wire.User{ID: "kim", Name: "김철수", Locale: "ko-KR", TimeZone: "Asia/Seoul", Identities: ids, CreatedAt: at(0), UpdatedAt: at(0)}
	token := wire.Token{ID: keyID, User: "kim", Name: "phone app", CreatedAt: at(0)}
	made := token
	made.Token = "allim_user_EXAMPLE"
	content := wire.Content{Title: "Order 4711", Body: "was approved"}
	return []any{
		wire.UserInput{Name: "김철수", Locale: "ko-KR", TimeZone: "Asia/Seoul", Identities: ids},
		u,
		wire.UserList{Users: []wire.User{u}},
		wire.Merge{Into: "kim"},
		wire.TokenInput{Name: "phone app"},
		made,
		wire.TokenList{Tokens: []wire.Token{token}},
		wire.Topic{Name: "staff", Members: []string{"kim", "lee"}},
		wire.TopicList{Topics: []wire.Topic{{Name: "staff", Count: 2}}},
		wire.Me{ID: "kim", Name: "김철수", Locale: "ko-KR", TimeZone: "Asia/Seoul", Identities: ids, Cursor: "e1.42"},
		wire.Inbox{Items: []wire.InboxItem{{ID: uuid, Seq: 42, Content: content, CollapseKey: "order-4711",
			Priority: notify.PriorityHigh, CreatedAt: at(0), ExpiresAt: at(60)}}, Next: "e1.42"},
	}
}

func deviceExamples() []any {
	d := wire.Device{ID: deviceID, User: "kim", App: "corp", Platform: notify.APNs, Token: "0f0f0f…0f0f", Name: "Kim's phone",
		Locale: "ko-KR", State: notify.DeviceActive, CreatedAt: at(0), RegisteredAt: at(0)}
	in := wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: strings.Repeat("0f", 32), Name: "Kim's phone", Locale: "ko-KR",
		Environment: notify.Production}
	return []any{
		in,
		d,
		wire.RegisterDevice{User: "kim", Device: in},
		wire.RegisterDeviceResponse{Device: d, Created: true},
		wire.DeviceList{Devices: []wire.Device{d}},
		wire.WebPushKey{PublicKey: "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"},
	}
}

func houseExamples() []any {
	health := wire.Health{State: notify.HealthWatching, Since: at(0), LastEventAt: at(5), LastOKAt: at(5)}
	account := wire.Account{ID: uuid, Source: "mail", Login: "kim@example.com", Users: []string{"kim"}, Explicit: true,
		Health: health, CreatedAt: at(0)}
	key := wire.Key{ID: keyID, Name: "erp", Scopes: []notify.Scope{notify.ScopeSend, notify.ScopeRead}, CreatedAt: at(0)}
	made := key
	made.Secret = "allim_key_EXAMPLE"
	return []any{
		wire.AccountInput{Source: "mail", Login: "kim@example.com", Password: "secret", Users: []string{"kim"}},
		account,
		wire.AccountList{Accounts: []wire.Account{account}},
		wire.SourceList{Sources: []wire.Source{{ID: "mail", Kind: "imap", Health: health,
			Accounts: map[string]int64{"watching": 12, "backoff": 1}}}},
		wire.LaneList{Lanes: []wire.Lane{{App: "corp", Platform: notify.APNs, State: notify.LaneOK, Since: at(0)}}},
		wire.KeyInput{Name: "erp", Scopes: []notify.Scope{notify.ScopeSend, notify.ScopeRead}},
		made,
		wire.KeyList{Keys: []wire.Key{key}},
		wire.Status{Status: "ok"},
		wire.Problem{Type: "urn:allim:error:unknown-user", Title: "There is no such user", Status: 422,
			Detail: "the notification names people whom the hub does not know", Instance: "urn:uuid:" + uuid,
			Code: notify.CodeUnknownUser, Errors: []notify.FieldError{{Path: "to.users[0]", Message: "is not known"}}},
	}
}

// ownExamples are of what a person sets and sees.
func ownExamples() []any {
	return []any{
		wire.Preferences{Choices: []wire.Choice{{Source: "mail", Folder: "News", Say: notify.SayInbox}},
			Quiet:  &wire.Quiet{From: "22:00", To: "07:00", Days: []string{"mon", "tue"}, Zone: "Asia/Seoul"},
			Bundle: 60, Privacy: notify.PrivacySender, Language: "ko-KR", LiveFirst: 10,
			Rule: `mail.from matches "@boss" ? "urgent" : ""`},
		wire.MarkInput{IDs: []string{uuid}, Read: true},
		wire.MarkList{Marks: []wire.Mark{{Notification: uuid, SeenAt: at(0), ReadAt: at(1)}}, Next: 42},
		wire.DeviceUpdate{Name: "office laptop"},
		wire.SessionList{Sessions: []wire.Session{{ID: keyID, Way: "password", Agent: "Firefox on Linux", Current: true, CreatedAt: at(0),
			UsedAt: at(0), ExpiresAt: at(60)}}},
		wire.Invitation{ID: keyID, User: "kim", URL: "https://allim.example.com/join#allim_invite_EXAMPLE", ExpiresAt: at(60)},
		wire.RoleInput{Role: "operator"},
	}
}
