package portal

import (
	"errors"
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
	"github.com/seed-51359b35/recovery/internal/masterkey"
)

// Options configure a [Handler]. BaseURL, Keys and Product are required. Every
// other field has a default, which its zero value stands for. [New] copies what
// it needs.
type Options struct {
	_ [0]func()

	// BaseURL is where the portal is mounted, as people see it: an absolute
	// https URL with or without a path, and without a query. The host is in
	// lower case, and the port is not the default port of the scheme. http is
	// accepted for localhost and loopback addresses, where the names of cookies
	// then have no __Host-. Required.
	//
	// recovery.Options.Link leads to BaseURL + "/reset", recovery.Options.NotMe to
	// BaseURL + "/not-me", and recovery.InvitationOptions.Link, if there is one,
	// to BaseURL + "/invitation".
	BaseURL string
	// Keys seal the cookies: 1 to 8 keys of at least 32 random bytes each, the
	// same on every instance. The first key seals. Values that another key has
	// sealed are still accepted. The keys may be recovery.Options.Keys, because
	// New derives keys of its own from them. Required.
	Keys [][]byte
	// CookieName is the beginning of the names of the cookies, so that several
	// portals can share one host: 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'.
	// Default "recovery".
	CookieName string

	// Product is the name of the host's product: 1 to 60 printable characters,
	// no URL. Required.
	Product string
	// SignIn is the page where people sign in: an absolute https URL, or a path
	// on the same origin. Default none: no page links there.
	SignIn string
	// Support is where a person gets help: an https URL or a mail address.
	// Default none.
	Support string

	// EmailField is the field that holds e-mail addresses, as in
	// recovery.Options.Fields. People are searched by it. Default "EmailAddress",
	// or none if UserNameField is set and the Service has no such field with
	// Search: then people type their user names alone.
	EmailField string
	// PhoneField is the field that holds phone numbers. People are searched by
	// it, and codes are sent to it. It needs EmailField. Default none: no page asks
	// for a phone number.
	PhoneField string
	// UserNameField is the field that holds user names, of type FieldTypeText.
	// People are searched by it, and links go to their e-mail addresses. Where the
	// pages take addresses too, a text with an '@' is an address, and where they
	// take phone numbers, one that begins with '+' is a phone number. So the user
	// names must be none of these. Default: recovery.Options.SignInField if it has
	// that type and Search, or else none. Text can replace the words "user name".
	UserNameField string

	// Color is the colour of buttons, as #RRGGBB. White text must have a
	// contrast of at least 4.5 against it (WCAG 2.2, 1.4.3). The colour for
	// dark pages is derived from it. Default "#1f4fd8".
	Color string
	// Logo stands at the top of every page: a PNG, JPEG, WebP, GIF or SVG of up
	// to 64 KiB. Default: the name of the Product.
	Logo []byte
	// Font is the font of the pages: a WOFF2 of up to 64 KiB. Default: the font
	// of the system.
	Font []byte
	// Text replaces sentences, by language and by key, as in
	// {"en": {"forgot.heading": "Forgot it?"}}. The language "" means all
	// languages. The file catalog_en.go has the keys and their arguments.
	// Default none.
	Text map[string]map[string]string
	// Templates overrides built-in templates, style and script one by one. The
	// package documentation gives the names of the files. [New] reads them
	// once. Default: the built-in ones.
	Templates fs.FS

	// Languages are the languages that people can choose. Default: English,
	// Spanish, French, German, Portuguese, Hindi, Arabic, Chinese and Japanese.
	Languages []language.Tag
	// DefaultLanguage is the language of pages for people who speak none of
	// Languages. It is one of Languages. Default: the first of them.
	DefaultLanguage language.Tag

	// StepUpURL returns the URL where a person gives the further proof that a
	// StepUpError asks for, or the empty text. The page that tells the person
	// links there. At that time nothing was changed, and the link from the
	// message still works, at BaseURL + "/reset". Several goroutines may call
	// StepUpURL at once. Default none: the page has no link.
	StepUpURL func(r *http.Request, err *recovery.StepUpError) string

	// Done is called once after a person has chosen a password on these pages,
	// before the answer. It may set cookies on w, for example to end a
	// remember-me cookie, and must write neither a status nor a body. What must
	// happen after every reset belongs into recovery.Options.AfterReset.
	// Whoever signs the person in here skips the second factor of the log-in.
	// Several goroutines may call Done at once. Default none.
	Done func(w http.ResponseWriter, r *http.Request, done recovery.PasswordReset)

	// Captcha is the widget of a CAPTCHA on the page forgot. The Verify of
	// recovery.CaptchaOptions decides about what it adds to the form. Default
	// none.
	Captcha Captcha

	// Brands are further brands under which the pages are served. Default none.
	Brands BrandOptions

	// Logger receives what goes wrong. Default: the logger of the Service.
	Logger *slog.Logger

	// ReadOutCodes offers people a form for the code that a help desk has read out to
	// them, with a link to it on the page forgot and on the page for other codes: see
	// recovery.Service.IssueForHelpDesk. They type it with what they are searched by.
	// Default false: no page mentions a help desk.
	ReadOutCodes bool

	// NationalPhone reads a phone number that a person typed without a '+': it gets
	// 1 to 256 digits, 0 to 9, and returns the number with '+' and its country code,
	// or anything else if the digits are no number. phones.In("DE") of the package
	// portal/phones makes such a function. Where the pages also take user names, a
	// text without a '+' is a user name on the page forgot, and only the page for
	// codes calls NationalPhone. Several goroutines may call it at once. Default
	// none: people type their country code.
	NationalPhone func(digits string) string
}

func (o Options) withDefaults(service *recovery.Service) Options {
	if o.CookieName == "" {
		o.CookieName = "recovery"
	}
	if service != nil {
		settings := service.Settings()
		if f, ok := settings.Field(settings.SignInField); ok && o.UserNameField == "" && f.Type == recovery.FieldTypeText && f.Search {
			o.UserNameField = f.Name
		}
		if f, ok := settings.Field("EmailAddress"); o.EmailField == "" && (o.UserNameField == "" || ok && f.Search) {
			o.EmailField = "EmailAddress"
		}
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

// validate adds every mistake that it finds. The receiver has its defaults.
func (o Options) validate(mistakes *recovery.OptionErrors, service *recovery.Service) {
	if service == nil {
		mistakes.Add("service", "is required")
	} else {
		if o.EmailField != "" {
			checkField(mistakes, "EmailField", service, o.EmailField, recovery.FieldTypeEmail)
		}
		if o.PhoneField != "" {
			checkField(mistakes, "PhoneField", service, o.PhoneField, recovery.FieldTypePhone)
		}
		if o.UserNameField != "" {
			checkField(mistakes, "UserNameField", service, o.UserNameField, recovery.FieldTypeText)
		}
		if o.PhoneField != "" && o.EmailField == "" {
			mistakes.Add("PhoneField", "needs EmailField")
		}
	}
	if !cookieName.MatchString(o.CookieName) {
		mistakes.Add("CookieName", "must be 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'")
	}
	if err := checkKeys(o.Keys); err != nil {
		mistakes.Add("Keys", "%v", err)
	}
	if err := checkFont(o.Font); err != nil {
		mistakes.Add("Font", "%v", err)
	}
	o.validateBrand(mistakes, service)
}

// validateBrand adds the mistakes in what a brand can have for itself, but for its
// texts and its font.
func (o Options) validateBrand(mistakes *recovery.OptionErrors, service *recovery.Service) {
	o.Captcha.check(mistakes, service)
	_, logoErr := sniffImage(o.Logo)
	for _, found := range []struct {
		option string
		err    error
	}{
		{"BaseURL", checkBaseURL(o.BaseURL)},
		{"Product", brand.CheckProduct(o.Product)},
		{"SignIn", checkSignIn(o.SignIn)},
		{"Support", brand.CheckSupport(o.Support)},
		{"Color", brand.CheckColor(o.Color)},
		{"Logo", logoErr},
	} {
		if found.err != nil {
			mistakes.Add(found.option, "%v", found.err)
		}
	}
	spoken := i18n.Tags()
	for _, tag := range o.Languages {
		if !slices.Contains(spoken, tag) {
			mistakes.Add("Languages", "%v is none of %v", tag, spoken)
		}
	}
	if !slices.Contains(o.Languages, o.DefaultLanguage) {
		mistakes.Add("DefaultLanguage", "%v is none of %v", o.DefaultLanguage, o.Languages)
	}
}

// maxAsset is the largest logo and the largest font, in bytes.
const maxAsset = 64 << 10

// checkBaseURL returns an error unless s can be the beginning of a link, as
// recovery.Link defines it, and the place where a handler is mounted.
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
		// The Origin that a browser sends is compared with it.
		return errors.New("must have its host in lower case, and must not have the default port of its scheme")
	case u.RawQuery != "" || u.ForceQuery || strings.HasSuffix(s, "/"):
		return errors.New("must have no query, and not end with a slash")
	case u.EscapedPath() != u.Path || strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/./") || strings.Contains(u.Path+"/", "/../"):
		return errors.New("must have a clean path without escapes")
	}
	return nil
}

func checkKeys(keys [][]byte) error {
	if len(keys) == 0 || len(keys) > 8 {
		return errors.New("must be 1 to 8 keys of 32 random bytes; the keys of the Service can be used")
	}
	if mistakes := masterkey.Check(keys); mistakes != nil {
		return errors.New(strings.Join(mistakes, ", and "))
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

// checkField checks that an option names a field of the Service that people are
// searched by. A field for phone numbers also receives codes.
func checkField(mistakes *recovery.OptionErrors, option string, service *recovery.Service, name string, want recovery.FieldType) {
	f, ok := service.Settings().Field(name)
	switch {
	case !ok:
		mistakes.Add(option, "%.80q is not a field of the Service", name)
	case f.Type != want || !f.Search:
		mistakes.Add(option, "the field %q must have the type %v and Search", name, want)
	case want == recovery.FieldTypePhone && !f.Receive:
		mistakes.Add(option, "the field %q must have Receive", name)
	}
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
