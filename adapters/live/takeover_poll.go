package live

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"allim.dev/allim/notify"
)

// A poll that has to wait is taken over before anything was answered. Its answer is written whole, and then the connection
// waits, still without a goroutine or a buffer, for the client's next request, with which it goes back to the server: to
// http.Server it is a new connection that has something to say.

// pollIdle is how long a client may take for its next request, as with the server's own connections.
const pollIdle = 2 * time.Minute

// polling is what a taken over poll has besides a stream's.
type polling struct {
	head     string // fields of the answer that others have set
	sent     []byte // what the client sent behind its request
	more     bool   // it has sent something
	close    bool   // the connection ends with the answer
	answered bool
	until    int64 // with answered: when it is let go, in nanoseconds since 1970
}

// ownFields are those of an answer that are not others' to set.
var ownFields = map[string]bool{"Content-Type": true, "Content-Length": true, "Cache-Control": true, "Date": true, "Retry-After": true,
	"Connection": true, "Transfer-Encoding": true}

// pollName is the encoder of polls: what they are called.
type pollName struct{ sse }

func (pollName) name() string { return transportPoll }

// mayTakeOverPoll tells whether a poll's connection can be taken over and serve another request later.
func (l *Live) mayTakeOverPoll(w http.ResponseWriter, r *http.Request) bool {
	return r.Method == http.MethodGet && r.ContentLength == 0 && len(r.TransferEncoding) == 0 && l.mayTakeOver(w, r)
}

// takeOverPoll answers a poll at once, when there is something to answer, or has it wait.
func (l *Live) takeOverPoll(w http.ResponseWriter, r *http.Request, q pollQuery, leave func()) {
	p, err := l.park(r, pollName{}, q.user, q.limit, leave)
	if err != nil {
		l.refuse(w, err)
		return
	}
	if first := *p.first; !q.asked || q.wait == 0 || len(first.items) > 0 || first.resync {
		p.unpark() // before the answer is out: the next poll must not find this one in its place
		l.answer(w, http.StatusOK, "application/json", answerOf(first, p.f.at))
		return
	}
	p.first = nil
	var head bytes.Buffer
	_ = w.Header().WriteSubset(&head, ownFields) // to memory
	p.poll = &polling{head: head.String(), close: r.Close}
	if err := p.seize(http.NewResponseController(w), nil); err != nil {
		l.log.Debug("a poll's connection could not be taken over", "user", q.user, "error", err)
		p.unpark()
		return
	}
	if l.stopping() {
		p.todo.Or(todoStop)
	}
	p.engine.table.set(p, l.clock.Now().Add(q.wait))
	p.engine.pool.push(p) // it was held until now
}

// answerOf makes an answer of what was found.
func answerOf(st stretch, next notify.Cursor) pollAnswer {
	a := pollAnswer{Items: st.items, Next: next.String(), Resync: st.resync}
	if a.Items == nil {
		a.Items = []item{}
	}
	return a
}

// actPoll is act for a poll.
func (p *parked) actPoll(things uint32, d *desk) error {
	w := p.poll
	if things&todoGone != 0 {
		return errLeft
	}
	w.more = w.more || things&todoRead != 0
	if things&todoWrite != 0 {
		if err := p.flush(d); err != nil {
			return err
		}
	}
	switch {
	case things&todoSlow != 0 && p.rest != nil:
		return errSlow
	case w.answered && (things&todoStop != 0 || p.live.clock.Now().UnixNano() >= w.until): // nothing more was asked
		return errTold
	case !w.answered:
		if err := p.lookForPoll(things, d); err != nil {
			return err
		}
	}
	switch {
	case !w.answered || p.rest != nil:
		return nil
	case w.close:
		return errTold
	case w.more:
		p.giveBack()
	}
	return nil
}

// lookForPoll answers when there is something, or when the wait is over.
func (p *parked) lookForPoll(things uint32, d *desk) error {
	st, err := p.nextForPoll(things)
	switch {
	case err != nil:
		status, retry, problem := p.live.problemOf(statusOf(notify.CodeOf(err)), err)
		return p.answer(status, retry, "application/problem+json", problem, d)
	case len(st.items) > 0 || st.resync || things&(todoBeat|todoStop) != 0:
		return p.answer(http.StatusOK, "", "application/json", answerOf(st, p.f.at), d)
	}
	return nil
}

// nextForPoll gives what is new: what is for everybody from what all share, else by a look of its own.
func (p *parked) nextForPoll(things uint32) (stretch, error) {
	switch {
	case things&(todoOwn|todoAll) == 0:
		return stretch{}, nil
	case things&todoOwn == 0 && p.engine.tail.log != nil:
		if st, ok := p.sharedForPoll(); ok {
			return st, nil
		}
	}
	return p.f.next(context.Background())
}

func (p *parked) sharedForPoll() (st stretch, ok bool) {
	t := p.engine.tail
	if t.refresh(context.Background(), p.woken.Load()) != nil {
		return st, false // a look of its own says what is wrong
	}
	items, next, ok := t.behind(p.f.user, p.f.at)
	if !ok || len(items) > p.f.limit {
		return st, false
	}
	now := p.live.clock.Now()
	for _, i := range items {
		if now.Before(i.Notification.ExpiresAt) {
			st.items = append(st.items, newItem(i.InboxItem, next.Epoch, p.f.reader.variant(i.Notification)))
		}
	}
	p.f.at = next
	return st, true
}

// answer writes the whole answer, and ends the wait. retry is the Retry-After; empty: none.
func (p *parked) answer(status int, retry, mediaType string, v any, d *desk) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w := p.poll
	w.close = w.close || p.live.stopping() || !p.live.back.taken()
	b := &d.out
	b.Reset()
	b.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n" + w.head)
	b.WriteString("Content-Type: " + mediaType + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nCache-Control: no-store\r\n")
	b.WriteString("Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n") // the world's time, as the server writes it
	if retry != "" {
		b.WriteString("Retry-After: " + retry + "\r\n")
	}
	if w.close {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	w.answered, w.head = true, ""
	until := p.live.clock.Now().Add(pollIdle)
	w.until = until.UnixNano()
	p.engine.table.set(p, until)
	p.unpark() // before the answer is out, as above
	return p.write(b.Bytes(), d)
}

// giveBack gives the connection to the server, which reads the next request.
func (p *parked) giveBack() {
	p.over = true
	p.engine.table.remove(p)
	p.engine.poller.remove(p)
	p.live.back.give(p.conn, p.poll.sent)
}
