CREATE TABLE users (
	id             bigserial PRIMARY KEY,
	email          text    NOT NULL,
	email_verified boolean NOT NULL DEFAULT false,
	password_hash  text    NOT NULL,
	blocked        boolean NOT NULL DEFAULT false,
	session_stamp  bigint  NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE sessions (
	token  text        PRIMARY KEY,
	data   bytea       NOT NULL,
	expiry timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expiry);
