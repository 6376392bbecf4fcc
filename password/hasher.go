package password

import (
	"context"
	"errors"
)

var (
	// ErrBusy reports that more hashes are requested than the server can
	// compute. This one was not computed. Answer 503 with Retry-After, which
	// the [*BusyError] of [Argon2id] knows.
	ErrBusy = errors.New("password: too many hashes at once")

	// ErrMalformedHash reports a stored string that is no hash which this
	// package reads, or that asks for more memory or time than it allows. The
	// person who signs in cannot correct this, and should get the same answer
	// as for a wrong password. The operator should be told.
	ErrMalformedHash = errors.New("password: malformed hash")
)

// Hasher turns passwords into strings that can be stored, and compares
// passwords with such strings. [Argon2id] implements it. Implementations are
// safe for concurrent use.
//
// Both methods normalise the password themselves, by [Normalize], and return
// the [*PolicyError] of Normalize for a password that has no normal form. They
// accept a password that is normalised already.
//
// Both return an error that wraps [ErrBusy] when the server is busy, and the
// error of ctx when ctx ends before the work has begun. No error and no result
// contains the password.
type Hasher interface {
	// Hash returns a new hash of password under a fresh random salt. It does
	// not judge the password; see [Policy].
	Hash(ctx context.Context, password string) (encoded string, err error)

	// Verify reports whether encoded is a hash of password. A wrong password
	// is not an error.
	//
	// An empty encoded string stands for an account that does not exist. It
	// matches no password, is not an error, and takes as long as a hash that
	// Hash made. So a login calls Verify even if it found no account.
	//
	// The error wraps [ErrMalformedHash] if encoded cannot be read.
	Verify(ctx context.Context, encoded, password string) (Result, error)
}

// Result is the outcome of [Hasher.Verify].
type Result struct {
	// Match reports that the password is the hashed one.
	Match bool

	// Rehash reports, for a match only, that Hash would now make another kind
	// of hash or one of another cost. Hash the password again and store that.
	Rehash bool
}
