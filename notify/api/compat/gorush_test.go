package compat

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestGorushReadme: the request of gorush's README.
func TestGorushReadme(t *testing.T) {
	h := newHouse(t)
	apns := strings.Repeat("ab", 32)
	w := h.post("/api/push", `{
  "notifications": [
    {"tokens": ["`+strings.ToUpper(apns)+`", "token_b"], "platform": 1, "message": "Hello World iOS!", "title": "Gorush",
     "badge": 2, "thread-id": "orders", "collapse_id": "c", "sound": {"critical": 1, "name": "ping", "volume": 1.0}},
    {"tokens": ["TOKEN", "OLD-1"], "platform": 2, "message": "Hello World Android!", "title": "Gorush", "priority": "normal", "sound": "default",
     "data": {"key1": "v", "n": 5}}
  ]
}`, "Content-Type", "application/json")
	var out gorushAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || out.Success != "ok" || out.Counts != 4 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if len(out.Logs) != 1 || out.Logs[0] != (gorushLog{Type: "failed-push", Platform: "ios", Token: "token_b", Message: "Hello World iOS!", Error: wordUnknown}) {
		t.Errorf("%+v", out.Logs)
	}
	if len(h.sent) != 2 {
		t.Fatal(h.sent)
	}
	ios, android := h.sent[0], h.sent[1]
	if ios.Content.Title != "Gorush" || ios.Content.Body != "Hello World iOS!" || *ios.Content.Badge != 2 || ios.Content.Sound != "ping" ||
		ios.Content.Thread != "orders" || ios.CollapseKey != "c" || ios.Priority != notify.PriorityHigh || ios.To.Devices[0] != "d2" {
		t.Errorf("%+v", ios)
	}
	if android.To.Devices[0] != "d1" || android.To.Users[0] != "kim" || android.Content.Data["n"] != "5" || android.Content.Sound != "default" ||
		android.Priority != notify.PriorityNormal || android.By != "key1" {
		t.Errorf("%+v", android)
	}
	if h.counted["gorush ok"] != 1 || h.counted["gorush NotRegistered"] != 1 {
		t.Error(h.counted)
	}
}

func TestGorushKinds(t *testing.T) {
	for body, check := range map[string]func(n notify.Notification) bool{
		`{"tokens":["OLD-1"],"platform":2,"content_available":true,"data":{"x":"1"}}`: func(n notify.Notification) bool { return n.Silent },
		`{"topic":"news","platform":2,"message":"M"}`:                                 func(n notify.Notification) bool { return n.To.Topics[0] == "news" },
		`{"to":"OLD-2","platform":2,"notification":{"title":"T","body":"B"}}`: func(n notify.Notification) bool {
			return n.Content.Title == "T" && n.Content.Body == "B" && n.To.Users[0] == "lee"
		},
		`{"tokens":["OLD-1"],"platform":2,"message":"M","time_to_live":60}`: func(n notify.Notification) bool { return n.TTL == time.Minute },
		`{"tokens":["OLD-1"],"platform":2,"message":"M","expiration":1795597260}`: func(n notify.Notification) bool {
			return n.TTL == time.Unix(1795597260, 0).Sub(start)
		},
		`{"tokens":["OLD-1"],"platform":2,"message":"M","expiration":1}`: func(n notify.Notification) bool { return n.TTL == 0 },
		`{"tokens":["OLD-1"],"platform":2,"message":"M","alert":{"title":"T","body":"B"}}`: func(n notify.Notification) bool {
			return n.Content.Title == "T" && n.Content.Body == "B"
		},
	} {
		h := newHouse(t)
		w := h.post("/compat/api/push", `{"notifications":[`+body+`]}`, "Content-Type", "application/json")
		if w.Code != 200 || len(h.sent) != 1 || !check(h.sent[0]) {
			t.Errorf("%s: %d %s %+v", body, w.Code, w.Body, h.sent)
		}
	}
	h := newHouse(t)
	if w := h.post("/api/push", `{"notifications":[{"tokens":["OLD-1"],"platform":2,"message":"M","dry_run":true}]}`); w.Code != 200 {
		t.Error(w.Code)
	}
	h.none("dry run")
}

func TestGorushRefuses(t *testing.T) {
	good := `{"tokens":["OLD-1"],"platform":2,"message":"M"}`
	for body, want := range map[string]string{
		`{}`:                   "Missing `notifications` field.",
		`{"notifications":[]}`: "Notifications field is empty.",
		`{"notifications":[` + good + strings.Repeat(","+good, 1000) + `]}`:                                                "over limit(1000)",
		`{"notifications":[` + good + `,{"tokens":["a"],"platform":9,"message":"M"}]}`:                                     "notifications[1].platform",
		`{"notifications":[` + good + `,{"tokens":[],"platform":2,"message":"M"}]}`:                                        "notifications[1].tokens",
		`{"notifications":[` + good + `,{"tokens":["OLD-1"],"platform":2,"message":"M","time_to_live":-1}]}`:               "notifications[1].time_to_live",
		`{"notifications":[` + good + `,{"tokens":["OLD-1"],"platform":2,"message":"M","badge":-1}]}`:                      "badge",
		`{"notifications":[` + good + `,{"tokens":["OLD-1"],"to":"x","platform":2,"message":"M"}]}`:                        "not both",
		`{"notifications":[` + good + `,{"tokens":["x"` + strings.Repeat(`,"x"`, 1000) + `],"platform":2,"message":"M"}]}`: "Number of tokens(1002)",
		`{"notifications":"x"}`: "must be a JSON array",
		`{`:                     "JSON_PARSING_ERROR",
	} {
		h := newHouse(t)
		w := h.post("/api/push", body, "Content-Type", "application/json")
		var out struct {
			Code    int
			Message string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 400 || out.Code != 400 || !strings.Contains(out.Message, want) {
			t.Errorf("%.120s: %d %s, want %s", body, w.Code, w.Body, want)
		}
		h.none(body)
	}
}
