-- What sources posted once, such as files of a folder, until it cannot come again.
CREATE TABLE taken (
  source TEXT NOT NULL,
  key    TEXT NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
