// Package gsm7 tells how much a text message costs: whether it can be written
// in the GSM 7-bit default alphabet (3GPP TS 23.038, section 6.2.1) and how
// many segments it needs (TS 23.040, section 9.2.3.24.1). It does not support
// national language tables, because few gateways use them.
package gsm7

import "unicode/utf8"

// The capacity of a segment that is alone, and of one that is a part of
// several. A part has a header of six octets.
const (
	single, part         = 160, 153 // septets
	singleUCS2, partUCS2 = 70, 67   // UTF-16 units
)

// basic is the default alphabet in the order of its codes, without the escape
// character at 0x1B.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ" +
	"ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmnopqrstuvwxyzäöñüà"

// extension holds the characters that follow an escape character, so that each
// takes two septets.
const extension = "\f^{}\\[~]|€"

// Septets returns how many septets r takes, 1 or 2, or 0 for a character that
// is not in the alphabet.
func Septets(r rune) int {
	// Most characters of a message are ASCII letters and digits.
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ' ' {
		return 1
	}
	for _, b := range basic {
		if b == r {
			return 1
		}
	}
	for _, e := range extension {
		if e == r {
			return 2
		}
	}
	return 0
}

// Encodable reports whether every character of s is in the alphabet.
func Encodable(s string) bool {
	for _, r := range s {
		if Septets(r) == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}

// Segments returns how many segments s takes, and whether s is sent in the GSM
// alphabet. Otherwise it is sent in UCS-2. The empty text takes one segment,
// because a message without text is still sent. A character is never split
// between two segments.
func Segments(s string) (n int, gsm bool) {
	gsm = Encodable(s)
	one, many, width := single, part, Septets
	if !gsm {
		one, many, width = singleUCS2, partUCS2, units
	}
	total := 0
	for _, r := range s {
		total += width(r)
	}
	if total <= one {
		return 1, gsm
	}
	n, used := 1, 0
	for _, r := range s {
		w := width(r)
		if used+w > many {
			n, used = n+1, 0
		}
		used += w
	}
	return n, gsm
}

// units returns how many UTF-16 units a character takes.
func units(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}
