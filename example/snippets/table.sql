ALTER TABLE users ALTER COLUMN password_hash TYPE varchar(255);
ALTER TABLE users ADD COLUMN session_stamp bigint NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX users_email ON users (lower(email));
DROP TABLE password_resets;
