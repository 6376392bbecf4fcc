package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Box seals bytes for storage that nobody reads but this library. A [Sealer]
// makes strings for URLs and cookies, by way of base64 twice over; a queue's
// storage needs neither the base64 nor its cost, which every request pays.
//
// XChaCha20-Poly1305, because its nonces of 192 bits can be drawn at random as
// often as anybody likes; those of AES-GCM must be counted. A Box is immutable
// and safe for concurrent use.
type Box struct {
	name  []byte
	aeads []cipher.AEAD
}

// NewBox returns a Box with keys of 32 bytes, which seals under the first and
// opens under any. What it seals opens only under the same name.
func NewBox(keys [][]byte, name string) (*Box, error) {
	b := &Box{name: []byte(name)}
	for _, k := range keys {
		aead, err := chacha20poly1305.NewX(k)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		b.aeads = append(b.aeads, aead)
	}
	return b, nil
}

// Seal returns value sealed.
func (b *Box) Seal(value []byte) []byte {
	aead := b.aeads[0]
	sealed := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(value)+aead.Overhead())
	_, _ = rand.Read(sealed) // never fails
	return aead.Seal(sealed, sealed, value, b.name)
}

// Open returns what was sealed and the index of the key that opened it, or
// [ErrInvalid].
func (b *Box) Open(sealed []byte) (value []byte, key int, err error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, 0, ErrInvalid
	}
	nonce, sealed := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	for i, aead := range b.aeads {
		if value, err := aead.Open(nil, nonce, sealed, b.name); err == nil {
			return value, i, nil
		}
	}
	return nil, 0, ErrInvalid
}
