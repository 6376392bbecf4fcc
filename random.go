package recovery

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/bits"
	"time"
)

// newSecret returns 32 random bytes in lower-case hexadecimal: the secret of a
// link. crypto/rand.Read does not fail: the runtime ends the program if the
// system has no randomness (A30).
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	var text [2 * len(b)]byte
	hex.Encode(text[:], b[:])
	return string(text[:])
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

// randomDuration returns a random duration from 0 to d. No length is likelier
// than another by more than one part in a million, for a d of up to five hours.
// It does not use math/rand: one source of randomness is easier to trust than
// two (A30).
func randomDuration(d time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see newSecret
	n, _ := bits.Mul64(binary.BigEndian.Uint64(b[:]), uint64(max(0, d))+1)
	return time.Duration(n)
}
