// Package seal encrypts and authenticates small values into URL-safe strings,
// with gorilla/securecookie.
package seal

import (
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// ErrInvalid is the answer to every string that was not sealed here, was
// changed, or is too old.
var ErrInvalid = errors.New("seal: invalid value")

// A Key holds the two keys of one generation.
type Key struct {
	Hash  []byte // HMAC-SHA-256, 32 bytes
	Block []byte // AES-256, 32 bytes
}

// Sealer seals under the first key and opens under any. It is immutable and
// safe for concurrent use.
type Sealer struct {
	name   string
	codecs []*securecookie.SecureCookie
	maxLen int
}

// New returns a Sealer whose values open only under the same name. Those older
// than maxAge, in whole seconds rounded up, are refused; zero means never.
// Strings longer than maxLen are refused unread, and never made.
func New(keys []Key, name string, maxAge time.Duration, maxLen int) *Sealer {
	s := &Sealer{name: name, maxLen: maxLen}
	for _, k := range keys {
		c := securecookie.New(k.Hash, k.Block)
		c.SetSerializer(securecookie.NopEncoder{})
		c.MaxAge(int(math.Ceil(maxAge.Seconds())))
		c.MaxLength(maxLen + 2) // its padding
		s.codecs = append(s.codecs, c)
	}
	return s
}

// Seal returns value as a string of A-Z, a-z, 0-9, '-' and '_'.
func (s *Sealer) Seal(value []byte) (string, error) {
	// securecookie encrypts in place.
	sealed, err := s.codecs[0].Encode(s.name, append([]byte(nil), value...))
	if err != nil {
		return "", err
	}
	sealed = strings.TrimRight(sealed, "=")
	if len(sealed) > s.maxLen {
		return "", errors.New("seal: value too long")
	}
	return sealed, nil
}

// Open returns what was sealed and the index of the key that opened it, or
// [ErrInvalid].
func (s *Sealer) Open(sealed string) (value []byte, key int, err error) {
	// One spelling for each value: encoding/base64 skips line breaks and, read
	// leniently, trailing bits, so that changed strings would pass (A06).
	if sealed == "" || len(sealed) > s.maxLen || strings.ContainsAny(sealed, "\r\n") {
		return nil, 0, ErrInvalid
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(sealed); err != nil {
		return nil, 0, ErrInvalid
	}
	padded := sealed + "==="[:(4-len(sealed)%4)%4]
	for i, c := range s.codecs {
		if err := c.Decode(s.name, padded, &value); err == nil {
			return value, i, nil
		}
	}
	return nil, 0, ErrInvalid
}
