package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
)

// What BenchmarkCalDAVAccounts watches.
const (
	calendarPeople  = 5000
	calendarObjects = 20 // of each person, in three collections
	calendarReader  = "watcher"
	calendarMinutes = 1 // of rest that are measured
)

// BenchmarkCalDAVAccounts measures what it costs to poll 5,000 CalDAV accounts each minute: the CPU time and the resident
// memory of a hub that runs on one core (GOMAXPROCS=1), against a server in memory, in this process. One run takes two
// minutes; docs/performance.md states the figures.
func BenchmarkCalDAVAccounts(b *testing.B) {
	for b.Loop() {
		measureCalendars(b)
	}
}

func measureCalendars(b *testing.B) {
	srv, err := caldavtest.New(caldavtest.Options{Reader: calendarReader, ReaderPassword: "pw"})
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	b.Setenv("GOMAXPROCS", "1")
	h := newHub(b, fast(b), "")
	h.start()
	var people bytes.Buffer
	people.WriteString("id,email\n")
	for i := range calendarPeople {
		login := fmt.Sprintf("user%04d@%s", i, domain)
		fmt.Fprintf(&people, "user%04d,%s\n", i, login)
		srv.AddUser(login, "own")
		for _, name := range []string{"work", "home", "tasks"} {
			srv.AddCollection(login, caldavtest.Collection{Name: name})
		}
		for n := range calendarObjects {
			srv.Put(login, []string{"work", "home", "tasks"}[n%3], fmt.Sprint(n, ".ics"), weekly(i, n))
		}
	}
	file := h.dir + "/people.csv"
	if err := os.WriteFile(file, people.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	h.allim("user", "import", file)
	h.stop()
	h.configure(fmt.Sprintf(`sources:
  - id: calendar
    kind: caldav
    url: %s
    auth: {method: proxy, user: %s, password: pw}
    home: /dav/calendars/{login}/
    accounts: {from: identities, kind: email, domain: %s}
    poll: 60s
    reminders: {default: 10m}
`, srv.URL(), calendarReader, domain))
	began := time.Now()
	h.start()
	pid := h.proc.cmd.Process.Pid
	until(b, 5*time.Minute, "every account to be seen", func() bool {
		return h.metric(`allim_accounts{source="calendar",state="polling"}`) == calendarPeople
	})
	first, firstCPU := time.Since(began), cpu(b, pid)
	<-time.After(20 * time.Second) // what was left of the first look is written down

	polls, cpuBefore, start := srv.Count("PROPFIND"), cpu(b, pid), time.Now()
	<-time.After(calendarMinutes * time.Minute)
	used, took, asked := cpu(b, pid)-cpuBefore, time.Since(start), srv.Count("PROPFIND")-polls
	b.Logf("first look at %d accounts with %d objects each: %s, %s of CPU", calendarPeople, calendarObjects, first.Round(time.Second), firstCPU)
	b.Logf("at rest: %d polls in %s, %s of CPU: %.1f %% of a core, %s a poll; %.1f MiB resident, %.1f MiB at most", asked,
		took.Round(time.Second), used, 100*used.Seconds()/took.Seconds(), used/time.Duration(max(asked, 1)), mib(status(b, pid, "VmRSS")), mib(status(b, pid, "VmHWM")))
	b.ReportMetric(100*used.Seconds()/took.Seconds(), "%core")
	b.ReportMetric(mib(status(b, pid, "VmRSS")), "MiB")
	b.ReportMetric(float64(asked)/took.Minutes(), "polls/min")
	if asked < calendarPeople*9/10 {
		b.Errorf("only %d polls of %d accounts in a minute", asked, calendarPeople)
	}
	h.stop()
}

// weekly is a meeting, each other one of a series.
func weekly(person, n int) string {
	rule := ""
	if n%2 == 0 {
		rule = "RRULE:FREQ=WEEKLY;BYDAY=MO,WE\r\n"
	}
	return fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%d-%d@example.com\r\nDTSTAMP:20261101T000000Z\r\n"+
		"SUMMARY:Meeting %d\r\nLOCATION:Room %d\r\nDTSTART;TZID=Asia/Seoul:202611%02dT%02d0000\r\nDURATION:PT1H\r\n%sORGANIZER:mailto:lee@example.org\r\n"+
		"ATTENDEE:mailto:user%04d@%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", person, n, n, n, 1+n, 9+n%8, rule, person, domain)
}

// cpu is the processor time that a process has used, to the hundredth of a second (proc(5): utime and stime, in USER_HZ).
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var ticks time.Duration
	for _, field := range strings.Fields(rest)[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}
