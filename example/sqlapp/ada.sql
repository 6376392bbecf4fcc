INSERT INTO users (email, email_verified, password_hash) VALUES ('ada@example.com', true, '!');
