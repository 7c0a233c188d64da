package imap

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// The server of the memory test runs in a process of its own: this one, started again with this variable set to the
// number of its users.
const serverEnv = "ALLIM_IMAPTEST_USERS"

// serveUsers is that process: it serves until its standard input ends.
func serveUsers() error {
	n, err := strconv.Atoi(os.Getenv(serverEnv))
	if err != nil {
		return err
	}
	srv, err := imaptest.New(imaptest.Options{TLS: os.Getenv(serverEnv+"_TLS") != ""})
	if err != nil {
		return err
	}
	for i := range n {
		srv.AddUser(fmt.Sprint("user", i), "secret")
	}
	if ca := os.Getenv(serverEnv + "_TLS"); ca != "" {
		if err := os.WriteFile(ca, srv.CA(), 0o600); err != nil {
			return err
		}
	}
	fmt.Println(srv.Addr())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() { // each line is a user who gets a mail
		if _, err := srv.Deliver(in.Text(), letter("mail for "+in.Text()), imaptest.Delivery{}); err != nil {
			return err
		}
	}
	return srv.Close()
}

// otherServer starts that process.
func otherServer(t *testing.T, users int, ca string) (addr string, deliver func(login string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+strconv.Itoa(users), serverEnv+"_TLS="+ca)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it ends with its input; if not, it is killed
		time.AfterFunc(10*time.Second, cancel)
		_ = cmd.Wait() // killed or not, it is gone
		cancel()
	})
	addr, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(addr), func(login string) {
		if _, err := fmt.Fprintln(in, login); err != nil {
			t.Fatal(err)
		}
	}
}

// memory gives what the process holds after a collection: heap and stacks, and what the system counts as resident.
func memory(t *testing.T) (held, resident int64) {
	t.Helper()
	runtime.GC()
	runtime.GC() // the second one frees what finalizers held, and shrinks stacks
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(m.HeapAlloc + m.StackInuse), pages * int64(os.Getpagesize())
}

// TestMemoryPerAccount: what one watched, idle mailbox costs. The bound is the promise; the figures are logged.
func TestMemoryPerAccount(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("tls ", secure), func(t *testing.T) { measure(t, secure) })
	}
}

func measure(t *testing.T, secure bool) {
	const n = 1000
	ca := ""
	if secure {
		ca = t.TempDir() + "/ca.pem"
	}
	addr, deliver := otherServer(t, n, ca)
	var accounts []notify.Account
	for i := range n {
		accounts = append(accounts, mailbox(fmt.Sprint("user", i)))
	}
	watch := notifytest.NewWatch(accounts...)
	c, err := New(notifytest.ConnectorEnv("imap", notify.SystemClock{}, func(s *Settings) {
		s.Address, s.Security, s.CAFile = addr, securityNone, ca
		if secure {
			s.Security = securityTLS
		}
		s.LoginRate, s.MaxLoginRate = 5000, 5000
	}))
	if err != nil {
		t.Fatal(err)
	}
	before, residentBefore := memory(t)
	run := notifytest.StartConnector(c, watch)
	notifytest.Until(t, "all in IDLE", func() bool {
		for _, a := range accounts {
			if watch.Health(a.ID).State != notify.HealthWatching {
				return false
			}
		}
		return true
	})
	// Each has fetched a mail, so that nothing is measured before its first use.
	for _, a := range accounts {
		deliver(a.Login)
	}
	notifytest.Until(t, "all mails", func() bool { return len(watch.Events()) == n })
	goroutines := runtime.NumGoroutine()
	notifytest.Until(t, "rest", func() bool { goroutines = runtime.NumGoroutine(); return goroutines < n+50 })
	held, resident := memory(t)
	per := (held - before) / n
	t.Logf("%d accounts: %d bytes of heap and stack each, %d resident; %d goroutines (the watch's own part included)",
		n, per, (resident-residentBefore)/n, goroutines)
	if limit := int64(30 << 10); per > limit && !secure {
		t.Errorf("an idle account takes %d bytes, more than %d", per, limit)
	}
	if err := run.Stop(); err != nil {
		t.Error(err)
	}
}
