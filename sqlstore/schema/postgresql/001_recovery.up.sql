-- +goose Up
-- The tables of package sqlstore, for PostgreSQL 12 or later. Every column is
-- explained in doc.go.

CREATE TABLE IF NOT EXISTS recovery_limits (
	name     text COLLATE "C" PRIMARY KEY,
	record   text   NOT NULL,
	revision bigint NOT NULL,
	previous bigint NOT NULL,
	expires  bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);

CREATE TABLE IF NOT EXISTS recovery_tokens (
	name     text COLLATE "C" PRIMARY KEY,
	record   text   NOT NULL,
	revision bigint NOT NULL,
	previous bigint NOT NULL,
	expires  bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
