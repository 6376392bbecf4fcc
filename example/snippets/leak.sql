UPDATE users SET must_reset = TRUE WHERE password_hash <> '!';
