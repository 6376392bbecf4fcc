// Package seal encrypts and authenticates small values. A [Sealer] turns them
// into strings for URLs and cookies, with gorilla/securecookie. A [Box] turns
// them into bytes for a queue.
//
// Every sealed value begins with the version of its format. To change a format,
// let Open read the new version in one release and let Seal write it in the
// next release. Then instances of two successive releases can always read each
// other's values.
package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// Open returns one of these errors for a value that it does not open. Use the
// difference between them only for logs, retries, and to tell a person what to
// do. Anybody can cause each but ErrTooOld, because the value was not
// authenticated. So none of them may decide what somebody is allowed to do.
var (
	// ErrInvalid: the value was not sealed here, or was changed.
	ErrInvalid = errors.New("it was not sealed by this service, or was changed")
	// ErrTooOld: a key opens the value, which is older than the Sealer accepts.
	ErrTooOld = errors.New("it is too old")
	// ErrUnknownKey: the value looks complete, and no key opens it.
	ErrUnknownKey = errors.New("it was sealed with a key that this instance does not have")
	// ErrNewerVersion: the value begins with a later version than this one.
	ErrNewerVersion = errors.New("it was sealed by a newer version of this library")
)

// version is the first byte of every string of a Sealer. Strings from before
// there were versions never begin with the digit 1.
const version = '1'

// Every sealed string is longer than minSealed. Open uses it to tell a string
// with a newer version from any other word that begins with a digit.
const minSealed = 64

// A Key holds the two keys that are rotated together.
type Key struct {
	Hash  []byte // HMAC-SHA-256, 32 bytes
	Block []byte // AES-256, 32 bytes
}

// A Sealer seals with the first of its keys and opens with any of them. It is
// immutable and safe for concurrent use.
type Sealer struct {
	name   string
	codecs []*securecookie.SecureCookie
	maxLen int // without the version
}

// New returns a Sealer. A value opens only in a Sealer of the same name. Open
// refuses values that are older than maxAge, in whole seconds rounded up; zero
// means that values of any age are accepted. Open refuses strings longer than
// maxLen without reading them, and Seal makes no such string.
func New(keys []Key, name string, maxAge time.Duration, maxLen int) *Sealer {
	// The version is authenticated with the name.
	s := &Sealer{name: name + "/" + string(version), maxLen: maxLen - 1}
	for _, k := range keys {
		c := securecookie.New(k.Hash, k.Block)
		c.SetSerializer(securecookie.NopEncoder{})
		c.MaxAge(int(math.Ceil(maxAge.Seconds())))
		c.MaxLength(s.maxLen + 2) // its padding
		s.codecs = append(s.codecs, c)
	}
	return s
}

// Named returns a Sealer with another name and the same keys and bounds. The two
// open nothing of each other. It costs next to nothing, where New makes a cipher
// for each key.
func (s *Sealer) Named(name string) *Sealer {
	return &Sealer{name: name + "/" + string(version), codecs: s.codecs, maxLen: s.maxLen}
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
	return string(version) + sealed, nil
}

// Open returns the value and the index of the key that opened it, or
// [ErrInvalid], [ErrTooOld], [ErrUnknownKey] or [ErrNewerVersion].
func (s *Sealer) Open(sealed string) (value []byte, key int, err error) {
	if sealed == "" || len(sealed)-1 > s.maxLen {
		return nil, 0, ErrInvalid
	}
	if v := sealed[0]; v != version {
		if v > version && v <= '9' && len(sealed) >= minSealed {
			return nil, 0, ErrNewerVersion
		}
		return nil, 0, ErrInvalid
	}
	sealed = sealed[1:]
	// Each value has exactly one spelling. encoding/base64 skips line breaks
	// and, unless it is strict, trailing bits. So a changed string would be
	// accepted (A06).
	if strings.ContainsAny(sealed, "\r\n") {
		return nil, 0, ErrInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, 0, ErrInvalid
	}
	padded := sealed + "==="[:(4-len(sealed)%4)%4]
	err = ErrInvalid
	for i, c := range s.codecs {
		failure := c.Decode(s.name, padded, &value)
		if failure == nil {
			return value, i, nil
		}
		// Any other error comes after the key has verified the value: it is too
		// old.
		if !errors.Is(failure, securecookie.ErrMacInvalid) {
			return nil, 0, ErrTooOld
		}
		if hasAllParts(raw) {
			err = ErrUnknownKey
		}
	}
	return nil, 0, err
}

// Time returns when a string was sealed, by the clock of the machine that sealed
// it, in whole seconds. Open must have opened it. The zero time means that it is no
// sealed string.
func Time(sealed string) time.Time {
	if sealed == "" {
		return time.Time{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed[1:])
	if err != nil || !hasAllParts(raw) {
		return time.Time{}
	}
	date, _, _ := bytes.Cut(raw, []byte("|"))
	seconds, _ := strconv.ParseInt(string(date), 10, 64) // hasAllParts has read it
	return time.Unix(seconds, 0)
}

// hasAllParts reports whether a decoded string has the parts that securecookie
// writes: date|value|mac.
func hasAllParts(raw []byte) bool {
	parts := bytes.SplitN(raw, []byte("|"), 3)
	if len(parts) != 3 || len(parts[2]) != sha256.Size {
		return false
	}
	_, err := strconv.ParseUint(string(parts[0]), 10, 40)
	return err == nil
}
