package smsnotifier

import (
	"errors"

	"github.com/nyaruka/phonenumbers"
)

// blockDigits is how many digits at the end of a number differ within a block.
const blockDigits = 4

// A number is a telephone number that can receive text messages.
type number struct {
	e164 string
	// country is the region that the number belongs to, and not merely the
	// first region with the same calling code.
	country string
	// block is what 10,000 adjacent numbers share: the number without '+' and
	// without its last four digits.
	block string
}

// The errors of parseNumber. None quotes the number.
var (
	errNotE164  = errors.New("the number is not in the form of E.164")
	errInvalid  = errors.New("the number is in no numbering plan")
	errNoMobile = errors.New("the number does not belong to a mobile telephone")
)

// parseNumber returns the number unchanged, or an error. A parser that corrects
// numbers (drops an extension, a trunk prefix, a letter) would send to a number
// that the lead never gave.
func parseNumber(to string) (number, error) {
	if !isE164(to) {
		return number{}, errNotE164
	}
	// The region is unknown (ZZ), so that nothing is guessed from a default.
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
