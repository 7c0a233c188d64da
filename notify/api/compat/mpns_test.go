package compat

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
)

const channel = "/compat/mpns/01.00%2FAAFRQo"

func toast(inner string) string {
	return `<?xml version="1.0" encoding="utf-8"?><wp:Notification xmlns:wp="WPNotification"><wp:Toast>` + inner + `</wp:Toast></wp:Notification>`
}

// mpnsHeaders gives an answer's three words.
func mpnsHeaders(w *httptest.ResponseRecorder) string {
	return strings.Join([]string{w.Header().Get("X-NotificationStatus"), w.Header().Get("X-DeviceConnectionStatus"),
		w.Header().Get("X-SubscriptionStatus")}, " ")
}

func TestMPNSToast(t *testing.T) {
	h := newHouse(t)
	w := h.post(channel, toast(`<wp:Text1>Order 4711</wp:Text1> <wp:Text2>was &amp; is</wp:Text2><wp:Param>/Page.xaml?x=1</wp:Param>`),
		"Content-Type", "text/xml", "X-WindowsPhone-Target", "toast", "X-NotificationClass", "12", "X-MessageID", "m-1")
	if w.Code != 200 || mpnsHeaders(w) != "Received Connected Active" || w.Header().Get("X-MessageID") != "m-1" || w.Body.Len() != 0 {
		t.Error(w.Code, w.Header(), w.Body)
	}
	n := h.one()
	want := notify.Content{Title: "Order 4711", Body: "was & is", Data: map[string]string{"param": "/Page.xaml?x=1"}}
	if d := cmp.Diff(want, n.Content); d != "" || n.Priority != notify.PriorityNormal || n.To.Users[0] != "kim" || n.Silent {
		t.Error(d, n)
	}
	h = newHouse(t)
	h.post(channel, toast(`<wp:Text1>T</wp:Text1><wp:Param>https://x.kr/1</wp:Param>`), "X-WindowsPhone-Target", "Toast", "X-NotificationClass", "2")
	if n := h.one(); n.Content.URL != "https://x.kr/1" || n.Content.Data != nil || n.Priority != notify.PriorityHigh {
		t.Error(n)
	}
}

func TestMPNSEncodings(t *testing.T) {
	doc, err := korean.EUCKR.NewEncoder().String(`<?xml version="1.0" encoding="euc-kr"?><n:Notification xmlns:n="WPNotification"><n:Toast><n:Text1>승인</n:Text1></n:Toast></n:Notification>`)
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.post(channel, doc, "Content-Type", "text/xml", "X-WindowsPhone-Target", "toast")
	if h.one().Content.Title != "승인" {
		t.Error(h.one())
	}
}

func TestMPNSTile(t *testing.T) {
	h := newHouse(t)
	w := h.post(channel, `<wp:Notification xmlns:wp="WPNotification" Version="2.0"><wp:Tile Id="T1" Template="FlipTile"><wp:Count>7</wp:Count>`+
		`<wp:Title>Orders</wp:Title><wp:BackTitle Action="Clear"/></wp:Tile></wp:Notification>`, "X-WindowsPhone-Target", "token", "X-NotificationClass", "21")
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	n := h.one()
	if !n.Silent || n.Content.Badge == nil || *n.Content.Badge != 7 || n.CollapseKey != "tile:T1" || n.Priority != notify.PriorityLow ||
		n.Content.Data["tile.title"] != "Orders" || n.Content.Data["tile.template"] != "FlipTile" {
		t.Errorf("%+v", n)
	}
}

func TestMPNSRaw(t *testing.T) {
	for body, want := range map[string]map[string]string{
		"<order no='1'/>": {"raw": "<order no='1'/>"},
		"plain":           {"raw": "plain"},
		"\x00\x01\xff":    {"rawBase64": "AAH/"},
	} {
		h := newHouse(t)
		if w := h.post(channel, body, "Content-Type", "text/xml", "X-NotificationClass", "3"); w.Code != 200 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
			continue
		}
		if n := h.one(); cmp.Diff(want, n.Content.Data) != "" || !n.Silent {
			t.Errorf("%q: %+v", body, n)
		}
	}
}

func TestMPNSStates(t *testing.T) {
	for path, want := range map[string]string{
		"/compat/mpns/off":          "412 Dropped Inactive ",
		"/compat/mpns/nobody":       "404 Dropped Disconnected Expired",
		"/compat/mpns/":             "404 Dropped Disconnected Expired",
		"/compat/mpns/a%00b":        "404 Dropped Disconnected Expired",
		"/compat/mpns/OLD-1":        "404 Dropped Disconnected Expired", // GCM's
		channel:                     "200 Received Connected Active",
		"/compat/mpns/01.00/AAFRQo": "200 Received Connected Active",
	} {
		h := newHouse(t)
		w := h.post(path, toast("<wp:Text1>T</wp:Text1>"), "X-WindowsPhone-Target", "toast")
		if got := strings.TrimSpace(w.Result().Status[:3]) + " " + mpnsHeaders(w); got != want {
			t.Errorf("%s: %q, want %q: %s", path, got, want, w.Body)
		}
	}
	h := newHouse(t)
	h.broken = notify.Errorf(notify.CodeUnavailable, "full")
	if w := h.post(channel, toast("<wp:Text1>T</wp:Text1>"), "X-WindowsPhone-Target", "toast"); w.Code != 503 || w.Header().Get("X-NotificationStatus") != "Dropped" {
		t.Error(w.Code, w.Header())
	}
}

func TestMPNSRefuses(t *testing.T) {
	for body, c := range map[string]struct{ target, class, want string }{
		"<":                                   {"toast", "2", "line 1"},
		"":                                    {"toast", "2", "there is no element"},
		"<a/>":                                {"toast", "2", "<a> is not <wp:Notification>"},
		toast("<wp:Text1>"):                   {"toast", "2", "line 1"},
		toast(""):                             {"toast", "2", "neither a wp:Text1"},
		toast("<a><b/></a>"):                  {"toast", "2", "<b> stands where only text may"},
		toast("<wp:Text1>a</wp:Text1>") + "x": {"toast", "2", "text outside"},
		"<!DOCTYPE a>" + toast("<wp:Text1>a</wp:Text1>"):                                      {"toast", "2", "document type"},
		`<Notification xmlns="WPNotification">x<Toast/></Notification>`:                       {"toast", "2", "text where"},
		`<Notification xmlns="WPNotification"></Notification>`:                                {"toast", "2", "there is no <wp:Toast>"},
		`<Notification xmlns="WPNotification"><Toast/><Tile/></Notification>`:                 {"toast", "2", "<Tile> follows"},
		`<Notification xmlns="WPNotification"><Toast><Text1>a</Text1></Toast></Notification>`: {"token", "1", "is not <wp:Tile>"},
		toast("<wp:Text1>b</wp:Text1>"):                                                       {"toast", "1", "is not one for this"},
		toast("<wp:Text1>c</wp:Text1>"):                                                       {"toast", "4", "must be 1, 2, 3"},
		toast("<wp:Text1>d</wp:Text1>"):                                                       {"badge", "", "must be toast or token"},
		toast("<wp:Text1>" + strings.Repeat("e", 3072) + "</wp:Text1>"):                       {"toast", "2", "longer than 3072"},
		toast("<wp:Text1>\xff</wp:Text1>"):                                                    {"toast", "2", "not valid utf-8"},
	} {
		h := newHouse(t)
		w := h.post(channel, body, "Content-Type", "text/xml", "X-WindowsPhone-Target", c.target, "X-NotificationClass", c.class)
		if w.Code != 400 || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("X-NotificationStatus") != "Dropped" {
			t.Errorf("%.80s: %d %v %s, want %s", body, w.Code, w.Header(), w.Body, c.want)
		}
		h.none(body)
	}
	h := newHouse(t)
	if w := h.post(channel, "", "X-NotificationClass", "3"); w.Code != 400 {
		t.Error(w.Code, w.Body)
	}
}
