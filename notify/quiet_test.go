package notify

import (
	"testing"
	"time"
)

func TestQuietHours(t *testing.T) {
	seoul, berlin := location("Asia/Seoul"), location("Europe/Berlin")
	night := Quiet{From: "22:00", To: "07:00"}
	at := func(l *time.Location, month time.Month, d, h, m int) time.Time {
		return time.Date(2026, month, d, h, m, 0, 0, l)
	}
	for _, c := range []struct {
		name string
		q    Quiet
		zone string
		now  time.Time
		end  time.Time // zero: not quiet
	}{
		{"before", night, "Asia/Seoul", at(seoul, 11, 24, 21, 59), time.Time{}},
		{"begins", night, "Asia/Seoul", at(seoul, 11, 24, 22, 0), at(seoul, 11, 25, 7, 0)},
		{"after midnight", night, "Asia/Seoul", at(seoul, 11, 25, 0, 30), at(seoul, 11, 25, 7, 0)},
		{"ends", night, "Asia/Seoul", at(seoul, 11, 25, 7, 0), time.Time{}},
		{"another zone", night, "Europe/Berlin", at(seoul, 11, 25, 0, 30), time.Time{}},
		{"its own zone", Quiet{From: "22:00", To: "07:00", Zone: "Asia/Seoul"}, "Europe/Berlin", at(seoul, 11, 25, 0, 30), at(seoul, 11, 25, 7, 0)},
		{"within a day", Quiet{From: "12:00", To: "13:00"}, "Asia/Seoul", at(seoul, 11, 25, 12, 30), at(seoul, 11, 25, 13, 0)},
		{"the whole day", Quiet{From: "00:00", To: "00:00", Days: []string{"sat"}}, "Asia/Seoul", at(seoul, 11, 28, 12, 0), at(seoul, 11, 29, 0, 0)},
		{"not on this day", Quiet{From: "00:00", To: "00:00", Days: []string{"sat"}}, "Asia/Seoul", at(seoul, 11, 29, 12, 0), time.Time{}},
		{"began on the day before", Quiet{From: "22:00", To: "07:00", Days: []string{"fri"}}, "Asia/Seoul", at(seoul, 11, 28, 3, 0), at(seoul, 11, 28, 7, 0)},
		{"an hour longer in the night of the change", night, "Europe/Berlin", at(berlin, 10, 24, 23, 0), at(berlin, 10, 25, 7, 0)},
		{"none", Quiet{}, "Asia/Seoul", at(seoul, 11, 25, 0, 30), time.Time{}},
		{"unknown zone", night, "Nowhere/Land", at(time.UTC, 11, 25, 23, 0), at(time.UTC, 11, 26, 7, 0)},
	} {
		end, quiet := c.q.until(c.now, c.zone)
		if quiet == c.end.IsZero() || !end.Equal(c.end) {
			t.Errorf("%s: until %v (%v), want %v", c.name, end, quiet, c.end)
		}
	}
}

func TestPreferencesNameEveryBadField(t *testing.T) {
	err := Preferences{Choices: []Choice{{Say: "loud"}}, Quiet: Quiet{From: "25:00", To: "7", Days: []string{"someday"}, Zone: "Nowhere"},
		Bundle: -1, LiveFirst: 9999, Privacy: "some", Language: "x!", Rule: "("}.Validate()
	got := map[string]bool{}
	for _, f := range err.(*Error).Fields {
		got[f.Path] = true
	}
	for _, path := range []string{"choices[0].say", "quiet.from", "quiet.to", "quiet.days[0]", "quiet.zone", "bundle", "liveFirst", "privacy", "language", "rule"} {
		if !got[path] {
			t.Errorf("nothing is said of %s: %v", path, err)
		}
	}
	if err := (Preferences{Quiet: Quiet{From: "22:00", To: "07:00"}, Rule: `lower(mail.from) endsWith "@x.kr" && hour < 9 ? "urgent" : ""`}).Validate(); err != nil {
		t.Error(err)
	}
}
