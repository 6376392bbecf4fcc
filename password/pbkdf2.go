package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"
)

// maxPBKDF2Rounds is the most rounds of a stored PBKDF2 hash. They take 0.6 s of
// a core with SHA-256 and 2 s with SHA-512. Django's default grows by about a
// fifth with every release, and is 1,200,000 in version 6.0.
const maxPBKDF2Rounds = 4_000_000

// A pbkdf2Hash is a hash by PBKDF2 with an HMAC (RFC 8018). Other programs made
// it: this package only verifies it.
type pbkdf2Hash struct {
	cost pbkdf2Cost
	salt []byte
	tag  []byte
}

type pbkdf2Cost struct {
	digest string // "sha1", "sha256" or "sha512"
	rounds int
}

func (c pbkdf2Cost) newDigest() func() hash.Hash {
	switch c.digest {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

// check bounds the time of a guess. A tag that is longer than the digest takes
// all the rounds once more for each further digest.
func (c pbkdf2Cost) check(tag []byte) error {
	newDigest := c.newDigest()
	if newDigest == nil {
		return malformed("PBKDF2 is not with SHA-1, SHA-256 or SHA-512")
	}
	size := newDigest().Size()
	if blocks := (len(tag) + size - 1) / size; c.rounds < 1 || c.rounds > maxPBKDF2Rounds/blocks {
		return malformed("PBKDF2 has more than 4,000,000 rounds, or none")
	}
	return nil
}

// newPBKDF2 returns a hash whose cost is within the bounds.
func newPBKDF2(c pbkdf2Cost, salt, tag []byte) (pbkdf2Hash, error) {
	if err := checkSalt(salt); err != nil {
		return pbkdf2Hash{}, err
	}
	if err := c.check(tag); err != nil {
		return pbkdf2Hash{}, err
	}
	return pbkdf2Hash{c, salt, tag}, nil
}

func (h pbkdf2Hash) matches(p presented) bool {
	return p.matchesTyped(h.tag, func(password string) []byte {
		// It fails only for keys that are too long, or in a program that allows
		// only what FIPS 140 does. Then nothing matches.
		key, err := pbkdf2.Key(h.cost.newDigest(), password, h.salt, h.cost.rounds, len(h.tag))
		if err != nil {
			return nil
		}
		return key
	})
}

func (h pbkdf2Hash) form() any { return h.cost }

// parseDjangoPBKDF2 reads what django.contrib.auth.hashers writes:
//
//	pbkdf2_sha256$1000000$<salt, as text>$<tag in base64>
func parseDjangoPBKDF2(s string) (pbkdf2Hash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 4 {
		return pbkdf2Hash{}, malformed("not of the form pbkdf2_sha256$rounds$salt$tag")
	}
	rounds, err := parseNumber(parts[1])
	if err != nil {
		return pbkdf2Hash{}, err
	}
	tag, err := decodeTag(base64.StdEncoding, parts[3])
	if err != nil {
		return pbkdf2Hash{}, err
	}
	return newPBKDF2(pbkdf2Cost{strings.TrimPrefix(parts[0], "pbkdf2_"), rounds}, []byte(parts[2]), tag)
}

// parseWerkzeugPBKDF2 reads what werkzeug.security writes, for Flask:
//
//	pbkdf2:sha256:1000000$<salt, as text>$<tag in hexadecimal>
func parseWerkzeugPBKDF2(s string) (pbkdf2Hash, error) {
	parts := strings.Split(s, "$")
	method := strings.Split(parts[0], ":")
	if len(parts) != 3 || len(method) != 3 {
		return pbkdf2Hash{}, malformed("not of the form pbkdf2:sha256:rounds$salt$tag")
	}
	rounds, err := parseNumber(method[2])
	if err != nil {
		return pbkdf2Hash{}, err
	}
	tag, err := decodeHexTag(parts[2])
	if err != nil {
		return pbkdf2Hash{}, err
	}
	return newPBKDF2(pbkdf2Cost{method[1], rounds}, []byte(parts[1]), tag)
}

// passlibEncoding is base64 with a dot in place of the plus, unpadded.
var passlibEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)

// parsePHCPBKDF2 reads what passlib writes, and what Auth0 and others exchange:
//
//	$pbkdf2-sha256$29000$<salt>$<tag>
//	$pbkdf2-sha256$i=100000,l=32$<salt>$<tag>
//
// Without the name of a digest it is SHA-1. The length l may be left out.
func parsePHCPBKDF2(s string) (pbkdf2Hash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 5 {
		return pbkdf2Hash{}, malformed("not of the form $pbkdf2-sha256$rounds$salt$tag")
	}
	digest := "sha1"
	if parts[1] != "pbkdf2" {
		digest = strings.TrimPrefix(parts[1], "pbkdf2-")
	}
	encoding, length := passlibEncoding, 0
	var rounds int
	var err error
	if strings.HasPrefix(parts[2], "i=") {
		encoding = base64.RawStdEncoding
		names := []string{"i", "l"}[:1+min(1, strings.Count(parts[2], ","))]
		var params []int
		if params, err = parseParams(parts[2], names...); err == nil {
			rounds = params[0]
		}
		if len(params) == 2 {
			length = params[1]
		}
	} else {
		rounds, err = parseNumber(parts[2])
	}
	if err != nil {
		return pbkdf2Hash{}, err
	}
	salt, err := decodeSalt(encoding, parts[3])
	if err != nil {
		return pbkdf2Hash{}, err
	}
	tag, err := decodeTag(encoding, parts[4])
	if err != nil {
		return pbkdf2Hash{}, err
	}
	if length != 0 && length != len(tag) {
		return pbkdf2Hash{}, malformed("tag has another length than l says")
	}
	return newPBKDF2(pbkdf2Cost{digest, rounds}, salt, tag)
}

// parseIdentity reads what the PasswordHasher of ASP.NET Core Identity writes,
// base64 of
//
//	0x00, 16 bytes of salt, 32 of tag: SHA-1 with 1,000 rounds (version 2)
//	0x01, digest, rounds, length of the salt, each 4 bytes, salt, tag (version 3)
//
// where the digest is 0 for SHA-1, 1 for SHA-256, 2 for SHA-512.
func parseIdentity(s string) (pbkdf2Hash, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(data) == 0 {
		return pbkdf2Hash{}, malformed("no hash of a known kind")
	}
	const header = 1 + 3*4
	switch {
	case data[0] == 0 && len(data) == 1+16+32:
		return newPBKDF2(pbkdf2Cost{"sha1", 1000}, data[1:17], data[17:])
	case data[0] != 1 || len(data) < header:
		return pbkdf2Hash{}, malformed("not of a version of ASP.NET Core Identity")
	}
	digest, rounds, saltLen := binary.BigEndian.Uint32(data[1:]), binary.BigEndian.Uint32(data[5:]), binary.BigEndian.Uint32(data[9:])
	digests := []string{"sha1", "sha256", "sha512"}
	data = data[header:]
	if digest >= uint32(len(digests)) || rounds > maxPBKDF2Rounds || saltLen > maxForeignSalt || len(data) < int(saltLen)+minTag || len(data) > int(saltLen)+maxTag {
		return pbkdf2Hash{}, malformed("parameters of ASP.NET Core Identity are out of their bounds")
	}
	return newPBKDF2(pbkdf2Cost{digests[digest], int(rounds)}, data[:saltLen], data[saltLen:])
}
