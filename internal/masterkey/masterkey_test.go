package masterkey_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/seed-51359b35/recovery/internal/masterkey"
)

func counting(step int) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(7 + step*i)
	}
	return key
}

func TestWeakness(t *testing.T) {
	sum := sha256.Sum256([]byte("a key"))
	few := bytes.Clone(sum[:11])
	for i := 11; i < 32; i++ {
		few = append(few, few[i*i%11])
	}
	for _, test := range []struct {
		sentence string
		key      []byte
		want     string
	}{
		{"zeros", make([]byte, 32), "is all zeros"},
		{"one byte", bytes.Repeat([]byte{7}, 32), "repeats its beginning"},
		{"half of a key, twice", append(sum[:16:16], sum[:16]...), "repeats its beginning"},
		{"a part of a key, again and again", bytes.Repeat(sum[:12], 3)[:32], "repeats its beginning"},
		{"a phrase, again and again", []byte("change-me-change-me-change-me-ch"), "repeats its beginning"},
		{"bytes that count up", counting(1), "counts up or down"},
		{"bytes that count down", counting(-3), "counts up or down"},
		{"eleven different bytes", few, "has too few different bytes to be random"},
		{"a phrase", []byte("the quick brown fox jumps over it"), "is text"},
		{"a phrase in Japanese, and a line end", []byte("これは秘密の鍵ですがとても弱い\n"), "is text"},
		{"hexadecimal digits", []byte(hex.EncodeToString(sum[:])), "is text"},
		{"a hash", sum[:], ""},
		{"a hash and a control character", append([]byte("the quick brown fox jumps over"), 0, 1), ""},
	} {
		if got := masterkey.Weakness(test.key); got != test.want {
			t.Errorf("%s: %q, want %q", test.sentence, got, test.want)
		}
	}
}

func TestRandomKeysAreNotWeak(t *testing.T) {
	for range 100_000 {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		if got := masterkey.Weakness(key); got != "" {
			t.Fatalf("%x %s", key, got)
		}
	}
}

func TestAcceptForGoldenFiles(t *testing.T) {
	key := make([]byte, 32)
	undo := masterkey.Accept(key)
	if got := masterkey.Weakness(key); got != "" {
		t.Errorf("accepted, but %s", got)
	}
	undo()
	if masterkey.Weakness(key) == "" {
		t.Error("accepted for ever")
	}
}
