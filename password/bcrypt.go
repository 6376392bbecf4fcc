package password

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	// minNewBcryptCost is the lowest cost of a new hash (ASVS v5.0.0 Appendix
	// C, OWASP Password Storage Cheat Sheet).
	minNewBcryptCost = 10

	// maxBcryptBytes is how many bytes of a password bcrypt reads.
	maxBcryptBytes = 72

	// maxBcryptCost is the highest cost of a stored bcrypt hash. Cost 10 takes
	// 50 to 75 ms, and every step doubles that. 15 takes two seconds, and no
	// host uses more. 31 would use a core for a day and a half.
	maxBcryptCost = 15

	// lenBcrypt is the length of "$2b$10$", 22 characters of salt and 31 of
	// hash.
	lenBcrypt = 60
)

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// BcryptOptions configures [NewBcrypt]. The zero value has the minimum cost that
// OWASP recommends, and uses all cores.
type BcryptOptions struct {
	_ [0]func()

	// Cost is the cost of new hashes, 10 to 15. Each step doubles the time.
	// Default 10, which takes 50 to 75 ms of a core. It is also the default of
	// golang.org/x/crypto/bcrypt. Set it to the cost of the hashes that the host
	// has, or the time of a login shows which accounts exist.
	Cost int

	// MaxConcurrent is how many hashes run at once, Hash and Verify together, 1
	// to 4,096. Default GOMAXPROCS at the time of the call. A server that must
	// answer other requests meanwhile chooses it as
	// [Argon2idOptions].MaxConcurrent says.
	MaxConcurrent int

	// MaxWaiting is how many callers may wait for a hash, 1 to 1,048,576.
	// Default 2,048.
	MaxWaiting int

	// MaxWait is how long a caller waits at most. Default 10 s, at most a minute.
	// A caller that would wait longer, as hashes have taken lately, gets [ErrBusy]
	// at once.
	MaxWait time.Duration
}

// Bcrypt is a [Hasher] that writes bcrypt hashes ($2a$, 60 characters), for hosts
// whose other programs read these and nothing else. Other hosts take [Argon2id],
// which also verifies the bcrypt hashes that they have. Make one with
// [NewBcrypt] and share it. It is safe for concurrent use.
//
// bcrypt reads 72 bytes of a password and ignores the rest, so Hash refuses
// longer ones (attack A64). It does not hash them beforehand, as some libraries
// do, because no other program could verify the result. Where a person chooses
// the password, [PolicyOptions].MaxBytes is 72 too. Package recovery sets it in
// its default policy, and insists on it in a policy of the host.
//
// For the same reason Hash hashes the password as it was typed, and not its
// normal form. bcrypt.CompareHashAndPassword of golang.org/x/crypto, and its like
// in other languages, verify what Hash returns. A person who types the same
// letters in another encoding is refused by those programs, as ever.
type Bcrypt struct {
	cost int
	gate gate
}

var _ BoundedHasher = (*Bcrypt)(nil)

// NewBcrypt returns a hasher. The error joins one error for every mistake in
// opts.
func NewBcrypt(opts BcryptOptions) (*Bcrypt, error) {
	opts.Cost = cmp.Or(opts.Cost, minNewBcryptCost)
	opts.MaxConcurrent = cmp.Or(opts.MaxConcurrent, runtime.GOMAXPROCS(0))
	opts.MaxWaiting = cmp.Or(opts.MaxWaiting, defaultGateWaiting)
	opts.MaxWait = cmp.Or(opts.MaxWait, defaultGateWait)
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("password: BcryptOptions."+format, args...))
	}
	if opts.Cost < minNewBcryptCost || opts.Cost > maxBcryptCost {
		mistake("Cost: %d is not %d to %d (ASVS v5.0.0 Appendix C)", opts.Cost, minNewBcryptCost, maxBcryptCost)
	}
	checkGate(mistake, opts.MaxConcurrent, opts.MaxWaiting, opts.MaxWait)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return newBcrypt(opts), nil
}

func newBcrypt(opts BcryptOptions) *Bcrypt {
	return &Bcrypt{cost: opts.Cost, gate: newGate(opts.MaxConcurrent, opts.MaxWaiting, opts.MaxWait)}
}

// MaxPasswordBytes returns 72.
func (*Bcrypt) MaxPasswordBytes() int { return maxBcryptBytes }

// Hash implements [Hasher]. It hashes the password as it was typed. The error is
// a [*PolicyError] with [RuleTooLong] for more than 72 bytes, and with
// [RuleEncoding] for a NUL, because bcrypt gives "a" and "a\x00a" the same hash.
func (b *Bcrypt) Hash(ctx context.Context, password string) (string, error) {
	if _, err := Normalize(password); err != nil {
		return "", err
	}
	if len(password) > maxBcryptBytes {
		return "", policyError(tooManyBytes(maxBcryptBytes))
	}
	if !fitsBcrypt(password) {
		return "", policyError(badEncoding("This password contains a character that is not allowed. Leave it out."))
	}
	leave, err := b.gate.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	encoded, err := bcrypt.GenerateFromPassword([]byte(password), b.cost)
	return string(encoded), err
}

// Verify implements [Hasher]. It verifies the same hashes as [Argon2id.Verify].
// A match with an argon2id hash, or with a bcrypt hash of another cost, is
// reported with Rehash.
func (b *Bcrypt) Verify(ctx context.Context, attempt Attempt) (Result, error) {
	own := bcryptHash(fmt.Sprintf("$2a$%02d$%s", b.cost, strings.Repeat(".", lenBcrypt-7)))
	return verify(ctx, &b.gate, own, attempt)
}

// A bcryptHash is a hash that parseBcrypt returned.
type bcryptHash string

// parseBcrypt returns an error unless s is a bcrypt hash that may be verified.
// It accepts base64 that is not canonical. Other libraries made these strings,
// and some of them set bits in the last character of the salt that bcrypt
// ignores.
func parseBcrypt(s string) (bcryptHash, error) {
	if len(s) != lenBcrypt || s[0] != '$' || s[1] != '2' || s[3] != '$' || s[6] != '$' || strings.Trim(s[7:], bcryptAlphabet) != "" {
		return "", malformed("not of the form $2b$10$salthash")
	}
	if v := s[2]; v != 'a' && v != 'b' && v != 'y' {
		return "", malformed("not bcrypt 2a, 2b or 2y")
	}
	c := int(s[4]-'0')*10 + int(s[5]-'0')
	if s[4] < '0' || s[4] > '9' || s[5] < '0' || s[5] > '9' || c < bcrypt.MinCost || c > maxBcryptCost {
		return "", malformed("bcrypt cost is not 04 to 15")
	}
	return bcryptHash(s), nil
}

// matches tries both spellings, because most programs hash the password as it
// was typed, and some its normal form.
//
// A password that bcrypt confuses with others never matches, but takes as long
// as any other. bcrypt ignores what comes after 72 bytes
// (CompareHashAndPassword truncates, while GenerateFromPassword refuses), and
// it confuses a NUL with the one that it puts between repetitions of the key.
func (h bcryptHash) matches(p presented) bool {
	match := false
	for _, candidate := range p.spellings() {
		equal := bcrypt.CompareHashAndPassword([]byte(h), []byte(candidate)) == nil
		match = match || equal && fitsBcrypt(candidate)
	}
	return match
}

// A djangoBcrypt is a bcrypt hash behind the name of Django's algorithm.
type djangoBcrypt struct {
	bcryptHash
	// hashedFirst says that Django hashed the password with SHA-256 before, and
	// gave bcrypt the 64 hexadecimal digits.
	hashedFirst bool
}

// parseDjangoBcrypt reads "bcrypt$$2b$12$..." and "bcrypt_sha256$$2b$12$...".
func parseDjangoBcrypt(s string) (djangoBcrypt, error) {
	name, rest, _ := strings.Cut(s, "$")
	hash, err := parseBcrypt(rest)
	return djangoBcrypt{hash, name == "bcrypt_sha256"}, err
}

func (h djangoBcrypt) matches(p presented) bool {
	if !h.hashedFirst {
		return h.bcryptHash.matches(p)
	}
	match := false
	for _, candidate := range p.spellings() {
		digest := sha256.Sum256([]byte(candidate))
		digits := hex.EncodeToString(digest[:])
		match = bcrypt.CompareHashAndPassword([]byte(h.bcryptHash), []byte(digits)) == nil || match
	}
	return match
}

func (h djangoBcrypt) form() any { return h }

// fitsBcrypt reports whether bcrypt tells the password from all others.
func fitsBcrypt(password string) bool {
	return len(password) <= maxBcryptBytes && strings.IndexByte(password, 0) < 0
}

// bcryptForm is the cost, as it stands in the hash. Whether a hash is 2a, 2b or
// 2y makes no difference.
type bcryptForm string

func (h bcryptHash) form() any { return bcryptForm(h[4:6]) }
