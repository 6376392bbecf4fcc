package password

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// These are the bounds of stored scrypt hashes, beside those that hold for
// argon2id: 256 MiB of memory, and 1 GiB for memory times lanes, which takes 3 s
// of a core. passlib's default takes 64 MiB, and Werkzeug's 32.
const (
	maxScryptBlock = 32 // r
	maxScryptLanes = 16 // p
)

// scryptCost is what one scrypt hash takes (RFC 7914).
type scryptCost struct {
	n int // cost, a power of two
	r int // block size
	p int // parallelisation
}

// check bounds memory and time. A hash takes 128 x n x r bytes, and its lanes
// follow one another. The three numbers have at most 9 digits each.
func (c scryptCost) check() error {
	memory := uint64(c.n) * uint64(c.r) / 8 // KiB
	switch {
	case c.n < 2 || c.n&(c.n-1) != 0:
		return malformed("scrypt's N is not a power of two")
	case c.r < 1 || c.r > maxScryptBlock:
		return malformed("scrypt's r is not 1 to 32")
	case c.p < 1 || c.p > maxScryptLanes:
		return malformed("scrypt's p is not 1 to 16")
	case memory > maxMemory:
		return malformed("scrypt's memory is over 256 MiB")
	case memory*uint64(c.p) > maxWork:
		return malformed("scrypt's memory times p is over 1 GiB")
	}
	return nil
}

// derive returns no key if scrypt refuses a cost that check accepts.
func (c scryptCost) derive(password string, salt []byte, length int) []byte {
	key, err := scrypt.Key([]byte(password), salt, c.n, c.r, c.p, length)
	if err != nil {
		return nil
	}
	return key
}

// power returns 2 to the power of exponent, or 0 for an exponent that no bound
// allows.
func power(exponent int) int {
	if exponent < 1 || exponent > 30 {
		return 0
	}
	return 1 << exponent
}

// A scryptHash is a hash by scrypt. Other programs made it: this package only
// verifies it.
type scryptHash struct {
	cost scryptCost
	salt []byte
	tag  []byte
}

// newScrypt returns a hash whose cost is within the bounds.
func newScrypt(c scryptCost, salt, tag []byte) (scryptHash, error) {
	if err := checkSalt(salt); err != nil {
		return scryptHash{}, err
	}
	if err := c.check(); err != nil {
		return scryptHash{}, err
	}
	return scryptHash{c, salt, tag}, nil
}

func (h scryptHash) matches(p presented) bool {
	return p.matchesTyped(h.tag, func(password string) []byte {
		return h.cost.derive(password, h.salt, len(h.tag))
	})
}

func (h scryptHash) form() any { return h.cost }

// parsePHCScrypt reads what passlib writes:
//
//	$scrypt$ln=16,r=8,p=1$<salt>$<tag>
func parsePHCScrypt(s string) (scryptHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 5 {
		return scryptHash{}, malformed("not of the form $scrypt$ln=,r=,p=$salt$tag")
	}
	params, err := parseParams(parts[2], "ln", "r", "p")
	if err != nil {
		return scryptHash{}, err
	}
	salt, err := decodeSalt(base64.RawStdEncoding, parts[3])
	if err != nil {
		return scryptHash{}, err
	}
	tag, err := decodeTag(base64.RawStdEncoding, parts[4])
	if err != nil {
		return scryptHash{}, err
	}
	return newScrypt(scryptCost{power(params[0]), params[1], params[2]}, salt, tag)
}

// parseDjangoScrypt reads what django.contrib.auth.hashers writes:
//
//	scrypt$16384$<salt, as text>$8$5$<tag in base64>
func parseDjangoScrypt(s string) (scryptHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return scryptHash{}, malformed("not of the form scrypt$N$salt$r$p$tag")
	}
	cost, err := parseScryptCost(parts[1], parts[3], parts[4])
	if err != nil {
		return scryptHash{}, err
	}
	tag, err := decodeTag(base64.StdEncoding, parts[5])
	if err != nil {
		return scryptHash{}, err
	}
	return newScrypt(cost, []byte(parts[2]), tag)
}

// parseWerkzeugScrypt reads what werkzeug.security writes, for Flask:
//
//	scrypt:32768:8:1$<salt, as text>$<tag in hexadecimal>
func parseWerkzeugScrypt(s string) (scryptHash, error) {
	parts := strings.Split(s, "$")
	method := strings.Split(parts[0], ":")
	if len(parts) != 3 || len(method) != 4 {
		return scryptHash{}, malformed("not of the form scrypt:N:r:p$salt$tag")
	}
	cost, err := parseScryptCost(method[1], method[2], method[3])
	if err != nil {
		return scryptHash{}, err
	}
	tag, err := decodeHexTag(parts[2])
	if err != nil {
		return scryptHash{}, err
	}
	return newScrypt(cost, []byte(parts[1]), tag)
}

func parseScryptCost(numbers ...string) (scryptCost, error) {
	var values [3]int
	for i, s := range numbers {
		var err error
		if values[i], err = parseNumber(s); err != nil {
			return scryptCost{}, err
		}
	}
	return scryptCost{values[0], values[1], values[2]}, nil
}

// A firebaseHash is a hash of Firebase Authentication. scrypt makes a key of the
// password, and AES-256 in counter mode encrypts the signer key of the project
// with it (github.com/firebase/scrypt).
type firebaseHash struct {
	cost      scryptCost
	salt      []byte // with the separator
	signerKey []byte
	tag       []byte
}

// parseFirebaseScrypt reads the format of Supabase and Hanko, because Firebase
// exports the parts of a hash, and no string that holds them:
//
//	$fbscrypt$v=1,n=<mem_cost>,r=<rounds>,p=1,ss=<salt separator>,sk=<signer key>$<salt>$<hash>
//
// All four are base64 with padding, as in the export.
func parseFirebaseScrypt(s string) (firebaseHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 5 {
		return firebaseHash{}, malformed("not of the form $fbscrypt$v=1,n=,r=,p=1,ss=,sk=$salt$hash")
	}
	numbers, keys, _ := strings.Cut(parts[2], ",ss=")
	params, err := parseParams(numbers, "v", "n", "r", "p")
	if err != nil {
		return firebaseHash{}, err
	}
	if params[0] != 1 {
		return firebaseHash{}, malformed("not version 1 of Firebase's scrypt")
	}
	separator64, key64, found := strings.Cut(keys, ",sk=")
	separator, err := base64.StdEncoding.Strict().DecodeString(separator64)
	if err != nil || !found {
		return firebaseHash{}, malformed("no salt separator in base64, or no signer key after it")
	}
	signerKey, err := decodeTag(base64.StdEncoding, key64)
	if err != nil {
		return firebaseHash{}, malformed("signer key is not 16 to 64 bytes of base64")
	}
	salt, err := decodeSalt(base64.StdEncoding, parts[3])
	if err != nil {
		return firebaseHash{}, err
	}
	tag, err := decodeTag(base64.StdEncoding, parts[4])
	if err != nil {
		return firebaseHash{}, err
	}
	if len(tag) != len(signerKey) {
		return firebaseHash{}, malformed("hash and signer key have different lengths")
	}
	cost := scryptCost{power(params[1]), params[2], params[3]}
	if err := cost.check(); err != nil {
		return firebaseHash{}, err
	}
	return firebaseHash{cost, slices.Concat(salt, separator), signerKey, tag}, nil
}

func (h firebaseHash) matches(p presented) bool {
	return p.matchesTyped(h.tag, func(password string) []byte {
		block, err := aes.NewCipher(h.cost.derive(password, h.salt, 32))
		if err != nil {
			return nil
		}
		encrypted := make([]byte, len(h.signerKey))
		// The counter begins at zero in every hash. The key is another one each
		// time, because the salt is.
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(encrypted, h.signerKey)
		return encrypted
	})
}

type firebaseForm scryptCost

func (h firebaseHash) form() any { return firebaseForm(h.cost) }
