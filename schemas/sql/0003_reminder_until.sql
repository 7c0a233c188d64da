-- When a reminder makes no sense any more: the end of what it reminds of; 0 for never.
ALTER TABLE reminders ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
