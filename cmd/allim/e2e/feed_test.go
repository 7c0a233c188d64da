package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// noticeBoard is a web server with a feed and a calendar.
type noticeBoard struct {
	server *httptest.Server
	mu     sync.Mutex
	items  []string
	events []string
	broken bool
}

func newNoticeBoard(t testing.TB) *noticeBoard {
	b := &noticeBoard{items: []string{"An old notice"}}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

func (b *noticeBoard) url() string { return b.server.URL + "/notices.xml" }

// publish adds an item.
func (b *noticeBoard) publish(title string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append([]string{title}, b.items...)
}

// schedule sets the events of the calendar.
func (b *noticeBoard) schedule(events ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = events
}

// lock puts a login page before everything, or takes it away.
func (b *noticeBoard) lock(broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = broken
}

// ServeHTTP implements http.Handler.
func (b *noticeBoard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.broken:
		fmt.Fprint(w, "<!DOCTYPE html><html><body><form>Log in</form></body></html>")
	case r.URL.Path == "/calendar":
		fmt.Fprint(w, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"+strings.Join(b.events, "")+"END:VCALENDAR\r\n")
	default:
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Notice board</title>`)
		for _, title := range b.items {
			fmt.Fprintf(w, "<item><title>%s</title><link>https://www.example.com/%s</link></item>", title, strings.ReplaceAll(title, " ", "-"))
		}
		fmt.Fprint(w, "</channel></rss>")
	}
}

// allHands writes an event that reminds at a moment.
func allHands(title string, start, remind time.Time) string {
	return fmt.Sprintf("BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261101T000000Z\r\nSUMMARY:%s\r\nDTSTART:%s\r\nDURATION:PT1H\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"+
		"DESCRIPTION:x\r\nTRIGGER;VALUE=DATE-TIME:%s\r\nEND:VALARM\r\nEND:VEVENT\r\n", title, title, stamp(start), stamp(remind))
}

// TestFeedTellsItsTopic: notices and the reminders of a published calendar reach the phones of a topic's members, and of
// nobody else, once each, though the hub is killed between any two things. A login page in between changes nothing.
func TestFeedTellsItsTopic(t *testing.T) {
	t.Parallel()
	board := newNoticeBoard(t)
	kim, lee, choi := person{id: "kim", email: "kim@" + domain, phone: fmt.Sprintf("%064x", 1)},
		person{id: "lee", email: "lee@" + domain, phone: fmt.Sprintf("%064x", 2)}, person{id: "choi", email: "choi@" + domain, phone: fmt.Sprintf("%064x", 3)}
	w := &calendarWorld{world: &world{t: t, ledger: newLedger(0, 3), people: []person{kim, lee, choi}, byTok: map[string]int{kim.phone: 0, lee.phone: 1, choi.phone: 2}}}
	section := w.startAPNs(t.TempDir(), 0)
	sources := ""
	for id, path := range map[string]string{"notices": "/notices.xml", "dates": "/calendar"} {
		sources += fmt.Sprintf("  - {id: %s, kind: feed, topic: staff, poll: 1s, url: %q}\n", id, board.server.URL+path)
	}
	w.hub = newHub(t, checked(t), "apps:\n  - id: corp\n"+section+"sources:\n"+sources)
	w.hub.start()
	w.register()
	w.hub.allim("topic", "add", "staff", "kim", "lee")
	read := func(state string) {
		t.Helper()
		until(t, 2*time.Minute, "the feeds to be "+state, func() bool {
			return w.hub.metric(`allim_accounts{source="notices",state="`+state+`"}`)+w.hub.metric(`allim_accounts{source="dates",state="`+state+`"}`) == 2
		})
	}
	told := 0
	tells := func(text string) { // both members, once; then the hub is killed
		t.Helper()
		told += 2
		until(t, 2*time.Minute, text, func() bool { return len(w.pushes()) >= told })
		list := w.pushes()
		if len(list) != told || !strings.Contains(list[told-1], text) || !strings.Contains(list[told-2], text) {
			t.Fatalf("the phones show %q; want %q twice at the end", list, text)
		}
		w.hub.kill()
		w.hub.start()
		read("polling")
	}
	read("polling")
	board.publish("Fire drill")
	tells("Notice board: Fire drill")

	board.lock(true)
	read("backoff")
	until(t, time.Minute, "the health to be stored", func() bool { return strings.Contains(w.hub.allim("account", "list"), "login page") })
	board.lock(false)
	read("polling")
	board.publish("New canteen")
	tells("Notice board: New canteen")

	soon := time.Now().Truncate(time.Second).Add(6 * time.Second)
	board.schedule(allHands("All hands", soon.Add(time.Hour), soon))
	tells("All hands: New in your calendar")
	tells("All hands: ") // the reminder
	if list := w.pushes(); !strings.Contains(list[len(list)-1], "In 1 hour") {
		t.Errorf("the reminder says %q", list[len(list)-1])
	}
	later := time.Now().Truncate(time.Second).Add(5 * time.Second)
	board.schedule(allHands("All hands", soon.Add(2*time.Hour), later))
	tells("All hands: Moved to")
	tells("All hands: ")
	for _, e := range w.apns.Log().Entries() {
		if e.Key == choi.phone {
			t.Error("somebody who is no member was told")
		}
	}
}
