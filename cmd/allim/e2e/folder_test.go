package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify/api/wire"
)

// TestDropFolder: files are dropped in while the hub is killed again and again; each is posted exactly once and moved, and
// what is wrong lies in failed/ with its reason.
func TestDropFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drop")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h := newHub(t, checked(t), strings.Replace(contractMapping, `idempotency: "{{.no}}"`, "", 1)+
		fmt.Sprintf("sources:\n  - {id: drop, kind: folder, path: %s, mapping: erp, poll: 100ms, settle: 300ms, pattern: \"*.xml\"}\n", dir))
	h.start()
	h.must(http.MethodPut, "/v1/users/kim", wire.UserInput{Identities: []wire.Identity{{Kind: "employee", Value: "E1001"}}}, nil)
	const files, kills = 120, 4
	order := func(owner string, n int) string {
		return fmt.Sprintf("<o:Order xmlns:o='urn:erp:order' no='%d'><o:Owner id='%s'/><o:Amount>2000000</o:Amount></o:Order>", n, owner)
	}
	drop := func(name, text string) {
		t.Helper()
		temp := filepath.Join(dir, name+".tmp")
		if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	doneFiles := func() int {
		entries, err := os.ReadDir(filepath.Join(dir, "done"))
		if err != nil {
			return 0
		}
		return len(entries)
	}
	n := 0
	for range kills {
		for range files / kills {
			drop(fmt.Sprintf("%d.xml", n), order("E1001", n))
			n++
		}
		before := doneFiles()
		until(t, time.Minute, "some files to be done", func() bool { return doneFiles() > before })
		h.kill() // most likely among the rest
		h.start()
	}
	drop("bad.xml", order("E9999", 1))
	drop("broken.xml", "<o:Order")
	until(t, time.Minute, "all files to be dealt with", func() bool {
		entries, err := os.ReadDir(filepath.Join(dir, "failed"))
		return err == nil && doneFiles() == files && len(entries) == 4
	})
	seen := map[string]int{}
	cursor := ""
	for {
		var list wire.NotificationList
		h.must(http.MethodGet, "/v1/notifications?limit=100"+cursor, nil, &list)
		for _, one := range list.Notifications {
			seen[one.Title]++
		}
		if list.Next == "" {
			break
		}
		cursor = "&cursor=" + list.Next
	}
	for i := range files {
		if title := fmt.Sprintf("주문 %d 승인", i); seen[title] != 1 {
			t.Errorf("%s was accepted %d times", title, seen[title])
		}
	}
	if len(seen) != files {
		t.Errorf("%d different notifications, want %d", len(seen), files)
	}
	reason, err := os.ReadFile(filepath.Join(dir, "failed", "bad.xml.error.txt"))
	if err != nil || !strings.Contains(string(reason), "unknown-identity") || !strings.Contains(string(reason), "match[0].to.identities[0]") {
		t.Errorf("%v %s", err, reason)
	}
	var sources wire.SourceList
	h.must(http.MethodGet, "/v1/sources", nil, &sources)
	if s := sources.Sources[0]; s.Health.State != "polling" || !strings.Contains(s.Health.LastError, ".xml") {
		t.Errorf("%+v", s)
	}
	if got := h.metric(`allim_documents_total{mapping="erp",outcome="unknown-identity"}`); got != 1 {
		t.Error("counted", got)
	}
}
