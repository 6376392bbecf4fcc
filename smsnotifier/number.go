package smsnotifier

import (
	"errors"

	"github.com/nyaruka/phonenumbers"
)

// blockDigits are the last digits of a number, which its neighbours do not
// share.
const blockDigits = 4

// A number is a telephone number that can receive text messages.
type number struct {
	e164 string
	// country is the region that the number belongs to, not the first one with
	// its calling code.
	country string
	// block is what 10,000 neighbours share: the number without '+' and its
	// last four digits.
	block string
}

// The errors of parseNumber. None quotes the number.
var (
	errNotE164  = errors.New("the number is not in the form of E.164")
	errInvalid  = errors.New("the number is in no numbering plan")
	errNoMobile = errors.New("the number is not one of a mobile telephone")
)

// parseNumber takes a number as it is or not at all: what comes out is what
// went in. A parser that mends (drops an extension, a trunk prefix, a letter)
// would send to a number that nobody wrote down.
func parseNumber(to string) (number, error) {
	if !isE164(to) {
		return number{}, errNotE164
	}
	// ZZ is the unknown region: nothing is guessed from a default.
	n, err := phonenumbers.Parse(to, phonenumbers.UNKNOWN_REGION)
	if err != nil || phonenumbers.Format(n, phonenumbers.E164) != to || !phonenumbers.IsValidNumber(n) {
		return number{}, errInvalid
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
	default:
		return number{}, errNoMobile
	}
	return number{to, phonenumbers.GetRegionCodeForNumber(n), to[1 : len(to)-blockDigits]}, nil
}

// isE164 reports whether s is '+' and 7 to 15 digits, the first of which is not
// zero (ITU-T E.164, clause 6). The shortest number in use has seven.
func isE164(s string) bool {
	if len(s) < 8 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
