package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed value of a Box begins with the version of its format and a name of
// its key. So Open can tell a missing key from a value that was changed.
const (
	boxVersion = 1
	keyName    = 4
	boxHeader  = 1 + keyName
)

// A Box seals bytes for a storage that only this library reads. A [Sealer]
// makes strings for URLs and cookies and encodes them twice in base64. The
// storage of a queue does not need base64, whose cost every request would pay.
//
// A Box uses XChaCha20-Poly1305, because its nonces of 192 bits can be drawn at
// random without a limit; those of AES-GCM must be counted. A Box is immutable
// and safe for concurrent use.
type Box struct {
	keys []boxKey // Seal uses the first
}

type boxKey struct {
	header [boxHeader]byte
	label  []byte // header and name, authenticated together with the value
	aead   cipher.AEAD
}

// NewBox returns a Box with keys of 32 bytes. It seals with the first key and
// opens with any of them. A value opens only in a Box of the same name.
func NewBox(keys [][]byte, name string) (*Box, error) {
	b := new(Box)
	for _, k := range keys {
		aead, err := chacha20poly1305.NewX(k)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte("key name"))
		key := boxKey{aead: aead}
		key.header[0] = boxVersion
		copy(key.header[1:], mac.Sum(nil))
		key.label = append(key.header[:], name...)
		b.keys = append(b.keys, key)
	}
	return b, nil
}

// BoxRoom is how many bytes Seal needs before the value.
const BoxRoom = boxHeader + chacha20poly1305.NonceSizeX

// BoxOverhead is by how many bytes what is sealed is longer than the value.
const BoxOverhead = BoxRoom + chacha20poly1305.Overhead

// Seal seals the value that stands in b after the first BoxRoom bytes, and
// returns it sealed, in the same memory if its capacity is enough.
func (b *Box) Seal(value []byte) []byte { return b.SealAgain(value, 0) }

// SealAgain is as Seal, with the key whose index Open returned.
func (b *Box) SealAgain(value []byte, key int) []byte {
	k := &b.keys[key]
	sealed := value[:BoxRoom]
	copy(sealed, k.header[:])
	nonce := sealed[boxHeader:]
	_, _ = rand.Read(nonce) // never fails
	return k.aead.Seal(sealed, nonce, value[BoxRoom:], k.label)
}

// Open returns the value and the index of the key that opened it, or
// [ErrInvalid], [ErrUnknownKey] or [ErrNewerVersion].
func (b *Box) Open(sealed []byte) (value []byte, key int, err error) {
	if len(sealed) < boxHeader+chacha20poly1305.NonceSizeX {
		return nil, 0, ErrInvalid
	}
	if sealed[0] != boxVersion {
		if sealed[0] > boxVersion {
			return nil, 0, ErrNewerVersion
		}
		return nil, 0, ErrInvalid
	}
	nonce := sealed[boxHeader : boxHeader+chacha20poly1305.NonceSizeX]
	err = ErrUnknownKey
	for i := range b.keys {
		k := &b.keys[i]
		if !bytes.HasPrefix(sealed, k.header[:]) {
			continue
		}
		if value, err := k.aead.Open(nil, nonce, sealed[boxHeader+len(nonce):], k.label); err == nil {
			return value, i, nil
		}
		err = ErrInvalid
	}
	return nil, 0, err
}
