package caldav

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
)

// many fills kim's calendar with n meetings, 0.ics to n-1.ics.
func (r *rig) many(n int) {
	for i := range n {
		r.put(fmt.Sprint(i, ".ics"), meeting(fmt.Sprint("uid", i), fmt.Sprint("M", i), tomorrow(1).AddDate(0, 0, i)))
	}
}

// noted fails unless the account's health has a note with all the words.
func (r *rig) noted(words ...string) {
	r.t.Helper()
	for _, n := range r.health().Notes {
		all := true
		for _, w := range words {
			all = all && strings.Contains(n, w)
		}
		if all {
			return
		}
	}
	r.t.Errorf("no note with %q in %q", words, r.health().Notes)
}

// TestBadObjects is case 35: one object that is missing, broken, or oddly tagged costs only itself. It is named with its
// address, and taken when it gets good.
func TestBadObjects(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.well()
	r.put("good.ics", meeting("good", "Good", tomorrow(1)))
	r.put("bad.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nnothing")
	r.put("html.ics", "<html>not a calendar</html>")
	r.put("bom.ics", "\ufeff"+meeting("bom", "Bom", tomorrow(1)))
	r.put("weak.ics", meeting("weak", "Weak", tomorrow(1)))
	r.put("control.ics", meeting("control", "Con\x01trol", tomorrow(1)))
	r.put("missing.ics", meeting("missing", "Missing", tomorrow(1)))
	r.srv.Inject(caldavtest.Fault{Body: "calendar-multiget", Times: 1, Edit: func(b []byte) []byte {
		// One without its data, one with a weak etag in one place.
		s := string(b)
		i := strings.Index(s, "missing.ics")
		from, to := strings.Index(s[i:], "<D:propstat>")+i, strings.Index(s[i:], "</D:propstat>")+i
		s = s[:from] + "<D:status>HTTP/1.1 404 Not Found</D:status>" + s[to+len("</D:propstat>"):]
		i = strings.Index(s, "weak.ics")
		return []byte(s[:i] + strings.Replace(s[i:], `<D:getetag>"`, `<D:getetag>W/"`, 1))
	}})
	r.poll()
	r.expect("calendar.created Bom", "calendar.created Con trol", "calendar.created Good", "calendar.created Missing", "calendar.created Weak")
	r.noted("/work/bad.ics", "cannot be read")
	r.noted("/work/html.ics", "cannot be read")
	gets := r.srv.Count("GET")
	r.poll()
	r.poll()
	if r.srv.Count("GET") != gets || r.srv.Count("REPORT calendar-multiget") != 1 {
		t.Error("what was set aside is asked for at every poll")
	}
	r.stop()
	r.well()
	r.noted("/work/bad.ics", "cannot be read") // over a restart
	r.put("bad.ics", meeting("bad", "Repaired", tomorrow(1)))
	r.poll()
	if got := r.told()[len(r.told())-1]; got != "calendar.created Repaired" {
		t.Errorf("told of %q", got)
	}
	for _, n := range r.health().Notes {
		if strings.Contains(n, "bad.ics") {
			t.Errorf("it is good now: %s", n)
		}
	}
}

// TestBadFromTheStart: what was bad at the first look is no news when it gets good.
func TestBadFromTheStart(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("bad.ics", "BEGIN:VCALENDAR\r\n")
	r.well()
	r.noted("/work/bad.ics")
	r.put("bad.ics", "BEGIN:VCALENDAR\r\nstill bad")
	r.poll()
	r.put("bad.ics", meeting("bad", "Repaired", tomorrow(1)))
	r.poll()
	r.expect()
	if o := r.stored()["bad.ics"]; o.Bad != "" || o.content() == nil {
		t.Errorf("stored %+v", o)
	}
}

// TestAllBad is case 36: when nothing can be read any more, nothing is deleted and nobody is told of anything.
func TestAllBad(t *testing.T) {
	for name, o := range servers {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, o)
			r.many(4)
			r.well()
			for i := range 4 {
				r.put(fmt.Sprint(i, ".ics"), "oops")
			}
			r.poll()
			r.poll()
			r.expect()
			for name, o := range r.stored() {
				if o.content() == nil || o.Bad == "" {
					t.Errorf("%s: the last good content is gone", name)
				}
			}
		})
	}
}

// TestEmptyAnswers is the other half: empty, foreign and broken listings delete nothing, however often they come.
func TestEmptyAnswers(t *testing.T) {
	const begin, end = `<D:multistatus xmlns:D="DAV:">`, `</D:multistatus>`
	for name, reply := range map[string]string{
		"empty 207": begin + end, "token only": begin + `<D:sync-token>http://caldavtest/sync/0/99</D:sync-token>` + end,
		"cut": begin + `<D:response><D:href>/dav/calendars/` + kim + `/work/</D:href>`, "other": begin + `<D:response><D:href>/</D:href></D:response>` + end,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, caldavtest.Options{NoSync: true})
			r.many(4)
			r.well()
			r.put("new.ics", meeting("new", "New", tomorrow(200))) // so that it looks
			r.srv.Inject(caldavtest.Fault{Method: "PROPFIND", Path: "/work/", Reply: reply})
			for range 5 {
				r.tick(10 * time.Minute)
			}
			r.tick(25 * time.Hour)
			r.expect()
			if len(r.stored()) != 4 {
				t.Errorf("stored: %s", r.names())
			}
			r.srv.Heal()
			r.tick(15 * time.Minute)
			r.expect("calendar.created New")
		})
	}
}

// TestFewVanish: what a listing does not have is gone when the next one has it neither, and not before.
func TestFewVanish(t *testing.T) {
	r := newRig(t, caldavtest.Options{NoSync: true})
	r.many(10)
	r.well()
	r.srv.Delete(kim, "work", "3.ics")
	r.poll()
	if len(r.stored()) != 10 {
		t.Errorf("believed at once: %s", r.names())
	}
	r.stop() // the count is kept over a restart
	r.well()
	r.idle()
	if len(r.stored()) != 9 {
		t.Errorf("stored: %s", r.names())
	}
}

// TestManyVanish: a third of a calendar that goes at once is held for a day, flagged, and then taken silently; when it
// comes back before, nothing happened.
func TestManyVanish(t *testing.T) {
	for name, o := range servers {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, o)
			r.many(20)
			r.well()
			for i := range 8 {
				r.srv.Delete(kim, "work", fmt.Sprint(i, ".ics"))
			}
			r.poll()
			r.poll()
			r.poll()
			r.expect()
			if len(r.stored()) != 20 {
				t.Errorf("stored: %s", r.names())
			}
			r.noted("/work/ (held)", "vanished at once")
			r.put("0.ics", meeting("uid0", "M0", tomorrow(1))) // some come back
			r.poll()
			r.expect()
			r.tick(25 * time.Hour)
			r.expect()
			if len(r.stored()) != 13 {
				t.Errorf("a day later: %s", r.names())
			}
			if len(r.health().Notes) > 0 {
				t.Errorf("notes %q", r.health().Notes)
			}
		})
	}
}

// TestLastOneGoes: an empty calendar is possible, when the server says it twice and of the object itself, too.
func TestLastOneGoes(t *testing.T) {
	for name, o := range servers {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, o)
			r.many(1)
			r.well()
			r.srv.Delete(kim, "work", "0.ics")
			r.poll()
			r.poll()
			if len(r.stored()) != 0 {
				t.Errorf("stored: %s", r.names())
			}
		})
	}
}

// TestHostileObjects is case 37: they are refused in no time, and the others are told.
func TestHostileObjects(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.well()
	r.put("1.ics", meeting("1", "One", tomorrow(1), "X;A=b", `X;A="b"c:1`))
	r.put("2.ics", meeting("2", "Two", tomorrow(1), "X-BIG;P="+strings.Repeat("a", 1<<20)+":x"))
	r.put("3.ics", strings.Repeat("BEGIN:VEVENT\r\n", 100_000))
	r.put("4.ics", meeting("4", "Four", tomorrow(1)))
	r.poll()
	r.expect("calendar.created Four")
	for _, name := range []string{"1", "2", "3"} {
		r.noted("/work/"+name+".ics", "cannot be read")
	}
}

// TestMultigetRefused: a server that cannot do it at all, or breaks at one object, is asked for each.
func TestMultigetRefused(t *testing.T) {
	for _, status := range []int{403, 404, 405, 500, 501} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			r := newRig(t, caldavtest.Options{})
			r.well()
			r.many(3)
			r.srv.Inject(caldavtest.Fault{Body: "calendar-multiget", Status: status})
			r.srv.Inject(caldavtest.Fault{Method: "GET", Path: "/1.ics", Status: 500, Times: 1})
			r.poll()
			r.expect("calendar.created M0", "calendar.created M2")
			r.noted("/work/1.ics", "500")
			r.tick(25 * time.Hour)
			r.expect("calendar.created M0", "calendar.created M1", "calendar.created M2")
		})
	}
}

// TestMovedBetweenCalendars: a meeting that the person drags to another calendar is no news, nor is a copy.
func TestMovedBetweenCalendars(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "home"})
	r.many(2)
	r.well()
	r.srv.Put(kim, "home", "0.ics", meeting("uid0", "M0", tomorrow(1)))
	r.srv.Delete(kim, "work", "0.ics")
	r.poll()
	r.srv.Put(kim, "home", "1.ics", meeting("uid1", "M1", tomorrow(1).AddDate(0, 0, 1))) // a copy
	r.poll()
	r.expect()
	r.srv.Delete(kim, "work", "1.ics") // and the first goes
	r.poll()
	r.expect()
	if r.names() != "0.ics 1.ics" {
		t.Errorf("stored: %s", r.names())
	}
}

// TestCutListing: what a listing that breaks off did not come to is not gone, however often it breaks off.
func TestCutListing(t *testing.T) {
	r := newRig(t, caldavtest.Options{NoSync: true})
	r.many(10)
	r.well()
	r.srv.Inject(caldavtest.Fault{Method: "PROPFIND", Path: "/work/", Edit: func(b []byte) []byte {
		return b[:strings.Index(string(b), "7.ics")]
	}})
	for i := range 4 {
		r.put("0.ics", meeting("uid0", "M0", tomorrow(i+2))) // so that it looks
		r.poll()
	}
	if len(r.stored()) != 10 {
		t.Errorf("stored: %s", r.names())
	}
}
