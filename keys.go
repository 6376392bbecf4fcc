package recovery

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-51359b35/recovery/internal/masterkey"
)

// NewKey returns 32 random bytes, for [Options].Keys. Store them in the host's
// secret store, for example in base64, and give the same key to every instance.
// A program that draws a key at each start ends all links with each restart.
func NewKey() []byte {
	key := make([]byte, masterkey.MinLen)
	_, _ = rand.Read(key) // never fails, see newSecret
	return key
}

// ParseKey returns the key that is written in text: in base64 (the standard
// alphabet or that of URLs, with or without '=') or in hexadecimal digits. White
// space around it is ignored, because files end with a line end. It returns an
// error if the key is shorter than 32 bytes or visibly not random, as [New] does.
// The error quotes nothing of the text.
//
// To make such a text: openssl rand -base64 32
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	// 64 hexadecimal digits are valid base64 too, and would be another key there.
	// They are never meant so: the base64 of random bytes has other characters.
	key, err := hex.DecodeString(text)
	if err != nil {
		standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		key, err = base64.RawStdEncoding.DecodeString(standard)
	}
	if err != nil || text == "" {
		return nil, errors.New("recovery: a key must be written in base64 or in hexadecimal digits; 'openssl rand -base64 32' makes one")
	}
	if mistakes := masterkey.Check([][]byte{key}); mistakes != nil {
		return nil, fmt.Errorf("recovery: %s", strings.Replace(mistakes[0], "key 0", "the key", 1))
	}
	return key, nil
}
