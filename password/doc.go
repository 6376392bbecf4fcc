// Package password stores, verifies and judges passwords: argon2id hashing that
// cannot be made to exhaust a server, and a policy that refuses only what an
// attacker would guess.
//
// Sign-up, login and password recovery must agree on what a password is, so
// this package stands alone: it knows nothing of recovery, and every part of a
// host can share one [Argon2id] and one [Policy].
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
//	result, err := hasher.Verify(ctx, hash, presented)
//
// The zero value of every option is a secure default. Constructors report all
// mistakes at once, joined by [errors.Join].
//
// # Threat model
//
// Somebody who steals the stored hashes pays 19 MiB and two passes of argon2id
// for every guess (ASVS v5.0.0 Appendix C, OWASP Password Storage Cheat Sheet),
// and the guesses that come first are refused at sign-up: common passwords,
// runs, keyboard walks, the names of the product and of the person (ASVS
// v5.0.0-6.2.4 and 6.2.11, NIST SP 800-63B-4 section 3.1.1.2), and with a
// [BreachChecker] whatever leaked elsewhere (6.2.12).
//
// Somebody who floods the login with guesses gets at most
// [Argon2idOptions.MaxConcurrent] hashes at a time, a bounded queue behind them
// and [ErrBusy] after that, at once. Very long passwords, passwords that grow
// under normalisation (attack A63), and stored hashes that ask for gigabytes
// are refused before any work is done on them.
//
// Somebody who wants to know who has an account learns nothing from the time:
// [Argon2id.Verify] with an empty hash costs what a real one costs. While a
// store still holds hashes of another kind, those differ; see below.
//
// Passwords reach no error, no log and no other process. [HIBP] sends the first
// five hexadecimal digits of a SHA-1 and nothing else.
//
// What this package does not do: limit the rate of guesses, lock or find
// accounts, keep a history ([RuleReused] is there for whoever does), or add a
// pepper. Rate limiting is required besides (NIST SP 800-63B-4 section 3.2.2).
//
// # Normalisation
//
// [Normalize] turns a password into NFKC, so that an accent typed on one device
// is the accent typed on another. [Argon2id] and [Policy] call it themselves. A
// host that hashes with anything else must call it at sign-up, login and reset
// alike; a password hashed raw in one place and normalised in another locks its
// owner out.
//
// # Migrating from bcrypt
//
// [Argon2id.Verify] reads $2a$, $2b$ and $2y$ hashes and reports Rehash for
// every match: store what Hash returns then, and the table migrates itself, one
// login at a time. Nothing has to be reset, except for the few people below.
//
//   - bcrypt reads 72 bytes and drops the rest, so a hash made from a longer
//     password accepts any password that begins alike (attack A64). Verify
//     compares the whole password or nothing (ASVS v5.0.0-6.2.8): over 72 bytes
//     never matches a bcrypt hash. If the old host truncated silently, those
//     people reset.
//   - bcrypt repeats its key with a NUL in between, so "a" and "a\x00a" have the
//     same hash. A password with a NUL never matches a bcrypt hash.
//   - Old hosts hashed what was typed, so where that differs from its NFKC form
//     Verify tries both. It does so for bcrypt alone: argon2id hashes are taken
//     to be of the normal form, whoever made them, because trying twice would
//     double the price of every wrong guess for good.
//   - A cost over 15 is refused: it takes seconds of a core for each guess.
//
// Until the last bcrypt hash is gone, the time of a login tells an account with
// such a hash from one without. A host that cannot live with that wraps the old
// hashes, or resets them.
//
// # Operating
//
// A hash of default cost takes 19 MiB and 20 to 30 ms of a core. 64 at once on
// two cores grow the heap by 76 to 140 MiB, and by 1 GB where nothing bounds
// them. Alert on [ErrBusy]: either there are too few cores or somebody is
// guessing. See [Argon2idOptions.MaxConcurrent] for a server that has to answer
// other requests while hashing fills its cores.
//
// # Limits
//
// The list of common passwords is that of zxcvbn: 7,141 entries, all of them
// short. A minimum of 15 leaves almost none to match, which is why their
// repetitions, runs and keyboard walks count too, and why ASVS v5.0.0-6.2.4
// ("top 3000 that fit the policy") is met to the letter only with a
// [BreachChecker]. Letters replaced by look-alikes ("p@ssw0rd") and keyboards
// other than QWERTY, Dvorak and the number pads are not recognised. Nothing here
// estimates strength.
//
// NFKC is that of golang.org/x/text, which breaks up more than 30 combining
// marks in a row (the Stream-Safe Text Format of UAX #15). A second
// implementation in another language must do likewise or differ there.
package password
