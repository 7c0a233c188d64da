-- Integer keys inside, ids outside. Times are Unix milliseconds, 0 for none. States are small numbers, named beside the
-- Go code of their table. Ids that are UUIDs are kept as 16 bytes, others as text.

CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- People ------------------------------------------------------------------------------------------------------------

CREATE TABLE users (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  locale     TEXT NOT NULL,
  time_zone  TEXT NOT NULL,
  joined     INTEGER NOT NULL, -- the end of the inbox log when the user was made: what went to all before is not theirs
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identities (
  kind  TEXT NOT NULL,
  value TEXT NOT NULL,
  user  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  place INTEGER NOT NULL, -- the order in which they were given
  PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user ON identities (user, place);

CREATE TABLE topics (
  key     INTEGER PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  members INTEGER NOT NULL DEFAULT 0 -- kept by triggers
) STRICT;

CREATE TABLE members (
  topic  INTEGER NOT NULL REFERENCES topics,
  user   INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  joined INTEGER NOT NULL, -- the end of the inbox log at joining
  PRIMARY KEY (topic, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members (user);
CREATE TRIGGER members_in AFTER INSERT ON members
  BEGIN UPDATE topics SET members = members + 1 WHERE key = NEW.topic; END;
CREATE TRIGGER members_out AFTER DELETE ON members
  BEGIN UPDATE topics SET members = members - 1 WHERE key = OLD.topic; END;

CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  scopes       TEXT NOT NULL, -- separated by spaces
  user         INTEGER REFERENCES users ON DELETE CASCADE, -- NULL: an API key, else the person's token
  hash         BLOB NOT NULL UNIQUE,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  revoked_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_user ON api_keys (user) WHERE user IS NOT NULL;

-- Devices -----------------------------------------------------------------------------------------------------------

CREATE TABLE lanes (
  key        INTEGER PRIMARY KEY,
  app        TEXT NOT NULL,
  platform   TEXT NOT NULL,
  devices    INTEGER NOT NULL DEFAULT 0, -- that are not retired, kept by triggers
  state      TEXT NOT NULL DEFAULT '',
  reason     TEXT NOT NULL DEFAULT '',
  since      INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0,
  UNIQUE (app, platform)
) STRICT;

CREATE TABLE devices (
  key           INTEGER PRIMARY KEY AUTOINCREMENT, -- the id is derived from it
  user          INTEGER NOT NULL REFERENCES users,
  lane          INTEGER NOT NULL REFERENCES lanes,
  token         ANY NOT NULL,     -- hexadecimal ones are kept as bytes
  token_hash    INTEGER NOT NULL, -- of lane and token: the whole token would double the table
  p256dh        BLOB,
  auth          BLOB,
  name          TEXT,
  locale        TEXT,
  time_zone     TEXT,
  environment   TEXT,
  state         INTEGER NOT NULL, -- 0 active, 1 suspect, 2 retired
  gone          INTEGER NOT NULL, -- 1: suspect by the platform's definite word
  reason        TEXT,
  state_since   INTEGER NOT NULL, -- 0: since created_at
  created_at    INTEGER NOT NULL,
  registered_at INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_token ON devices (token_hash);
CREATE INDEX devices_user ON devices (user);
CREATE INDEX devices_lane ON devices (lane);
CREATE INDEX devices_suspect ON devices (lane, state_since) WHERE state = 1;
CREATE TRIGGER devices_in AFTER INSERT ON devices
  BEGIN UPDATE lanes SET devices = devices + 1 WHERE key = NEW.lane; END;
CREATE TRIGGER devices_out AFTER DELETE ON devices WHEN OLD.state < 2
  BEGIN UPDATE lanes SET devices = devices - 1 WHERE key = OLD.lane; END;
CREATE TRIGGER devices_retire AFTER UPDATE OF state ON devices WHEN (OLD.state < 2) <> (NEW.state < 2)
  BEGIN UPDATE lanes SET devices = devices + (NEW.state < 2) - (OLD.state < 2) WHERE key = NEW.lane; END;

-- What connectors watch and saw -------------------------------------------------------------------------------------

CREATE TABLE accounts (
  key         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          ANY NOT NULL UNIQUE,
  source      TEXT NOT NULL,
  login       TEXT, -- NULL: deleted
  secret      BLOB, -- sealed with a key that is not in this file
  explicit    INTEGER NOT NULL,
  state       INTEGER NOT NULL, -- 0 watched, 1 gone with its identity, 2 deleted and kept for its events
  state_since INTEGER NOT NULL,
  last_active INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  health      TEXT NOT NULL,
  UNIQUE (source, login)
) STRICT;

CREATE INDEX accounts_ended ON accounts (state, state_since) WHERE state > 0;

CREATE TABLE account_users (
  account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  user    INTEGER NOT NULL REFERENCES users,
  PRIMARY KEY (account, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_users_user ON account_users (user);

CREATE TABLE account_state (
  account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name    TEXT NOT NULL,
  value   BLOB NOT NULL,
  PRIMARY KEY (account, name)
) STRICT;

CREATE TABLE reminders (
  key           INTEGER PRIMARY KEY,
  account       INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  object        TEXT NOT NULL,
  recurrence_id TEXT NOT NULL,
  alarm         TEXT NOT NULL,
  fire_at       INTEGER NOT NULL,
  event         TEXT NOT NULL
) STRICT;
CREATE INDEX reminders_object ON reminders (account, object);
CREATE INDEX reminders_due ON reminders (fire_at);

CREATE TABLE events (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          ANY NOT NULL UNIQUE,
  account     INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  key         TEXT NOT NULL,
  type        TEXT NOT NULL,
  at          INTEGER NOT NULL,
  seen_at     INTEGER NOT NULL,
  told        TEXT NOT NULL,
  url         TEXT NOT NULL,
  params      TEXT NOT NULL,
  recorded_at INTEGER NOT NULL,
  planned     INTEGER NOT NULL,
  UNIQUE (account, key)
) STRICT;
CREATE INDEX events_unplanned ON events (seq) WHERE planned = 0;

CREATE TABLE told (
  seq  INTEGER PRIMARY KEY,
  user INTEGER NOT NULL,
  told BLOB NOT NULL, -- a hash of the told key
  at   INTEGER NOT NULL,
  UNIQUE (user, told)
) STRICT;

-- What is to be told, to whom, and what became of it ----------------------------------------------------------------

CREATE TABLE notifications (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT, -- in every delivery id: never used again
  id         ANY NOT NULL UNIQUE,
  state      INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  send_at    INTEGER NOT NULL,
  done_at    INTEGER NOT NULL,
  event      ANY,
  doc        TEXT NOT NULL
) STRICT;
CREATE INDEX notifications_state ON notifications (state) WHERE state NOT IN (2, 4); -- the rare ones
CREATE INDEX notifications_scheduled ON notifications (send_at) WHERE state = 1;
CREATE INDEX notifications_event ON notifications (event) WHERE event IS NOT NULL;

-- The audience as it was asked for is the inbox log as well: a person's items are the rows of the person, of the topics
-- joined and of all, in the order of seq. The rows of one notification stand together.
CREATE TABLE audience (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  notification INTEGER NOT NULL,
  kind         INTEGER NOT NULL, -- 0 user, 1 identity, 2 device, 3 topic, 4 all
  ref          INTEGER NOT NULL, -- the key of the user, device or topic
  user         INTEGER,          -- kinds 0 to 2: the person
  label        TEXT,             -- kind 1: the identity as it was given
  shown        INTEGER NOT NULL  -- 1: an inbox item; at most one row for a person and notification
) STRICT;
CREATE INDEX audience_notification ON audience (notification);
CREATE INDEX audience_user ON audience (user) WHERE user IS NOT NULL;
CREATE INDEX audience_topic ON audience (ref) WHERE kind = 3;
CREATE INDEX audience_all ON audience (seq) WHERE kind = 4;

CREATE TABLE walks (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  notification INTEGER NOT NULL,
  lane         INTEGER NOT NULL,
  state        INTEGER NOT NULL, -- 0 ready, 1 held, 2 at its end with retries left, 3 closed
  small        INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  last         INTEGER NOT NULL,
  not_before   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  targeted     INTEGER NOT NULL,
  accepted     INTEGER NOT NULL DEFAULT 0,
  confirmed    INTEGER NOT NULL DEFAULT 0,
  failed       INTEGER NOT NULL DEFAULT 0,
  gone         INTEGER NOT NULL DEFAULT 0,
  expired      INTEGER NOT NULL DEFAULT 0,
  suppressed   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX walks_notification ON walks (notification);
CREATE INDEX walks_open ON walks (lane, state, small DESC, id) WHERE state < 3;

CREATE TABLE deliveries (
  notification INTEGER NOT NULL,
  device       INTEGER NOT NULL,
  walk         INTEGER NOT NULL,
  lane         INTEGER NOT NULL,
  user         INTEGER NOT NULL,
  state        INTEGER NOT NULL, -- 0 not tried, 1 to be tried again, 2 accepted, 3 failed, 4 gone, 5 expired, 6 suppressed
  attempt      INTEGER NOT NULL,
  next_at      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  reason       TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  PRIMARY KEY (notification, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_user ON deliveries (user);
CREATE INDEX deliveries_due ON deliveries (lane, next_at) WHERE state = 1;
CREATE INDEX deliveries_dead ON deliveries (notification, device) WHERE state IN (3, 5);

CREATE TABLE receipts (
  notification INTEGER NOT NULL,
  device       INTEGER NOT NULL,
  received_at  INTEGER NOT NULL,
  opened_at    INTEGER NOT NULL,
  PRIMARY KEY (notification, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_device ON receipts (device);

-- Running the hub ---------------------------------------------------------------------------------------------------

CREATE TABLE idempotency (
  seq          INTEGER PRIMARY KEY,
  key_id       TEXT NOT NULL,
  key          TEXT NOT NULL,
  body_hash    BLOB NOT NULL,
  notification INTEGER NOT NULL,
  state        INTEGER NOT NULL, -- as it was answered
  targeted     INTEGER NOT NULL, -- as it was answered
  created_at   INTEGER NOT NULL,
  UNIQUE (key_id, key)
) STRICT;
CREATE INDEX idempotency_notification ON idempotency (notification);

CREATE TABLE leases (
  name       TEXT PRIMARY KEY,
  holder     TEXT NOT NULL, -- empty: given back
  epoch      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
