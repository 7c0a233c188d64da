package simulate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trusting is a client that trusts the simulators' authority.
func trusting(t *testing.T, r *running) *http.Client {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.temp, "*", "ca.pem"))
	if err != nil || len(files) != 1 {
		t.Fatalf("found %v: %v", files, err)
	}
	pem, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
}

// TestWrongFaults: every mistake is named with its line, and then nothing is scripted.
func TestWrongFaults(t *testing.T) {
	r := run(t, Options{})
	for text, want := range map[string]string{
		"":            "faults: is required",
		"faults: []":  "line 1, column 1: faults: is required",
		"faults: [":   "not valid YAML",
		"fault: []":   `line 1, column 1: unknown key "fault"; did you mean "faults"?`,
		"faults: {}":  "must be a list",
		"{\"x\": \"y": "not valid YAML",
		"faults:\n  - platform: apns\n    stauts: 500\n":                                              `line 3, column 5: unknown key "stauts" in faults[0]; did you mean "status"?`,
		"faults:\n  - {platform: apns, status: 99}\n  - {platform: fcm}":                              "line 2, column 22: faults[0].status: must be 200 to 599\nline 3, column 5: faults[1]: does not say what goes wrong",
		"faults: [{platform: apns, times: 3}]":                                                        "does not say what goes wrong",
		"faults: [{platform: apns, delay: 5}]":                                                        "must be a duration",
		"faults: [{platform: apns, status: 503, retryAfter: soon}]":                                   "must be seconds, or an HTTP date",
		"faults: [{platform: apns, status: 503, retryAfter: -1}]":                                     "must be seconds, or an HTTP date",
		"faults: [{platform: apns, status: 503, retryAfter: 1, retryAfterIn: 1s}]":                    "retryAfterIn: stands beside retryAfter",
		"faults: [{platform: apns, drop: never}]":                                                     "faults[0].drop: must be before or after",
		"faults: [{platform: wns, reset: 7}]":                                                         "faults[0].reset: is not played",
		"faults: [{platform: webpush, goAway: {code: 1}}]":                                            "faults[0].goAway: is not played",
		"faults: [{platform: apns, login: true, status: 500}]":                                        "faults[0].login: apns has no login",
		"faults: [{platform: fcm, login: true, token: a, status: 500}]":                               "faults[0].token: a login is not for one device",
		"faults: [{platform: fcm, credential: b, token: a, status: 500}]":                             "faults[0].credential: stands beside token",
		"faults: [{platform: webhook, credential: b, status: 500}]":                                   "faults[0].credential: requests to webhook have none",
		"faults: [{platform: webhook, header: {X-Fault: a}}, {platform: gcm, status: 500}]":           "faults[1].platform: must be one of apns, fcm, wns, webpush, webhook",
		"faults: [{platform: webhook, status: 500}]\n---\nfaults: [{platform: webhook, status: 500}]": "a second document",
	} {
		if status, said := r.ask(http.MethodPost, "/faults", text); status != http.StatusBadRequest || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s, want %s", text, status, said, want)
		}
	}
	var hook struct{ Token string }
	r.want(http.MethodPost, "/webhook/hooks", "", &hook)
	if _, h := post(t, trusting(t, r), hook.Token); h.Get("X-Fault") != "" {
		t.Error("a refused list was scripted in part")
	}
}

func post(t *testing.T, client *http.Client, url string) (int, http.Header) {
	t.Helper()
	defer client.CloseIdleConnections()
	res, err := client.Post(url, "text/plain", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode, res.Header
}

// TestRetryAfter: in seconds, as a date as it stands, and as a date from now; from a file.
func TestRetryAfter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.yaml")
	text := `faults:
  - {platform: wns, login: true, status: 503, retryAfter: 30}
  - {platform: wns, login: true, status: 503, retryAfter: "Mon, 23 Nov 2026 09:00:00 GMT", times: 2}
  - {platform: wns, login: true, status: 503, retryAfterIn: 1h, header: {X-More: yes}}
`
	text = strings.ReplaceAll(text, "yes}", `"yes"}`)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, Options{Faults: file})
	_, login, _ := strings.Cut(r.out.String(), "token_endpoint: https://127.0.0.1")
	_, login, _ = strings.Cut(login, "token_endpoint: ")
	login, _, _ = strings.Cut(login, "\n")
	form := func() (int, http.Header) {
		client := trusting(t, r)
		defer client.CloseIdleConnections()
		res, err := client.PostForm(login, map[string][]string{"grant_type": {"client_credentials"},
			"client_id": {"66666666-7777-8888-9999-000000000000"}, "client_secret": {"simulated-secret"},
			"scope": {"https://wns.windows.com/.default"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode, res.Header
	}
	for _, want := range []string{"30", "Mon, 23 Nov 2026 09:00:00 GMT", "Mon, 23 Nov 2026 09:00:00 GMT"} {
		if status, h := form(); status != 503 || h.Get("Retry-After") != want {
			t.Errorf("answered %d, Retry-After %q, want %q", status, h.Get("Retry-After"), want)
		}
	}
	status, h := form()
	at, err := http.ParseTime(h.Get("Retry-After"))
	if left := time.Until(at); status != 503 || err != nil || left < 50*time.Minute || left > time.Hour || h.Get("X-More") != "yes" {
		t.Errorf("answered %d, %v: %v", status, h, err)
	}
	if status, _ := form(); status != http.StatusOK {
		t.Errorf("after the faults: %d", status)
	}
}

// TestLoginsOfFCM: without a credential they are those of the ready-made account.
func TestLoginsOfFCM(t *testing.T) {
	r := run(t, Options{})
	r.want(http.MethodPost, "/faults", "faults: [{platform: fcm, login: true, status: 503, reason: internal_failure}]", nil)
	_, endpoint, _ := strings.Cut(r.out.String(), "token_endpoint: ")
	endpoint, _, _ = strings.Cut(endpoint, "\n")
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"iss": "allim@allim-simulated.iam.gserviceaccount.com"}`))
	client := trusting(t, r)
	defer client.CloseIdleConnections()
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusBadRequest} { // the fault, then FCM's own word
		res, err := client.PostForm(endpoint, url.Values{"assertion": {"e30." + claims + ".e30"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("answered %d, want %d", res.StatusCode, want)
		}
	}
	if got := r.log("?platform=fcm").Entries; len(got) != 2 || got[0].Reason != "internal_failure" {
		t.Errorf("the log has %+v", got)
	}
}

// TestFaultsAreForgotten: those of a token, and those for everyone, each by itself; a token's come first.
func TestFaultsAreForgotten(t *testing.T) {
	r := run(t, Options{})
	var hook struct{ Token string }
	r.want(http.MethodPost, "/webhook/hooks", "", &hook)
	r.want(http.MethodPost, "/faults", `{"faults": [
	  {"platform": "webhook", "token": "`+hook.Token+`", "header": {"X-Fault": "own"}, "times": -1},
	  {"platform": "webhook", "header": {"X-Fault": "everyone's"}, "times": -1}]}`, nil)
	fault := func(want string) {
		t.Helper()
		if _, h := post(t, trusting(t, r), hook.Token); h.Get("X-Fault") != want {
			t.Errorf("the fault is %q, want %q", h.Get("X-Fault"), want)
		}
	}
	fault("own")
	r.want(http.MethodDelete, "/faults?platform=webhook&token="+url.QueryEscape(hook.Token), "", nil)
	fault("everyone's")
	r.want(http.MethodDelete, "/faults", "", nil)
	fault("")
	if status, _ := r.ask(http.MethodDelete, "/faults?platform=fax", ""); status != http.StatusBadRequest {
		t.Errorf("an unknown platform: %d", status)
	}
}
