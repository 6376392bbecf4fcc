package loginradius

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// Options configure a [Handler]. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Apps are the apps that the handler serves, at least one. A request
	// chooses by its API key.
	Apps []App
	// Path is where the handler is mounted, as clients see it, such as "/lr":
	// then /lr/identity/v2/auth/password is an endpoint. With or without
	// [http.StripPrefix], and behind a proxy that takes the path or the first
	// part of it off, the endpoints are found all the same. A request that comes
	// below another path is answered with 404 and told in the log. Default: the
	// root, at which the vendor's clients call.
	Path string
	// Next serves all other paths, such as those of log-in, registration and
	// changed passwords, during a migration: the host's own handler, or a proxy
	// to the vendor. It gets the request as the client sent it, with its body
	// and its credentials, which nobody has read; only two slashes in front of
	// identity are made one. It never gets a path of [Paths], with any method,
	// nor a path that another server could take for one of them: in other case,
	// with a slash or a format (".json") at its end, with an empty segment, a
	// segment that ends in a dot, a backslash, '%', ';', '?' or '#' behind an
	// escape, or anything else than printable ASCII. These are answered with
	// 404. Default: 404 for all other paths.
	Next http.Handler
}

// An App is one API key, and the users and pages that it gives access to.
type App struct {
	_ [0]func()

	// APIKey names the app: 1 to 128 characters of printable ASCII without
	// spaces. It is public.
	APIKey string
	// Secrets are the valid API secrets: one, or two during a rotation, each of
	// 12 to 256 characters of printable ASCII without spaces. Draw them at
	// random; a random UUID is good enough. The lower bound on the length
	// catches accidents and not weak secrets. Whoever has a secret can take
	// over any account of the Service.
	Secrets []recovery.Secret
	// DangerouslyAllowQuerySecret accepts the secret also in the query, as the
	// vendor's clients may send it. From there it reaches the access log of
	// every server on the way. Default false: a secret in the query is refused,
	// so that somebody notices the mistake.
	DangerouslyAllowQuerySecret bool

	// Service serves the app's users. Apps with separate users need separate
	// Services. Required.
	Service *recovery.Service

	// ResetURLs are the pages that mailed links may lead to, as
	// [recovery.Link] accepts them. No two may be equal up to their query. The
	// first one is the default. Required.
	ResetURLs []string
	// EmailTemplates are the templates that emailtemplate may name.
	EmailTemplates []Template
	// DefaultEmailTemplate is one of EmailTemplates, for requests that name
	// none. Default: the Notifier's usual template, with a link.
	DefaultEmailTemplate string
	// SMSTemplates are the names that smstemplate may have, each of 1 to 128
	// characters of printable ASCII without spaces. An SMS always carries a
	// code and never a link.
	SMSTemplates []string
	// DefaultSMSTemplate is one of SMSTemplates, for requests that name none.
	// Default: the Notifier's usual template.
	DefaultSMSTemplate string

	// Origins are the browser origins whose pages may call the public
	// endpoints, each exactly as browsers send it, for example
	// "https://www.example.com". Pages of hybrid apps have origins such as
	// "capacitor://localhost", "ionic://localhost" and "http://localhost", which
	// every app can have. Pages of files have the origin "null", which cannot be
	// listed, because every sandboxed frame has it too. Default: none.
	Origins []string

	// EmailField is the field that the parameter email stands for and that mail
	// is sent to. The Service must declare it with type Email, Search and
	// Receive. Default "EmailAddress".
	EmailField string
	// UsernameField is the field that the parameter username stands for. The
	// Service must declare it with Search and, if its type is Text, with
	// IgnoreCase. Default "Username" if the Service declares that field with
	// Search; otherwise a request by user name is answered with 908.
	UsernameField string
	// PhoneField is the field that the parameter phone stands for and that SMS
	// are sent to. The Service must declare it with type Phone, Search and
	// Receive. Default "Phone" if the Service declares that field so; otherwise
	// a request by phone is answered with 908.
	PhoneField string
}

// A Template is an e-mail template that the [recovery.Notifier] knows.
type Template struct {
	// Name has 1 to 128 characters of printable ASCII without spaces. It is
	// compared exactly.
	Name string
	// Kind says whether the template sends a link or a code. Default
	// [TemplateLink].
	Kind TemplateKind
}

// A TemplateKind says whether a template sends a link or a code.
type TemplateKind string

// The kinds of templates.
const (
	TemplateLink TemplateKind = "link"
	TemplateCode TemplateKind = "code"
)

// An app is an App that was checked.
type app struct {
	caller           string
	secrets          []string
	allowQuerySecret bool
	svc              *recovery.Service
	log              *slog.Logger // of svc
	resetURLs        resetURLs
	emailTemplates   map[string]TemplateKind
	defaultEmail     string
	smsTemplates     map[string]bool
	defaultSMS       string
	cors             *httpapi.CORS
	email            string
	username, phone  string // empty if requests by it are not offered
	captcha          []string
}

// A checker collects the mistakes in one App.
type checker struct {
	mistakes *recovery.OptionErrors
	at       string // the name of the App in the options
}

func (c checker) add(option, reason string, args ...any) {
	c.mistakes.Add(c.at+option, reason, args...)
}

// check checks every app and reports all mistakes.
func (o Options) check() (map[string]*app, error) {
	mistakes := recovery.OptionErrors{Package: "loginradius"}
	if len(o.Apps) == 0 {
		mistakes.Add("Apps", "is required: at least one")
	}
	if err := httpapi.CheckMount(o.Path); err != nil {
		mistakes.Add("Path", "%v", err)
	}
	apps := make(map[string]*app, len(o.Apps))
	for i, a := range o.Apps {
		c := checker{&mistakes, fmt.Sprintf("Apps[%d].", i)}
		checked := a.check(c)
		if _, twice := apps[a.APIKey]; twice {
			c.add("APIKey", "belongs to another app already")
		}
		apps[a.APIKey] = checked
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return apps, nil
}

func (a App) check(c checker) *app {
	out := &app{
		caller: "loginradius:" + a.APIKey, allowQuerySecret: a.DangerouslyAllowQuerySecret,
		svc: a.Service, defaultEmail: a.DefaultEmailTemplate, defaultSMS: a.DefaultSMSTemplate,
	}
	if !ascii.IsName(a.APIKey, 1, 128) {
		c.add("APIKey", "must be 1 to 128 characters of printable ASCII without spaces")
	}
	out.secrets = a.checkSecrets(c)
	out.resetURLs = a.checkResetURLs(c)
	out.emailTemplates = a.checkEmailTemplates(c)
	out.smsTemplates = a.checkSMSTemplates(c)
	var err error
	if out.cors, err = httpapi.NewCORS(a.Origins); err != nil {
		c.add("Origins", "%v", err)
	}
	if a.Service == nil {
		c.add("Service", "is required")
	} else {
		a.checkFields(c, out)
	}
	return out
}

func (a App) checkSecrets(c checker) []string {
	if n := len(a.Secrets); n < 1 || n > 2 {
		c.add("Secrets", "has %d secrets, must have 1, or 2 during a rotation", n)
	}
	var secrets []string
	for i, s := range a.Secrets {
		secret := s.Reveal()
		// A limit on guesses only slows guessing, so a secret must be long.
		if !ascii.IsName(secret, 12, 256) {
			c.add("Secrets", "secret %d must be 12 to 256 characters of printable ASCII without spaces", i)
		}
		if secret == a.APIKey {
			c.add("Secrets", "secret %d is the API key, which is public", i)
		}
		for j, other := range secrets {
			if other == secret {
				c.add("Secrets", "secrets %d and %d are the same", j, i)
			}
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func (a App) checkResetURLs(c checker) resetURLs {
	if len(a.ResetURLs) == 0 {
		c.add("ResetURLs", "is required: a link is never built from a request")
	}
	urls, pages := make(resetURLs, 0, len(a.ResetURLs)), map[string]int{}
	for i, configured := range a.ResetURLs {
		u := newResetURL(configured)
		if err := u.link.Validate(); err != nil {
			c.add(fmt.Sprintf("ResetURLs[%d]", i), "%v", err)
		}
		if j, twice := pages[u.page]; twice {
			c.add(fmt.Sprintf("ResetURLs[%d]", i), "is the same page as ResetURLs[%d], and a request could not tell the two apart", j)
		}
		pages[u.page] = i
		urls = append(urls, u)
	}
	return urls
}

func (a App) checkEmailTemplates(c checker) map[string]TemplateKind {
	templates := make(map[string]TemplateKind, len(a.EmailTemplates))
	for i, t := range a.EmailTemplates {
		option := fmt.Sprintf("EmailTemplates[%d]", i)
		if !ascii.IsName(t.Name, 1, 128) {
			c.add(option, "its name must be 1 to 128 characters of printable ASCII without spaces")
		}
		if t.Kind == "" {
			t.Kind = TemplateLink
		}
		if t.Kind != TemplateLink && t.Kind != TemplateCode {
			c.add(option, "its kind %q must be link or code", t.Kind)
		}
		if _, twice := templates[t.Name]; twice {
			c.add(option, "is registered twice")
		}
		templates[t.Name] = t.Kind
	}
	if _, ok := templates[a.DefaultEmailTemplate]; !ok && a.DefaultEmailTemplate != "" {
		c.add("DefaultEmailTemplate", "is not one of EmailTemplates")
	}
	return templates
}

func (a App) checkSMSTemplates(c checker) map[string]bool {
	templates := make(map[string]bool, len(a.SMSTemplates))
	for i, name := range a.SMSTemplates {
		option := fmt.Sprintf("SMSTemplates[%d]", i)
		if !ascii.IsName(name, 1, 128) {
			c.add(option, "must be 1 to 128 characters of printable ASCII without spaces")
		}
		if templates[name] {
			c.add(option, "is registered twice")
		}
		templates[name] = true
	}
	if !templates[a.DefaultSMSTemplate] && a.DefaultSMSTemplate != "" {
		c.add("DefaultSMSTemplate", "is not one of SMSTemplates")
	}
	return templates
}

// checkFields finds out which fields the parameters email, username and phone
// stand for. A field that the host named must have the right properties. If the
// host named none and the default field does not exist, requests by that
// parameter are not offered. The field for e-mail is always required.
func (a App) checkFields(c checker, out *app) {
	settings := a.Service.Settings()
	out.log, out.captcha = settings.Logger, settings.CaptchaFields
	out.email = cmp.Or(a.EmailField, "EmailAddress")
	if f, _ := settings.Field(out.email); !receives(f, recovery.FieldTypeEmail) {
		c.add("EmailField", "%s must be declared in the Service with type Email, Search and Receive", out.email)
	}
	out.username = a.checkUsernameField(c, settings)
	out.phone = a.PhoneField
	if f, _ := settings.Field("Phone"); out.phone == "" && receives(f, recovery.FieldTypePhone) {
		out.phone = "Phone"
	}
	if f, _ := settings.Field(out.phone); out.phone != "" && !receives(f, recovery.FieldTypePhone) {
		c.add("PhoneField", "%s must be declared in the Service with type Phone, Search and Receive", out.phone)
	}
}

func (a App) checkUsernameField(c checker, settings recovery.Settings) string {
	name := a.UsernameField
	if f, _ := settings.Field("Username"); name == "" && f.Search {
		name = "Username"
	}
	if name == "" {
		return ""
	}
	f, _ := settings.Field(name)
	if !f.Search {
		c.add("UsernameField", "%s must be declared in the Service with Search", name)
	} else if f.Type == recovery.FieldTypeText && !f.IgnoreCase {
		c.add("UsernameField", "%s must be declared in the Service with IgnoreCase: clients of this API spell user names in any case", name)
	}
	return name
}

// receives reports whether messages can be sent to a field that requests can
// search.
func receives(f recovery.Field, t recovery.FieldType) bool {
	return f.Type == t && f.Search && f.Receive
}
