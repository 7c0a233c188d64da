package sim

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"testing"
)

func TestLogKeepsTheLastAndCountsAll(t *testing.T) {
	l := NewLog(3)
	for i := range 7 {
		l.Add(Entry{ID: strconv.Itoa(i % 5), Accepted: true})
	}
	l.Add(Entry{Reason: "BadDeviceToken"})
	l.Add(Entry{Status: 500})
	got := l.Since(7)
	if len(got) != 2 || got[0].N != 8 || got[1].N != 9 {
		t.Errorf("Since(7) = %+v, want numbers 8 and 9", got)
	}
	if all := l.Entries(); len(all) != 3 || all[0].N != 7 || !all[0].Duplicate {
		t.Errorf("Entries() = %+v, want 7 to 9, the first a duplicate", all)
	}
	c := l.Counts()
	if c.Requests != 9 || c.Accepted != 5 || c.Duplicates != 2 || c.Refused["BadDeviceToken"] != 1 || c.Refused["500"] != 1 {
		t.Errorf("counts = %+v", c)
	}
}

func TestLogOverHTTP(t *testing.T) {
	l := NewLog(0)
	l.Add(Entry{Path: "/a", Body: Bytes("text"), Accepted: true})
	l.Add(Entry{Path: "/b", Body: Bytes{0xff}, Accepted: true})
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest("GET", "/log?since=1", nil))
	var got struct {
		Counts  Counts
		Entries []struct{ Path, Body string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Entries) != 1 || got.Entries[0].Body != "base64:/w==" || got.Counts.Accepted != 2 {
		t.Errorf("got %+v", got)
	}
	w = httptest.NewRecorder()
	if l.ServeHTTP(w, httptest.NewRequest("GET", "/log?since=x", nil)); w.Code != 400 {
		t.Errorf("a wrong since answers %d, want 400", w.Code)
	}
}

func TestFaultsAreTakenInOrder(t *testing.T) {
	var f faults
	if got := f.take("a"); got.Status != 0 {
		t.Errorf("a fault without a script: %+v", got)
	}
	f.script("a", Fault{Status: 500, Times: 2}, Fault{Status: 410})
	f.script(Everyone, Fault{Status: 503, Times: -1})
	for i, want := range []int{500, 500, 410, 503, 503} {
		if got := f.take("a").Status; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	f.clear(Everyone)
	if got := f.take("a").Status; got != 0 {
		t.Errorf("after clear: %d", got)
	}
}
