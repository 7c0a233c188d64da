-- Devices of big walks whose people are in quiet hours, some hundreds in a row: a million of them must not be a million
-- rows. Small walks keep a row per delivery, which waits itself.

CREATE TABLE sleepers (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  walk    INTEGER NOT NULL,
  lane    INTEGER NOT NULL,
  wake_at INTEGER NOT NULL,
  count   INTEGER NOT NULL,
  keys    BLOB NOT NULL -- of the devices, each as its distance from the one before, in signed varints
) STRICT;
CREATE INDEX sleepers_due ON sleepers (lane, wake_at);
CREATE INDEX sleepers_walk ON sleepers (walk, wake_at, seq);
