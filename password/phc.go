package password

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// These are the bounds of stored hashes. A hash that an attacker wrote into the
// store must not cost gigabytes or minutes at the next login. Hashes of other
// libraries must be readable. 256 MiB, and a gigabyte for memory times passes,
// allow the defaults of libsodium (up to its "moderate"), Django, PHP, Node and
// RFC 9106's second choice, and take about a second of one core. Lanes are
// bounded by their type only: they share the work of one hash and do not add to
// it.
const (
	maxMemory = 256 * 1024            // KiB
	maxTime   = 64                    // passes
	maxWork   = 4 * 256 * 1024        // KiB x passes
	minSalt   = 8                     // bytes; RFC 9106 section 3.1
	maxSalt   = 48                    // bytes
	minTag    = 16                    // bytes; with fewer, a guess may match by chance
	maxTag    = 64                    // bytes
	maxPHC    = 11 + 5 + 64 + 64 + 86 // bytes; no string within these bounds is longer
)

// phc is a hash in the string format of the Password Hashing Competition:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>
type phc struct {
	cost cost
	salt []byte
	tag  []byte
	// isArgon2i says that it is a hash by argon2i, the older of the two. foreign
	// says that another program made it, and of the password as it was typed.
	isArgon2i, foreign bool
}

// cost is what one argon2id hash takes.
type cost struct {
	memory      uint32 // KiB
	time        uint32 // passes
	parallelism uint8  // lanes
}

func (h phc) String() string {
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.name(), argon2.Version,
		h.cost.memory, h.cost.time, h.cost.parallelism,
		base64.RawStdEncoding.EncodeToString(h.salt),
		base64.RawStdEncoding.EncodeToString(h.tag))
}

func (h phc) name() string {
	if h.isArgon2i {
		return "argon2i"
	}
	return "argon2id"
}

// parseForeignArgon2 reads "argon2$argon2id$v=19$...", which is Django's, and
// argon2i, which was Django's and PHP's before argon2id.
func parseForeignArgon2(s string) (phc, error) {
	h, err := parsePHC(strings.TrimPrefix(s, "argon2"))
	h.foreign = true
	return h, err
}

// parsePHC reads a hash in the spelling that String writes, and in no other. A
// second spelling would help nobody but an attacker who probes the parser. Its
// errors wrap ErrMalformedHash and quote nothing of s.
func parsePHC(s string) (phc, error) {
	if len(s) > maxPHC {
		return phc{}, malformed("longer than any hash")
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" && parts[1] != "argon2i" {
		return phc{}, malformed("not of the form $argon2id$v=19$m=,t=,p=$salt$tag")
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, malformed("not version 19 of argon2")
	}
	h := phc{isArgon2i: parts[1] == "argon2i"}
	var err error
	if h.cost, err = parseCost(parts[3]); err != nil {
		return phc{}, err
	}
	if h.salt, err = decodeBase64(parts[4], minSalt, maxSalt); err != nil {
		return phc{}, malformed("salt is not 8 to 48 bytes of unpadded base64")
	}
	if h.tag, err = decodeBase64(parts[5], minTag, maxTag); err != nil {
		return phc{}, malformed("tag is not 16 to 64 bytes of unpadded base64")
	}
	// The decoders accept some strings that String does not write, such as
	// line ends inside base64. This refuses all of them.
	if h.String() != s {
		return phc{}, malformed("not in canonical form")
	}
	return h, nil
}

func parseCost(s string) (cost, error) {
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return cost{}, malformed("parameters are not m, t, p")
	}
	var values [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		if !ok {
			return cost{}, malformed("parameters are not m, t, p in this order")
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return cost{}, malformed("a parameter is not a number")
		}
		values[i] = n
	}
	m, t, p := values[0], values[1], values[2]
	switch {
	case p < 1 || p > 255:
		return cost{}, malformed("parallelism is not 1 to 255")
	case m < 8*p: // RFC 9106 section 3.1
		return cost{}, malformed("memory is below 8 KiB for each lane")
	case m > maxMemory:
		return cost{}, malformed("memory is over 256 MiB")
	case t < 1 || t > maxTime:
		return cost{}, malformed("time is not 1 to 64 passes")
	case m*t > maxWork:
		return cost{}, malformed("memory times passes is over 1 GiB")
	}
	return cost{memory: uint32(m), time: uint32(t), parallelism: uint8(p)}, nil
}

func decodeBase64(s string, minLen, maxLen int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, err
	}
	if len(b) < minLen || len(b) > maxLen {
		return nil, ErrMalformedHash
	}
	return b, nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformedHash, why) }
