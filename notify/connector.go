package notify

import (
	"context"
	"log/slog"
	"time"
)

// Connector watches one source with all its accounts.
type Connector interface {
	// Run watches until ctx ends, and returns nil then, all its goroutines ended. Trouble with the source or an account
	// is not an error of Run: the connector reports it (Watch.Report), backs off and goes on.
	Run(ctx context.Context, watch Watch) error
}

// Checker is a connector or adapter that can try its login: `allim check --online`. The error is plain words.
type Checker interface {
	Check(ctx context.Context) error
}

// AccountChecker is a connector that can try one account's login.
type AccountChecker interface {
	CheckAccount(ctx context.Context, a Account) error
}

// SoleAccounter is a connector whose source is one thing, such as a feed, and no mailboxes of people: the hub keeps one
// account of that login without users for it, which carries its state, its events and its health.
type SoleAccounter interface {
	SoleAccount() (login string)
}

// ZoneMinder is a connector that plans by people's time zones (Account.Zones): its accounts count as changed when somebody's
// zone does.
type ZoneMinder interface {
	MindsZones()
}

// AccountLister is a connector that can log in and tell what an account has, in one line of plain words, such as the names of
// its calendars. It stands for AccountChecker.
type AccountLister interface {
	ListAccount(ctx context.Context, a Account) (string, error)
}

// Watch is what the hub gives to a connector for one source.
type Watch interface {
	// Accounts gives the source's accounts as they are now, and a channel that is closed when they change.
	Accounts(ctx context.Context) ([]Account, <-chan struct{}, error)
	// Load gives what the account's last Put batches left as State; empty for a new account.
	Load(ctx context.Context, account string) (map[string][]byte, error)
	// Put stores a batch in one transaction, and returns after the commit. Errors: CodeStaleEpoch when this hub no
	// longer owns the source (stop), CodeUnknownAccount when the account was removed (drop it), else try again.
	Put(ctx context.Context, b Batch) error
	// Report tells an account's health; cheap, may be called at every change.
	Report(account string, h Health)
}

// SourceConfig is one source of the configuration, its kind's own part still undecoded.
type SourceConfig struct {
	ID       string
	Kind     string
	Privacy  Privacy
	Topic    string       // feeds: every member is told
	Accounts AccountsFrom // where accounts come from, besides those that IT adds
	Section  Section
}

// AccountsFrom says that every identity of a kind (and domain) has an account at the source.
type AccountsFrom struct {
	Kind   string // an identity kind; empty: none
	Domain string // for e-mail: only addresses of this domain
}

// Section is one kind's part of the configuration file, decoded strictly into the kind's own struct over its defaults:
// an unknown key or wrong type is an error with line and column.
type Section interface {
	Decode(into any) error
	// Errorf makes an error that points at the section's key (such as "auth.method") by line and column.
	Errorf(key, format string, args ...any) error
}

// ConnectorKind registers a kind of connector; connectors/connectors.go lists them.
type ConnectorKind struct {
	Name    string
	Title   string     // for people
	Example func() any // the kind's settings with their defaults, for the configuration reference
	New     func(ConnectorEnv) (Connector, error)
}

// ConnectorEnv is what a connector is made of. New makes no connection and starts nothing.
type ConnectorEnv struct {
	Source   SourceConfig
	Outgoing Outgoing
	Clock    Clock
	Log      *slog.Logger
	// Mappings are those of the configuration, by id, for connectors that watch for foreign documents.
	Mappings map[string]Mapping
}

// Account is a mailbox or calendar home at a source.
type Account struct {
	ID       string // UUIDv7
	Source   string
	Login    string // how the source names it; unique within the source
	Secret   string // its own password, decrypted; empty where the source's master login serves
	Users    []string
	Explicit bool // added by IT; else it follows an identity
	// Topic is the one whose members are told, where the source is one thing and nobody's account.
	Topic string
	// TimeZone is the first user's that has one (IANA name), and Addresses are the e-mail addresses of all of them: what
	// calendars ask for. Zones are the time zones of all who may be told, each once, sorted; one is empty when some have
	// none; of a topic those of all users. Only Watch.Accounts fills them in.
	TimeZone  string
	Addresses []string
	Zones     []string
	// LastActive is when it last had an event: recently active ones go first at a reconnect.
	LastActive time.Time
	CreatedAt  time.Time
	Health     Health
}

// HealthState says how an account or source is.
type HealthState string

// The states, as `allim_accounts{state}` and GET /v1/accounts show them.
const (
	HealthStarting    HealthState = "starting"    // not yet looked at
	HealthWatching    HealthState = "watching"    // told at once
	HealthPolling     HealthState = "polling"     // told at the next poll
	HealthBackoff     HealthState = "backoff"     // trouble; another try is planned
	HealthAuthFailed  HealthState = "authFailed"  // the login was refused; slow retries, no lock-out
	HealthUnreachable HealthState = "unreachable" // the server does not answer
)

// Health is the truth about an account: what it does now, and the last thing that went wrong.
type Health struct {
	State     HealthState
	Since     time.Time
	LastError string // plain words, no secrets; kept when it went well again, with LastErrorAt
	// LastErrorAt, LastOKAt: when it last failed, and when it was last seen whole (a successful look at the mailbox).
	LastErrorAt time.Time
	LastOKAt    time.Time
	LastEventAt time.Time
	NextTryAt   time.Time
	Notes       []string // what is odd but survived: "mailbox reset", "degraded to polling: too many connections"
}
