ALTER TABLE users ADD COLUMN blocked boolean NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN must_reset boolean NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN verified_at timestamp NULL;
ALTER TABLE users ADD COLUMN failed_logins integer NOT NULL DEFAULT 0;
UPDATE users SET verified_at = CURRENT_TIMESTAMP; -- if sign-up has verified the addresses
