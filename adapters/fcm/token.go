package fcm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// When an access token is renewed.
const (
	renewAt      = 0.8              // of its life, while the old one is still good
	renewPause   = 30 * time.Second // after an early renewal that failed
	forcePause   = time.Minute      // between renewals because Google refused a token that should be good
	lastMoment   = 10 * time.Second // before its end a token is not sent any more
	defaultLife  = time.Hour        // of a token that does not say
	grantType    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	maxTokenBody = 64 << 10
)

// tokens gives the access token that all requests of an account share. One renewal is in flight at most, in a goroutine
// of its own, so that no caller's end breaks it off for the others.
type tokens struct {
	account *account
	clock   notify.Clock
	log     *slog.Logger
	trip    http.RoundTripper
	timeout time.Duration
	life    context.Context // ends with close
	end     context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex
	current  string
	madeAt   time.Time
	lasts    time.Duration
	pausedTo time.Time // no early renewal before
	forcedAt time.Time
	flight   *flight // nil: none
}

// flight is one renewal under way.
type flight struct {
	done  chan struct{} // closed when the rest is set
	token string
	err   error
}

func newTokens(a *account, trip http.RoundTripper, timeout time.Duration, clock notify.Clock) *tokens {
	t := &tokens{account: a, clock: clock, trip: trip, timeout: timeout}
	t.life, t.end = context.WithCancel(context.Background())
	return t
}

// get gives the token to send with. Errors: *tokenError, or the context's.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	now := t.clock.Now()
	age := now.Sub(t.madeAt)
	if t.current != "" && age > -time.Minute && age < t.lasts-lastMoment {
		token := t.current
		if age >= time.Duration(float64(t.lasts)*renewAt) && t.flight == nil && !now.Before(t.pausedTo) {
			t.renew()
		}
		t.mu.Unlock()
		return token, nil
	}
	if t.flight == nil {
		t.renew()
	}
	f := t.flight
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// refused tells that Google did not take a token. It gives true when another one may help: somebody renewed it already,
// or it is forgotten now. It is not forgotten twice in a minute: then something else is wrong.
func (t *tokens) refused(used string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	switch {
	case used != t.current:
		return true
	case !t.forcedAt.IsZero() && now.Sub(t.forcedAt).Abs() < forcePause:
		return false
	}
	t.forcedAt, t.current = now, ""
	return true
}

// renew begins a flight; t.mu is held.
func (t *tokens) renew() {
	f := &flight{done: make(chan struct{})}
	t.flight = f
	t.wg.Go(func() {
		defer close(f.done)
		ctx, cancel := context.WithTimeout(t.life, t.timeout)
		defer cancel()
		token, lasts, err := t.fetch(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		now := t.clock.Now()
		t.flight, f.token, f.err = nil, token, err
		if err == nil {
			t.current, t.madeAt, t.lasts = token, now, lasts
			return
		}
		t.pausedTo = now.Add(renewPause)
		if t.life.Err() == nil {
			t.log.Warn("no FCM access token", "account", t.account.email, "error", err)
		}
	})
}

// close ends the flight; nobody waits for one then.
func (t *tokens) close() {
	t.end()
	t.wg.Wait()
}

// tokenError is why there is no access token.
type tokenError struct {
	ours   bool   // our credentials or settings are wrong: a repeat does not help
	status int    // 0: no answer
	reason string // safe to show
	at     time.Time
}

// Error implements error.
func (e *tokenError) Error() string { return e.reason }

// fetch asks for a token (RFC 7523 section 2.1).
func (t *tokens) fetch(ctx context.Context) (string, time.Duration, error) {
	assertion, err := t.account.assertion(t.clock.Now())
	if err != nil {
		return "", 0, &tokenError{ours: true, reason: "no assertion can be signed with the key"}
	}
	form := url.Values{"grant_type": {grantType}, "assertion": {assertion}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.account.tokenURL.String(), strings.NewReader(form))
	if err != nil {
		return "", 0, &tokenError{ours: true, reason: "the token endpoint is not an address"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := t.trip.RoundTrip(req) // follows no redirect: an assertion is for this address alone
	if err != nil {
		return "", 0, &tokenError{reason: "access token: " + push.Reason(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil && resp.StatusCode == http.StatusOK {
		return "", 0, &tokenError{status: resp.StatusCode, reason: "access token: " + push.Reason(err)}
	}
	return readToken(resp, body, t.clock.Now())
}

// readToken reads the token endpoint's answer (RFC 6749 sections 5.1 and 5.2).
func readToken(resp *http.Response, body []byte, now time.Time) (string, time.Duration, error) {
	var said struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.Number     `json:"expires_in"`
		Error       json.RawMessage `json:"error"` // a word; an object where Google's front end answers
	}
	wellFormed := json.Unmarshal(body, &said) == nil
	if resp.StatusCode == http.StatusOK {
		if !wellFormed || said.AccessToken == "" || strings.ContainsAny(said.AccessToken, "\r\n \x00") ||
			said.TokenType != "" && !strings.EqualFold(said.TokenType, "Bearer") {
			return "", 0, &tokenError{status: resp.StatusCode, reason: "access token: the answer cannot be read"}
		}
		lasts := defaultLife
		if sec, err := said.ExpiresIn.Int64(); err == nil && sec > 0 {
			lasts = time.Duration(min(sec, 86400)) * time.Second
		}
		return said.AccessToken, lasts, nil
	}
	var word string
	if json.Unmarshal(said.Error, &word) != nil {
		word = ""
	}
	e := &tokenError{status: resp.StatusCode, reason: "access token: " + strconv.Itoa(resp.StatusCode)}
	if word = push.Word(word); word != "" {
		e.reason = "access token: " + word
	}
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests,
		resp.StatusCode == http.StatusRequestTimeout, word == "temporarily_unavailable", word == "internal_failure":
		e.at = push.RetryAfter(resp.Header.Get("Retry-After"), now)
	default: // invalid_grant: a revoked key, or a clock that is wrong
		e.ours = true
	}
	return "", 0, e
}

// tokenOutcome gives the hub's word for a token that cannot be had.
func tokenOutcome(err error) notify.Outcome {
	var e *tokenError
	if !errors.As(err, &e) {
		return notify.Outcome{Verdict: notify.Retry, Reason: push.Reason(err)}
	}
	o := notify.Outcome{Verdict: notify.Retry, WholeLane: true, At: e.at, Reason: e.reason, Status: e.status}
	if e.ours {
		o = notify.Outcome{Verdict: notify.Misconfigured, Reason: e.reason, Status: e.status}
	}
	return o
}
