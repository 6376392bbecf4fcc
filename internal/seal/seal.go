// Package seal encrypts and authenticates small values: a [Sealer] into strings
// for URLs and cookies, with gorilla/securecookie, a [Box] into bytes for a
// queue.
//
// Everything sealed begins with the version of its format. To change a format,
// teach Open the new version in one release, and have Seal write it in the next:
// so that in each step instances of both releases read what the other one seals.
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

// What Open returns for a value that it does not open. The three are told apart
// for logs and for retries only. None of them is authenticated, so none may
// decide what somebody is allowed to do.
var (
	// ErrInvalid: the value was not sealed here, was changed, or is too old.
	ErrInvalid = errors.New("it was not sealed by this service, was changed, or is too old")
	// ErrUnknownKey: the value looks whole, and no key opens it.
	ErrUnknownKey = errors.New("it was sealed with a key that this instance does not have")
	// ErrNewerVersion: the value begins with a version that comes after ours.
	ErrNewerVersion = errors.New("it was sealed by a newer version of this library")
)

// version begins what a Sealer seals: the digit 1, of which no former string
// could be the beginning.
const version = '1'

// shortest is less than any sealed string has, to tell one with a newer version
// from any other word.
const shortest = 64

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
	maxLen int // without the version
}

// New returns a Sealer whose values open only under the same name. Those older
// than maxAge, in whole seconds rounded up, are refused; zero means never.
// Strings longer than maxLen are refused unread, and never made.
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

// Open returns what was sealed and the index of the key that opened it, or
// [ErrInvalid], [ErrUnknownKey] or [ErrNewerVersion].
func (s *Sealer) Open(sealed string) (value []byte, key int, err error) {
	if sealed == "" || len(sealed)-1 > s.maxLen {
		return nil, 0, ErrInvalid
	}
	if v := sealed[0]; v != version {
		if v > version && v <= '9' && len(sealed) >= shortest {
			return nil, 0, ErrNewerVersion
		}
		return nil, 0, ErrInvalid
	}
	sealed = sealed[1:]
	// One spelling for each value: encoding/base64 skips line breaks and, read
	// leniently, trailing bits, so that changed strings would pass (A06).
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
		// Of one that is too old, too, a key has verified the rest.
		if !errors.Is(failure, securecookie.ErrMacInvalid) {
			return nil, 0, ErrInvalid
		}
		if whole(raw) {
			err = ErrUnknownKey
		}
	}
	return nil, 0, err
}

// whole reports whether a decoded string has the parts that securecookie writes:
// date|value|mac.
func whole(raw []byte) bool {
	parts := bytes.SplitN(raw, []byte("|"), 3)
	if len(parts) != 3 || len(parts[2]) != sha256.Size {
		return false
	}
	_, err := strconv.ParseUint(string(parts[0]), 10, 40)
	return err == nil
}
