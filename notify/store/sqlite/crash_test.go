package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

const crashDir = "ALLIM_TEST_CRASH_DIR"

// acceptForEver is the child: several goroutines accept and settle, and print every id after it was accepted, and once
// more, with a +, after it was settled.
func acceptForEver(dir string) {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	s, err := Open(ctx, Options{Dir: dir})
	check(err)
	_, err = s.PutUser(ctx, notify.User{ID: "kim"})
	check(err)
	_, _, err = s.PutDevice(ctx, notify.Device{User: "kim", App: "corp", Platform: notify.APNs, Token: "00ff"})
	check(err)
	epoch, err := s.Lease(ctx, "lane/"+phone().String(), "child", time.Hour, time.Now())
	check(err)
	var mu sync.Mutex // one line at a time
	tell := func(line string, err error) {
		mu.Lock()
		defer mu.Unlock()
		check(err)
		fmt.Println(line)
	}
	for range 8 {
		go func() {
			for {
				n, _, err := s.Accept(ctx, notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: "x"},
					TTL: time.Hour}, []notify.Lane{phone()}, notify.Idempotency{})
				tell(n.ID, err)
				tell(n.ID+"+", s.Advance(ctx, []notify.Progress{smooth(n, epoch)})[0])
			}
		}()
	}
	select {}
}

// smooth is the progress of a notification to one device that the platform has taken.
func smooth(n notify.Notification, epoch notify.Epoch) notify.Progress {
	w, d := n.Fresh[0].Walk, n.Fresh[0].Targets[0].Device
	now := time.Now()
	return notify.Progress{Walk: w.ID, Lane: w.Lane, Epoch: epoch, Position: w.Last, Done: true, Counts: notify.Counts{Accepted: 1},
		Rows: []notify.DeliveryRow{{ID: notify.DeliveryID(n.Seq, d.Key), Walk: w.ID, Notification: n.ID, Device: d.ID, DeviceKey: d.Key, User: d.User,
			Lane: w.Lane, State: notify.DeliveryAccepted, Attempt: 1, CreatedAt: now, UpdatedAt: now}}}
}

// TestKilled: what was answered is there after SIGKILL at any moment, as it was answered, and the file is whole.
func TestKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	var answered []string
	for range rounds {
		answered = append(answered, killed(t, dir, 20+rand.IntN(400))...)
	}
	s := openIn(t, dir)
	settled := 0
	for _, line := range answered {
		id, done := strings.CutSuffix(line, "+")
		n, err := s.Notification(t.Context(), id)
		if err != nil {
			t.Fatalf("answered, but lost: %v", err)
		}
		if n.Counts.Targeted != 1 || len(n.To.Users) != 1 {
			t.Fatalf("accepted, but reads as %+v", n)
		}
		if !done {
			continue
		}
		settled++
		if rows, err := s.Deliveries(t.Context(), id, "", notify.Page{}); err != nil || n.State != notify.StateDone || n.Counts.Accepted != 1 ||
			len(rows) != 1 || rows[0].State != notify.DeliveryAccepted {
			t.Fatalf("settled, but reads as %+v with %+v, %v", n, rows, err)
		}
	}
	if settled == 0 {
		t.Error("nothing was settled")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkIntegrity(t, dir)
	t.Logf("%d answers survived %d kills", len(answered), rounds)
}

// killed runs a child until it has printed some ids, kills it while it works, and gives all that it printed.
func killed(t *testing.T, dir string, after int) (ids []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "error") {
			t.Fatal(lines.Text())
		}
		if n := len(lines.Text()); n == 36 || n == 37 { // the last line may be torn
			ids = append(ids, lines.Text())
		}
		if len(ids) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(ids) < after {
		t.Fatalf("the child ended by itself after %d answers: %v", len(ids), err)
	}
	return ids
}

func checkIntegrity(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "allim.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity_check: %s, %v", verdict, err)
	}
	rows, err := db.Query(`PRAGMA foreign_key_check`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if rows.Next() {
		t.Fatal("foreign_key_check has found something")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
