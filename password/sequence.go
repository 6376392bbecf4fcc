package password

import "strconv"

// isRun reports whether every step from one code point of s to the next is the
// same and not zero. In the digits and in the letters of ASCII the step may be
// any number, and the run continues from 9 to 0 and from z to a. In any other
// script the step must be one. A run has at least three code points.
func isRun(s []rune) bool {
	if len(s) < 3 {
		return false
	}
	if base, n := alphabet(s); n > 0 {
		step := (s[1] - s[0] + n) % n
		for i, r := range s {
			if (s[0]-base+rune(i)*step)%n != r-base {
				return false
			}
		}
		return step != 0
	}
	step := s[1] - s[0]
	for i := 1; i < len(s); i++ {
		if s[i]-s[i-1] != step {
			return false
		}
	}
	return step == 1 || step == -1
}

// alphabet returns the first rune and the size of the alphabet that all of s
// belongs to, digits or letters of ASCII. The size is 0 if there is none.
func alphabet(s []rune) (base, n rune) {
	digits, letters := true, true
	for _, r := range s {
		digits = digits && '0' <= r && r <= '9'
		letters = letters && 'a' <= r && r <= 'z'
	}
	switch {
	case digits:
		return '0', 10
	case letters:
		return 'a', 26
	}
	return 0, 0
}

// isCount reports whether s counts up or down by one: "123456789101112",
// "100999897", "0102030405". It needs three complete numbers. The last number
// may be cut off.
func isCount(s []rune) bool {
	if base, _ := alphabet(s); base != '0' {
		return false
	}
	text := string(s)
	for width := 1; width <= 4 && 3*width <= len(text); width++ {
		first, _ := strconv.Atoi(text[:width])
		if counts(text, width, first, 1) || counts(text, width, first, -1) {
			return true
		}
	}
	return false
}

// counts reports whether text is n, n+step, n+2*step and so on. If text begins
// with 0, shorter numbers have zeros in front, up to width digits.
func counts(text string, width, n, step int) bool {
	padded := text[0] == '0'
	whole := 0
	for text != "" {
		if n < 0 {
			return false
		}
		number := strconv.Itoa(n)
		for padded && len(number) < width {
			number = "0" + number
		}
		if len(text) < len(number) {
			return whole >= 3 && text == number[:len(text)]
		}
		if text[:len(number)] != number {
			return false
		}
		text = text[len(number):]
		n += step
		whole++
	}
	return whole >= 3
}

// isInterleaved reports whether s alternates between two runs or paths, such as
// "q1w2e3r4t5" and "a1b2c3d4e5". One of the two may be a letter or digit that
// stays the same.
func isInterleaved(s []rune) bool {
	if len(s) < 8 {
		return false
	}
	var turns [2][]rune
	for i, r := range s {
		turns[i%2] = append(turns[i%2], r)
	}
	for _, turn := range turns {
		if period(turn) != 1 && !isRun(turn) && !isPath(turn) {
			return false
		}
	}
	return true
}
