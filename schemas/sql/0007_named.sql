-- Most deliveries are accepted ones to people whom the audience names, and are found along it. An index of all deliveries by
-- person would have each of them change a page of its own.

ALTER TABLE deliveries ADD COLUMN named INTEGER NOT NULL DEFAULT 0; -- 1: the audience names the person
DROP INDEX deliveries_user;
CREATE INDEX deliveries_user ON deliveries (user) WHERE state <> 2 OR named = 0;
