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

// acceptForEver is the child: it accepts from several goroutines and prints every id after it was answered.
func acceptForEver(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	if _, err := s.PutUser(ctx, notify.User{ID: "kim"}); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex // one line at a time
	for range 8 {
		go func() {
			for {
				n, _, err := s.Accept(ctx, notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: "x"},
					TTL: time.Hour}, nil, notify.Idempotency{})
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				fmt.Println(n.ID)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// TestKilled: what was answered is there after SIGKILL at any moment, and the file is whole.
func TestKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	var answered []string
	for range rounds {
		answered = append(answered, killed(t, dir, 1+rand.IntN(400))...)
	}
	s := openIn(t, dir)
	for _, id := range answered {
		if _, err := s.Notification(t.Context(), id); err != nil {
			t.Fatalf("answered, but lost: %v", err)
		}
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
		if len(lines.Text()) == 36 { // the last line may be torn
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
