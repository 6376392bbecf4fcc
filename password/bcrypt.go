package password

import (
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	// maxBcryptBytes is where bcrypt stops reading.
	maxBcryptBytes = 72

	// maxBcryptCost bounds what a stored bcrypt hash may ask for. Cost 10 takes
	// 50 to 75 ms and every step doubles it: 15 takes two seconds, the most
	// that anybody uses; 31 would hold a core for a day and a half.
	maxBcryptCost = 15

	// lenBcrypt is that of "$2b$10$", 22 characters of salt and 31 of hash.
	lenBcrypt = 60
)

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// isBcrypt reports whether s claims to be a bcrypt hash.
func isBcrypt(s string) bool { return strings.HasPrefix(s, "$2") }

// checkBcrypt reports whether s is a bcrypt hash that may be verified. It does
// not ask for canonical base64: others wrote these strings, and some of them
// left bits in the last character of the salt that bcrypt itself ignores.
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
// A candidate that bcrypt cannot tell from others never matches, but takes as
// long as one that could: over 72 bytes the rest would be ignored
// (CompareHashAndPassword truncates where GenerateFromPassword refuses), and a
// NUL cannot be told from the one that bcrypt puts between repetitions of the
// key.
func matchBcrypt(encoded string, candidates ...string) bool {
	match := false
	for _, candidate := range candidates {
		equal := bcrypt.CompareHashAndPassword([]byte(encoded), []byte(candidate)) == nil
		exact := len(candidate) <= maxBcryptBytes && strings.IndexByte(candidate, 0) < 0
		match = match || equal && exact
	}
	return match
}
