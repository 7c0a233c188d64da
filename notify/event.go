package notify

import "time"

// EventType says what a connector saw.
type EventType string

// The event types of the contract; a connector sends only these.
const (
	MailReceived      EventType = "mail.received"
	CalendarCreated   EventType = "calendar.created"
	CalendarUpdated   EventType = "calendar.updated"
	CalendarCancelled EventType = "calendar.cancelled"
	CalendarReminder  EventType = "calendar.reminder"
	TaskAssigned      EventType = "task.assigned"
	TaskUpdated       EventType = "task.updated"
	TaskDue           EventType = "task.due"
	TaskCompleted     EventType = "task.completed"
	FeedPublished     EventType = "feed.published"
)

// Event is one thing that a connector saw. It is stored once by (Source, Account, Key), however often it is put.
type Event struct {
	ID      string    // UUIDv7, given by the hub; the connector leaves it empty
	Source  string    // given by the hub
	Account string    // account id, given by the hub
	Key     string    // stable within the account: the same thing seen again has the same key; at most 200 bytes
	Type    EventType // what happened
	At      time.Time // when it happened, by the source's own word (INTERNALDATE, DTSTAMP)
	SeenAt  time.Time // when the connector saw it

	// Told names the thing itself across mailboxes and calendars, such as a hash of the Message-ID: a person is told
	// once per Told. Empty: the event's own key, so that nothing is merged.
	Told string
	// Params are what the words of a notice are made of: fromName, from, subject, snippet, folder, … (see words.go).
	// Valid UTF-8, each at most 1 KiB.
	Params map[string]string
	// URL leads to the thing, when the source knows one.
	URL string
	// Local is that of the reminder that it came of; given by the hub.
	Local *Local `json:"-"`
}

// Local binds a reminder to a time without a zone, such as a floating time or a whole day (RFC 5545 section 3.3.5, form 1):
// it is for those people only in whose time zone its moment is that time.
type Local struct {
	// Zone is the people's, as User.TimeZone has it; empty: of those who have none.
	Zone string
	// Wall is what a clock there shows at the moment, as if it were UTC.
	Wall time.Time
}

// Object names a calendar object or task within an account, for its reminders.
type Object string

// Reminder is one moment at which a person is to be told of an object. Replaced as a whole with its object. One whose
// moment has passed when it is put fires at once, by the same rule as after a downtime (see remind.go): so a connector
// puts such a one only while it still helps.
type Reminder struct {
	RecurrenceID string
	Alarm        string
	FireAt       time.Time // UTC
	// Until is when it makes no sense any more, such as the end of the meeting; zero: never.
	Until time.Time
	// Local: one row of several, each for the people of one time zone. All of them have one Event.Told, so that who comes
	// from one zone to another is not told again. nil: for everybody.
	Local *Local
	// Event is what to record when it fires. Its key is given by the hub (see Key); SeenAt too, and At when it is zero.
	Event Event
}

// Batch is what a connector learnt of one account: events, the state to resume from, and reminders. It is one
// transaction: after a crash either all of it is there or nothing, and putting it again changes nothing.
type Batch struct {
	Account   string
	Epoch     Epoch             // given by the hub's Watch
	State     map[string][]byte // merged into the stored state by key; a nil value removes the key
	Events    []Event
	Reminders map[Object][]Reminder // replaces all reminders of the named objects
}

// Privacy says how much a push may tell of an event.
type Privacy string

// The privacy levels, from the most open to the most discreet.
const (
	PrivacyFull   Privacy = "full"   // sender and subject
	PrivacySender Privacy = "sender" // sender only
	PrivacyNone   Privacy = "none"   // that there is something, not what
)

// Valid tells whether p is one of the levels.
func (p Privacy) Valid() bool { return p == PrivacyFull || p == PrivacySender || p == PrivacyNone }
