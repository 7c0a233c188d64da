package live

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"allim.dev/allim/notify"
)

// Limits of a long poll. The default wait stays below the usual 30 s of clients and 60 s of proxies.
const (
	defaultWait  = 25 // seconds
	maxWait      = 55
	defaultLimit = 100
	maxLimit     = 1000
)

// pollAnswer has the form of GET /v1/me/inbox: the items after the asked cursor, and where to go on. Resync: forget what
// you have; it is of another log or too old, and the items start at the oldest that is kept.
type pollAnswer struct {
	Items  []item `json:"items"`
	Next   string `json:"next"`
	Resync bool   `json:"resync"`
}

// pollQuery is what a poll asks for.
type pollQuery struct {
	user  string
	asked bool // it names a cursor
	wait  time.Duration
	limit int
}

// servePoll answers as soon as there is something after the cursor, or with no items when the wait is over. The cursor is
// the acknowledgement: the same one again gives the same items. Without a cursor it tells at once where the log ends.
//
// Where the connection can be taken over (takeover_poll.go), the handler ends when the poll has to wait.
func (l *Live) servePoll(w http.ResponseWriter, r *http.Request, user string) {
	q := pollQuery{user: user}
	var err error
	if q.wait, q.limit, err = pollParams(r.URL.Query()); err != nil {
		l.refuse(w, err)
		return
	}
	leave, err := l.open.enter(user, transportPoll)
	if err != nil {
		l.refuse(w, err)
		return
	}
	_, q.asked, _ = startCursor(r) // what is wrong with it the first look says
	if l.mayTakeOverPoll(w, r) {
		l.takeOverPoll(w, r, q, leave)
		return
	}
	defer leave()
	ctx := r.Context()
	f, st, err := l.start(ctx, r, user, q.limit)
	if err != nil {
		l.refuse(w, err)
		return
	}
	defer f.close()
	if q.asked {
		st, err = l.await(ctx, f, st, q.wait)
	}
	switch {
	case ctx.Err() != nil: // the client left
	case err != nil:
		l.refuse(w, err)
	default:
		l.answer(w, http.StatusOK, "application/json", answerOf(st, f.at))
	}
}

// pollParams reads wait (seconds) and limit (items).
func pollParams(q url.Values) (wait time.Duration, limit int, err error) {
	bad := &notify.Error{Code: notify.CodeInvalid, Detail: "the poll's parameters are not valid"}
	number := func(name string, fallback, min, max int) int {
		s := q.Get(name)
		if s == "" {
			return fallback
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < min || n > max {
			bad.Fields = append(bad.Fields, notify.FieldError{Path: name,
				Message: "must be " + strconv.Itoa(min) + " to " + strconv.Itoa(max)})
		}
		return n
	}
	wait = time.Duration(number("wait", defaultWait, 0, maxWait)) * time.Second
	limit = number("limit", defaultLimit, 1, maxLimit)
	if bad.Fields != nil {
		return 0, 0, bad
	}
	return wait, limit, nil
}

// await waits until there is something to tell, the wait is over, or the hub stops.
func (l *Live) await(ctx context.Context, f *follower, st stretch, wait time.Duration) (stretch, error) {
	timer := l.clock.NewTimer(wait)
	defer timer.Stop()
	for len(st.items) == 0 && !st.resync {
		select {
		case <-ctx.Done():
			return st, ctx.Err()
		case <-l.open.draining:
			return st, nil
		case <-timer.C():
			return st, nil
		case <-f.sub.C():
		}
		var err error
		if st, err = f.next(ctx); err != nil {
			return st, err
		}
	}
	return st, nil
}

// answer writes one whole JSON document.
func (l *Live) answer(w http.ResponseWriter, status int, mediaType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		l.log.Error("encode a live answer", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	// A writer without deadlines can serve a poll: the answer is one small write. Real time: see sse.tryWrite.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(l.writeTimeout))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		l.log.Debug("live answer not written", "error", err)
	}
}
