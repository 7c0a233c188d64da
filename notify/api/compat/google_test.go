package compat

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
)

const formHead = "application/x-www-form-urlencoded"

func TestC2DM(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for name, c := range map[string]struct{ body, want string }{
		"told":            {"registration_id=ANCIENT&collapse_key=c&data.title=T&data.message=M&delay_while_idle", "id=0:n1-0\n"},
		"no address":      {"collapse_key=c&data.title=T", "Error=MissingRegistration\n"},
		"unknown":         {"registration_id=NOBODY&collapse_key=c&data.title=T", "Error=NotRegistered\n"},
		"another kind":    {"registration_id=OLD-1&collapse_key=c&data.title=T", "Error=NotRegistered\n"},
		"unprintable":     {"registration_id=A%00B&collapse_key=c&data.title=T", "Error=InvalidRegistration\n"},
		"no collapse key": {"registration_id=ANCIENT&data.title=T", "Error=MissingCollapseKey\n"},
		"too big":         {"registration_id=ANCIENT&collapse_key=c&data.title=" + long, "Error=MessageTooBig\n"},
		"reserved":        {"registration_id=ANCIENT&collapse_key=c&data.aps=1", "Error=InvalidDataKey\n"},
	} {
		h := newHouse(t)
		w := h.post("/compat/c2dm/send", c.body, "Content-Type", formHead)
		if w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s: %d %q, want %q", name, w.Code, w.Body, c.want)
		}
		if name != "told" {
			h.none(name)
			continue
		}
		n := h.one()
		if n.Content.Title != "T" || n.Content.Body != "M" || n.CollapseKey != "c" || n.To.Users[0] != "kim" || n.By != "key1" || n.Silent {
			t.Errorf("%s: %+v", name, n)
		}
		if h.counted["c2dm ok"] != 1 {
			t.Error(h.counted)
		}
	}
}

// TestFormEncodings: old systems send their own, and say so or do not.
func TestFormEncodings(t *testing.T) {
	eucKR, err := korean.EUCKR.NewEncoder().String("승인")
	if err != nil {
		t.Fatal(err)
	}
	body := "registration_id=ANCIENT&collapse_key=c&data.title=" + url.QueryEscape(eucKR)
	h := newHouse(t)
	if w := h.post("/compat/c2dm/send", body, "Content-Type", formHead+"; charset=euc-kr"); w.Code != 200 || h.one().Content.Title != "승인" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h = newHouse(t)
	for _, c := range []string{body, "registration_id=%zz", strings.Repeat("a=1&", maxFields+1)} {
		if w := h.post("/compat/c2dm/send", c, "Content-Type", formHead); w.Code != 400 {
			t.Errorf("%.40q: %d %s", c, w.Code, w.Body)
		}
	}
	h.none("broken forms")
}

func TestGCMForm(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"told":        {"registration_id=OLD-1&data.message=M&time_to_live=60&collapse_key=c", "id=0:n1-0\n"},
		"token":       {"registration_id=TOKEN&data.message=M", "id=0:n1-0\n"},
		"dry":         {"registration_id=OLD-1&data.message=M&dry_run=1", "id=fake_message_id\n"},
		"missing":     {"data.message=M", "Error=MissingRegistration\n"},
		"unknown":     {"registration_id=X&data.message=M", "Error=NotRegistered\n"},
		"life":        {"registration_id=OLD-1&data.message=M&time_to_live=2419201", "Error=InvalidTtl\n"},
		"google's":    {"registration_id=OLD-1&data.google.x=M", "Error=InvalidDataKey\n"},
		"more than 4": {"registration_id=OLD-1&data.x=" + strings.Repeat("x", 4096), "Error=MessageTooBig\n"},
	} {
		h := newHouse(t)
		if w := h.post("/compat/gcm/send", c.body, "Content-Type", formHead+";charset=UTF-8"); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s: %d %q, want %q", name, w.Code, w.Body, c.want)
		}
		if name == "told" && h.one().TTL != time.Minute {
			t.Error(h.one())
		}
	}
}

// gcm posts JSON and reads the answer.
func (h *house) gcm(body string) gcmAnswer {
	h.t.Helper()
	w := h.post("/compat/gcm/send", body, "Content-Type", "application/json")
	var out gcmAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
		h.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return out
}

func TestGCMResults(t *testing.T) {
	h := newHouse(t)
	out := h.gcm(`{"registration_ids":["OLD-1","","X","OLD-1b","TOKEN","OLD-2","OLD-1"],"data":{"title":"T"}}`)
	want := []gcmResult{{MessageID: "0:n1-0"}, {Error: "InvalidRegistration"}, {Error: "NotRegistered"},
		{MessageID: "0:n1-3", RegistrationID: "OLD-1"}, {MessageID: "0:n1-4"}, {MessageID: "0:n1-5"}, {MessageID: "0:n1-6"}}
	if out.Success != 5 || out.Failure != 2 || out.CanonicalIDs != 1 || out.MulticastID <= 0 {
		t.Errorf("%+v", out)
	}
	if d := cmp.Diff(want, out.Results); d != "" {
		t.Error(d)
	}
	to := h.one().To
	if !slices.Equal(to.Users, []string{"kim", "lee"}) || !slices.Equal(to.Devices, []string{"d1"}) || !h.one().Partial {
		t.Errorf("%+v", to)
	}
	if h.counted["gcm ok"] != 5 || h.counted["gcm NotRegistered"] != 1 || h.counted["gcm InvalidRegistration"] != 1 {
		t.Error(h.counted)
	}
}

func TestGCMNobody(t *testing.T) {
	h := newHouse(t)
	if out := h.gcm(`{"registration_ids":["X","Y"],"data":{"title":"T"}}`); out.Success != 0 || out.Failure != 2 || out.Results[1].Error != "NotRegistered" {
		t.Errorf("%+v", out)
	}
	h.none("nobody")
}

func TestGCMWords(t *testing.T) {
	badge := 3
	h := newHouse(t)
	h.gcm(`{"to":"OLD-1","collapse_key":"c","priority":"normal","time_to_live":"60","delay_while_idle":true,
		"data":{"n":1,"b":true,"o":{"a": [1]},"s":"text","null":null,"title":"not this"},
		"notification":{"title":"T","body":"B","sound":"ping","badge":"3","icon":"x","click_action":"OPEN","image":"https://x.kr/i.png"}}`)
	n := h.one()
	want := notify.Content{Title: "T", Body: "B", Sound: "ping", Badge: &badge, Category: "OPEN", Image: "https://x.kr/i.png",
		Data: map[string]string{"n": "1", "b": "true", "o": `{"a":[1]}`, "s": "text", "null": "", "title": "not this"}}
	if d := cmp.Diff(want, n.Content); d != "" {
		t.Error(d)
	}
	if n.CollapseKey != "c" || n.Priority != notify.PriorityNormal || n.TTL != time.Minute || n.Silent {
		t.Errorf("%+v", n)
	}
	for body, check := range map[string]func(n notify.Notification) bool{
		`{"to":"OLD-1","notification":{"title":"T","tag":"t"},"collapse_key":"c"}`: func(n notify.Notification) bool {
			return n.Priority == notify.PriorityHigh && n.CollapseKey == "t" && n.TTL == notify.MaxTTL
		},
		`{"to":"OLD-1","data":{"x":"1"}}`:                                func(n notify.Notification) bool { return n.Silent && n.Priority == notify.PriorityNormal },
		`{"to":"OLD-1","data":{"alert":"A"}}`:                            func(n notify.Notification) bool { return !n.Silent && n.Content.Body == "A" },
		`{"to":"OLD-1","data":{"alert":"A"},"content_available":"true"}`: func(n notify.Notification) bool { return n.Silent },
		`{"to":"OLD-1","priority":10,"data":{"x":"1"}}`:                  func(n notify.Notification) bool { return n.Priority == notify.PriorityHigh },
		`{"notification_key":"OLD-1","data":{"x":"1"}}`:                  func(n notify.Notification) bool { return n.To.Users[0] == "kim" },
		`{"to":"/topics/news","data":{"x":"1"}}`:                         func(n notify.Notification) bool { return n.To.Topics[0] == "news" && n.Partial },
		`{"condition":"'a' in topics || ('b' in topics)","data":{"x":"1"}}`: func(n notify.Notification) bool {
			return slices.Equal(n.To.Topics, []string{"a", "b"})
		},
	} {
		h := newHouse(t)
		h.post("/compat/fcm/send", body, "Content-Type", "application/json; charset=utf-8")
		if len(h.sent) != 1 || !check(h.sent[0]) {
			t.Errorf("%s: %+v", body, h.sent)
		}
	}
}

func TestGCMDryRun(t *testing.T) {
	h := newHouse(t)
	if out := h.gcm(`{"registration_ids":["OLD-1","X"],"dry_run":true,"data":{"title":"T"}}`); out.Results[0].MessageID != dryID || out.Results[1].Error != wordUnknown {
		t.Errorf("%+v", out)
	}
	h.none("dry run")
	if h.dry != 1 {
		t.Error("the hub was not asked")
	}
}

// TestGCMErrorWords are about all addresses alike.
func TestGCMErrorWords(t *testing.T) {
	for body, want := range map[string]string{
		`{"to":"OLD-1","time_to_live":-1}`:                                               wordTTL,
		`{"to":"OLD-1","time_to_live":"soon"}`:                                           wordTTL,
		`{"to":"OLD-1","data":{"from":"x"}}`:                                             wordDataKey,
		`{"to":"OLD-1","data":{"gcm.x":"x"}}`:                                            wordDataKey,
		`{"to":"OLD-1","data":{"aps":"x"}}`:                                              wordDataKey,
		`{"to":"OLD-1","data":{"x":"` + strings.Repeat("x", 4096) + `"}}`:                wordTooBig,
		`{"to":"OLD-1","notification":{"body":"` + strings.Repeat("x", 16<<10+1) + `"}}`: wordTooBig,
		`{"to":"OLD-1","notification":{"title":"T","image":"not-a-url"}}`:                wordParameter,
	} {
		h := newHouse(t)
		out := h.gcm(body)
		if out.Failure != 1 || out.Results[0].Error != want {
			t.Errorf("%.80s: %+v, want %s", body, out, want)
		}
		h.none(body)
	}
	h := newHouse(t)
	w := h.post("/compat/gcm/send", `{"to":"/topics/a","data":{"from":"x"}}`, "Content-Type", "application/json")
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"error":"InvalidDataKey"}` {
		t.Error(w.Code, w.Body)
	}
}

func TestGCMRefuses(t *testing.T) {
	many := `{"registration_ids":["x"` + strings.Repeat(`,"x"`, 1000) + `]}`
	for body, want := range map[string]string{
		`{`:                                "JSON_PARSING_ERROR",
		`[]`:                               "JSON_PARSING_ERROR",
		`{} {}`:                            "JSON_PARSING_ERROR",
		``:                                 "JSON_PARSING_ERROR",
		`{"registration_ids":"x"}`:         `Field "registration_ids" must be a JSON array`,
		`{"data":["x"],"to":"x"}`:          `Field "data" must be a JSON object`,
		`{"to":5}`:                         `Field "to" must be a JSON string`,
		`{"to":"x","dry_run":"perhaps"}`:   "JSON_PARSING_ERROR: must be true or false",
		`{"registration_ids":[]}`:          `"registration_ids" field cannot be empty`,
		`{"data":{}}`:                      wordMissing,
		`{"to":"x","registration_ids":[]}`: "not both",
		many:                               "Number of messages on bulk (1001) exceeds maximum allowed (1000)",
		`{"condition":"'a' in topics && 'b' in topics"}`:       wordParameter,
		`{"condition":"` + strings.Repeat("'a' || ", 6) + `"}`: wordParameter,
		"{\"to\":\"\xff\"}": "line 1, column 8",
	} {
		h := newHouse(t)
		w := h.post("/compat/gcm/send", body, "Content-Type", "application/json")
		if w.Code != 400 || !strings.Contains(w.Body.String(), want) || h.counted["gcm 400"] != 1 {
			t.Errorf("%.60s: %d %s, want %s (%v)", body, w.Code, w.Body, want, h.counted)
		}
		h.none(body)
	}
}

func TestIdempotencyOfOldCalls(t *testing.T) {
	h := newHouse(t)
	h.post("/compat/gcm/send", `{"to":"OLD-1","data":{"x":"1"}}`, "Content-Type", "application/json", "Idempotency-Key", "k")
	if i := h.idem[0]; i.Key != "k" || i.KeyID != "key1" || len(i.BodyHash) != 32 {
		t.Errorf("%+v", i)
	}
	if w := h.post("/compat/gcm/send", `{"to":"OLD-1","data":{"x":"1"}}`, "Content-Type", "application/json", "Idempotency-Key",
		strings.Repeat("k", 256)); !strings.Contains(w.Body.String(), wordParameter) {
		t.Error(w.Code, w.Body)
	}
}

// TestGCMThousand: the most that a call may hold.
func TestGCMThousand(t *testing.T) {
	h := newHouse(t)
	ids := make([]string, maxAddresses)
	for i := range ids {
		ids[i] = fmt.Sprintf("%q", fmt.Sprint("X", i))
	}
	ids[999] = `"OLD-2"`
	out := h.gcm(`{"registration_ids":[` + strings.Join(ids, ",") + `],"data":{"title":"T"}}`)
	if out.Success != 1 || out.Failure != 999 || out.Results[999].Error != "" {
		t.Errorf("%d, %d", out.Success, out.Failure)
	}
}
