ALTER TABLE users ALTER COLUMN password_hash TYPE varchar(255);
CREATE UNIQUE INDEX users_email ON users (lower(email));
DROP TABLE password_resets;
