package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/notifytest"
)

func TestTopics(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		c, ctx := h.client(h.keys[notify.ScopeAdmin], xml), t.Context()
		for _, m := range [][2]string{{"전 직원", "kim"}, {"전 직원", "lee"}, {"전 직원", "lee"}, {"board", "kim"}} {
			h.must(nil, c.AddMember(ctx, m[0], m[1]))
		}
		want := []wire.Topic{{Name: "board", Count: 1}, {Name: "전 직원", Count: 2}}
		if d := cmp.Diff(want, ok[wire.TopicList](t)(c.Topics(ctx, client.Page{})).Topics); d != "" {
			t.Error(d)
		}
		first := ok[wire.Topic](t)(c.Topic(ctx, "전 직원", client.Page{Limit: 1}))
		rest := ok[wire.Topic](t)(c.Topic(ctx, "전 직원", client.Page{Limit: 100, Cursor: first.Next}))
		if len(first.Members) != 1 || first.Members[0] != "kim" || len(rest.Members) != 1 || rest.Members[0] != "lee" || rest.Next != "" {
			t.Error(first, rest)
		}
		wantCode(t, c.RemoveMember(ctx, "board", "lee"), notify.CodeUnknownTopic)
		h.must(nil, c.RemoveMember(ctx, "board", "kim"))
		_, err := c.Topic(ctx, "board", client.Page{})
		wantCode(t, err, notify.CodeUnknownTopic)
		wantCode(t, c.AddMember(ctx, "a*b", "kim"), notify.CodeInvalid, "topic")
		wantCode(t, c.AddMember(ctx, "board", "nobody"), notify.CodeUnknownUser)
		_, err = c.Topics(ctx, client.Page{Cursor: "*", Limit: 1001})
		wantCode(t, err, notify.CodeInvalid, "cursor", "limit")
	})
}

func TestAccountsAndSources(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		c, ctx := h.client(h.keys[notify.ScopeAdmin], xml), t.Context()
		var ids []string
		for _, login := range []string{"a", "b", "c"} {
			a, created, err := c.AddAccount(ctx, wire.AccountInput{Source: "mail", Login: login, Password: "비밀", Users: []string{"kim"}})
			if err != nil || !created || a.Health.State != notify.HealthStarting || !a.Explicit {
				t.Fatal(a, created, err)
			}
			ids = append(ids, a.ID)
		}
		if h.store.accounts[0].Secret != "비밀" {
			t.Error("the password was lost")
		}
		if _, created, err := c.AddAccount(ctx, wire.AccountInput{Source: "mail", Login: "a", Users: []string{"kim"}}); err != nil || created {
			t.Error("the second time it was made again", err)
		}
		for _, source := range []string{"", "mail"} {
			var got []string
			for a, err := range client.All(func(p client.Page) ([]wire.Account, string, error) {
				l, err := c.Accounts(ctx, source, client.Page{Cursor: p.Cursor, Limit: 2})
				return l.Accounts, l.Next, err
			}) {
				h.must(nil, err)
				got = append(got, a.ID)
			}
			if d := cmp.Diff(ids, got); d != "" {
				t.Error(d)
			}
		}
		_, _, err := c.AddAccount(ctx, wire.AccountInput{Source: "other", Login: "a"})
		wantCode(t, err, notify.CodeUnknownSource, "source")
		h.must(nil, c.DeleteAccount(ctx, ids[0]))
		_, err = c.Account(ctx, ids[0])
		wantCode(t, err, notify.CodeUnknownAccount)
		want := wire.SourceList{Sources: []wire.Source{{ID: "mail", Kind: "imap", Health: wire.Health{State: notify.HealthWatching},
			Accounts: map[string]int64{"watching": 2, "backoff": 1}}}}
		if d := cmp.Diff(want, ok[wire.SourceList](t)(c.Sources(ctx))); d != "" {
			t.Error(d)
		}
		h.hub.lanes = []notify.LaneStatus{{LaneState: notify.LaneState{Lane: notify.Lane{App: "corp", Platform: notify.APNs}, State: "ok"}, Depth: 7}}
		if l := ok[wire.LaneList](t)(c.Lanes(ctx)); len(l.Lanes) != 1 || l.Lanes[0].Depth != 7 || l.Lanes[0].App != "corp" {
			t.Error(l)
		}
		if k := ok[wire.WebPushKey](t)(h.client("", xml).WebPushKey(ctx, "corp")); k.PublicKey != "BPublic" {
			t.Error(k)
		}
	})
}

func TestKeysAndTokens(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		c, ctx := h.client(h.keys[notify.ScopeAdmin], xml), t.Context()
		k := ok[wire.Key](t)(c.NewKey(ctx, "erp", notify.ScopeSend, notify.ScopeUrgent))
		if !strings.HasPrefix(k.Secret, "allim_key_") || len(k.Scopes) != 2 {
			t.Error(k)
		}
		for _, listed := range ok[wire.KeyList](t)(c.Keys(ctx)).Keys {
			if listed.Secret != "" {
				t.Error("a listing shows a secret")
			}
		}
		_, err := c.NewKey(ctx, "", "root", notify.ScopeUser)
		wantCode(t, err, notify.CodeInvalid, "name", "scopes[0]", "scopes[1]")
		token := ok[wire.Token](t)(c.NewToken(ctx, "kim", "phone"))
		if !strings.HasPrefix(token.Token, "allim_user_") || token.User != "kim" {
			t.Error(token)
		}
		if l := ok[wire.TokenList](t)(c.Tokens(ctx, "kim")); len(l.Tokens) != 2 || l.Tokens[1].Token != "" {
			t.Error(l)
		}
	})
}

// TestDeliveriesAndReceipts follows one notification: dead, replayed, seen by the person.
func TestDeliveriesAndReceipts(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		admin, ctx := h.client(h.keys[notify.ScopeAdmin], xml), t.Context()
		kim, lee := h.client(h.keys[notify.ScopeUser], xml), h.client(h.token("lee"), xml)
		sent := ok[wire.Accepted](t)(admin.Send(ctx, toKim(), ""))
		h.clock.Advance(10 * time.Second)
		n := ok[wire.Notification](t)(admin.Notification(ctx, sent.ID))
		if n.Title != "점심" || n.To.Users[0] != "kim" || n.TTL != 86400 || !n.EstimatedDoneAt.Equal(h.clock.Now().Add(10*time.Second)) {
			t.Errorf("%+v", n)
		}
		dead := ok[wire.DeliveryList](t)(admin.Dead(ctx, client.Page{})).Deliveries
		if len(dead) != 1 || dead[0].Reason != "BadTopic" || dead[0].Attempt != 3 || dead[0].Platform != notify.APNs {
			t.Fatal(dead)
		}
		if d := ok[wire.Delivery](t)(admin.Replay(ctx, dead[0].ID)); d.State != notify.DeliveryPending {
			t.Error(d)
		}
		if l := ok[wire.DeliveryList](t)(admin.Deliveries(ctx, sent.ID, notify.DeliveryFailed, client.Page{})); len(l.Deliveries) != 0 {
			t.Error(l)
		}
		_, err := admin.Deliveries(ctx, sent.ID, "lost", client.Page{})
		wantCode(t, err, notify.CodeInvalid, "state")
		_, err = admin.Notifications(ctx, client.NotificationFilter{State: "lost"}, client.Page{})
		wantCode(t, err, notify.CodeInvalid, "state")
		if l := ok[wire.NotificationList](t)(admin.Notifications(ctx, client.NotificationFilter{User: "kim"}, client.Page{Limit: 1})); l.Next == "" || len(l.Notifications) != 1 {
			t.Error(l)
		}
		wantCode(t, lee.Receive(ctx, dead[0].ID, wire.ReceiptReceived), notify.CodeUnknownDelivery)
		h.must(nil, kim.Receive(ctx, dead[0].ID, wire.ReceiptReceived))
		h.must(nil, h.client(h.keys[notify.ScopeSend], xml).Receive(ctx, dead[0].ID, wire.ReceiptOpened))
		if h.store.rows[0].ConfirmedAt.IsZero() || h.store.rows[0].OpenedAt.IsZero() {
			t.Error(h.store.rows[0])
		}
		wantCode(t, kim.Receive(ctx, "x", "seen"), notify.CodeInvalid, "delivery", "state")
		tr := ok[wire.Trace](t)(admin.Trace(ctx, "e1"))
		if len(tr.Steps) != 1 || tr.Steps[0].Step != "recorded" || tr.Steps[0].At.Unix() != 1 {
			t.Error(tr)
		}
	})
}

// TestMe: the inbox is in the person's language, and the words of a mail are for that person only.
func TestMe(t *testing.T) {
	inBothForms(t, func(t *testing.T, h *house, xml bool) {
		kim, ctx := h.client(h.keys[notify.ScopeUser], xml), t.Context()
		mail := notify.Notification{ID: "n1", Event: "e1", Template: "mail.received", Privacy: notify.PrivacySender, State: notify.StateDone,
			Params: map[string]string{"from": "lee@example.com", "subject": "연봉"}, Priority: notify.PriorityHigh}
		h.store.sent = append(h.store.sent, mail)
		h.store.inbox["kim"] = []notify.InboxItem{{Seq: 1, Notification: mail, CreatedAt: h.clock.Now()},
			{Seq: 2, Notification: notify.Notification{ID: "n2", Content: notify.Content{Title: "점심"}, CollapseKey: "lunch"}}}
		me := ok[wire.Me](t)(kim.Me(ctx))
		if me.ID != "kim" || me.Cursor != "e1.2" || me.Identities[0].Value != "kim@example.com" {
			t.Error(me)
		}
		in := ok[wire.Inbox](t)(kim.Inbox(ctx, client.Page{Limit: 1}))
		if len(in.Items) != 1 || in.Next != "e1.1" || in.Resync || in.Items[0].Title != "lee@example.com" || in.Items[0].Body != "새 메일이 도착했습니다" ||
			in.Items[0].CollapseKey != "e1" || in.Items[0].Seq != 1 {
			t.Errorf("%+v", in)
		}
		in = ok[wire.Inbox](t)(kim.Inbox(ctx, client.Page{Cursor: in.Next}))
		if len(in.Items) != 1 || in.Items[0].ID != "n2" || in.Next != "e1.2" {
			t.Errorf("%+v", in)
		}
		if in = ok[wire.Inbox](t)(kim.Inbox(ctx, client.Page{Cursor: in.Next})); in.Items == nil || len(in.Items) != 0 || in.Next != "e1.2" {
			t.Errorf("%+v", in)
		}
		if in = ok[wire.Inbox](t)(kim.Inbox(ctx, client.Page{Cursor: "old.7"})); !in.Resync || len(in.Items) != 2 {
			t.Errorf("%+v", in)
		}
		_, err := kim.Inbox(ctx, client.Page{Cursor: "x"})
		wantCode(t, err, notify.CodeInvalid, "cursor")

		n := ok[wire.Notification](t)(h.client(h.keys[notify.ScopeRead], xml).Notification(ctx, "n1"))
		if n.Template != "mail.received" || n.Event != "e1" || n.Params != nil || n.Title != "" {
			t.Errorf("a reader sees what a mail said: %+v", n)
		}
	})
}

func TestWait(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(h.keys[notify.ScopeAdmin], false), t.Context()
	sent := ok[wire.Accepted](t)(c.Send(ctx, toKim(), ""))
	seen := make(chan wire.Notification, 10)
	done := make(chan error, 1)
	asked := h.clock.Asked()
	go func() {
		n, err := c.Wait(ctx, sent.ID, func(n wire.Notification) { seen <- n })
		if err == nil && n.State != notify.StateDone {
			t.Error(n)
		}
		done <- err
	}()
	if n := notifytest.Receive(t, "the first look", seen); n.State != notify.StateSending {
		t.Error(n)
	}
	notifytest.Receive(t, "a pause", asked)
	_, err := h.hub.state(sent.ID, notify.StateDone)
	h.must(nil, err)
	h.clock.Advance(100 * time.Millisecond)
	if n := notifytest.Receive(t, "the second look", seen); n.State != notify.StateDone {
		t.Error(n)
	}
	h.must(nil, notifytest.Receive(t, "the end", done))

	_, err = c.Wait(ctx, "nothing", nil)
	wantCode(t, err, notify.CodeUnknownNotification)
	_, err = h.hub.state(sent.ID, notify.StatePaused)
	h.must(nil, err)
	gone, cancel := context.WithCancel(ctx)
	_, err = c.Wait(gone, sent.ID, func(wire.Notification) { cancel() })
	if err != context.Canceled && notify.CodeOf(err) != notify.CodeUnavailable {
		t.Error(err)
	}
}

// TestNotAHub: what is no hub, or is not there, is told in plain words.
func TestNotAHub(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if strings.HasSuffix(r.URL.Path, "kim") {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte("<h1>hello</h1>"))
	}))
	defer other.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := client.New(client.Options{URL: other.URL + "/", HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sources(t.Context()); err == nil || !strings.Contains(err.Error(), "not one of a hub") {
		t.Error(err)
	}
	_, err = c.User(t.Context(), "kim")
	if e := wantCode(t, err, notify.CodeInternal); !strings.Contains(e.Detail, "502 Bad Gateway") {
		t.Error(e)
	}
	other.Close()
	_, err = c.FindUser(t.Context(), "email:secret@example.com")
	if e := wantCode(t, err, notify.CodeUnavailable); !strings.Contains(e.Detail, "cannot be reached") || strings.Contains(e.Detail, "secret") {
		t.Error(e)
	}
	for _, bad := range []string{"", "127.0.0.1:8080", "ftp://x", "http://"} {
		if _, err := client.New(client.Options{URL: bad}); err == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}
