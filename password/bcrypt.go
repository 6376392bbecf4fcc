package password

import (
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
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

// isBcrypt reports whether s claims to be a bcrypt hash.
func isBcrypt(s string) bool { return strings.HasPrefix(s, "$2") }

// checkBcrypt returns an error unless s is a bcrypt hash that may be verified.
// It accepts base64 that is not canonical. Other libraries made these strings,
// and some of them set bits in the last character of the salt that bcrypt
// ignores.
func checkBcrypt(s string) error {
	if len(s) != lenBcrypt || s[3] != '$' || s[6] != '$' || strings.Trim(s[7:], bcryptAlphabet) != "" {
		return malformed("not of the form $2b$10$salthash")
	}
	if v := s[2]; v != 'a' && v != 'b' && v != 'y' {
		return malformed("not bcrypt 2a, 2b or 2y")
	}
	c := int(s[4]-'0')*10 + int(s[5]-'0')
	if s[4] < '0' || s[4] > '9' || s[5] < '0' || s[5] > '9' || c < bcrypt.MinCost || c > maxBcryptCost {
		return malformed("bcrypt cost is not 04 to 15")
	}
	return nil
}

// matchBcrypt reports whether encoded, which checkBcrypt has passed, is a hash
// of one of the candidates.
//
// A candidate that bcrypt confuses with others never matches, but takes as long
// as any other. bcrypt ignores what comes after 72 bytes
// (CompareHashAndPassword truncates, while GenerateFromPassword refuses), and
// it confuses a NUL with the one that it puts between repetitions of the key.
func matchBcrypt(encoded string, candidates ...string) bool {
	match := false
	for _, candidate := range candidates {
		equal := bcrypt.CompareHashAndPassword([]byte(encoded), []byte(candidate)) == nil
		exact := len(candidate) <= maxBcryptBytes && strings.IndexByte(candidate, 0) < 0
		match = match || equal && exact
	}
	return match
}
