package notify

import (
	"context"
	"time"
)

// Act is one administrative act, for the audit trail: who did what to whom, without content or secrets.
type Act struct {
	Seq     int64
	At      time.Time
	Actor   string // user:ID or key:ID
	Act     string // a stable word, such as user.erase
	Subject string // what it was done to
	Detail  string // plain words
}

// Sample is one number of the hub's own history.
type Sample struct {
	At    time.Time // the minute
	Name  string    // events, accepted, failed, depth, latency
	Label string    // the source or lane; empty: the hub
	Value float64
}

// AuditStore keeps who did what, and how the hub was.
type AuditStore interface {
	// PutAct adds to the audit trail.
	PutAct(ctx context.Context, a Act) error
	// Acts lists the trail, newest first; the cursor is the Seq.
	Acts(ctx context.Context, p Page) ([]Act, error)
	// PutSamples adds to the history; a sample of the same minute, name and label is added to.
	PutSamples(ctx context.Context, samples []Sample) error
	// History gives the samples of a name from a moment on, oldest first.
	History(ctx context.Context, name string, from time.Time) ([]Sample, error)
}

// Found is a page of people that a search found.
type Found struct {
	Users []User
	Next  string // the cursor of the next page; empty: there is none
}

// SearchStore finds by the beginning of words.
type SearchStore interface {
	// FindUsers gives people whose id, name or an identity's value begins with text: in that order, each once. An empty
	// text finds all by id. Letters of the Latin alphabet match in both cases for names and identities.
	FindUsers(ctx context.Context, text string, p Page) (Found, error)
	// FindTopics gives topics whose name begins with text, by name.
	FindTopics(ctx context.Context, text string, p Page) ([]Topic, error)
	// CountAudience gives how many people and devices an audience would reach now. Unknown names are CodeUnknown….
	CountAudience(ctx context.Context, to Audience, lanes []Lane) (people, devices int64, err error)
	// FindDevice gives the device with this id, or with this whole token on any lane; CodeUnknownDevice.
	FindDevice(ctx context.Context, idOrToken string) (Device, error)
	// TopicsOf gives the topics that a person is in, by name; CodeUnknownUser.
	TopicsOf(ctx context.Context, user string, p Page) ([]string, error)
	// Totals gives how many people and devices there are.
	Totals(ctx context.Context) (people, devices int64, err error)
}
