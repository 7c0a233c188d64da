package apns

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"allim.dev/allim/notify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRenderGolden(t *testing.T) {
	zero := 0
	full := notify.Content{Title: "Kim Minji", Subtitle: "Budget", Body: "Can you look at this before noon?",
		URL: "https://mail.example.com/m/1?a=1&b=2", Image: "https://mail.example.com/p.png", Sound: "default",
		Data: map[string]string{"folder": "INBOX", "account": "a1"}, Thread: "budget", Category: "MAIL"}
	mail := notify.Notification{Seq: 1, ID: "01900000-0000-7000-8000-000000000001", Event: "01900000-0000-7000-8000-0000000000e1",
		Template: string(notify.MailReceived), Priority: notify.PriorityHigh,
		Params:  map[string]string{"fromName": "김민지", "subject": "예산안", "from": "kim@example.com"},
		Content: notify.Content{URL: "https://mail.example.com/m/1", Sound: "default", Thread: "inbox"}}
	with := func(c notify.Content, change func(*notify.Notification)) notify.Notification {
		n := notify.Notification{Seq: 1, ID: "01900000-0000-7000-8000-000000000001", Content: c, Priority: notify.PriorityNormal}
		if change != nil {
			change(&n)
		}
		return n
	}
	for name, test := range map[string]struct {
		n notify.Notification
		v notify.Variant
	}{
		"full":         {n: with(full, nil)},
		"body-only":    {n: with(notify.Content{Body: "The server room is at 31 °C"}, nil)},
		"badge-zero":   {n: with(notify.Content{Title: "All read", Badge: &zero}, nil)},
		"high":         {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.Priority = notify.PriorityHigh })},
		"low":          {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.Priority = notify.PriorityLow })},
		"urgent":       {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.Urgent = true })},
		"silent":       {n: with(full, func(n *notify.Notification) { n.Silent, n.Priority = true, notify.PriorityHigh })},
		"collapse":     {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.CollapseKey = "room-31" })},
		"collapse-64":  {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.CollapseKey = strings.Repeat("k", 64) })},
		"collapse-65":  {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.CollapseKey = strings.Repeat("k", 65) })},
		"collapse-ko":  {n: with(notify.Content{Title: "t"}, func(n *notify.Notification) { n.CollapseKey = "서버실" })},
		"mail-en":      {n: mail, v: notify.Variant{Locale: "en-GB"}},
		"mail-ko":      {n: mail, v: notify.Variant{Locale: "ko-KR"}},
		"mail-sender":  {n: mail, v: notify.Variant{Locale: "ko", Privacy: notify.PrivacySender}},
		"mail-none":    {n: mail, v: notify.Variant{Locale: "ko", Privacy: notify.PrivacyNone}},
		"full-privacy": {n: with(full, nil), v: notify.Variant{Privacy: notify.PrivacyNone}},
		"data-clash":   {n: with(notify.Content{Title: "t", Data: map[string]string{"aps": "x", "link": "y"}, URL: "https://e.example/"}, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Adapter{config: Config{Topic: testTopic}}
			p, err := a.Render(test.n, test.v)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, h := range p.Header {
				fmt.Fprintf(&got, "%s: %s\n", h.Name, h.Value)
			}
			got.WriteByte('\n')
			if err := json.Indent(&got, p.Body, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
			}
		})
	}
}

func TestLongPayloadsAreCut(t *testing.T) {
	a := &Adapter{config: Config{Topic: testTopic}}
	for name, unit := range map[string]string{"ascii": "abcdefghi ", "korean": "가나다라 ", "family": "👨‍👩‍👧‍👦", "escaped": "<&>\"\x01"} {
		c := notify.Content{Title: "Kim", Body: strings.Repeat(unit, 16<<10/len(unit)), URL: "https://e.example/1",
			Data: map[string]string{"id": "7"}}
		p, err := a.Render(notify.Notification{ID: "n", Content: c}, notify.Variant{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got struct {
			Aps struct {
				Alert struct{ Title, Body string }
			}
			ID, Link string
		}
		if err := json.Unmarshal(p.Body, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body := got.Aps.Alert.Body
		if len(p.Body) > maxPayload || len(p.Body) < maxPayload-6*len(unit)-20 {
			t.Errorf("%s: %d bytes, want nearly %d", name, len(p.Body), maxPayload)
		}
		if !utf8.ValidString(body) || !strings.HasSuffix(body, "…") || !strings.HasPrefix(c.Body, strings.TrimSuffix(body, "…")) {
			t.Errorf("%s: the body is not a cut of what was given: …%q", name, body[len(body)-20:])
		}
		if name == "family" && strings.ReplaceAll(body, unit, "") != "…" {
			t.Error("a family was torn apart")
		}
		if got.Aps.Alert.Title != "Kim" || got.ID != "7" || got.Link != c.URL {
			t.Errorf("%s: lost more than the end of the body: %+v", name, got)
		}
	}
}

func TestDataThatDoesNotFitIsLeftOut(t *testing.T) {
	a := &Adapter{config: Config{Topic: testTopic}}
	for _, silent := range []bool{false, true} {
		n := notify.Notification{ID: "n", Silent: silent, Content: notify.Content{Title: "Kim", Body: "hello",
			Data: map[string]string{"blob": strings.Repeat("x", 5000)}}}
		p, err := a.Render(n, notify.Variant{})
		if err != nil || strings.Contains(string(p.Body), "blob") || len(p.Body) > maxPayload {
			t.Errorf("silent %v: %d bytes, %v", silent, len(p.Body), err)
		}
	}
}

func TestURLThatDoesNotFitIsAnError(t *testing.T) {
	a := &Adapter{config: Config{Topic: testTopic}}
	n := notify.Notification{ID: "n", Content: notify.Content{Title: "Kim", URL: "https://e.example/" + strings.Repeat("x", 5000)}}
	if _, err := a.Render(n, notify.Variant{}); notify.CodeOf(err) != notify.CodeTooLarge {
		t.Errorf("%v, want %s", err, notify.CodeTooLarge)
	}
}

// Each device gets its own delivery's id; a sender cannot put another one in its place.
func TestDeliveryIsFilledIn(t *testing.T) {
	a := &Adapter{config: Config{Topic: testTopic}}
	for _, silent := range []bool{false, true} {
		p, err := a.Render(notify.Notification{ID: "n", Silent: silent, Content: notify.Content{Title: deliverySlot,
			Data: map[string]string{"a": deliverySlot, "delivery": "forged", "x": noDelivery}}}, notify.Variant{})
		if err != nil {
			t.Fatal(err)
		}
		before := string(p.Body)
		for _, id := range []string{notify.DeliveryID(7, 8), notify.DeliveryID(7, 9)} {
			r := a.request(notify.Delivery{ID: id, Payload: p}, time.Now())
			var got struct {
				Delivery, A, X string
			}
			if err := json.Unmarshal(r.body, &got); err != nil || got.Delivery != id || got.A != deliverySlot || got.X != noDelivery {
				t.Errorf("silent %v: %s: %v", silent, r.body, err)
			}
		}
		if string(p.Body) != before {
			t.Error("the shared payload was changed")
		}
	}
}
