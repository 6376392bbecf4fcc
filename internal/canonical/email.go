package canonical

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// The lengths in bytes are from RFC 5321, 4.5.3.1, and RFC 3696 erratum 1690: a
// path has 256 octets with its angle brackets.
const (
	maxEmail = 254
	maxLocal = 64
	maxLabel = 63
)

const (
	errEmailEmpty  = invalid("must not be empty")
	errEmailLong   = invalid("must not be longer than 254 bytes")
	errEmailAt     = invalid("must contain exactly one @")
	errEmailLocal  = invalid("must have 1 to 64 bytes of letters, digits or unquoted symbols before the @, with no dot first")
	errEmailDomain = invalid("must have a valid domain name of at least two labels after the @")
)

// Email returns the canonical form of an e-mail address: without spaces and
// tabs at both ends, A to Z in lower case, the domain as A-labels. The result has at most 254 bytes.
//
// Email accepts fewer addresses than RFC 5322 and net/mail, on purpose. The
// local part must not be a quoted string, because that can hide separators,
// comments and SMTP parameters. It may have dots at its end and in a row, as
// addresses of Japanese carriers have (foo.@docomo.ne.jp, a..b@docomo.ne.jp).
//
// The local part may have letters outside ASCII (RFC 6531). They stand for
// themselves: Email neither folds nor normalises them, so two addresses are the
// same only if they are the same bytes, but for A to Z. Normalisation would make
// two mailboxes one: NFC turns the Kelvin sign into a K, and NFKC a full-width @
// into an @. So whatever NFC or NFKC would change is refused, and no system
// between the form and the mailbox that normalises can turn one accepted address
// into another (A10, A11). What is left are letters, marks and decimal digits that
// can be seen. A mark is refused as the first character: it would combine with
// the "<" in front of the address.
//
// The domain goes through UTS #46 ([idna.Lookup]), so that a full-width or
// accented spelling becomes the one name that DNS knows.
//
// Email refuses a domain that has a single label (a public form should not
// cause mail to localhost), that ends with a dot, or that is an address
// literal. It also refuses a domain whose last label does not begin with a
// letter, because IPv4 addresses look like that.
//
// Email keeps dots and sub-addresses (victim+1@), because only the receiving
// domain knows what they mean.
func Email(s string) (canonical string, err error) {
	s = trim(s)
	// The lengths are checked before anything is parsed: with long input,
	// parsers of addresses and of IDNs have taken seconds.
	if s == "" {
		return "", errEmailEmpty
	}
	if len(s) > maxEmail {
		return "", errEmailLong
	}
	s = FoldASCII(s)
	at := strings.IndexByte(s, '@')
	if at < 0 || strings.IndexByte(s[at+1:], '@') >= 0 {
		return "", errEmailAt
	}
	if !isLocalPart(s[:at]) {
		return "", errEmailLocal
	}
	domain, err := asciiDomain(s[at+1:])
	if err != nil {
		return "", err
	}
	if at+1+len(domain) > maxEmail {
		return "", errEmailLong
	}
	if domain == s[at+1:] {
		return s, nil
	}
	return s[:at+1] + domain, nil
}

// isLocalPart reports whether s, with A to Z in lower case, is what Email accepts
// in front of the @.
func isLocalPart(s string) bool {
	if s == "" || len(s) > maxLocal || s[0] == '.' {
		return false
	}
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case !isLower(c) && !isDigit(c) && strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) < 0:
			return false
		}
	}
	return ascii || hasStableLetters(s)
}

// hasStableLetters reports whether the characters of s outside ASCII are letters,
// marks and decimal digits that no normalisation changes.
func hasStableLetters(s string) bool {
	if !utf8.ValidString(s) || !norm.NFKC.IsNormalString(s) { // so it is in NFC too
		return false
	}
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf:
		case !unicode.In(r, unicode.L, unicode.M, unicode.Nd),
			unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector), // not seen
			i == 0 && unicode.Is(unicode.M, r):
			return false
		}
	}
	return true
}

// asciiDomain returns domain as DNS knows it. The ASCII letters of domain must
// be in lower case.
func asciiDomain(domain string) (string, error) {
	// UTS #46 maps the capital sharp s to the small one since version 15.1, and
	// mapped it to ss before. Then FAẞ.DE is another name than faß.de. Which
	// version idna has depends on the version of Go.
	domain = strings.ReplaceAll(domain, "\u1e9e", "\u00df")
	// ToASCII can return a string along with an error ("example.com" for
	// "xn--example-.com"). Then the domain is refused.
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", errEmailDomain
	}
	if !isHostname(ascii) {
		return "", errEmailDomain
	}
	// Some names change again if they are mapped a second time. Such a name
	// would have two canonical forms.
	if ascii != domain {
		if again, err := idna.Lookup.ToASCII(ascii); err != nil || again != ascii {
			return "", errEmailDomain
		}
	}
	return ascii, nil
}

// isHostname reports whether s is a lower-case host name of two labels or more.
// It does not rely on idna to check lengths, dots or characters.
func isHostname(s string) bool {
	labels, last := 0, ""
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isLower(c) && !isDigit(c) && c != '-' {
				return false
			}
		}
		labels, last = labels+1, label
	}
	return labels >= 2 && isLower(last[0])
}
