package password

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// passwords with such strings. [Argon2id] and [Bcrypt] implement it.
// Implementations are safe for concurrent use.
//
// Both methods return the [*PolicyError] of [Normalize] for a password that has
// no normal form. They return an error that wraps [ErrBusy] when the server is
// busy, and the error of ctx when ctx ends before the work has begun. No error
// and no result contains the password.
type Hasher interface {
	// Hash returns a new hash of password under a fresh random salt. It does
	// not judge the password; see [Policy]. A column of 255 characters holds
	// every hash that this package writes or reads.
	Hash(ctx context.Context, password string) (encoded string, err error)

	// Verify reports whether the password of an attempt is the one of its hash.
	// It verifies every kind of hash that the implementation knows, whichever
	// kind Hash makes. A wrong password is not an error.
	//
	// An empty hash stands for an account that does not exist. It matches no
	// password, is not an error, and takes as long as a hash that Hash made. So
	// a login calls Verify even if it found no account.
	//
	// The error wraps [ErrMalformedHash] if the hash cannot be read.
	Verify(ctx context.Context, attempt Attempt) (Result, error)
}

// A BoundedHasher is a [Hasher] that does not hash every password which a
// [Policy] may accept. Package recovery asks it how long a new password may be.
type BoundedHasher interface {
	Hasher
	// MaxPasswordBytes returns the length of the longest password that Hash
	// accepts, in bytes of UTF-8. For a longer one, Hash returns a
	// [*PolicyError] with [RuleTooLong]. It must never hash a part of it.
	MaxPasswordBytes() int
}

// An Attempt is the password that somebody presents, and the stored hash of the
// account. The fields have names, because both are strings and could otherwise
// be swapped. Printing and logging an Attempt show neither.
type Attempt struct {
	_ [0]func()

	// Hash is what [Hasher.Hash] returned when the password was chosen, or a
	// hash that another program stored. It is empty for an account that does
	// not exist.
	Hash string

	// Password is what the person typed now.
	Password string
}

// Format writes "[redacted]" for every verb.
func (Attempt) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue returns "[redacted]".
func (Attempt) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText returns "[redacted]", for encoding/json and similar packages.
func (Attempt) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Result is the outcome of [Hasher.Verify].
type Result struct {
	// Match reports that the password is the hashed one.
	Match bool

	// Rehash reports, for a match only, that Hash would now make another kind
	// of hash or one of another cost. Hash the password again and store that.
	Rehash bool
}
