package messages

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Set]. The zero value of a field is its default; only
// Product has none. [New] copies what it needs.
type Options struct {
	// Product is the name of the host's product, as messages show it: 1 to 60
	// printable characters, no URL. Required. Together with Host up to 45 characters, a code message in
	// English, Spanish, French, German or Portuguese is one text message with
	// all its sentences; beyond that it leaves some out before it grows to two.
	Product string
	// Host is the name of the site that codes are for, in lower-case ASCII and
	// without port: example.com. The last line of a text message with a code
	// binds it to that site, so that a phone offers the code there and nowhere
	// else (WICG, Origin-bound one-time codes delivered via SMS). It comes from
	// configuration, never from a request (A01). Required for codes by SMS:
	// without it [Set.SMS] refuses them.
	Host string
	// Support is where a person gets help: an https URL or a mail address,
	// shown at the end of every mail. Default none.
	Support string
	// Color is the colour of buttons, #RRGGBB, against which white text has a
	// contrast of at least 4.5 (WCAG 2.2, 1.4.3). Default "#1f4fd8".
	Color string

	// Templates overrides built-in templates one by one and adds named ones;
	// the package documentation says how files are called. [New] reads it
	// once. Default: the built-in ones alone.
	Templates fs.FS

	// Default is the language of those who speak none of the set's. It is one
	// of [Languages], or close to one. Default English.
	Default language.Tag
	// Locate says roughly where an address is, in the given language: "Berlin,
	// Germany". It is called while a message is rendered, by several
	// goroutines at once, so it looks into a local database; New calls it for
	// 203.0.113.7. An answer that is
	// empty, longer than 80 characters or more than letters, digits and plain
	// punctuation counts as none. Default, and where there is none: the
	// network of the address, IPv4 /24 or IPv6 /48.
	Locate func(netip.Addr, language.Tag) string
	// TimeZone is the zone that times are shown in, with its name and offset.
	// Default UTC.
	TimeZone *time.Location

	// Logger receives what goes wrong with a host's template at run time, when
	// the built-in one steps in. Default: [slog.Default].
	Logger *slog.Logger
}

const (
	maxProduct   = 60
	maxSupport   = 200
	defaultColor = "#1f4fd8"
	// minContrast is that of WCAG 2.2, 1.4.3, level AA.
	minContrast = 4.5
)

func (o Options) withDefaults() Options {
	if o.Color == "" {
		o.Color = defaultColor
	}
	if o.Default == (language.Tag{}) {
		o.Default = language.English
	}
	if o.TimeZone == nil {
		o.TimeZone = time.UTC
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate() error {
	var errs []error
	for _, check := range []struct {
		option string
		err    error
	}{
		{"Product", checkProduct(o.Product)},
		{"Host", checkHost(o.Host)},
		{"Support", checkSupport(o.Support)},
		{"Color", checkColor(o.Color)},
		{"Default", checkDefault(o.Default)},
	} {
		if check.err != nil {
			errs = append(errs, &recovery.OptionError{Option: check.option, Reason: check.err.Error()})
		}
	}
	return errors.Join(errs...)
}

// checkProduct refuses what would not stand in a subject or a sentence as it
// is.
func checkProduct(s string) error {
	switch {
	case s == "":
		return errors.New("is required: the name that messages show")
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

// checkHost accepts a host name in the form that browsers compare: ASCII, lower
// case, without a trailing dot.
func checkHost(s string) error {
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
			strings.ContainsFunc(l, func(r rune) bool { return !isLowerDigit(r) && r != '-' }) {
			return errors.New("must be a host name of a-z, 0-9, '-' and '.', without scheme and port; an internationalised one in its xn-- form")
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return errors.New("must be a name, not an address")
	}
	return nil
}

func isLowerDigit(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// checkSupport accepts what can be a link in a mail without further escaping.
func checkSupport(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > maxSupport {
		return fmt.Errorf("is longer than %d bytes", maxSupport)
	}
	if !isPlainURL(s) {
		return errors.New("must be printable ASCII without space, quote, backslash or angle bracket")
	}
	if strings.HasPrefix(s, "https://") {
		if u, err := url.Parse(s); err != nil || u.Hostname() == "" || u.User != nil {
			return errors.New("must be an absolute URL without user information")
		}
		return nil
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || checkHost(strings.ToLower(domain)) != nil || strings.ContainsAny(local, "?&#%/:;,()[]") {
		return errors.New("must be an https URL or a mail address")
	}
	return nil
}

// isPlainURL reports whether s stands in a text on its own, and in HTML behind
// the template's escaping, as the same link.
func isPlainURL(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\`", r)
	})
}

func checkColor(s string) error {
	rgb, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return errors.New("must be #RRGGBB")
	}
	if c := contrastWithWhite(uint32(rgb)); c < minContrast {
		return fmt.Errorf("gives white text a contrast of %.1f, must be at least %.1f", c, minContrast)
	}
	return nil
}

func checkDefault(tag language.Tag) error {
	if _, ok := spoken(tag); !ok {
		return fmt.Errorf("%v is not close to any of the languages of this package", tag)
	}
	return nil
}
