CREATE TABLE IF NOT EXISTS recovery_example_key (
	id  INTEGER PRIMARY KEY,
	key TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS recovery_example_leads (
	id                 TEXT PRIMARY KEY,
	password_hash      TEXT,
	status             TEXT NOT NULL,
	name               TEXT NOT NULL,
	locale             TEXT NOT NULL,
	identity_providers TEXT NOT NULL,
	email              TEXT,
	email_key          TEXT UNIQUE,
	email_verified     BOOLEAN NOT NULL,
	phone              TEXT,
	phone_key          TEXT UNIQUE,
	phone_verified     BOOLEAN NOT NULL,
	alternate          TEXT,
	alternate_verified BOOLEAN NOT NULL,
	pan                TEXT UNIQUE,
	username           TEXT,
	username_key       TEXT UNIQUE,
	session_epoch      TEXT NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS recovery_example_sessions (
	digest  TEXT PRIMARY KEY,
	lead_id TEXT NOT NULL,
	epoch   TEXT NOT NULL,
	started BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS recovery_example_sessions_lead ON recovery_example_sessions (lead_id)
