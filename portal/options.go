package portal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Options configure a [Handler]. The zero value of a field is its default; only
// BaseURL, Product and Keys have none. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// BaseURL is where the portal is mounted, as people see it: an absolute
	// https URL with a path or none, no query; http is accepted for localhost
	// and loopback addresses, where cookies then go without __Host-. The host is
	// in lower case, and a port is not the scheme's own. Required.
	// recovery.Options.Link leads to BaseURL + "/reset", and
	// recovery.Options.NotMe to BaseURL + "/not-me".
	BaseURL string
	// Keys seal the cookies: at least 32 random bytes each, the first one in
	// use, the rest still accepted, the same on every instance. Required. They
	// may be recovery.Options.Keys: others are derived from them here.
	Keys [][]byte
	// CookieName starts the names of the cookies, so that several portals share
	// one host: 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'. Default "recovery".
	CookieName string

	// Product is the name of the host's product: 1 to 60 printable characters,
	// no URL. Required.
	Product string
	// SignIn is the page where people sign in: an absolute https URL, or a path
	// on the same origin. Default: no page links there.
	SignIn string
	// Support is where a person gets help: an https URL or a mail address.
	// Default none.
	Support string

	// Email is the field that e-mail addresses are searched in, as in
	// recovery.Options.Fields. Default "EmailAddress".
	EmailField string
	// Phone is the field that phone numbers are searched in, and that codes are
	// sent to. Default none: no page asks for a phone number.
	PhoneField string

	// Color is the colour of buttons, #RRGGBB, against which white text has a
	// contrast of at least 4.5 (WCAG 2.2, 1.4.3). What it is in the dark is
	// derived from it. Default "#1f4fd8".
	Color string
	// Logo stands above every page: a PNG, JPEG, WebP, GIF or SVG of up to
	// 64 KiB. Default: the Product's name.
	Logo []byte
	// Font is the face that pages are set in: a WOFF2 of up to 64 KiB.
	// Default: that of the system.
	Font []byte
	// Text replaces sentences, by language and by key, as in
	// {"en": {"forgot.heading": "Forgot it?"}}. The language "" is for all. Keys
	// and arguments are those of the file catalog_en.go. Default none.
	Text map[string]map[string]string
	// Templates overrides built-in templates, style and script one by one; the
	// package documentation says how files are called. [New] reads it once.
	// Default: the built-in ones.
	Templates fs.FS

	// Languages are those that people can choose from. Default: all of
	// English, Spanish, French, German, Portuguese, Hindi, Arabic, Chinese and
	// Japanese.
	Languages []language.Tag
	// Default is the language of those who speak none of them. Default: the
	// first of Languages.
	DefaultLanguage language.Tag

	// StepUp returns the URL where a person gives the further proof that a
	// StepUpError asks for, or empty. The page that says so links there; nothing
	// was changed, and the link from the message stays usable, at BaseURL +
	// "/reset". Default: the page says it and no more.
	StepUpURL func(r *http.Request, err *recovery.StepUpError) string

	// Logger receives what goes wrong. Default: the Service's.
	Logger *slog.Logger
}

const maxAsset = 64 << 10

func (o Options) withDefaults(service *recovery.Service) Options {
	if o.CookieName == "" {
		o.CookieName = "recovery"
	}
	if o.EmailField == "" {
		o.EmailField = "EmailAddress"
	}
	if o.Color == "" {
		o.Color = brand.Color
	}
	if len(o.Languages) == 0 {
		o.Languages = i18n.Tags()
	}
	if o.DefaultLanguage == (language.Tag{}) {
		o.DefaultLanguage = o.Languages[0]
	}
	if o.Logger == nil && service != nil {
		o.Logger = service.Settings().Logger
	}
	return o
}

var cookieName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,32}$`)

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate(service *recovery.Service) error {
	var errs []error
	check := func(option string, err error) {
		if err != nil {
			errs = append(errs, &recovery.OptionError{Option: option, Reason: err.Error()})
		}
	}
	if service == nil {
		check("service", errors.New("is required"))
	}
	check("BaseURL", checkBaseURL(o.BaseURL))
	check("Keys", checkKeys(o.Keys))
	if !cookieName.MatchString(o.CookieName) {
		check("CookieName", errors.New("must be 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'"))
	}
	check("Product", brand.CheckProduct(o.Product))
	check("SignIn", checkSignIn(o.SignIn))
	check("Support", brand.CheckSupport(o.Support))
	check("Color", brand.CheckColor(o.Color))
	_, err := sniffImage(o.Logo)
	check("Logo", err)
	check("Font", checkFont(o.Font))
	if service != nil {
		check("Email", checkField(service, o.EmailField, recovery.FieldEmail, false))
		if o.PhoneField != "" {
			check("Phone", checkField(service, o.PhoneField, recovery.FieldPhone, true))
		}
	}
	for _, tag := range o.Languages {
		if !slices.Contains(i18n.Tags(), tag) {
			check("Languages", fmt.Errorf("%v is none of %v", tag, i18n.Tags()))
		}
	}
	if !slices.Contains(o.Languages, o.DefaultLanguage) {
		check("Default", fmt.Errorf("%v is none of %v", o.DefaultLanguage, o.Languages))
	}
	return errors.Join(errs...)
}

// checkBaseURL accepts what a link can begin with: the rules are those of
// recovery.Link, and those of a place to mount a handler at.
func checkBaseURL(s string) error {
	if s == "" {
		return errors.New("is required: a link is never built from a request")
	}
	if err := (recovery.Link{URL: s + "/reset"}).Validate(); err != nil {
		return err
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("does not parse")
	case strings.ToLower(u.Host) != u.Host || u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80":
		// A browser's Origin is compared with it.
		return errors.New("must have its host in lower case, and no port that is the scheme's own")
	case u.RawQuery != "" || u.ForceQuery || strings.HasSuffix(s, "/"):
		return errors.New("must have no query, and not end with a slash")
	case u.EscapedPath() != u.Path || strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/./") || strings.Contains(u.Path+"/", "/../"):
		return errors.New("must have a clean path without escapes")
	}
	return nil
}

func checkKeys(keys [][]byte) error {
	if len(keys) == 0 || len(keys) > 8 {
		return errors.New("needs 1 to 8 keys of 32 random bytes; those of the Service will do")
	}
	for i, k := range keys {
		if len(k) < 32 {
			return fmt.Errorf("key %d has %d bytes, must have at least 32", i, len(k))
		}
	}
	return nil
}

func checkSignIn(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || !brand.IsPlainURL(s) || len(s) > 2048:
		return errors.New("must be a URL in ASCII of up to 2,048 bytes")
	case strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//"), u.Scheme == "https" && u.Hostname() != "" && u.User == nil:
		return nil
	}
	return errors.New("must be a path on the same origin or an absolute https URL")
}

func checkField(service *recovery.Service, name string, want recovery.FieldType, receive bool) error {
	f, ok := service.Settings().Field(name)
	switch {
	case !ok:
		return fmt.Errorf("%.80q is no field of the Service", name)
	case !f.Search || f.Type != want || receive && !f.Receive:
		return fmt.Errorf("the field %q must be one of type %v that is searched, and for phones one that receives", name, want)
	}
	return nil
}

// sniffImage returns the media type of a logo, or empty for none.
func sniffImage(b []byte) (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	if len(b) > maxAsset {
		return "", errors.New("is larger than 64 KiB")
	}
	switch t := http.DetectContentType(b); t {
	case "image/png", "image/jpeg", "image/webp", "image/gif":
		return t, nil
	}
	if head := string(b[:min(len(b), 1024)]); strings.Contains(head, "<svg") {
		return "image/svg+xml", nil
	}
	return "", errors.New("must be a PNG, JPEG, WebP, GIF or SVG")
}

func checkFont(b []byte) error {
	switch {
	case len(b) > maxAsset:
		return errors.New("is larger than 64 KiB")
	case len(b) > 0 && !strings.HasPrefix(string(b[:min(4, len(b))]), "wOF2"):
		return errors.New("must be a WOFF2")
	}
	return nil
}
