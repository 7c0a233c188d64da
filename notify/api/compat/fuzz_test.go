package compat

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// bounded is how long a mebibyte may take; a machine that is ten times slower still makes it.
const bounded = 10 * time.Second

func FuzzGCM(f *testing.F) {
	f.Add(`{"registration_ids":["OLD-1","X"],"data":{"a":{"b":[1,2]}},"notification":{"title":"T"},"time_to_live":60}`, "application/json")
	f.Add(`{"to":"/topics/a","dry_run":"1"}`, "application/json; charset=utf-16")
	f.Add(`{"condition":"'a' in topics || 'b' in topics","data":{"x":null}}`, "application/json")
	f.Add("registration_id=OLD-1&collapse_key=c&data.title=%EC%8A%B9&time_to_live=5", "application/x-www-form-urlencoded; charset=euc-kr")
	f.Add(strings.Repeat("[", 20_000), "application/json")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		for _, path := range []string{"/compat/gcm/send", "/compat/c2dm/send", "/api/push"} {
			h := newHouse(t)
			w := h.post(path, body, "Content-Type", contentType)
			if w.Code != 200 && w.Code != 400 {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
			if w.Code != 200 && len(h.sent) > 0 {
				t.Errorf("%s: refused with %d, but sent", path, w.Code)
			}
		}
	})
}

func FuzzMPNS(f *testing.F) {
	f.Add(toast("<wp:Text1>T</wp:Text1><wp:Param>/P.xaml</wp:Param>"), "toast", "2", "text/xml")
	f.Add(`<wp:Notification xmlns:wp="WPNotification"><wp:Tile Id="1"><wp:Count>7</wp:Count></wp:Tile></wp:Notification>`, "token", "11", "text/xml; charset=utf-16")
	f.Add("\x00\xff", "", "3", "application/octet-stream")
	f.Add("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "toast", "", "")
	f.Fuzz(func(t *testing.T, body, target, class, contentType string) {
		h := newHouse(t)
		w := h.post(channel, body, "Content-Type", contentType, "X-WindowsPhone-Target", target, "X-NotificationClass", class)
		if w.Code != 200 && w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if (w.Code == 200) != (len(h.sent) == 1) {
			t.Errorf("%d, sent %d", w.Code, len(h.sent))
		}
	})
}

// TestMebibytes: what is made to cost much does not.
func TestMebibytes(t *testing.T) {
	const size = 1 << 20
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail
	}
	form := "application/x-www-form-urlencoded; charset=euc-kr"
	for name, c := range map[string]struct{ path, body, contentType string }{
		"deep JSON":       {"/compat/gcm/send", fill("", "[", ""), "application/json"},
		"deep data":       {"/compat/gcm/send", fill(`{"to":"OLD-1","data":{"a":`, "[", ""), "application/json"},
		"many addresses":  {"/compat/gcm/send", fill(`{"registration_ids":["a"`, `,"b"`, `]}`), "application/json"},
		"many keys":       {"/compat/gcm/send", fill(`{"to":"OLD-1"`, `,"a":1`, `}`), "application/json"},
		"many data":       {"/compat/gcm/send", fill(`{"to":"OLD-1","data":{"b":""`, `,"a":{"b":[1]}`, `}}`), "application/json"},
		"conditions":      {"/compat/gcm/send", fill(`{"condition":"`, `(((((`, `"}`), "application/json"},
		"many unions":     {"/compat/gcm/send", fill(`{"condition":"`, `||`, `"}`), "application/json"},
		"many fields":     {"/compat/c2dm/send", fill("a=1", "&a=1", ""), form},
		"a long field":    {"/compat/c2dm/send", fill("registration_id=", "%B0%A1", ""), form},
		"gorush":          {"/api/push", fill(`{"notifications":[{}`, `,{}`, `]}`), "application/json"},
		"gorush's tokens": {"/api/push", fill(`{"notifications":[{"platform":2,"tokens":["a"`, `,"b"`, `]}]}`), "application/json"},
		"MPNS":            {channel, fill("", "<a>", ""), "text/xml"},
	} {
		h := newHouse(t)
		began := time.Now()
		w := h.post(c.path, c.body, "Content-Type", c.contentType, "X-WindowsPhone-Target", "toast")
		if took := time.Since(began); took > bounded {
			t.Errorf("%s took %s", name, took)
		} else {
			t.Logf("%s: %s, %d", name, took, w.Code)
		}
		if w.Code != 200 {
			h.none(name)
		}
	}
}

func TestChannelIsTheRestOfThePath(t *testing.T) {
	for path, want := range map[string]string{
		"/compat/mpns/abc":       "abc",
		"/compat/mpns/01.00/abc": "01.00/abc",
		"/compat/mpns/http%3A%2F%2Fdb3.notify.live.net%2Fthrottledthirdparty%2F01.00%2Fabc": "http://db3.notify.live.net/throttledthirdparty/01.00/abc",
	} {
		u, err := url.Parse(path)
		if err != nil || channelOf(u) != want {
			t.Errorf("%s: %q, %v", path, channelOf(u), err)
		}
	}
}
