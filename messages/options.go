package messages

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Options configure a [Renderer]. Product is required. Every other field has a
// default, which its zero value stands for. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Product is the name of the host's product, as messages show it: 1 to 60
	// printable characters, no URL. Required.
	//
	// A text message with a code has all its sentences in one segment as long
	// as Product and Host together have at most 45 characters. This holds for
	// English, Spanish, French, German and Portuguese. Beyond that, the message
	// leaves some sentences out before it grows to two segments.
	Product string
	// Host is the name of the site that codes are for, in lower-case ASCII and
	// without port: example.com. The last line of a text message with a code
	// binds the code to that site, so that a phone offers the code there and
	// nowhere else (WICG, Origin-bound one-time codes delivered via SMS). The
	// name comes from configuration, never from a request (A01). Host is
	// required for codes by SMS: without it [Renderer.SMS] refuses them.
	Host string
	// Support is where a person gets help: an https URL or a mail address. It
	// stands at the end of every mail. Default none.
	Support string
	// Color is the colour of buttons, as #RRGGBB. White text must have a
	// contrast of at least 4.5 against it (WCAG 2.2, 1.4.3). Default "#1f4fd8".
	Color string

	// Templates overrides built-in templates one by one and adds named ones.
	// The package documentation gives the names of the files. [New] reads them
	// once. Default: the built-in templates alone.
	Templates fs.FS

	// DefaultLanguage is the language of messages to people who speak none of
	// [Languages]. It is one of [Languages], or a variety of one, such as de-AT.
	// Default English.
	DefaultLanguage language.Tag
	// Locate says roughly where an address is, in the given language: "Berlin,
	// Germany". Several goroutines call it at once, each while it renders a
	// message, so Locate should look into a local database. New calls it for
	// 203.0.113.7. An answer counts as none if it is empty, if it is longer
	// than 80 characters, or if it has more than letters, digits and plain
	// punctuation. Without an answer, and without Locate, messages show the
	// network of the address: IPv4 /24 or IPv6 /48. Default none.
	Locate func(netip.Addr, language.Tag) string
	// TimeZone is the zone that times are shown in, with its name and offset.
	// Default UTC.
	TimeZone *time.Location

	// Brands returns how messages of a brand look ([recovery.Message].Brand), by its
	// name. It is asked for the first message of each brand, by several goroutines
	// at once, and so should be quick: see [Renderer.ForgetBrand] for changes, and
	// [Renderer.CheckBrand] for mistakes. A message of a brand that it does not know
	// fails, and is tried again. Default: messages of all brands look the same.
	Brands func(name string) (Brand, bool)

	// Logger receives the errors of the host's templates at run time, when the
	// built-in template takes the place of one. Default: [slog.Default].
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

// validate adds every mistake that it finds. The receiver has its defaults.
func (o Options) validate(mistakes *recovery.OptionErrors) {
	o.validateBrand(mistakes)
	if err := i18n.CheckDefault(o.DefaultLanguage); err != nil {
		mistakes.Add("DefaultLanguage", "%v", err)
	}
}
