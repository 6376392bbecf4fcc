CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, password_hash TEXT NOT NULL);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE TABLE sessions (token TEXT PRIMARY KEY, user_id INTEGER NOT NULL);
