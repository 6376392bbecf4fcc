package recovery

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"
)

// newSecret draws the 32 bytes of a link token, in lower-case hexadecimal.
// crypto/rand.Read does not fail: the runtime ends the program if the system
// has no randomness (A30).
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// codeDigits is the length of a code. Eight, because an attacker who tries
// five codes on each of a million accounts expects to hit five of six digits
// and 0.05 of eight.
const codeDigits = 8

// newCode draws a code without bias; leading zeros stay.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// newID is a random name for jobs and claims.
func newID() string { return rand.Text() }

// randomDuration is uniform in [0, d]. Not math/rand: one source of randomness
// is easier to trust than two (A30), and nothing here is hot.
func randomDuration(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(d)+1))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}
