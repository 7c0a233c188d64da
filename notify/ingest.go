package notify

import (
	"context"
	"errors"
	"fmt"
)

// Several notifications that one foreign document asks for: all are accepted in one transaction, or none.

// Foreign is a document in a form of its sender's own making.
type Foreign struct {
	Name        string // for messages, such as a file's name; may be empty
	ContentType string // as the sender said; may be empty
	Data        []byte
}

// Mapping turns foreign documents into notifications. Package docmap makes mappings of the configuration; the API and
// connectors apply them.
type Mapping interface {
	// ID is its name in the configuration.
	ID() string
	// Map gives what the document asks for, in its order; it may ask for nothing. Errors: CodeMalformed with line and
	// column, CodeUnsupportedMedia, CodeTooLarge for work beyond a limit, CodeInvalid naming every bad field.
	Map(ctx context.Context, d Foreign) ([]Submission, error)
}

// Submission is one notification of several.
type Submission struct {
	Notification Notification
	// Idempotency binds the submission to its answer; without a KeyID it is the poster's own (see Posting.By).
	Idempotency Idempotency
	// Where names it in errors, such as "match[2]"; Line is where it stands in the document, 0: not known.
	Where string
	Line  int
}

// Once names something that is posted at most once, however often it is tried: a file of a source, say. It is kept until
// it is forgotten (IngestStore.Forget).
type Once struct {
	Source string
	Epoch  Epoch // of the source's lease
	Key    string
}

// Posting is what one document asks for.
type Posting struct {
	Items []Submission
	By    string // key id, or the name of a source: who posts
	Once  Once   // without a Key: as often as it is posted
	Dry   bool   // look, but leave nothing behind
}

// Acceptance is what became of a submission.
type Acceptance struct {
	Notification Notification // as it was accepted
	Replayed     bool         // it had been accepted before
	People       []string     // of a dry posting: the named users, at most SmallAudience of them
}

// IngestStore accepts several notifications at once.
type IngestStore interface {
	// AcceptAll does as NotificationStore.Accept for each item in turn, all in one transaction: when one cannot be
	// accepted, none is, and the error names all bad fields below their items' Where. known: Once was posted before; then
	// nothing is accepted. Dry undoes everything at the end. Errors: those of Accept; CodeStaleEpoch when Once.Source's
	// lease is lost.
	AcceptAll(ctx context.Context, p Posting, lanes []Lane) (accepted []Acceptance, known bool, err error)
	// Taken gives the keys that a source posted and that are not forgotten, sorted.
	Taken(ctx context.Context, source string) ([]string, error)
	// Forget forgets keys of a source; unknown ones are skipped.
	Forget(ctx context.Context, source string, keys []string) error
}

// Poster is a Watch that also takes notifications with their own words, for connectors whose sources say themselves what
// is to be told. Every hub's Watch is one.
type Poster interface {
	// Post accepts all items in one transaction, once for each key of this source; known tells that it was done before.
	// Errors: CodeStaleEpoch (stop), those of Hub.SendAll.
	Post(ctx context.Context, key string, items []Submission) (accepted []Acceptance, known bool, err error)
	// Posted gives the keys that were posted and not forgotten.
	Posted(ctx context.Context) ([]string, error)
	// Forget is for keys that cannot come again.
	Forget(ctx context.Context, keys []string) error
	// Count counts a document that a mapping was applied to: err is why it was refused, nil when it was taken.
	Count(mapping string, err error)
}

var _ Poster = (*watcher)(nil)

// maxFaults is how many bad fields one answer names.
const maxFaults = 100

// Faults collects the bad fields of several submissions, so that one answer names them all.
type Faults struct {
	first  Code // the code of the answer
	fields []FieldError
	bad    int // submissions
	more   int // fields beyond maxFaults
}

// Add takes an error that says what is wrong with a submission; false when it says something else, such as trouble with
// the store, which ends everything.
func (f *Faults) Add(s Submission, err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Code == CodeInternal || e.Code == CodeUnavailable || e.Code == CodeStaleEpoch {
		return false
	}
	if f.first == "" {
		f.first = e.Code
	}
	f.bad++
	fields := e.Fields
	if len(fields) == 0 {
		fields = []FieldError{{Message: e.Detail}}
	}
	for _, field := range fields {
		if len(f.fields) == maxFaults {
			f.more++
			continue
		}
		message := field.Message
		if s.Line > 0 {
			message += fmt.Sprintf(" (line %d)", s.Line)
		}
		f.fields = append(f.fields, FieldError{Path: below(s.Where, field.Path), Message: message})
	}
	return true
}

func below(where, path string) string {
	if where == "" || path == "" {
		return where + path
	}
	return where + "." + path
}

// Err gives the answer, or nil when there was no fault.
func (f *Faults) Err(of int) error {
	if f.bad == 0 {
		return nil
	}
	detail := fmt.Sprintf("%d of the document's %d notifications cannot be accepted, so none was", f.bad, of)
	if f.more > 0 {
		detail += fmt.Sprintf("; %d more faults are not listed", f.more)
	}
	return &Error{Code: f.first, Detail: detail, Fields: f.fields}
}

// SendAll accepts all notifications of a posting, or none: it returns after the commit. Errors: those of Send, naming
// every bad field of every item.
func (h *Hub) SendAll(ctx context.Context, p Posting) (accepted []Acceptance, known bool, err error) {
	now := h.clock.Now()
	var faults Faults
	items := make([]Submission, len(p.Items))
	for i, s := range p.Items {
		s.Notification.Released = s.Notification.Released || p.Dry // so that a trial tells whom it would reach
		n, err := h.admit(s.Notification, now)
		if err != nil {
			if !faults.Add(s, err) {
				return nil, false, err
			}
			continue
		}
		n.By = p.By
		s.Notification = n
		if s.Idempotency.Key != "" && s.Idempotency.KeyID == "" {
			s.Idempotency.KeyID = p.By
		}
		items[i] = s
	}
	if err := faults.Err(len(items)); err != nil {
		return nil, false, err
	}
	p.Items = items
	leave, err := h.door.enter(ctx, p.By)
	if err != nil {
		return nil, false, err
	}
	accepted, known, err = h.store.AcceptAll(ctx, p, h.names)
	leave()
	switch {
	case p.Dry || known:
	case err == nil:
		for _, a := range accepted {
			if !a.Replayed {
				h.wakeFor(a.Notification, now)
			}
		}
	case ctx.Err() != nil: // the caller left; it may be committed all the same
		for _, s := range items {
			h.wakeFor(s.Notification, now)
		}
	}
	return accepted, known, err
}

// Post implements Poster.
func (w *watcher) Post(ctx context.Context, key string, items []Submission) ([]Acceptance, bool, error) {
	w.mu.Lock()
	epoch := w.epoch
	w.mu.Unlock()
	return w.hub.SendAll(ctx, Posting{Items: items, By: "source/" + w.source.ID,
		Once: Once{Source: w.source.ID, Epoch: epoch, Key: key}})
}

// Posted implements Poster.
func (w *watcher) Posted(ctx context.Context) ([]string, error) {
	return w.hub.store.Taken(ctx, w.source.ID)
}

// Forget implements Poster.
func (w *watcher) Forget(ctx context.Context, keys []string) error {
	return w.hub.store.Forget(ctx, w.source.ID, keys)
}

// Count implements Poster.
func (w *watcher) Count(mapping string, err error) { w.hub.CountDocument(mapping, err) }

// CountDocument counts a foreign document in allim_documents_total: by its mapping, and by "accepted" or the error's code.
func (h *Hub) CountDocument(mapping string, err error) {
	outcome := "accepted"
	if err != nil {
		outcome = string(CodeOf(err))
	}
	h.metrics.documents.WithLabelValues(mapping, outcome).Inc()
}
