package notify

import (
	"context"
	"time"
)

// Store keeps everything. Every method that changes something returns after the commit, and either all of its change is
// there or nothing. Reads see every committed write. Errors are *Error with the code that the method names, or the
// store's own trouble (CodeInternal; CodeUnavailable when it is full, busy or closed). A caller whose ctx ends stops
// waiting; its write may still be committed. notifytest.StoreSuite is this contract as tests.
//
// It is put together from small interfaces, so that a user of one part can ask for that part.
type Store interface {
	UserStore
	DeviceStore
	OldIDStore
	TopicStore
	AccountStore
	EventStore
	ReminderStore
	NotificationStore
	IngestStore
	WalkStore
	BundleStore
	InboxStore
	InboxLog
	KeyStore
	SessionStore
	PreferenceStore
	MarkStore
	AuditStore
	SearchStore
	ApprovalStore
	RecentStore
	OpsStore
	Close() error
}

// Page asks for a stretch of a listing, ordered by the listing's own key.
type Page struct {
	After string // the last entry's cursor; empty: from the start
	Limit int    // 1 to 1000; 0: 100
}

// UserStore keeps people and the identities that name them.
type UserStore interface {
	// PutUser makes the user or replaces name, locale, timeZone and identities (already normalised). With another time zone it
	// records in the same transaction, for this user alone, the local reminders that the clock there skipped (see
	// DueReminder.Skipped), of the accounts that the user has and of those of the user's topics.
	// Errors: CodeIdentityTaken with a field for each identity that another user has.
	PutUser(ctx context.Context, u User) (created bool, err error)
	// User gives one; CodeUnknownUser.
	User(ctx context.Context, id string) (User, error)
	// UserByIdentity resolves a normalised identity; CodeUnknownIdentity.
	UserByIdentity(ctx context.Context, i Identity) (User, error)
	// Users lists by id.
	Users(ctx context.Context, p Page) ([]User, error)
	// DeleteUser erases the person: devices, identities, memberships, tokens, inbox, told marks, deliveries, and what
	// would tell who was told; accounts that have nobody left go too. CodeUnknownUser.
	DeleteUser(ctx context.Context, id string) error
	// MergeUser moves everything of user from into user into, and deletes from. CodeUnknownUser.
	MergeUser(ctx context.Context, from, into string) error
}

// DeviceStore keeps the addresses to push to.
type DeviceStore interface {
	// PutDevice registers d, found by (app, platform, token): a new one gets an id and the next key; a known one is
	// updated, made active, and handed over when the user is another one (pending deliveries of the former owner to it
	// become DeliverySuppressed). CodeUnknownUser.
	PutDevice(ctx context.Context, d Device) (stored Device, created bool, err error)
	// RenewDevice gives the device with d's id the address of d (token, keys), its name and its moment of registration, and
	// makes it active: what waits for the device goes there. Another device that has the address already is removed, for
	// that is this one, registered once more. CodeUnknownDevice when d.User has no such device on d's lane.
	RenewDevice(ctx context.Context, d Device) (Device, error)
	// Device gives one by id; CodeUnknownDevice.
	Device(ctx context.Context, id string) (Device, error)
	// DevicesOf lists a user's devices, oldest first, retired ones too; CodeUnknownUser.
	DevicesOf(ctx context.Context, user string) ([]Device, error)
	// Devices lists all by key.
	Devices(ctx context.Context, p Page) ([]Device, error)
	// DeleteDevice removes it; its pending deliveries become DeliverySuppressed. CodeUnknownDevice.
	DeleteDevice(ctx context.Context, id string) error
	// RetireDevices retires the devices of the lane that are suspect by the platform's definite word (Gone) since
	// before the given moment, and gives how many.
	RetireDevices(ctx context.Context, l Lane, goneBefore time.Time) (int, error)
	// PardonDevices makes all suspect devices of the lane active again, and their deliveries that became gone since the
	// given moment pending: the fault was ours.
	PardonDevices(ctx context.Context, l Lane, since time.Time) (devices, deliveries int, err error)
}

// Topic is a named group of users.
type Topic struct {
	Name    string
	Members int64
}

// TopicStore keeps named groups of users. A topic exists while it has members.
type TopicStore interface {
	// AddMember is a no-op for a member. CodeUnknownUser.
	AddMember(ctx context.Context, topic, user string) error
	// RemoveMember: CodeUnknownTopic when the user is no member.
	RemoveMember(ctx context.Context, topic, user string) error
	Topics(ctx context.Context, p Page) ([]Topic, error)
	// Members lists user ids; CodeUnknownTopic when there are none at all.
	Members(ctx context.Context, topic string, p Page) ([]string, error)
}

// AccountStore keeps the mailboxes and calendar homes that are watched. Secrets are encrypted at rest with a key that is
// not in the database.
type AccountStore interface {
	// PutAccount adds an account, found by (source, login): the users are added to a known one, and a secret that is not
	// empty replaces the old one. CodeUnknownUser.
	PutAccount(ctx context.Context, a Account) (stored Account, created bool, err error)
	// Account: CodeUnknownAccount.
	Account(ctx context.Context, id string) (Account, error)
	// Accounts lists by source and login; an empty source means all. Secrets are left empty.
	Accounts(ctx context.Context, source string, p Page) ([]Account, error)
	// WatchedAccounts gives all accounts of a source, secrets included, with their people's time zone and addresses.
	WatchedAccounts(ctx context.Context, source string) ([]Account, error)
	// DeleteAccount removes it with its state and unplanned events. CodeUnknownAccount.
	DeleteAccount(ctx context.Context, id string) error
	// SyncAccounts makes the source's accounts that follow identities be exactly those of the rule; explicit ones stay.
	// An account that goes keeps its state for a day, in case it comes back. Tells whether anything changed.
	SyncAccounts(ctx context.Context, source string, rule AccountsFrom) (changed bool, err error)
	// SetHealth stores what connectors reported, by account id; unknown accounts are skipped.
	SetHealth(ctx context.Context, reports map[string]Health) error
}

// Epoch is a lease's number: it grows with every new owner, and writes with an old one are refused.
type Epoch int64

// EventStore keeps what connectors saw.
type EventStore interface {
	// Load gives an account's state; empty for a new one.
	Load(ctx context.Context, account string) (map[string][]byte, error)
	// Record stores a batch: new events (unique by source, account, key), state, reminders. source owns the lease whose
	// epoch b carries. It gives the events that were new, with their ids.
	// Errors: CodeStaleEpoch, CodeUnknownAccount.
	Record(ctx context.Context, source string, b Batch) ([]Event, error)
	// Unplanned gives recorded events that are not planned yet, oldest first.
	Unplanned(ctx context.Context, limit int) ([]Event, error)
	// Plan marks the event as planned and, in the same transaction, for each user of its account (for a feed: nobody;
	// see PlanTopic) who was not told of its Told key yet, marks it told; calls build with those users, if any; and
	// accepts the notification that build gives (nil: nothing). Planning a planned event is a no-op. build is pure and
	// quick: it runs inside the transaction. It gives the accepted notification, or nil. The event of a local reminder is
	// for those only, also of a topic's members, who were in its zone when it fired, and whose clock did not show its time
	// before they came there; one that PutUser recorded is for its user.
	Plan(ctx context.Context, eventID string, lanes []Lane, build func(e Event, users []string) *Notification) (*Notification, error)
	// Event gives one; CodeNotFound.
	Event(ctx context.Context, id string) (Event, error)
}

// Idempotency binds a request to what it was answered, for a day.
type Idempotency struct {
	KeyID    string // the API key
	Key      string // the Idempotency-Key header; empty: none
	BodyHash []byte
}

// NotificationFilter narrows a listing.
type NotificationFilter struct {
	State State
	User  string
	Event string
}

// NotificationStore keeps what is to be told.
type NotificationStore interface {
	// Accept stores a notification with one walk for each of the lanes on which its audience has devices, its inbox
	// items, and, for a small audience, a row per delivery; a scheduled one (SendAt) waits for StartScheduled instead.
	// Identities are resolved. Unknown users, identities, devices and topics are CodeUnknownUser and so on, with a field
	// for every unknown one of any sort, unless n.Partial, which drops them into Skipped.
	// With an idempotency key that was used before: the first answer again (same body) and replayed, or
	// CodeIdempotencyConflict.
	Accept(ctx context.Context, n Notification, lanes []Lane, idem Idempotency) (accepted Notification, replayed bool, err error)
	// Notification gives one with its counts summed over its walks; CodeUnknownNotification.
	Notification(ctx context.Context, id string) (Notification, error)
	// Notifications lists, newest first.
	Notifications(ctx context.Context, f NotificationFilter, p Page) ([]Notification, error)
	// StartScheduled makes scheduled notifications whose time has come start, and gives their lanes and the next time
	// (zero: none).
	StartScheduled(ctx context.Context, now time.Time, lanes []Lane) (started []Lane, next time.Time, err error)
	// SetState pauses, resumes or cancels: CodeUnknownNotification, CodeWrongState when it cannot go there. A cancelled
	// one's pending deliveries become DeliverySuppressed.
	SetState(ctx context.Context, id string, to State) (Notification, error)
	// Deliveries lists a notification's stored rows; state "" means all. CodeUnknownNotification.
	Deliveries(ctx context.Context, notification string, state DeliveryState, p Page) ([]DeliveryRow, error)
	// Delivery gives one stored row by id; CodeUnknownDelivery.
	Delivery(ctx context.Context, id string) (DeliveryRow, error)
	// Dead lists deliveries that were given up, newest first.
	Dead(ctx context.Context, p Page) ([]DeliveryRow, error)
	// Replay makes a dead delivery pending again with a new deadline. CodeUnknownDelivery, CodeWrongState.
	Replay(ctx context.Context, delivery string, expires time.Time) (DeliveryRow, error)
	// Confirm stores an app's receipts, idempotent, each for a device of user (empty: any user's); the result has one
	// error for each receipt that was refused (CodeUnknownDelivery), nil where it was taken.
	Confirm(ctx context.Context, user string, receipts []Receipt) ([]error, error)
}

// Walk is one notification's way through one lane.
type Walk struct {
	ID           int64
	Notification string // id
	Seq          int64  // the notification's number
	Lane         Lane
	Position     int64 // device keys up to here are done
	Last         int64 // the greatest device key at acceptance: the walk ends there
	Small        bool  // keeps a row per delivery; goes before the others
	NotBefore    time.Time
	ExpiresAt    time.Time
	Counts       Counts
	// Sleepers: the walk comes back to these alone; nil: it goes on from its position.
	Sleepers *Sleepers
}

// Sleepers are devices that a big walk passed by in their people's quiet hours and comes back to.
type Sleepers struct {
	ID   int64
	Keys []int64 // of the devices
}

// Held is a device that a big walk comes back to at a time.
type Held struct {
	Key int64
	At  time.Time
}

// Target is one device that a walk comes to.
type Target struct {
	Device       Device
	UserLocale   string
	UserTimeZone string
	// Preferences are the user's; nil: nothing is wished for. Read only.
	Preferences *Preferences
	// Suppressed: in the audience, but not to be pushed to (quiet hours, preferences); the reason.
	Suppressed string
}

// Due is a delivery whose retry time has come.
type Due struct {
	Row    DeliveryRow
	Seq    int64 // the notification's number
	Target Target
}

// Progress is what became of some targets of one walk.
type Progress struct {
	Walk     int64
	Lane     Lane
	Epoch    Epoch
	Position int64 // the walk's new position; 0: leave it (retries)
	Done     bool  // no more targets up to Last
	// Counts is the change of the walk's counts. Targeted is set when the walk turns out to have more or fewer targets
	// than counted at acceptance. Pending is derived by the store.
	Counts Counts
	// Rows are stored by id: all deliveries of a small walk, else only those that did not go smoothly.
	Rows []DeliveryRow
	// Held are devices that a big walk comes back to later: some hundreds of them are a row.
	Held []Held
	// Woken: the walk has come back to these, the first ones of their row, which sleep no more; a second time changes nothing.
	Woken *Sleepers
	// Devices changes devices by what was learnt of them.
	Devices []DeviceChange
}

// DeviceChange is what an outcome says about a device.
type DeviceChange struct {
	Key     int64
	Verdict Verdict // Accepted clears suspicion; Gone and Suspect begin it
	Reason  string
	At      time.Time
	// Registered is when the device that was asked for had been registered: one that was registered again since is another
	// one. Zero: as At.
	Registered time.Time
}

// LaneState is what is stored of a lane.
type LaneState struct {
	Lane  Lane
	State string // "ok", "throttled" (until NotBefore), "open" (breaker), "misconfigured", "paused"
	// Reason is why, in plain words; Since when it became so; NotBefore until when nothing is sent.
	Reason    string
	Since     time.Time
	NotBefore time.Time
}

// WalkStore is the dispatcher's side of the store.
type WalkStore interface {
	// Ready gives walks of the lane that can go on, small ones first, then by age; not those of paused, cancelled or done
	// notifications.
	Ready(ctx context.Context, l Lane, now time.Time, limit int) ([]Walk, error)
	// Next gives the walk's next targets from its position on, in the order of their keys, only active and suspect
	// devices that are still in the audience. Fewer than limit: there are no more.
	Next(ctx context.Context, w Walk, limit int) ([]Target, error)
	// Steps gives what the last step of small walks needs, by their keys; a walk that has nobody left, or is no more, is left
	// out. The targets are those that Next gives.
	Steps(ctx context.Context, walks []int64) (map[int64]Step, error)
	// DueRetries gives the lane's pending deliveries (that have a row and were tried before or replayed) whose time has
	// come, and when the next one after them is due (zero: none).
	DueRetries(ctx context.Context, l Lane, now time.Time, limit int) (due []Due, next time.Time, err error)
	// DueSleepers gives the lane's sleepers whose time has come, each some hundreds of one walk, and when the next ones after
	// them are due (zero: none); not those of paused and cancelled notifications. Next gives those of them that are still to
	// be told, of which there may be none.
	DueSleepers(ctx context.Context, l Lane, now time.Time, limit int) (due []Walk, next time.Time, err error)
	// Advance stores progress: one result for each, CodeStaleEpoch when the lane's lease is lost. A notification whose
	// walks are all done with nothing pending becomes StateDone.
	Advance(ctx context.Context, p []Progress) []error
	// LaneStates and SetLaneState keep what must outlive a restart (Retry-After, misconfigured).
	LaneStates(ctx context.Context) ([]LaneState, error)
	SetLaneState(ctx context.Context, s LaneState) error
	// QueueDepth counts pending deliveries of a lane (rows and what is left of its walks).
	QueueDepth(ctx context.Context, l Lane) (int64, error)
}

// InboxStore is what people were told, as logs.
type InboxStore interface {
	// Inbox gives the items after a cursor (zero: from the oldest), oldest first, at most limit, expired ones left out.
	// CodeUnknownUser.
	Inbox(ctx context.Context, user string, after Cursor, limit int) (InboxPage, error)
	// InboxEnd gives the cursor after the newest item.
	InboxEnd(ctx context.Context, user string) (Cursor, error)
}

// KeyStore keeps API keys and people's tokens by the hash of their secrets.
type KeyStore interface {
	// PutKey stores a new key; for a person's token CodeUnknownUser.
	PutKey(ctx context.Context, k Key, hash []byte) error
	// KeyByHash finds a key that is not revoked; CodeUnknownKey.
	KeyByHash(ctx context.Context, hash []byte) (Key, error)
	// Keys lists API keys; with a user: that person's tokens.
	Keys(ctx context.Context, user string) ([]Key, error)
	// RevokeKey: CodeUnknownKey. A token only when user matches (empty: an API key).
	RevokeKey(ctx context.Context, id, user string) error
	// TouchKeys stores when keys were last used.
	TouchKeys(ctx context.Context, used map[string]time.Time) error
}

// OpsStore is for running the hub.
type OpsStore interface {
	// Lease takes or renews the lease of name for holder, and gives its epoch: the same while the holder renews it, a
	// greater one for a new holder. CodeStaleEpoch while another one holds it.
	Lease(ctx context.Context, name, holder string, ttl time.Duration, now time.Time) (Epoch, error)
	// Release gives it back.
	Release(ctx context.Context, name, holder string) error
	// Sweep removes what is older than retention (events, ended notifications with their rows and inbox items) and
	// expired idempotency keys, at most limit rows of each sort; it tells whether there is more.
	Sweep(ctx context.Context, now time.Time, retention time.Duration, limit int) (more bool, err error)
	// Ping tells whether it can be written to: nil, or why not.
	Ping(ctx context.Context) error
}
