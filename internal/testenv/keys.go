package testenv

import (
	"crypto/sha256"
	"testing"

	"github.com/seed-51359b35/recovery/internal/masterkey"
)

// Key returns a key for [recovery.Options].Keys: always the same one for a name.
func Key(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// AcceptKey lets a golden file's key pass, although it is weak, until the test
// ends. Golden files are never changed.
func AcceptKey(t testing.TB, key []byte) { t.Cleanup(masterkey.Accept(key)) }
