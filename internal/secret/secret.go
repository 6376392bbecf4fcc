// Package secret compares secrets.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Equal reports whether two secrets are the same. The time that it takes does
// not tell where they differ. It does not tell whether their lengths differ
// either, because Equal compares their SHA-256 digests: the usual constant-time
// comparison returns at once if the lengths differ.
func Equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
