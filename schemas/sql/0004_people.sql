-- What people who sign in leave behind: sessions, invitations, roles, preferences, what they read; and what IT looks at:
-- the audit trail and the hub's own history.

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT ''; -- '' is a person without a part in running the hub
ALTER TABLE users ADD COLUMN preferences TEXT NOT NULL DEFAULT ''; -- JSON; '' is all defaults
CREATE INDEX users_name ON users (lower(name), key); -- search by the beginning of a name
CREATE INDEX users_role ON users (role) WHERE role>'';
CREATE INDEX identities_value ON identities (value, kind);

CREATE TABLE sessions (
  id         TEXT PRIMARY KEY,
  user       INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  hash       BLOB NOT NULL UNIQUE,
  way        TEXT NOT NULL, -- how the person signed in
  agent      TEXT NOT NULL, -- the browser's word for itself
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user);
CREATE INDEX sessions_expired ON sessions (expires_at);

CREATE TABLE invitations (
  id         TEXT PRIMARY KEY,
  user       INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  hash       BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL -- 0: not yet
) STRICT;
CREATE INDEX invitations_user ON invitations (user);
CREATE INDEX invitations_expired ON invitations (expires_at);

-- What a person saw or read of what was told. A change is a new row, so that open pages follow the numbers.
CREATE TABLE marks (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  user         INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  notification INTEGER NOT NULL,
  seen_at      INTEGER NOT NULL, -- an open page showed it
  read_at      INTEGER NOT NULL, -- 0: only seen
  UNIQUE (user, notification)
) STRICT;
CREATE INDEX marks_follow ON marks (user, seq);
CREATE INDEX marks_notification ON marks (notification);

CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL, -- user:ID or key:ID
  act     TEXT NOT NULL, -- a stable word, such as user.erase
  subject TEXT NOT NULL, -- what it was done to
  detail  TEXT NOT NULL  -- plain words without content
) STRICT;
CREATE INDEX audit_at ON audit (at);

CREATE TABLE history (
  at    INTEGER NOT NULL, -- the minute
  name  TEXT NOT NULL,
  label TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, label, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_at ON history (at);
