package loginradius

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// Options configure a [Handler]. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Apps are the apps that the handler serves, at least one. A request
	// chooses by its API key.
	Apps []App
}

// An App is one API key, and what it opens.
type App struct {
	_ [0]func()

	// APIKey names the app: 1 to 128 of printable ASCII. It is public.
	APIKey string
	// Secrets are the live API secrets, one, or two while they are rotated: 12
	// to 256 of printable ASCII each, drawn at random which a random UUID
	// satisfies; the lower bound catches accidents, not weakness. Whoever
	// has one can take over any account of the Service.
	Secrets []recovery.Secret
	// DangerouslyAllowQuerySecret accepts the secret in the query too, from
	// where it reaches the access logs of every server on the way. Default
	// false: a secret in the query is refused, so that the mistake is noticed.
	// [VendorCompatible] sets it.
	DangerouslyAllowQuerySecret bool

	// Service does the work. Apps with separate users have separate Services.
	Service *recovery.Service

	// ResetURLs are the pages that mailed links may lead to, as
	// [recovery.Link] takes them, no two of them equal up to their query. The
	// first one is the default. Required.
	ResetURLs []string
	// EmailTemplates are the templates that emailtemplate may name.
	EmailTemplates []Template
	// DefaultEmailTemplate is one of them, for requests that name none.
	// Default: the Notifier's usual one, with a link.
	DefaultEmailTemplate string
	// SMSTemplates are the names that smstemplate may have, 1 to 128 of
	// printable ASCII. By SMS go only codes.
	SMSTemplates []string
	// DefaultSMSTemplate is one of them, for requests that name none. Default:
	// the Notifier's usual one.
	DefaultSMSTemplate string

	// Origins are the browser origins whose pages may call the public
	// endpoints, as browsers send them: https://www.example.com. Default none.
	Origins []string

	// EmailField is the field that email means and that mail goes to. Type
	// Email, Search and Receive. Default "EmailAddress".
	EmailField string
	// UsernameField is the field that username means. Search and, with type
	// Text, IgnoreCase. Default "Username" if the Service declares that with
	// Search; otherwise a request by user name is 908.
	UsernameField string
	// PhoneField is the field that phone means and that SMS go to. Type Phone,
	// Search and Receive. Default "Phone" if the Service declares that with
	// Search and Receive; otherwise a request by phone is 908.
	PhoneField string
}

// VendorCompatible returns app with everything that the vendor's clients do
// and that is off by default: secrets in the query.
func VendorCompatible(app App) App {
	app.DangerouslyAllowQuerySecret = true
	return app
}

// A Template is an e-mail template that the [recovery.Notifier] knows.
type Template struct {
	// Name is 1 to 128 of printable ASCII, compared exactly.
	Name string
	// Kind is what the template sends. Default [TemplateLink].
	Kind TemplateKind
}

// A TemplateKind says what a template sends.
type TemplateKind string

// The kinds of templates.
const (
	TemplateLink TemplateKind = "link"
	TemplateCode TemplateKind = "code"
)

// app is a checked App.
type app struct {
	caller           string
	secrets          []string
	allowQuerySecret bool
	svc              *recovery.Service
	resetURLs        resetURLs
	emailTemplates   map[string]TemplateKind
	defaultEmail     string
	smsTemplates     map[string]bool
	defaultSMS       string
	cors             *httpapi.CORS
	email            string
	username, phone  string // empty where the form is not offered
}

// checker collects the mistakes in one App.
type checker struct {
	at   string
	errs []error
}

func (c *checker) bad(option, format string, args ...any) {
	c.errs = append(c.errs, &recovery.OptionError{Option: c.at + option, Reason: fmt.Sprintf(format, args...)})
}

// check validates every app and reports all mistakes.
func (o Options) check() (map[string]*app, error) {
	top := checker{}
	if len(o.Apps) == 0 {
		top.bad("Apps", "is required: at least one")
	}
	errs := top.errs
	apps := make(map[string]*app, len(o.Apps))
	for i, a := range o.Apps {
		c := &checker{at: fmt.Sprintf("Apps[%d].", i)}
		checked := a.check(c)
		if _, twice := apps[a.APIKey]; twice {
			c.bad("APIKey", "belongs to another app already")
		}
		apps[a.APIKey] = checked
		errs = append(errs, c.errs...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return apps, nil
}

func (a App) check(c *checker) *app {
	out := &app{
		caller: "loginradius:" + a.APIKey, allowQuerySecret: a.DangerouslyAllowQuerySecret,
		svc: a.Service, defaultEmail: a.DefaultEmailTemplate, defaultSMS: a.DefaultSMSTemplate,
	}
	if !isPrintable(a.APIKey, 1, 128) {
		c.bad("APIKey", "must be 1 to 128 of printable ASCII")
	}
	out.secrets = a.checkSecrets(c)
	out.resetURLs = a.checkResetURLs(c)
	out.emailTemplates = a.checkEmailTemplates(c)
	out.smsTemplates = a.checkSMSTemplates(c)
	var err error
	if out.cors, err = httpapi.NewCORS(a.Origins); err != nil {
		c.bad("Origins", "%v", err)
	}
	if a.Service == nil {
		c.bad("Service", "is required")
	} else {
		a.checkFields(c, out)
	}
	return out
}

func (a App) checkSecrets(c *checker) []string {
	if n := len(a.Secrets); n < 1 || n > 2 {
		c.bad("Secrets", "has %d secrets, must have 1, or 2 during a rotation", n)
	}
	var secrets []string
	for i, s := range a.Secrets {
		secret := s.Reveal()
		// Guesses are not limited, so nothing that could be guessed will do.
		if !isPrintable(secret, 12, 256) {
			c.bad("Secrets", "secret %d must be 12 to 256 of printable ASCII", i)
		}
		if secret == a.APIKey {
			c.bad("Secrets", "secret %d is the API key, which is public", i)
		}
		for j, other := range secrets {
			if other == secret {
				c.bad("Secrets", "secrets %d and %d are the same", j, i)
			}
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func (a App) checkResetURLs(c *checker) resetURLs {
	if len(a.ResetURLs) == 0 {
		c.bad("ResetURLs", "is required: a link is never built from a request")
	}
	urls, pages := make(resetURLs, 0, len(a.ResetURLs)), map[string]int{}
	for i, configured := range a.ResetURLs {
		u := newResetURL(configured)
		if err := u.link.Validate(); err != nil {
			c.bad(fmt.Sprintf("ResetURLs[%d]", i), "%v", err)
		}
		if j, twice := pages[u.page]; twice {
			c.bad(fmt.Sprintf("ResetURLs[%d]", i), "is the same page as ResetURLs[%d], which requests could not tell apart", j)
		}
		pages[u.page] = i
		urls = append(urls, u)
	}
	return urls
}

func (a App) checkEmailTemplates(c *checker) map[string]TemplateKind {
	templates := make(map[string]TemplateKind, len(a.EmailTemplates))
	for i, t := range a.EmailTemplates {
		option := fmt.Sprintf("EmailTemplates[%d]", i)
		if !isPrintable(t.Name, 1, 128) {
			c.bad(option, "its name must be 1 to 128 of printable ASCII")
		}
		if t.Kind == "" {
			t.Kind = TemplateLink
		}
		if t.Kind != TemplateLink && t.Kind != TemplateCode {
			c.bad(option, "its kind %q must be link or code", t.Kind)
		}
		if _, twice := templates[t.Name]; twice {
			c.bad(option, "is registered twice")
		}
		templates[t.Name] = t.Kind
	}
	if _, ok := templates[a.DefaultEmailTemplate]; !ok && a.DefaultEmailTemplate != "" {
		c.bad("DefaultEmailTemplate", "is not one of EmailTemplates")
	}
	return templates
}

func (a App) checkSMSTemplates(c *checker) map[string]bool {
	templates := make(map[string]bool, len(a.SMSTemplates))
	for i, name := range a.SMSTemplates {
		option := fmt.Sprintf("SMSTemplates[%d]", i)
		if !isPrintable(name, 1, 128) {
			c.bad(option, "must be 1 to 128 of printable ASCII")
		}
		if templates[name] {
			c.bad(option, "is registered twice")
		}
		templates[name] = true
	}
	if !templates[a.DefaultSMSTemplate] && a.DefaultSMSTemplate != "" {
		c.bad("DefaultSMSTemplate", "is not one of SMSTemplates")
	}
	return templates
}

// checkFields settles what email, username and phone mean. A field that the
// host named has to fit; a default one that does not exist is a form that is
// not offered, except for e-mail, which everything else falls back on.
func (a App) checkFields(c *checker, out *app) {
	settings := a.Service.Settings()
	out.email = a.EmailField
	if out.email == "" {
		out.email = "EmailAddress"
	}
	if f, _ := settings.Field(out.email); f.Type != recovery.FieldEmail || !f.Search || !f.Receive {
		c.bad("EmailField", "%s must be declared in the Service with type Email, Search and Receive", out.email)
	}

	out.username = a.UsernameField
	if f, _ := settings.Field("Username"); out.username == "" && f.Search {
		out.username = "Username"
	}
	if out.username != "" {
		f, _ := settings.Field(out.username)
		if !f.Search {
			c.bad("UsernameField", "%s must be declared in the Service with Search", out.username)
		} else if f.Type == recovery.FieldText && !f.IgnoreCase {
			c.bad("UsernameField", "%s must be declared in the Service with IgnoreCase: clients of this wire spell user names in any case", out.username)
		}
	}

	fits := func(f recovery.Field) bool { return f.Type == recovery.FieldPhone && f.Search && f.Receive }
	out.phone = a.PhoneField
	if f, _ := settings.Field("Phone"); out.phone == "" && fits(f) {
		out.phone = "Phone"
	}
	if f, _ := settings.Field(out.phone); out.phone != "" && !fits(f) {
		c.bad("PhoneField", "%s must be declared in the Service with type Phone, Search and Receive", out.phone)
	}
}

// isPrintable reports whether s is printable ASCII without spaces, of least to
// most bytes.
func isPrintable(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
