// Package masterkey finds keys that no random source made. All other keys are
// derived from them, so whoever guesses one can forge links.
package masterkey

import (
	"bytes"
	"fmt"
	"sync"
	"unicode"
	"unicode/utf8"
)

// MinLen is the shortest key, in bytes.
const MinLen = 32

// minDistinct is how many different bytes a key must have. Of 32 random bytes
// about 30 differ, and fewer than 12 in one key of 10^22.
const minDistinct = 12

// howToMake ends each mistake about a key.
const howToMake = "; make 32 random bytes with recovery.NewKey or with 'openssl rand -base64 32', and read that text with recovery.ParseKey"

// Check returns what is wrong with a list of keys. It quotes nothing of them. A
// text is accepted behind the first key, so that a program that has used one can
// change to a random key without ending its links.
func Check(keys [][]byte) (mistakes []string) {
	for i, k := range keys {
		weakness := Weakness(k)
		switch {
		case len(k) < MinLen:
			mistakes = append(mistakes, fmt.Sprintf("key %d has %d bytes, must have at least %d%s", i, len(k), MinLen, howToMake))
		case weakness != "" && (i == 0 || weakness != text):
			mistakes = append(mistakes, fmt.Sprintf("key %d %s%s", i, weakness, howToMake))
		}
		for j := range i {
			if string(keys[j]) == string(k) {
				mistakes = append(mistakes, fmt.Sprintf("keys %d and %d are the same", j, i))
			}
		}
	}
	return mistakes
}

const text = "is text"

// Weakness says what shows that a key is not random, for example "is all zeros",
// or returns "". It quotes nothing of the key. Text is a weakness too: it may be
// strong, but nobody can tell.
func Weakness(key []byte) string {
	if _, ok := accepted.Load(string(key)); ok {
		return ""
	}
	switch n := period(key); {
	case n == 1 && key[0] == 0:
		return "is all zeros"
	case n > 0:
		return "repeats its beginning"
	}
	if isSequence(key) {
		return "counts up or down"
	}
	// Text comes first: of 16 random bytes in hexadecimal digits, one in a few
	// hundred has fewer than 12 different ones.
	if isText(key) {
		return text
	}
	if distinct(key) < minDistinct {
		return "has too few different bytes to be random"
	}
	return ""
}

// isText reports whether the key is text: UTF-8 without control characters but
// those that end a line. One random key of 10^11 is.
func isText(key []byte) bool {
	return utf8.Valid(key) && !bytes.ContainsFunc(key, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// period returns the length of the shortest beginning that the key repeats, if
// the key has it twice or more. Otherwise it returns 0.
func period(key []byte) int {
	for n := 1; n <= len(key)/2; n++ {
		if bytes.Equal(key[n:], key[:len(key)-n]) {
			return n
		}
	}
	return 0
}

// isSequence reports whether the bytes differ by the same from one to the next.
func isSequence(key []byte) bool {
	for i := 2; i < len(key); i++ {
		if key[i]-key[i-1] != key[1]-key[0] {
			return false
		}
	}
	return true
}

func distinct(key []byte) (n int) {
	var seen [256]bool
	for _, b := range key {
		if !seen[b] {
			seen[b] = true
			n++
		}
	}
	return n
}

var accepted sync.Map // what Accept was given

// Accept makes Weakness find nothing in a key, until undo is called. It is only
// for tests that read golden files: some were written with a weak key, and they
// are never changed.
func Accept(key []byte) (undo func()) {
	accepted.Store(string(key), true)
	return func() { accepted.Delete(string(key)) }
}
