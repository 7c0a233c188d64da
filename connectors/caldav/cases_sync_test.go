package caldav

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// servers are the ways in which servers tell of changes.
var servers = map[string]caldavtest.Options{
	"sync and ctag": {}, "sync only": {NoCTag: true}, "ctag only": {NoSync: true}, "etags only": {NoSync: true, NoCTag: true},
}

// TestChangesOnEveryServer: new, changed and deleted objects are seen however the server tells of them, once each.
func TestChangesOnEveryServer(t *testing.T) {
	for name, o := range servers {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, o)
			r.put("a.ics", meeting("a", "A", tomorrow(1)))
			r.put("b.ics", meeting("b", "B", tomorrow(1)))
			r.well()
			r.put("c.ics", meeting("c", "C", tomorrow(2)))
			r.poll()
			r.expect("calendar.created C")
			r.srv.Delete(kim, "work", "b.ics")
			r.poll()
			r.poll() // a listing is believed when it says so twice
			r.poll()
			if got := r.names(); got != "a.ics c.ics" {
				t.Errorf("stored: %s", got)
			}
			if len(r.watch.Events()) > 2 {
				t.Errorf("told of %q", r.told())
			}
		})
	}
}

// TestInvalidToken is case 33: whatever a server answers to a token that it does not know any more, all etags are compared,
// nobody is told of what did not change, and what changed meanwhile is found.
func TestInvalidToken(t *testing.T) {
	for _, status := range []int{400, 403, 409, 410, 412, 415, 500, 507} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			r := newRig(t, caldavtest.Options{})
			for i := range 9 {
				r.put(fmt.Sprint(i, ".ics"), meeting(fmt.Sprint(i), fmt.Sprint("Meeting ", i), tomorrow(i)))
			}
			r.well()
			r.put("new.ics", meeting("new", "New", tomorrow(2)))
			r.srv.Inject(caldavtest.Fault{Body: "sync-collection", Times: 1, Status: status, Reply: `<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`})
			r.poll()
			r.expect("calendar.created New")
			syncs := r.srv.Count("REPORT sync-collection")
			r.put("newer.ics", meeting("newer", "Newer", tomorrow(3)))
			r.poll()
			r.expect("calendar.created New", "calendar.created Newer")
			if r.srv.Count("REPORT sync-collection") != syncs+1 {
				t.Error("the new token was not used")
			}
			if h := r.health(); h.LastError != "" {
				t.Errorf("a refused token is no trouble of the account: %+v", h)
			}
		})
	}
}

// TestForgottenToken is the same with a server that lost its log, and one whose tokens never work.
func TestForgottenToken(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	r.well()
	r.srv.Forget(kim, "work")
	r.srv.Delete(kim, "work", "a.ics")
	r.put("b.ics", meeting("b", "B", tomorrow(1)))
	r.poll()
	r.expect("calendar.created B")
	r.srv.Inject(caldavtest.Fault{Body: "sync-collection", Status: 403})
	for i := range 4 {
		r.put(fmt.Sprint(i, ".ics"), meeting(fmt.Sprint("n", i), fmt.Sprint("N", i), tomorrow(i)))
		r.poll()
	}
	if n := r.srv.Count("REPORT sync-collection"); n > 3 {
		t.Errorf("%d tries with tokens that never work", n)
	}
	if got := len(r.watch.Events()); got < 5 {
		t.Errorf("told of %q", r.told())
	}
}

// TestResetToken: a token that begins anew, or is empty, is not taken; nothing is missed.
func TestResetToken(t *testing.T) {
	for name, edit := range map[string]func([]byte) []byte{
		"zero":  caldavtest.Replace("http://caldavtest/sync/0/3</D:sync-token>", "0</D:sync-token>"),
		"older": caldavtest.Replace("sync/0/3</D:sync-token>", "sync/0/1</D:sync-token>"),
		"none":  caldavtest.Replace("<D:sync-token>http://caldavtest/sync/0/3</D:sync-token>", ""),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, caldavtest.Options{})
			r.put("a.ics", meeting("a", "A", tomorrow(1)))
			r.put("b.ics", meeting("b", "B", tomorrow(1)))
			r.well()
			remove := r.srv.Inject(caldavtest.Fault{Body: "sync-collection", Edit: edit})
			r.put("c.ics", meeting("c", "C", tomorrow(1)))
			r.poll()
			remove()
			r.expect("calendar.created C")
			r.put("d.ics", meeting("d", "D", tomorrow(1)))
			r.poll()
			r.expect("calendar.created C", "calendar.created D")
		})
	}
}

// TestTruncatedSync is case 34: an answer cut short with 507 is asked on to its end before the token moves; a crash on the
// way loses and repeats nothing.
func TestTruncatedSync(t *testing.T) {
	r := newRig(t, caldavtest.Options{Page: 2})
	r.well()
	var want []string
	for i := range 7 {
		r.put(fmt.Sprint(i, ".ics"), meeting(fmt.Sprint(i), fmt.Sprint("M", i), tomorrow(i)))
		want = append(want, fmt.Sprint("calendar.created M", i))
	}
	remove := r.srv.Inject(caldavtest.Fault{Body: "sync/0/4<", Drop: true})
	r.poll()
	if len(r.watch.Events()) != 0 {
		t.Errorf("told of %q before the end", r.told())
	}
	remove()
	syncs := r.srv.Count("REPORT sync-collection")
	r.tick(10 * time.Minute)
	r.expect(want...)
	if n := r.srv.Count("REPORT sync-collection") - syncs; n != 4 {
		t.Errorf("%d syncs of 7 changes in pages of 2, want 4", n)
	}
}

// TestEndlessSync: a server that says 507 for ever does not keep the hub for ever.
func TestEndlessSync(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.well()
	r.srv.Inject(caldavtest.Fault{Body: "sync-collection", Edit: func(b []byte) []byte {
		more := "<D:response><D:href>/dav/calendars/" + kim + "/work/</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status></D:response><D:sync-token>"
		return []byte(strings.Replace(string(b), "<D:sync-token>", more, 1))
	}})
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	r.poll()
	r.expect("calendar.created A")
}

// TestSilentRewrite is case 39: another etag with the same content is no news.
func TestSilentRewrite(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	r.well()
	r.srv.Touch(kim, "work", "a.ics")
	r.poll()
	r.expect()
	if r.stored()["a.ics"].ETag == "" {
		t.Error("no etag")
	}
}

// TestDailyTruth: what a sync token hid is found by the daily listing.
func TestDailyTruth(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	r.well()
	remove := r.srv.Inject(caldavtest.Fault{Body: "sync-collection", Edit: func(b []byte) []byte {
		s := string(b)
		return []byte(s[:strings.Index(s, "<D:response>")] + s[strings.Index(s, "<D:sync-token>"):])
	}})
	r.put("b.ics", meeting("b", "B", tomorrow(200)))
	r.poll()
	r.expect()
	remove()
	r.tick(25 * time.Hour)
	r.expect("calendar.created B")
}

// TestSuite is what every connector must do.
func TestSuite(t *testing.T) {
	notifytest.ConnectorSuite(t, func(t *testing.T) notifytest.ConnectorSetup {
		r := newRig(t, caldavtest.Options{})
		return notifytest.ConnectorSetup{
			New: func(t *testing.T) notify.Connector {
				c, err := New(notifytest.ConnectorEnv("caldav", notify.SystemClock{}, func(s *Settings) {
					s.URL, s.Poll, s.Timeout = r.srv.URL(), time.Second, 20*time.Second
				}))
				if err != nil {
					t.Fatal(err)
				}
				return c
			},
			Accounts: []notify.Account{home(kim)},
			Happen: func(_ *testing.T, n int) {
				r.put(fmt.Sprint(n, ".ics"), meeting(fmt.Sprint("uid", n), fmt.Sprint("Meeting ", n), time.Now().Add(48*time.Hour)))
			},
			Break: func(*testing.T) { r.srv.Stop() },
			Mend: func(t *testing.T) {
				if err := r.srv.Start(); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

// TestRefusedStatuses: answers that are no multistatus cost a round, not the state.
func TestRefusedStatuses(t *testing.T) {
	for _, f := range []caldavtest.Fault{
		{Method: "PROPFIND", Path: "/" + kim + "/", Status: 200, Reply: "<html>Please log in</html>"},
		{Method: "PROPFIND", Path: "/" + kim + "/", Status: 404},
		{Method: "PROPFIND", Path: "/" + kim + "/", Status: 403},
		{Method: "PROPFIND", Path: "/" + kim + "/", Status: 500},
		{Method: "PROPFIND", Path: "/" + kim + "/", Status: 207, Reply: "garbage"},
		{Method: "PROPFIND", Path: "/" + kim + "/", Cut: 400},
		{Method: "PROPFIND", Drop: true},
	} {
		t.Run(fmt.Sprint(f.Status, f.Reply, f.Cut, f.Drop), func(t *testing.T) {
			r := newRig(t, caldavtest.Options{})
			r.put("a.ics", meeting("a", "A", tomorrow(1)))
			r.well()
			remove := r.srv.Inject(f)
			for range 4 {
				r.tick(10 * time.Minute)
			}
			if r.names() != "a.ics" {
				t.Errorf("stored: %s", r.names())
			}
			if h := r.health(); f.Status != 207 && f.Cut == 0 && h.LastError == "" {
				t.Errorf("no word of it: %+v", h)
			}
			remove()
			r.put("b.ics", meeting("b", "B", tomorrow(2)))
			r.tick(15 * time.Minute)
			r.expect("calendar.created B")
			if h := r.health(); h.State != notify.HealthPolling {
				t.Errorf("health %+v", h)
			}
			if r.srv.Count("PROPFIND") > 30 && f.Status == http.StatusInternalServerError {
				t.Error("a broken server was asked again and again")
			}
		})
	}
}
