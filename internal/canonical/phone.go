package canonical

// ITU-T E.164 allows 15 digits, with the country code. No complete
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
// ASCII digits, the first of which is not 0. Phone drops spaces and the
// separators - . ( ) / everywhere in s.
//
// Phone refuses a number without its +. Without a country code the number means
// a different subscriber in every country, and one person would have two
// canonical forms. A leading 00 or 011 does not help: which of the two dials
// abroad depends on the country of the caller. Phone refuses "(0)", because
// without the parentheses there would be a digit that nobody dials from abroad.
func Phone(s string) (canonical string, err error) {
	s = trim(s)
	if len(s) > maxPhone {
		return "", errPhoneLong
	}
	var buf [1 + maxDigits]byte
	number, err := dropSeparators(buf[:0], s)
	if err != nil {
		return "", err
	}
	switch {
	case len(number) < 1+1, number[1] == '0':
		return "", errPhonePlus
	case len(number) < 1+minDigits:
		return "", errPhoneDigits
	case string(number) == s:
		return s, nil
	}
	return string(number), nil
}

// dropSeparators appends the + and the digits of s to number, whose capacity is
// the length of the longest number.
func dropSeparators(number []byte, s string) ([]byte, error) {
	open := -1 // len(number) at the last opening parenthesis
	for i := range len(s) {
		switch c := s[i]; {
		case c == '+' && len(number) == 0:
			number = append(number, '+')
		case isDigit(c):
			if len(number) == 0 {
				return nil, errPhonePlus
			}
			if len(number) == cap(number) {
				return nil, errPhoneDigits
			}
			number = append(number, c)
		case c == '(':
			open = len(number)
		case c == ')':
			if open > 0 && len(number) == open+1 && number[open] == '0' {
				return nil, errPhoneTrunk
			}
			open = -1
		case c != ' ' && c != '-' && c != '.' && c != '/':
			return nil, errPhoneChar
		}
	}
	return number, nil
}
