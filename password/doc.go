// Package password hashes, verifies and judges passwords. Its argon2id hashing
// cannot exhaust a server, and its policy refuses only passwords that an
// attacker would guess.
//
// Sign-up, login and password recovery must treat passwords alike. So this
// package does not depend on package recovery, and every part of a host can
// share one [Hasher] and one [Policy].
//
// # Quick start
//
//	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
//	breaches, err := password.NewHIBP(password.HIBPOptions{})
//	policy, err := password.NewPolicy(password.PolicyOptions{
//		ContextWords: []string{"Acme", "Road Runner Portal"},
//		Breach:       breaches,
//	})
//
//	// Sign-up, change, reset:
//	err = policy.CheckFor(ctx, chosen, user.Email, user.Name, user.Phone)
//	hash, err := hasher.Hash(ctx, chosen)
//
//	// Login, where hash is "" if nobody has that name:
//	result, err := hasher.Verify(ctx, password.Attempt{Hash: hash, Password: presented})
//	if result.Rehash {
//		hash, err = hasher.Hash(ctx, presented) // and store it
//	}
//
// The zero value of every option is a secure default. Constructors report all
// mistakes at once, joined by [errors.Join].
//
// # Threat model
//
// Somebody who steals the stored hashes needs 19 MiB and two passes of argon2id
// for every guess (ASVS v5.0.0 Appendix C, OWASP Password Storage Cheat Sheet).
// The guesses that attackers try first are refused at sign-up: common
// passwords, runs, keyboard walks, the names of the product and of the person
// (ASVS v5.0.0-6.2.4 and 6.2.11, NIST SP 800-63B-4 section 3.1.1.2), and with a
// [BreachChecker] every password that leaked elsewhere (6.2.12).
//
// Somebody who floods the login with guesses gets at most
// [Argon2idOptions.MaxConcurrent] hashes at a time. Callers wait for a bounded
// time, and whoever would wait longer gets [ErrBusy] at once. Very long passwords, passwords
// that grow under normalisation (attack A63), and stored hashes that ask for
// gigabytes are refused before any work is done on them.
//
// Somebody who wants to know which accounts exist learns nothing from the time:
// [Argon2id.Verify] with an empty hash takes as long as with a hash that Hash
// made. Stored hashes of another kind take another time; see below.
//
// Passwords get into no error, no log and no other process. [HIBP] sends the
// first five hexadecimal digits of a SHA-1 and nothing else.
//
// This package does not limit the rate of guesses, lock or find accounts, keep
// a history of passwords ([RuleReused] is for hosts that do), or add a pepper.
// Rate limiting is required in addition (NIST SP 800-63B-4 section 3.2.2).
//
// # Normalisation
//
// [Normalize] turns a password into NFKC, so that an accented letter is the
// same on every device. [Argon2id] and [Policy] call it themselves. A host that
// hashes with something else must call it at sign-up, login and reset alike. If
// a password is hashed unchanged in one place and normalised in another, its
// owner cannot sign in. [Bcrypt] hashes passwords unchanged, as the programs do
// that it is for, and verifies both.
//
// # Migrating
//
// Verify of both hashers reads what other programs have stored, and reports
// Rehash for every match. Store what Hash returns then, and the table migrates
// with the logins. Nobody has to reset a password, except for the few people
// below. The kinds, with the bounds beyond which a hash is refused:
//
//   - bcrypt: $2a$, $2b$ and $2y$, and Django's bcrypt$ and bcrypt_sha256$
//     before them. Cost 4 to 15.
//   - argon2id and argon2i as PHC strings of version 19, and Django's argon2$
//     before them. 256 MiB, 64 passes, 1 GiB for memory times passes.
//   - PBKDF2 with SHA-1, SHA-256 or SHA-512: Django (pbkdf2_sha256$...), passlib
//     ($pbkdf2-sha256$...), PHC ($pbkdf2-sha256$i=...,l=...), Werkzeug
//     (pbkdf2:sha256:...) and ASP.NET Core Identity 2 and 3. 4,000,000 rounds, or
//     half as many if the tag is longer than the digest.
//   - scrypt: passlib ($scrypt$ln=...), Django (scrypt$...), Werkzeug (scrypt:...).
//     256 MiB, and 1 GiB for memory times p. r up to 32, p up to 16.
//   - Firebase Authentication, written as Supabase and Hanko write it:
//     $fbscrypt$v=1,n=<mem_cost>,r=<rounds>,p=1,ss=<salt separator>,sk=<signer
//     key>$<salt>$<hash>. The bounds are those of scrypt.
//
// No hash is longer than 255 characters. Salts have 1 to 64 bytes, and tags 16
// to 64. PBKDF2, scrypt and the rest are verified and never made.
//
//   - bcrypt reads 72 bytes and ignores the rest. So a hash of a longer
//     password accepts any password with the same beginning (attack A64).
//     Verify compares the whole password (ASVS v5.0.0-6.2.8): a password of
//     more than 72 bytes never matches a bcrypt hash. If the old host truncated
//     passwords silently, people with such passwords have to reset them.
//     bcrypt_sha256$ has no such limit.
//   - bcrypt repeats its key with a NUL in between, so "a" and "a\x00a" have
//     the same hash. A password with a NUL never matches a bcrypt hash, and one
//     with a NUL at its end matches no hash by PBKDF2 or scrypt.
//   - Old hosts hashed the password as it was typed. If it differs from its
//     NFKC form, Verify tries both. It does not for argon2id hashes without
//     Django's prefix: these are taken to be of the NFKC form, because a second
//     try would permanently double the cost of every wrong guess.
//   - A hash beyond the bounds is refused, because each guess would take seconds
//     of a core, or the memory of the server.
//
// Until the old hashes are gone, each of [Argon2idOptions].MaxConcurrent hashes can
// take the memory that an old one asks for: 32 MiB with Werkzeug's default for
// scrypt, 64 with passlib's, 100 with Django's for argon2.
//
// Every program that signs people in has to call Verify before the first reset
// writes an argon2id hash. A login that calls CompareHashAndPassword of
// golang.org/x/crypto/bcrypt refuses whoever has reset, with the error "bcrypt
// algorithm version 'a' requested is newer than current version '2'". A column
// of 60 characters is too narrow. Where another program cannot be changed, and
// reads bcrypt, use [Bcrypt]: it writes what that program reads. It refuses
// passwords of more than 72 bytes.
//
// Until the last old hash is gone, the time of a login shows whether an account
// has such a hash. A host that cannot accept this wraps the old hashes, or resets
// the passwords.
//
// # Operating
//
// A hash of default cost takes 19 MiB and 20 to 30 ms of a core. 64 at once on
// two cores grow the heap by 76 to 140 MiB, and by 1 GB without a bound. Alert
// on [ErrBusy]: either there are too few cores, or somebody guesses passwords.
// In a container with little memory fewer hashes run at once than there are
// cores, and a line in the log says so.
// See [Argon2idOptions.MaxConcurrent] for a server that has to answer other
// requests while hashing uses all cores.
//
// # Limits
//
// The lists of common passwords, English words and names are those of zxcvbn,
// 85,088 entries, which take 1 MB of memory. About a hundred of them have the
// minimum of 15 characters. So the policy also refuses their repetitions, their
// usual spellings ("P@ssw0rd") and padding, runs and keyboard walks. It does not
// refuse two different words, however common they are, because that would
// refuse passphrases. It does not recognise words of other languages, words
// spelled backwards, passwords that have become common since 2012, when the
// lists were made, and keyboards other than QWERTY, Dvorak and the number pads.
// ASVS v5.0.0-6.2.4 ("top 3000 that fit the policy") is fully met only with a
// [BreachChecker]. This package does not estimate the strength of a password.
//
// Of generated passwords and of passphrases, of 15 characters and more, less
// than one in a thousand is refused. Shorter ones, which need a second factor,
// look like a short word and padding more often: of 8 random characters, 4 in
// 1,000 are refused if they are printable ASCII, and 3 in 100 if they are
// hexadecimal.
//
// NFKC is that of golang.org/x/text, which breaks up more than 30 combining
// marks in a row (the Stream-Safe Text Format of UAX #15). A second
// implementation in another language must do the same, or differs for such
// texts.
package password
