package app_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestFullPagesHaveNoNextOne: a listing of just as many rows as a page shows ends there; with one more, the next page has
// that one.
func TestFullPagesHaveNoNextOne(t *testing.T) {
	h := newWebHouse(t, "")
	boss := h.as("boss")
	for path, add := range listings(h) {
		for i := range pageRows {
			if err := add(i); err != nil {
				t.Fatal(path, err)
			}
		}
		if rows, next := boss.listed(path); rows != pageRows || next != "" {
			t.Errorf("%s shows %d of %d rows, and goes on at %q", path, rows, pageRows, next)
		}
		if err := add(pageRows); err != nil {
			t.Fatal(path, err)
		}
		rows, next := boss.listed(path)
		if rows != pageRows || next == "" {
			t.Errorf("%s shows %d of %d rows, and goes on at %q", path, rows, pageRows+1, next)
			continue
		}
		if rows, next := boss.listed(next); rows != 1 || next != "" {
			t.Errorf("%s shows %d rows of the 1 that is left, and goes on at %q", path, rows, next)
		}
	}
}

var (
	listedRow  = regexp.MustCompile(`<tr><td>|<tr><td |<li><a href="/admin/users/`)
	listedNext = regexp.MustCompile(`<p><a class="button" href="([^"]*)">`)
)

// listed gives how many rows a page shows, and where the next one is; empty: there is none.
func (b *browser) listed(path string) (rows int, next string) {
	b.h.t.Helper()
	a := b.get(path)
	if a.status != http.StatusOK {
		b.h.t.Fatalf("%s: %d %s", path, a.status, a.alert())
	}
	if m := listedNext.FindStringSubmatch(a.body); m != nil {
		next = html.UnescapeString(m[1])
	}
	return len(listedRow.FindAllString(a.body, -1)), next
}

// listings are the pages that show a listing in parts, each with what adds its nth row.
func listings(h *webHouse) map[string]func(n int) error {
	ctx, store := h.t.Context(), h.app.Store()
	return map[string]func(n int) error{
		"/admin/audit": func(int) error {
			return store.PutAct(ctx, notify.Act{At: h.clock.Now(), Actor: "user:boss", Act: "key.create", Subject: "x"})
		},
		"/admin/users?q=crowd-": func(n int) error {
			_, _, err := h.app.Hub().PutUser(ctx, notify.User{ID: fmt.Sprintf("crowd-%02d", n)})
			return err
		},
		"/admin/topics?q=" + url.QueryEscape("주제"): func(n int) error { return store.AddMember(ctx, fmt.Sprintf("주제 %02d", n), "lee") },
		"/admin/topics/many": func(n int) error {
			id := fmt.Sprintf("member-%02d", n)
			_, err := store.PutUser(ctx, notify.User{ID: id})
			return errors.Join(err, store.AddMember(ctx, "many", id))
		},
		"/admin/sources?source=other": func(n int) error {
			_, _, err := store.PutAccount(ctx, notify.Account{Source: "other", Login: fmt.Sprintf("box-%02d", n), Users: []string{"lee"}})
			return err
		},
		"/admin/notifications?state=scheduled": func(int) error {
			_, _, err := h.app.Hub().Send(ctx, notify.Notification{To: notify.Audience{Users: []string{"lee"}}, Content: notify.Content{Title: "later"}, SendAt: h.clock.Now().Add(time.Hour)}, notify.Idempotency{})
			return err
		},
		"/admin/dead": h.giveUp,
	}
}

// giveUp adds a delivery that was given up, on a lane that the hub does not run.
func (h *webHouse) giveUp(n int) error {
	ctx, store, now := h.t.Context(), h.app.Store(), h.clock.Now()
	lane := notify.Lane{App: "gone", Platform: notify.APNs}
	user := fmt.Sprintf("unlucky-%02d", n)
	if _, err := store.PutUser(ctx, notify.User{ID: user}); err != nil {
		return err
	}
	d, _, err := store.PutDevice(ctx, notify.Device{User: user, App: lane.App, Platform: lane.Platform, Token: fmt.Sprintf("%064d", n)})
	if err != nil {
		return err
	}
	told, _, err := store.Accept(ctx, notify.Notification{ID: notify.NewID(), To: notify.Audience{Users: []string{user}}, Content: notify.Content{Title: "lost"}, Priority: notify.PriorityNormal,
		Privacy: notify.PrivacyFull, TTL: time.Hour, State: notify.StateSending, CreatedAt: now, ExpiresAt: now.Add(time.Hour), By: "key"}, []notify.Lane{lane}, notify.Idempotency{})
	if err != nil {
		return err
	}
	walks, err := store.Ready(ctx, lane, now, 1)
	if err != nil || len(walks) != 1 {
		return fmt.Errorf("%d walks are ready: %w", len(walks), err)
	}
	epoch, err := store.Lease(ctx, "lane/"+lane.String(), "test", time.Hour, now)
	if err != nil {
		return err
	}
	row := notify.DeliveryRow{ID: notify.DeliveryID(told.Seq, d.Key), Walk: walks[0].ID, Notification: told.ID, Device: d.ID, DeviceKey: d.Key, User: user, Lane: lane,
		State: notify.DeliveryFailed, Attempt: 1, CreatedAt: now, UpdatedAt: now}
	return errors.Join(store.Advance(ctx, []notify.Progress{{Walk: walks[0].ID, Lane: lane, Epoch: epoch, Position: walks[0].Last, Done: true,
		Counts: notify.Counts{Failed: 1}, Rows: []notify.DeliveryRow{row}}})...)
}
