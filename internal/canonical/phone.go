package canonical

// ITU-T E.164 allows 15 digits, country code included. No complete
// international number has fewer than 7.
const (
	minDigits = 7
	maxDigits = 15
	maxPhone  = 64 // bytes, separators included
)

const (
	errPhoneLong   = invalid("must not be longer than 64 characters")
	errPhonePlus   = invalid("must begin with + and the country code")
	errPhoneChar   = invalid("must contain only digits and the separators space - . ( ) / after the +")
	errPhoneDigits = invalid("must have 7 to 15 digits")
	errPhoneTrunk  = invalid("must not contain a trunk prefix in parentheses such as (0)")
)

// Phone returns the canonical form of a telephone number: a + and 7 to 15
// digits, the first of which is not 0. Spaces and the separators - . ( ) / are
// dropped wherever they stand.
//
// A number without its + is refused. Without a country code it means a
// different subscriber in every country, and one person would have two
// canonical forms; and whether 00 or 011 dials abroad depends on where the
// caller sits. "(0)" is refused because dropping the parentheses would leave a
// digit that is not dialled from abroad. Digits are ASCII digits.
func Phone(s string) (canonical string, err error) {
	s = trim(s)
	if len(s) > maxPhone {
		return "", errPhoneLong
	}
	var buf [1 + maxDigits]byte
	digits := buf[:0]
	open := -1 // len(digits) at the last opening parenthesis
	for i := range len(s) {
		switch c := s[i]; {
		case c == '+' && len(digits) == 0:
			digits = append(digits, '+')
		case isDigit(c):
			if len(digits) == 0 {
				return "", errPhonePlus
			}
			if len(digits) == cap(digits) {
				return "", errPhoneDigits
			}
			digits = append(digits, c)
		case c == '(':
			open = len(digits)
		case c == ')':
			if open > 0 && len(digits) == open+1 && digits[open] == '0' {
				return "", errPhoneTrunk
			}
			open = -1
		case c != ' ' && c != '-' && c != '.' && c != '/':
			return "", errPhoneChar
		}
	}
	switch {
	case len(digits) < 1+1, digits[1] == '0':
		return "", errPhonePlus
	case len(digits) < 1+minDigits:
		return "", errPhoneDigits
	case string(digits) == s:
		return s, nil
	}
	return string(digits), nil
}
