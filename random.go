package recovery

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"
)

// newSecret returns 32 random bytes in lower-case hexadecimal: the secret of a
// link. crypto/rand.Read does not fail: the runtime ends the program if the
// system has no randomness (A30).
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// codeDigits is the number of digits of a code. It is eight because of an
// attacker who tries five codes on each of a million accounts. With six digits,
// that attacker guesses five codes on average, with eight only 0.05.
const codeDigits = 8

// newCode returns a random code. All codes are equally likely, also those that
// begin with zeros.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// newID returns a random ID for a job, a claim or a reset.
func newID() string { return rand.Text() }

// randomDuration returns a random duration from 0 to d, all equally likely. It
// does not use math/rand: one source of randomness is easier to trust than two
// (A30), and no caller needs speed.
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
