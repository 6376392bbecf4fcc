package messages

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Options configure a [Renderer]. The zero value of a field is its default; only
// Product has none. [New] copies what it needs.
type Options struct {
	_ [0]func()

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
	// without it [Renderer.SMS] refuses them.
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
	DefaultLanguage language.Tag
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

func (o Options) withDefaults() Options {
	if o.Color == "" {
		o.Color = brand.Color
	}
	if o.DefaultLanguage == (language.Tag{}) {
		o.DefaultLanguage = language.English
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
		{"Product", brand.CheckProduct(o.Product)},
		{"Host", brand.CheckHost(o.Host)},
		{"Support", brand.CheckSupport(o.Support)},
		{"Color", brand.CheckColor(o.Color)},
		{"Default", i18n.CheckDefault(o.DefaultLanguage)},
	} {
		if check.err != nil {
			errs = append(errs, &recovery.OptionError{Option: check.option, Reason: check.err.Error()})
		}
	}
	return errors.Join(errs...)
}
