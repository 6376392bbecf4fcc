ALTER TABLE users ALTER COLUMN password TYPE varchar(255);
ALTER TABLE users ADD COLUMN session_stamp bigint NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX users_email ON users (lower(email));
UPDATE users SET recover_selector = NULL, recover_verifier = NULL; -- links of authboss are dead
