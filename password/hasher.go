package password

import (
	"context"
	"errors"
)

var (
	// ErrBusy reports that more hashes are wanted than the server can make.
	// Nothing was computed. Answer 503 with Retry-After.
	ErrBusy = errors.New("password: too many hashes at once")

	// ErrMalformedHash reports a stored string that is no hash this package
	// reads, or that asks for more memory or time than it grants. The person
	// who logs in can do nothing about it and should be told what a wrong
	// password is told; the operator should hear of it.
	ErrMalformedHash = errors.New("password: malformed hash")
)

// Hasher turns passwords into strings that can be stored, and compares
// passwords with such strings. [Argon2id] implements it. Implementations are
// safe for concurrent use.
//
// Both methods normalise the password themselves, by [Normalize], and return its
// [*PolicyError] for one that has no normal form. A password already normalised
// is the same password.
//
// Both return an error that wraps [ErrBusy] when the server is saturated, and
// the error of ctx when ctx ends before the work has begun. No error and no
// result contains the password.
type Hasher interface {
	// Hash returns a new hash of password under a fresh random salt. It does
	// not judge the password; see [Policy].
	Hash(ctx context.Context, password string) (encoded string, err error)

	// Verify reports whether encoded is a hash of password. A wrong password
	// is not an error.
	//
	// An empty encoded string is the hash of nobody: it matches no password,
	// is not an error, and takes as long as a hash that Hash made. So a login
	// calls Verify whether it found an account or not.
	//
	// The error wraps [ErrMalformedHash] if encoded cannot be read.
	Verify(ctx context.Context, encoded, password string) (Result, error)
}

// Result is the outcome of [Hasher.Verify].
type Result struct {
	// Match reports that the password is the one that was hashed.
	Match bool

	// Rehash reports, for a match only, that Hash would now write another kind
	// of hash or another cost. Store a new one while the password is at hand.
	Rehash bool
}
