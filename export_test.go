package recovery

import (
	"crypto/rand"
	"io"
)

// NewCode is what draws codes.
func NewCode() (string, error) { return newCode() }

// SetRandom replaces the source of randomness, for tests that are not
// parallel.
func SetRandom(r io.Reader) (restore func()) {
	old := rand.Reader
	rand.Reader = r
	return func() { rand.Reader = old }
}
