package notify

// Bus carries wake-ups between the parts of a hub (and, later, between hubs). A wake-up has no content and may be lost
// or doubled: the truth is in the Store, a wake-up only says "look again".
type Bus interface {
	// Wake tells every subscriber of the subject; it never blocks.
	Wake(subject string)
	// Subscribe follows the subjects until Close.
	Subscribe(subjects ...string) Subscription
}

// Subscription gets wake-ups. Many wake-ups before a receive are one.
type Subscription interface {
	C() <-chan struct{}
	Close()
}

// Caller is a Bus that calls, for subscribers too many to have a goroutine each.
type Caller interface {
	// Call follows the subjects until Close: f is called with the subject at every wake-up, perhaps by several goroutines
	// at once and once more after Close. It returns at once and does not use the bus. The subscription's C is nil.
	Call(f func(subject string), subjects ...string) Subscription
}

// The subjects.
const (
	SubjectInboxAll = "inbox" // something for a topic or for all
	SubjectTimers   = "timers"
	SubjectEvents   = "events" // an event waits to be planned

	SubjectReminders = "reminders" // some were put
)

// SubjectInbox wakes the open pages of one person.
func SubjectInbox(user string) string { return "inbox/" + user }

// SubjectMarks wakes those of one person's open pages that follow what is read elsewhere.
func SubjectMarks(user string) string { return "marks/" + user }

// SubjectLane wakes a lane's dispatcher.
func SubjectLane(l Lane) string { return "lane/" + l.String() }

// SubjectAccounts wakes the connector of a source: its accounts changed.
func SubjectAccounts(source string) string { return "accounts/" + source }
