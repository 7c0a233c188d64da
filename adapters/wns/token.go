package wns

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Lives of a token and of a refusal.
const (
	tokenLife    = 24 * time.Hour // where the login does not say; Microsoft's tokens last a day
	minTokenLife = time.Minute
	// tokenPause: a token that is younger than this and refused is not at fault; another one would be refused too.
	tokenPause = time.Minute
	// loginPause: after a failed login nobody tries again for so long, so that a batch makes one login and not 256.
	loginPause   = 5 * time.Second
	loginTimeout = 20 * time.Second
)

// token is an access token of one app. It is taken from 80 % of its life on while another one is being fetched.
type token struct {
	value          string
	made           time.Time
	renew, expires time.Time
}

// holds tells whether the token may be used. One from the future is of a clock that was turned back since.
func (t token) holds(now time.Time) bool {
	return t.value != "" && now.Before(t.expires) && !now.Before(t.made.Add(-time.Minute))
}

// tokens keeps the app's access token. One login is under way at a time, whoever waits for it; nobody waits while the
// present token still holds.
type tokens struct {
	clock notify.Clock
	ask   func(context.Context) (token, *notify.Outcome)

	mu       sync.Mutex
	current  token
	flight   chan struct{} // closed when the login under way ended; nil: none is
	failed   *notify.Outcome
	failedAt time.Time
	forcedAt time.Time
}

// get gives the token to send with. bad is what becomes of a delivery when there is none.
func (t *tokens) get(ctx context.Context) (value string, bad *notify.Outcome) {
	for {
		t.mu.Lock()
		now := t.clock.Now()
		holds := t.current.holds(now)
		recent := t.failed != nil && now.Sub(t.failedAt).Abs() < loginPause
		switch {
		case holds && (now.Before(t.current.renew) || t.flight != nil || recent):
			defer t.mu.Unlock()
			return t.current.value, nil
		case t.flight != nil:
			flight := t.flight
			t.mu.Unlock()
			select {
			case <-flight:
			case <-ctx.Done():
				return "", &stopped
			}
		case recent:
			defer t.mu.Unlock()
			o := *t.failed
			return "", &o
		default:
			bad := t.fetch(ctx, now) // unlocks
			if bad != nil && !holds {
				return "", bad
			}
		}
		if ctx.Err() != nil {
			return "", &stopped
		}
	}
}

// fresh makes a login in any case: a check of the credentials.
func (t *tokens) fresh(ctx context.Context) (string, *notify.Outcome) {
	got, bad := t.ask(ctx)
	return got.value, bad
}

// refused tells that WNS did not take the token used. It gives true when a send with the present token may help: because
// somebody renewed it already, or because this one is dropped now, so that the next get makes a new one.
func (t *tokens) refused(used string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	switch {
	case t.current.value != used:
		return true
	case !t.forcedAt.IsZero() && now.Sub(t.forcedAt).Abs() < tokenPause:
		return false
	}
	t.current, t.forcedAt = token{}, now
	return true
}

// fetch makes a login while others wait for it; t.mu is held and given back.
func (t *tokens) fetch(ctx context.Context, now time.Time) *notify.Outcome {
	flight := make(chan struct{})
	t.flight = flight
	t.mu.Unlock()
	got, bad := t.ask(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flight = nil
	close(flight)
	switch {
	case bad == nil:
		t.current, t.failed = got, nil
	case ctx.Err() != nil: // the caller's own end, not the login's failure: the next one tries
		return &stopped
	default:
		t.failed, t.failedAt = bad, now
	}
	return bad
}

// stopped is what becomes of deliveries when their context ends.
var stopped = notify.Outcome{Verdict: notify.Retry, Reason: "stopped"}

// login makes one request for a token (RFC 6749 section 4.4).
func (a *Adapter) login(ctx context.Context) (token, *notify.Outcome) {
	address, form := a.cfg.login()
	ctx, cancel := context.WithTimeout(ctx, min(loginTimeout, a.cfg.Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, &notify.Outcome{Verdict: notify.Misconfigured, Reason: "the token_endpoint is not an address"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	reply, err := a.own.Do(req)
	if err != nil {
		return token{}, &notify.Outcome{Verdict: notify.Retry, WholeLane: true, Reason: "the login: " + push.Reason(err)}
	}
	now := a.clock.Now()
	if reply.Status != http.StatusOK {
		return token{}, loginRefused(reply, now)
	}
	got, ok := readToken(reply.Body, now)
	if !ok {
		return token{}, &notify.Outcome{Verdict: notify.Retry, WholeLane: true, Status: reply.Status,
			Reason: "the login's answer holds no token"}
	}
	return got, nil
}

// readToken reads a token's JSON (RFC 6749 section 5.1). expires_in comes as a number, as a string, or not at all.
func readToken(body []byte, now time.Time) (token, bool) {
	var answer struct {
		AccessToken string          `json:"access_token"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
	}
	err := json.Unmarshal(body, &answer)
	if err != nil || answer.AccessToken == "" || strings.ContainsFunc(answer.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return token{}, false
	}
	life := tokenLife
	sec, err := strconv.ParseFloat(strings.Trim(string(answer.ExpiresIn), `" `), 64)
	if err == nil && sec >= 0 {
		life = max(time.Duration(min(sec, tokenLife.Seconds()))*time.Second, minTokenLife)
	}
	return token{value: answer.AccessToken, made: now, renew: now.Add(life * 4 / 5), expires: now.Add(life)}, true
}

// aadsts is Entra ID's number for an error, such as AADSTS7000222 (the secret has expired).
var aadsts = regexp.MustCompile(`AADSTS[0-9]{4,8}`)

const secretExpired = "AADSTS7000222"

// loginRefused judges an error (RFC 6749 section 5.2). Only the server's own trouble is worth a repeat; everything else
// is about our credentials or settings.
func loginRefused(r push.Reply, now time.Time) *notify.Outcome {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(r.Body, &said) // no JSON: the status is all there is
	reason := strings.TrimSpace(strconv.Itoa(r.Status) + " " + push.Word(said.Error))
	number := aadsts.FindString(said.Description)
	if number != "" {
		reason += " " + number
	}
	o := &notify.Outcome{Verdict: notify.Misconfigured, Status: r.Status, Reason: "the login was refused: " + reason}
	switch {
	case number == secretExpired:
		o.Reason += " (the client secret has expired)"
	case r.Status >= 500, r.Status == http.StatusTooManyRequests, r.Status == http.StatusRequestTimeout,
		said.Error == "temporarily_unavailable", said.Error == "server_error":
		o.Verdict, o.WholeLane = notify.Retry, true
		o.At = push.RetryAfter(r.Header.Get("Retry-After"), now)
		o.Reason = "the login: " + reason
	}
	return o
}
