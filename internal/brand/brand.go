// Package brand checks what the host application says about itself in messages
// and on pages: its name, its host name, its contact and its colour.
package brand

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxProduct = 60
	maxSupport = 200
	// minContrast is the contrast that WCAG 2.2, 1.4.3, level AA asks for.
	minContrast = 4.5

	// Color is the default colour of buttons.
	Color = "#1f4fd8"
)

// CheckProduct returns an error for a product name that cannot stand unchanged
// in a subject or a sentence.
func CheckProduct(s string) error {
	switch {
	case s == "":
		return errors.New("is required: the name that people see")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("must be printable text")
	case strings.TrimSpace(s) != s:
		return errors.New("must not start or end with a space")
	case utf8.RuneCountInString(s) > maxProduct:
		return fmt.Errorf("is longer than %d characters", maxProduct)
	case strings.Contains(s, "://"):
		return errors.New("must not be a URL")
	}
	return nil
}

// CheckHost returns an error for a host name that is not in the form that
// browsers compare: ASCII, lower case, without a trailing dot. It accepts the
// empty name.
func CheckHost(s string) error {
	if s == "" || s == "localhost" {
		return nil
	}
	if len(s) > 253 {
		return errors.New("is longer than 253 characters")
	}
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		return errors.New("must be a host name with a dot, such as example.com")
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.ContainsFunc(l, func(r rune) bool { return !IsLowerDigit(r) && r != '-' }) {
			return errors.New("must be a host name of a-z, 0-9, '-' and '.', without scheme and port; write an internationalised name in its xn-- form")
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return errors.New("must be a name, not an address")
	}
	return nil
}

// IsLowerDigit reports whether r is one of a-z and 0-9.
func IsLowerDigit(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// CheckSupport returns an error for a contact that cannot be a link in a mail
// without further escaping. It accepts an https URL, a mail address, and the
// empty text.
func CheckSupport(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > maxSupport {
		return fmt.Errorf("is longer than %d bytes", maxSupport)
	}
	if !IsPlainURL(s) {
		return errors.New("must be printable ASCII without space, quote, backslash or angle bracket")
	}
	if strings.HasPrefix(s, "https://") {
		if u, err := url.Parse(s); err != nil || u.Hostname() == "" || u.User != nil {
			return errors.New("must be an absolute URL without user information")
		}
		return nil
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || CheckHost(strings.ToLower(domain)) != nil || strings.ContainsAny(local, "?&#%/:;,()[]") {
		return errors.New("must be an https URL or a mail address")
	}
	return nil
}

// IsPlainURL reports whether s is the same link in plain text and in HTML,
// where the template escapes it.
func IsPlainURL(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\`", r)
	})
}

// CheckColor returns an error unless s is #RRGGBB and people can read white
// text on that colour.
func CheckColor(s string) error {
	rgb, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return errors.New("must be #RRGGBB")
	}
	if c := Contrast(uint32(rgb), 0xffffff); c < minContrast {
		return fmt.Errorf("gives white text a contrast of %.1f, must be at least %.1f", c, minContrast)
	}
	return nil
}

// Contrast returns the contrast ratio of two colours 0xRRGGBB, as WCAG 2.2
// defines it: 1 to 21.
func Contrast(a, b uint32) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance returns the relative luminance of a colour, as WCAG 2.2 defines it.
func luminance(rgb uint32) float64 {
	linear := func(c uint32) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}
