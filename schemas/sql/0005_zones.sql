-- Floating times and whole days are on each person's own wall: their reminders are rows of one time zone each. Whom such a
-- reminder was for is told by the zone that a person had when it fired, so zones that people had before are kept.

ALTER TABLE reminders ADD COLUMN zone TEXT; -- NULL: for everybody whom the account concerns; '': for people without a zone
ALTER TABLE reminders ADD COLUMN wall INTEGER NOT NULL DEFAULT 0; -- fire_at as a clock in zone shows it
CREATE INDEX reminders_wall ON reminders (account, zone, wall) WHERE zone IS NOT NULL;

ALTER TABLE events ADD COLUMN zone TEXT; -- of the reminder that it came of
ALTER TABLE events ADD COLUMN wall INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN only INTEGER; -- the one person it is for
CREATE INDEX events_zoneless ON events (recorded_at, wall) WHERE zone = '';
CREATE INDEX events_only ON events (only) WHERE only IS NOT NULL;

ALTER TABLE audience ADD COLUMN zone TEXT; -- kind 3: only of these members, by event's number and wall
ALTER TABLE audience ADD COLUMN wall INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audience ADD COLUMN event INTEGER NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN topic TEXT; -- whose members are told, where the source is one thing
CREATE INDEX accounts_topic ON accounts (topic) WHERE topic IS NOT NULL;

-- What the clock on a person's wall may have shown before they came to their zone: up to there they were told.
ALTER TABLE users ADD COLUMN zone_mark INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_zone ON users (time_zone);

-- The zones that people left. For events up to number until (and after the row before) zone and mark are the person's.
CREATE TABLE moves (
  seq   INTEGER PRIMARY KEY,
  user  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  until INTEGER NOT NULL,
  zone  TEXT NOT NULL,
  mark  INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  UNIQUE (user, until)
) STRICT;
CREATE INDEX moves_until ON moves (until);
