-- +goose Up
-- The tables of package sqlstore, for SQLite 3.35 or later. Every column is
-- explained in doc.go.

CREATE TABLE IF NOT EXISTS recovery_limits (
	name     TEXT    NOT NULL PRIMARY KEY COLLATE BINARY,
	record   TEXT    NOT NULL,
	revision INTEGER NOT NULL,
	previous INTEGER NOT NULL,
	expires  INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS recovery_tokens (
	name     TEXT    NOT NULL PRIMARY KEY COLLATE BINARY,
	record   TEXT    NOT NULL,
	revision INTEGER NOT NULL,
	previous INTEGER NOT NULL,
	expires  INTEGER NOT NULL
);
