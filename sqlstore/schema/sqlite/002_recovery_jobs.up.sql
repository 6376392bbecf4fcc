-- +goose Up
-- The table of a Queue of package sqlstore, for SQLite 3.35 or later. Every
-- column is explained in doc.go.

CREATE TABLE IF NOT EXISTS recovery_jobs (
	number   INTEGER PRIMARY KEY,
	queue    TEXT    NOT NULL COLLATE BINARY,
	id       TEXT    NOT NULL COLLATE BINARY,
	job      BLOB    NOT NULL,
	due      INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	lease    INTEGER NOT NULL,
	UNIQUE (queue, id)
);

CREATE INDEX IF NOT EXISTS recovery_jobs_due ON recovery_jobs (queue, due, lease, attempts);
