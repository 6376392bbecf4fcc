package password

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// A storedHash is a hash of a kind that this package reads. One type implements
// it for each kind.
type storedHash interface {
	// matches reports whether the hash is one of the password. It takes as long
	// for every hash of the same form and for every password of the same
	// spellings.
	matches(p presented) bool
	// form is comparable, and equal for hashes of one kind and cost.
	form() any
}

// A presented password, as it was typed and in its normal form.
type presented struct{ typed, normal string }

// spellings returns both, or one if they are the same.
func (p presented) spellings() []string {
	if p.typed == p.normal {
		return []string{p.normal}
	}
	return []string{p.normal, p.typed}
}

// maxHash is the length of the longest hash that is read, in bytes. A column of
// 255 characters holds each of them.
const maxHash = 255

// parseHash reads a hash of any kind. Its errors wrap ErrMalformedHash and quote
// nothing of encoded.
//
// The formats that other programs write are read in the spelling in which they
// write them, and in no other. A second spelling would help nobody but an
// attacker who probes the parser.
func parseHash(encoded string) (storedHash, error) {
	if len(encoded) > maxHash {
		return nil, malformed("longer than any hash")
	}
	// The decoders of Go skip line ends.
	if strings.ContainsFunc(encoded, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, malformed("not printable ASCII without spaces")
	}
	has := func(prefix string) bool { return strings.HasPrefix(encoded, prefix) }
	switch {
	case has("$2"):
		return parseBcrypt(encoded)
	case has("bcrypt$"), has("bcrypt_sha256$"):
		return parseDjangoBcrypt(encoded)
	case has("argon2$"), has("$argon2i$"):
		return parseForeignArgon2(encoded)
	case has("pbkdf2_"):
		return parseDjangoPBKDF2(encoded)
	case has("pbkdf2:"):
		return parseWerkzeugPBKDF2(encoded)
	case has("$pbkdf2"):
		return parsePHCPBKDF2(encoded)
	case has("scrypt$"):
		return parseDjangoScrypt(encoded)
	case has("scrypt:"):
		return parseWerkzeugScrypt(encoded)
	case has("$scrypt$"):
		return parsePHCScrypt(encoded)
	case has("$fbscrypt$"):
		return parseFirebaseScrypt(encoded)
	case has("A"):
		return parseIdentity(encoded)
	}
	return parsePHC(encoded)
}

// matchesTyped compares tag with what derive makes of the password. It tries
// both spellings, because most programs hash the password as it was typed, and
// some its normal form.
//
// A password with a NUL at its end never matches, but takes as long as any
// other. The HMAC inside of PBKDF2 and scrypt pads its key with NULs, so "a" and
// "a\x00" have the same hash.
func (p presented) matchesTyped(tag []byte, derive func(password string) []byte) bool {
	match := false
	for _, candidate := range p.spellings() {
		equal := subtle.ConstantTimeCompare(derive(candidate), tag) == 1
		match = match || equal && !strings.HasSuffix(candidate, "\x00")
	}
	return match
}

// parseParams reads "a=1,b=2", with the names in this order and numbers of 1 to
// 9 digits that do not begin with 0.
func parseParams(s string, names ...string) ([]int, error) {
	fields := strings.Split(s, ",")
	if len(fields) != len(names) {
		return nil, malformed("not the parameters " + strings.Join(names, ", "))
	}
	values := make([]int, len(names))
	for i, name := range names {
		digits, ok := strings.CutPrefix(fields[i], name+"=")
		if !ok {
			return nil, malformed("not the parameters " + strings.Join(names, ", ") + " in this order")
		}
		var err error
		if values[i], err = parseNumber(digits); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// parseNumber reads a number of 1 to 9 digits, which fits into every int.
func parseNumber(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n > 0 && len(s) <= 9 && strconv.Itoa(n) == s {
		return n, nil
	}
	return 0, malformed("a parameter is not a number from 1 to 999999999")
}

// decodeTag reads a tag, which also says how long a guess is compared.
func decodeTag(encoding *base64.Encoding, s string) ([]byte, error) {
	tag, err := encoding.Strict().DecodeString(s)
	if err != nil || len(tag) < minTag || len(tag) > maxTag {
		return nil, malformed("tag is not 16 to 64 bytes of base64")
	}
	return tag, nil
}

func decodeHexTag(s string) ([]byte, error) {
	tag, err := hex.DecodeString(s)
	if err != nil || len(tag) < minTag || len(tag) > maxTag || hex.EncodeToString(tag) != s {
		return nil, malformed("tag is not 16 to 64 bytes in hexadecimal")
	}
	return tag, nil
}

// decodeSalt reads a salt of another program, which may be short.
func decodeSalt(encoding *base64.Encoding, s string) ([]byte, error) {
	salt, err := encoding.Strict().DecodeString(s)
	if err != nil {
		return nil, malformed("salt is not base64")
	}
	return salt, checkSalt(salt)
}

// maxForeignSalt is the length of the longest salt of PBKDF2 and scrypt, in
// bytes. passlib's is 16 by default, and Django's and Werkzeug's are texts of
// up to 22 characters.
const maxForeignSalt = 64

func checkSalt[T string | []byte](salt T) error {
	if len(salt) < 1 || len(salt) > maxForeignSalt {
		return malformed("salt is not 1 to 64 bytes")
	}
	return nil
}

// verify is the method Verify of every hasher of this package. own is a hash of
// the form that the hasher makes. An account without a hash, or with one that
// cannot be read, takes as long as own, so that the time does not show it.
func verify(ctx context.Context, g *gate, own storedHash, attempt Attempt) (Result, error) {
	// The password is checked first, because this error must not depend on the
	// stored hash.
	normal, err := Normalize(attempt.Password)
	if err != nil {
		return Result{}, err
	}
	var stored storedHash
	var unreadable error
	if attempt.Hash != "" {
		stored, unreadable = parseHash(attempt.Hash)
	}
	leave, err := g.enter(ctx)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	p := presented{typed: attempt.Password, normal: normal}
	if attempt.Hash == "" || unreadable != nil {
		own.matches(p)
		return Result{}, unreadable
	}
	match := stored.matches(p)
	return Result{Match: match, Rehash: match && stored.form() != own.form()}, nil
}
