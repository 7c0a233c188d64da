package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify/notifytest/davserver"
	"allim.dev/allim/notify/notifytest/dovecot"
)

// TestDocs follows every page: what it says works.
func TestDocs(t *testing.T) {
	mail := dovecot.Start(t, dovecot.Options{})
	calendars := davserver.Radicale(t, "kim@"+domain)
	for _, page := range []string{"install", "mail", "calendar", "feeds", "push", "simulate", "api", "legacy-push", "legacy", "operations", "performance"} {
		t.Run(page, func(t *testing.T) {
			r := newReader(t, mail, calendars)
			for _, s := range readPage(t, filepath.Join(docsFolder, page+".md")) {
				r.follow(s)
			}
		})
	}
}

// reader follows a page in a folder of its own, with the page's addresses exchanged for those of the test.
type reader struct {
	t       *testing.T
	dir     string
	binary  string
	addr    string
	mail    *dovecot.Server
	apns    *sim.APNs
	real    *strings.Replacer
	hub     *process
	watcher *process
	sims    *process
	simAddr string
	seen    *output // what the watcher shows
	hubSays *output
	printed string // by the last command
	mails   int
	board   *noticeBoard
}

func newReader(t *testing.T, mail *dovecot.Server, calendars *davserver.Server) *reader {
	r := &reader{t: t, dir: t.TempDir(), binary: checked(t), addr: freeAddr(t), simAddr: freeAddr(t), mail: mail, hubSays: &output{}, board: newNoticeBoard(t)}
	var err error
	if r.apns, err = sim.NewAPNs(sim.APNsOptions{}); err != nil {
		t.Fatal(err)
	}
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		t.Fatal(err)
	}
	r.apns.AddKey(key)
	if _, err := key.File(r.dir); err != nil {
		t.Fatal(err)
	}
	apnsCA, err := r.apns.CAFile(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	r.real = strings.NewReplacer(
		"127.0.0.1:8080", r.addr, "127.0.0.1:8090", r.simAddr,
		"mail.example.com:993", mail.IMAPS, "https://www.example.com/notices.xml", r.board.url(), "poll: 5m", "poll: 1s",
		"https://dav.example.com/", calendars.URL, "poll: 60s", "poll: 1s",
		"security: tls                       # or starttls, usually on port 143\n    ca_file: \"\"", "security: tls\n    ca_file: "+mail.CAFile,
		"endpoint: \"\"                        # Apple's own\n      ca_file: \"\"", "endpoint: "+r.apns.URL()+"\n      ca_file: "+apnsCA,
		"-o allim ", "-o "+r.dir+"/allim ", "./allim ", r.dir+"/allim ",
		"/var/spool/erp", r.dir+"/spool", "/etc/allim/", r.dir+"/etc/", "/var/lib/allim", r.dir+"/var",
	)
	t.Cleanup(r.end)
	return r
}

func (r *reader) end() {
	for _, p := range []*process{r.watcher, r.hub, r.sims} {
		if p != nil {
			p.signal(syscall.SIGKILL)
			<-p.done
		}
	}
	if err := r.apns.Close(); err != nil {
		r.t.Error(err)
	}
	if r.t.Failed() {
		r.t.Logf("the end of what the hub wrote:\n%s", lastLines(r.hubSays.String(), 40))
	}
}

// follow does what one step says.
func (r *reader) follow(s step) {
	r.t.Helper()
	switch s.verb {
	case "sh":
		r.command(s)
	case "yaml":
		r.write(s)
	case "mail":
		to, subject, _ := strings.Cut(s.arg, " ")
		r.mails++
		_, port, _ := strings.Cut(r.addr, ":")
		letter := fmt.Sprintf("From: Lee <lee@example.org>\r\nSubject: %s\r\nMessage-ID: <%d.%s@example.org>\r\n\r\nHi\r\n",
			subject, r.mails, port)
		if err := r.mail.Deliver(r.t.Context(), to, []byte(letter)); err != nil {
			r.t.Fatalf("%s: %v", s.at, err)
		}
	case "watching":
		r.await(s, func() bool {
			h := hub{addr: r.addr, http: http.DefaultClient}
			return h.metric(`allim_accounts{source="mail",state="watching"}`) > 0 && strings.Contains(r.seen.String(), "event: ready")
		})
	case "read":
		r.await(s, func() bool {
			h := hub{addr: r.addr, http: http.DefaultClient}
			return h.metric(`allim_accounts{source="notices",state="polling"}`) > 0 && strings.Contains(r.seen.String(), "event: ready")
		})
	case "publish":
		r.board.publish(s.arg)
	case "polling":
		r.await(s, func() bool {
			h := hub{addr: r.addr, http: http.DefaultClient}
			return h.metric(`allim_accounts{source="calendar",state="polling"}`) > 0 && strings.Contains(r.seen.String(), "event: ready")
		})
	case "sees":
		r.await(s, func() bool { return strings.Contains(r.seen.String(), s.arg) })
	case "pushed":
		r.await(s, func() bool {
			return slices.ContainsFunc(r.apns.Log().Entries(), func(e sim.Entry) bool {
				return e.Accepted && bytes.Contains(e.Body, []byte(s.arg))
			})
		})
	case "prints":
		if !strings.Contains(r.printed, s.arg) {
			r.t.Errorf("%s: printed was %q, want %q in it", s.at, r.printed, s.arg)
		}
	case "go", "text", "js", "mermaid":
	default:
		r.t.Fatalf("%s: the test does not know %q", s.at, s.verb)
	}
}

func (r *reader) await(s step, cond func() bool) {
	r.t.Helper()
	r.t.Logf("%s: %s %s", s.at, s.verb, s.arg)
	until(r.t, 30*time.Second, s.at+": "+s.verb+" "+s.arg, cond)
}

// write puts a file of the page where the page says, and checks it.
func (r *reader) write(s step) {
	r.t.Helper()
	name, more := strings.CutSuffix(s.arg, " +")
	file := r.real.Replace(name)
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.dir, file)
	}
	text := []byte(r.real.Replace(s.text))
	if more {
		before, err := os.ReadFile(file)
		if err != nil {
			r.t.Fatalf("%s: %v", s.at, err)
		}
		text = append(before, text...)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		r.t.Fatalf("%s: %v", s.at, err)
	}
	check := "allim check -c " + file
	for _, m := range fromEnv.FindAllSubmatch(text, -1) {
		check = string(m[1]) + "=x " + check
	}
	r.run(s, check, r.dir)
}

// command does what a fence with commands says.
func (r *reader) command(s step) {
	r.t.Helper()
	r.t.Logf("%s: %s", s.at, s.arg)
	switch s.arg {
	case "runnable", "refused":
		r.run(s, s.text, r.dir)
		if isProblem := strings.Contains(r.printed, `"code":`); isProblem != (s.arg == "refused") {
			r.t.Fatalf("%s: the answer was %s", s.at, r.printed)
		}
	case "checkout":
		r.run(s, s.text, "../../..")
	case "as-root":
		r.run(s, "bash -n <<'END'\n"+s.text+"END\n", r.dir)
	case "serve":
		r.serve(s)
	case "stop":
		r.run(s, s.text, r.dir)
		r.ended(s)
	case "watch":
		if r.watcher != nil {
			r.watcher.signal(syscall.SIGKILL)
			<-r.watcher.done
		}
		r.seen = &output{}
		r.watcher = spawn(r.t, r.seen, r.bash(r.t.Context(), s.text, r.dir))
	case "simulate":
		r.sims = spawn(r.t, &output{}, r.bash(context.Background(), "exec "+s.text, r.dir))
		r.await(s, func() bool {
			res, err := http.Get("http://" + r.simAddr + "/log")
			if err == nil {
				_ = res.Body.Close()
			}
			return err == nil || r.sims.ended()
		})
	case "measure":
		checkMeasure(r.t, r.binary, s)
	default:
		r.t.Fatalf("%s: the test does not know sh %q", s.at, s.arg)
	}
}

// serve starts the hub, ending the one that runs, and waits until it is ready.
func (r *reader) serve(s step) {
	r.t.Helper()
	if r.hub != nil {
		r.hub.signal(syscall.SIGTERM)
		r.ended(s)
	}
	r.hub = spawn(r.t, r.hubSays, r.bash(context.Background(), "exec "+s.text, r.dir))
	r.await(s, func() bool {
		res, err := http.Get("http://" + r.addr + "/readyz")
		if err != nil {
			if r.hub.ended() {
				r.t.Fatalf("%s: the hub ended: %s", s.at, r.hubSays)
			}
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (r *reader) ended(s step) {
	r.t.Helper()
	r.await(s, r.hub.ended)
	if r.hub.err != nil {
		r.t.Errorf("%s: the hub ended with %v", s.at, r.hub.err)
	}
}

// run runs commands that must work; what they export lasts.
func (r *reader) run(s step, script, dir string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	var out, errText bytes.Buffer
	cmd := r.bash(ctx, script+"\nexport -p | grep -v 'PWD=' >"+r.state()+"\n", dir)
	cmd.Stdout, cmd.Stderr = &out, &errText
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("%s: %v\n%s\n%s%s", s.at, err, script, out.String(), errText.String())
	}
	r.printed = out.String()
	if r.printed != "" {
		r.t.Logf("it printed:\n%s", r.printed)
	}
}

func (r *reader) state() string { return filepath.Join(r.dir, ".exported") }

func (r *reader) bash(ctx context.Context, script, dir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", "[ ! -e "+r.state()+" ] || . "+r.state()+"\n"+r.real.Replace(script))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(r.binary)+":"+os.Getenv("PATH"), "ALLIM_URL=http://"+r.addr)
	if r.hub != nil {
		cmd.Env = append(cmd.Env, "HUB="+strconv.Itoa(r.hub.cmd.Process.Pid))
	}
	return cmd
}

var fromEnv = regexp.MustCompile(`env:(\w+)`)
