package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// firefox is a headless Firefox that is steered by Marionette, its own protocol for tests
// (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html): every message is its length, a colon and
// a JSON array.
type firefox struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	id   int
}

// firefoxPrefs let it use a push service on loopback, grant the permission for notices, and keep it off every other
// network. Marionette's own recommended preferences would switch the push service off.
const firefoxPrefs = `
user_pref("marionette.port", %d);
user_pref("remote.prefs.recommended", false);
user_pref("dom.push.connection.enabled", true);
user_pref("dom.push.retryBaseInterval", 100);
user_pref("dom.push.serverURL", %q);
user_pref("dom.push.testing.allowInsecureServerURL", true);
user_pref("permissions.default.desktop-notification", 1);
user_pref("alerts.useSystemBackend", false);
user_pref("network.manage-offline-status", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9/");
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("termsofuse.acceptedVersion", 999);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.update.enabled", false);
user_pref("extensions.update.enabled", false);
`

// startFirefox starts one with a profile of its own; it ends with the test.
func startFirefox(t *testing.T, pushService string) *firefox {
	t.Helper()
	dir := t.TempDir()
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(dir, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), fmt.Appendf(nil, firefoxPrefs, n, pushService), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", profile, "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_HEADLESS=1")
	out := &output{}
	proc := spawn(t, out, cmd)
	t.Cleanup(func() {
		proc.signal(syscall.SIGKILL)
		<-proc.done
		if t.Failed() {
			t.Logf("Firefox wrote:\n%s", lastLines(out.String(), 30))
		}
	})
	f := &firefox{t: t}
	until(t, 2*time.Minute, "Firefox to listen", func() bool {
		if proc.ended() {
			t.Fatalf("Firefox ended: %v", proc.err)
		}
		f.conn, err = net.DialTimeout("tcp", addr, time.Second)
		return err == nil
	})
	t.Cleanup(func() { _ = f.conn.Close() })
	f.in = bufio.NewReader(f.conn)
	f.read() // its greeting
	f.call("WebDriver:NewSession", map[string]any{})
	f.call("WebDriver:SetTimeouts", map[string]any{"script": 60000, "pageLoad": 60000})
	return f
}

// read gives the next message.
func (f *firefox) read() []byte {
	f.t.Helper()
	_ = f.conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	size, err := f.in.ReadString(':')
	if err != nil {
		f.t.Fatalf("read from Firefox: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil {
		f.t.Fatalf("Firefox sent %q for a length", size)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(f.in, body); err != nil {
		f.t.Fatalf("read from Firefox: %v", err)
	}
	return body
}

// call makes a command, which must work, and gives its value.
func (f *firefox) call(command string, params map[string]any) json.RawMessage {
	f.t.Helper()
	value, refused := f.ask(command, params)
	if refused != "" {
		f.t.Fatalf("%s: %s", command, refused)
	}
	return value
}

// ask makes a command and gives its value, or why it was refused.
func (f *firefox) ask(command string, params map[string]any) (value json.RawMessage, refused string) {
	f.t.Helper()
	f.id++
	body, err := json.Marshal([]any{0, f.id, command, params})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(f.conn, "%d:%s", len(body), body); err != nil {
		f.t.Fatalf("write to Firefox: %v", err)
	}
	var answer []json.RawMessage
	if err := json.Unmarshal(f.read(), &answer); err != nil || len(answer) != 4 {
		f.t.Fatalf("%s: Firefox answered %s: %v", command, answer, err)
	}
	if string(answer[2]) != "null" {
		return nil, string(answer[2])
	}
	var result struct{ Value json.RawMessage }
	_ = json.Unmarshal(answer[3], &result)
	if result.Value == nil { // not every answer has one
		return answer[3], ""
	}
	return result.Value, ""
}

// open goes to a page.
func (f *firefox) open(url string) {
	f.t.Helper()
	f.call("WebDriver:Navigate", map[string]any{"url": url})
}

// click clicks on the one element that a CSS selector finds, as a person does.
func (f *firefox) click(selector string) {
	f.t.Helper()
	var element map[string]string
	found := f.call("WebDriver:FindElement", map[string]any{"using": "css selector", "value": selector})
	if err := json.Unmarshal(found, &element); err != nil {
		f.t.Fatal(err)
	}
	for _, id := range element {
		f.call("WebDriver:ElementClick", map[string]any{"id": id})
	}
}

// run runs the body of an async function in the page, and decodes what it returns.
func (f *firefox) run(into any, body string) {
	f.t.Helper()
	if refused := f.tryRun(into, body); refused != "" {
		f.t.Fatal(refused)
	}
}

// tryRun is run where the browser may be on its way to another page: then it gives why nothing was decoded.
func (f *firefox) tryRun(into any, body string) (refused string) {
	f.t.Helper()
	script := `const done = arguments[arguments.length - 1];
		(async () => {` + body + `})().then((v) => done(JSON.stringify(v)), (e) => done(JSON.stringify("error: " + e)));`
	got, refused := f.ask("WebDriver:ExecuteAsyncScript", map[string]any{"script": script, "args": []any{}})
	if refused != "" {
		return refused
	}
	var text string
	if err := json.Unmarshal(got, &text); err != nil || text == "" {
		return fmt.Sprintf("the page answered %s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		f.t.Fatalf("%s: %v", text, err)
	}
	return ""
}
