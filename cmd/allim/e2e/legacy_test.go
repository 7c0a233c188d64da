package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// oldHouse is a hub with one person whom old systems know by addresses of push services that are gone, and who has an
// iPhone today.
type oldHouse struct {
	*hub
	apns *sim.APNs
	send string // a key of the old systems
}

func newOldHouse(t *testing.T) *oldHouse {
	t.Helper()
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		t.Fatal(err)
	}
	h := &oldHouse{}
	if h.apns, err = sim.NewAPNs(sim.APNsOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.apns.Close(); err != nil {
			t.Error(err)
		}
	})
	h.apns.AddKey(key)
	dir := t.TempDir()
	keyFile, err := key.File(dir)
	if err != nil {
		t.Fatal(err)
	}
	caFile, err := h.apns.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	h.hub = newHub(t, checked(t), fmt.Sprintf("apps:\n  - id: corp\n    apns: {key_file: %s, key_id: %s, team_id: %s, topic: %s, endpoint: %q, ca_file: %s}\n",
		keyFile, key.ID, key.Team, bundle, h.apns.URL(), caFile))
	h.start()
	h.must(http.MethodPut, "/v1/users/kim", wire.UserInput{Identities: []wire.Identity{{Kind: "gcm", Value: "OLD-1"}, {Kind: "gcm", Value: "OLD-1b"},
		{Kind: "c2dm", Value: "ANCIENT"}, {Kind: "mpns", Value: "01.00/AAFRQo"}}}, nil)
	h.must(http.MethodPost, "/v1/users/kim/devices", wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: strings.Repeat("ab", 32)}, nil)
	var made wire.Key
	h.must(http.MethodPost, "/v1/keys", wire.KeyInput{Name: "old", Scopes: []notify.Scope{notify.ScopeSend}}, &made)
	h.send = made.Secret
	return h
}

// pushed waits until the phone got a text.
func (h *oldHouse) pushed(text string) {
	h.t.Helper()
	until(h.t, 30*time.Second, "the phone to get "+text, func() bool {
		for _, e := range h.apns.Log().Entries() {
			if e.Accepted && strings.Contains(string(e.Body), text) {
				return true
			}
		}
		return false
	})
}

// outside runs a script of the folder node and reads what it printed.
func outside(t *testing.T, out any, script string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, "node", append([]string{filepath.Join("node", script)}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v (.ci/setup installs what it needs)\n%s", script, err, text)
	}
	t.Logf("%s printed %s", script, text)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("%s printed %s: %v", script, text, err)
	}
}

// TestUnmodifiedGCM: the client library node-gcm sends and is content with the answers.
func TestUnmodifiedGCM(t *testing.T) {
	h := newOldHouse(t)
	type outcome struct {
		Error  any
		Answer *struct {
			MulticastID      int64 `json:"multicast_id"`
			Success, Failure int
			CanonicalIDs     int `json:"canonical_ids"`
			Results          []struct {
				MessageID      string `json:"message_id"`
				RegistrationID string `json:"registration_id"`
				Error          string
			}
		}
	}
	var got struct{ One, Many, Dry, Big, WrongKey outcome }
	outside(t, &got, "gcm.js", h.url(), h.send)
	for name, o := range map[string]outcome{"one": got.One, "many": got.Many, "dry": got.Dry, "big": got.Big} {
		if o.Error != nil || o.Answer == nil || len(o.Answer.Results) == 0 {
			t.Fatalf("%s: %+v", name, o)
		}
	}
	if a := got.One.Answer; a.Success != 1 || a.Failure != 0 || a.MulticastID == 0 || a.Results[0].MessageID == "" {
		t.Errorf("one: %+v", a)
	}
	if a := got.Many.Answer; a.Success != 2 || a.Failure != 1 || a.CanonicalIDs != 1 || a.Results[1].Error != "NotRegistered" || a.Results[2].RegistrationID != "OLD-1" {
		t.Errorf("many: %+v", a)
	}
	if a := got.Big.Answer; a.Failure != 1 || a.Results[0].Error != "MessageTooBig" {
		t.Errorf("big: %+v", a)
	}
	if got.WrongKey.Error != float64(http.StatusUnauthorized) {
		t.Errorf("a wrong key: %+v", got.WrongKey)
	}
	h.pushed("was approved by node-gcm")
}

// TestUnmodifiedMPNS: the client library mpns sends to a channel and reads the headers.
func TestUnmodifiedMPNS(t *testing.T) {
	h := newOldHouse(t)
	type status struct {
		StatusCode             int
		NotificationStatus     string
		DeviceConnectionStatus string
		SubscriptionStatus     string
		ShouldDeleteChannel    bool
	}
	type outcome struct{ Error, Answer *status }
	var got struct{ Toast, Tile, Raw, Unknown, WrongKey outcome }
	outside(t, &got, "mpns.js", h.url(), h.send)
	for name, o := range map[string]outcome{"toast": got.Toast, "tile": got.Tile, "raw": got.Raw} {
		if o.Error != nil || o.Answer == nil || *o.Answer != (status{200, "Received", "Connected", "Active", false}) {
			t.Errorf("%s: %+v %+v", name, o.Error, o.Answer)
		}
	}
	if e := got.Unknown.Error; e == nil || e.StatusCode != 404 || e.SubscriptionStatus != "Expired" || !e.ShouldDeleteChannel {
		t.Errorf("unknown: %+v", got.Unknown)
	}
	if e := got.WrongKey.Error; e == nil || e.StatusCode != 403 || e.ShouldDeleteChannel {
		t.Errorf("a wrong key: %+v", got.WrongKey)
	}
	h.pushed("was approved by mpns")
}
