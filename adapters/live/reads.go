package live

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"allim.dev/allim/notify"
)

// What a person reads on one page is read on the others: a page that asks with ?marks=N, the number that GET /v1/me/marks
// gives as next, is also told what was read after it, wherever that was. It is no item of the log: the cursor stays, and a
// page that lost its connection asks again with its last number, or goes by the one that it was opened with, which tells it
// some twice.

// MarkReader is where what was read comes from; every notify.MarkStore is one.
type MarkReader interface {
	MarksAfter(ctx context.Context, user string, after int64, limit int) (marks []notify.ReadMark, end int64, err error)
}

// readsPage is how many marks are read at once.
const readsPage = 200

// reads follows one person's marks.
type reads struct {
	store MarkReader
	user  string
	at    int64 // everything up to here was told
}

// news is what was read since.
type news struct {
	IDs  []string `json:"ids"`  // of notifications
	Next int64    `json:"next"` // to ask with for what comes behind
}

// readsOf gives what the request wants to follow; nil when it asks for nothing, or the store keeps no marks. CodeInvalid.
func (l *Live) readsOf(r *http.Request, user string) (*reads, error) {
	asked := r.URL.Query().Get("marks")
	if asked == "" {
		return nil, nil
	}
	at, err := strconv.ParseInt(asked, 10, 64)
	if err != nil || at < 0 {
		return nil, &notify.Error{Code: notify.CodeInvalid, Detail: "the stream's parameters are not valid",
			Fields: []notify.FieldError{{Path: "marks", Message: "must be next of GET /v1/me/marks"}}}
	}
	store, ok := l.inbox.(MarkReader)
	if !ok {
		return nil, nil
	}
	return &reads{store: store, user: user, at: at}, nil
}

// subjects are what wakes a connection; with reads, also what was read.
func (r *reads) subjects(user string) []string {
	subjects := []string{notify.SubjectInbox(user), notify.SubjectInboxAll}
	if r != nil {
		subjects = append(subjects, notify.SubjectMarks(user))
	}
	return subjects
}

// next reads on; without ids there is nothing new. more: there may be more at once.
func (r *reads) next(ctx context.Context) (n news, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	marks, _, err := r.store.MarksAfter(ctx, r.user, r.at, readsPage)
	if err != nil || len(marks) == 0 {
		return news{}, false, err
	}
	for _, m := range marks {
		if !m.Mark.ReadAt.IsZero() {
			n.IDs = append(n.IDs, m.Notification)
		}
	}
	r.at = marks[len(marks)-1].Seq
	n.Next = r.at
	return n, len(marks) == readsPage, nil
}

func (n news) encode() ([]byte, error) { return json.Marshal(n) }
