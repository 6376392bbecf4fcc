package messages

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/gsm7"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Data is what a template sees. Every field is checked and formatted text in
// the message's language, which may be shown as it is. Data has nothing else
// about the person: neither the address, nor other addresses of the account,
// unless the person signs in with one, nor the lead's ID.
type Data struct {
	// Product, Host, Support and Color are the [Options].
	Product, Host, Support, Color string
	// Kind is the kind of the message: "reset_link".
	Kind string
	// Lang is the language, as HTML's lang attribute wants it.
	Lang string
	// Dir is the direction of the language: "ltr" or "rtl".
	Dir string
	// Subject is the subject of the mail. The HTML part uses it as its title,
	// and a template may use it as a heading. It is empty in the template of
	// the subject itself and in text messages.
	Subject string

	// Name is the person's name. It is empty if there is none, or if the name
	// is not fit to be shown (A66).
	Name string
	// Account is what the person signs in with. It is empty if it is the address
	// that the message goes to, if it is not known, or if it is not fit to be shown
	// (A66).
	Account string
	// URL is the link of a message that carries one, and Code is the code. At
	// most one of them is set. NotMe is the link for "this was not me", or
	// empty.
	URL, Code, NotMe string
	// Accounts are the accounts of a message about several, at least two, each with
	// a link of its own. They are set for [recovery.MessageResetLinks] only.
	Accounts []Account
	// ExpiresIn is how long URL, Code or the links of Accounts still work: "60
	// minutes". Expires is the time when they stop working. Both are empty where
	// nothing expires.
	ExpiresIn, Expires string
	// RequestedAt is the time of the request. For
	// [recovery.MessagePasswordChanged] it is the time of the change.
	RequestedAt string
	// Location is roughly where the request came from, and Network is the
	// network of its address. At most one of them is set.
	Location, Network string
	// IdentityProviders are the services that the person signs in with, at most
	// 10. They are set for [recovery.MessageNoPassword] only.
	IdentityProviders []string

	// Brand is the name of the message's brand, or empty.
	Brand string
	// Data are the host's own words, as {{.Data.NAME}} or {{index .Data "a-b"}}. What
	// the message does not have prints nothing. So does a value that mail programs
	// would make a link of, such as a URL or a domain (A105). A value has one line
	// and no markup: HTML templates escape it.
	Data map[string]string
	// Helped says that the password which a [recovery.MessagePasswordChanged] is about
	// was reset with the help of the host's help desk. Operator is the name of who
	// helped, as the host wrote it. It is empty if it is not fit to be shown. In a text
	// message it is also empty if it is longer than 30 characters, or if it has a letter
	// that the GSM alphabet lacks, and the rest of the text has none.
	Helped   bool
	Operator string

	translator *i18n.Translator
	// sms says that this is the data of a text message.
	sms bool
	// suffix is the last line of a text message that binds a code, with the
	// line feed before it.
	suffix string
}

// String returns a fixed text, so that {{.}} in a template prints no secret.
func (d *Data) String() string { return "message data" }

// Format writes the text of String for every verb.
func (d *Data) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.String())) }

// T returns a sentence of this package in the message's language. The key is
// one that the built-in templates use. In mails, T isolates the texts in args
// whose direction could disturb the sentence. It does not in text messages,
// which have no room for that, and in which a phone must find the code. An
// unknown key is an error that [New] finds: keys may change from one version of
// this package to the next.
func (d *Data) T(key string, args ...any) (string, error) {
	return d.translator.Translate(!d.sms, key, args...)
}

// CodeGroups returns the code in groups of four, which are easy to read.
func (d *Data) CodeGroups() []string {
	var groups []string
	for code := d.Code; code != ""; {
		n := min(4, len(code))
		groups, code = append(groups, code[:n]), code[n:]
	}
	return groups
}

// SupportURL returns Support as a link.
func (d *Data) SupportURL() string {
	if d.Support == "" || strings.HasPrefix(d.Support, "https://") {
		return d.Support
	}
	return "mailto:" + d.Support
}

// Greeting returns the sentence that greets the person. It has the name if
// there is one.
func (d *Data) Greeting() (string, error) {
	if d.Name == "" {
		return d.T("hello.anonymous")
	}
	return d.T("hello", d.Name)
}

// Intro returns the sentence with that key, about Product. If there is an Account,
// it returns the sentence that names it too, whose key has ".account" behind.
func (d *Data) Intro(key string) (string, error) {
	if d.Account == "" {
		return d.T(key, d.Product)
	}
	return d.T(key+".account", d.Product, d.Account)
}

// Expiry returns the sentence with that key, about ExpiresIn. Where nothing
// expires, it returns the empty text.
func (d *Data) Expiry(key string) (string, error) {
	if d.ExpiresIn == "" {
		return "", nil
	}
	return d.T(key, d.ExpiresIn)
}

// When returns a space and RequestedAt in parentheses. Without RequestedAt it
// returns the empty text.
func (d *Data) When() string {
	if d.RequestedAt == "" {
		return ""
	}
	return " (" + d.RequestedAt + ")"
}

// HelpedBy returns the sentence that says who helped. Without Helped it returns the
// empty text.
func (d *Data) HelpedBy() (string, error) { return d.helped("password-changed.helped") }

// WhenAndWho returns what When returns and, with Helped, a space and who helped.
func (d *Data) WhenAndWho() (string, error) {
	who, err := d.helped("sms.helped")
	if who != "" {
		who = " " + who
	}
	return d.When() + who, err
}

func (d *Data) helped(key string) (string, error) {
	switch {
	case !d.Helped:
		return "", nil
	case d.Operator == "":
		return d.T(key + ".anonymous")
	}
	return d.T(key, d.Operator)
}

// A Detail is a fact about the request: its time, for example.
type Detail struct {
	Label, Value string
	// Line is label and value in one line of plain text. Controls stand around
	// a value that could disturb the line's direction. HTML has the bdi element
	// for that.
	Line string
}

// Details returns the time and the place of the request, and the time when its
// link or code stops working. It leaves out what is not known.
func (d *Data) Details() ([]Detail, error) {
	var details []Detail
	when := "requested"
	if d.Kind == string(recovery.MessagePasswordChanged) {
		when = "changed"
	}
	for _, line := range []struct{ key, value string }{
		{when, d.RequestedAt}, {"expires", d.Expires}, {"location", d.Location}, {"network", d.Network},
	} {
		if line.value == "" {
			continue
		}
		label, err := d.T(line.key)
		if err != nil {
			return nil, err
		}
		text, err := d.translator.Translate(false, "detail", label, i18n.Isolate(line.value, d.translator.RightToLeft))
		if err != nil {
			return nil, err
		}
		details = append(details, Detail{label, line.value, text})
	}
	return details, nil
}

// ProviderList returns IdentityProviders in one line.
func (d *Data) ProviderList() string { return strings.Join(d.IdentityProviders, ", ") }

// A Page is the data of the layout's template "top".
type Page struct {
	*Data
	// Heading is the first line of the mail.
	Heading string
	// Preheader is the text that lists of mails show behind the subject.
	Preheader string
}

// Page returns the data of the layout's template "top".
func (d *Data) Page(heading, preheader string) Page { return Page{d, heading, preheader} }

// A Link is a link with its label.
type Link struct{ URL, Label, Color string }

// Link returns the data of the layout's templates "button" and "address".
func (d *Data) Link(url, label string) Link { return Link{url, label, d.Color} }

// Fit returns the first of the texts that fits into one segment of a text
// message, together with the line that binds a code to Host. If none does, it
// returns the last text.
func (d *Data) Fit(texts ...string) (string, error) {
	if len(texts) == 0 {
		return "", errors.New("Fit needs a text")
	}
	for _, text := range texts {
		if n, _ := gsm7.Segments(text + d.suffix); n == 1 {
			return text, nil
		}
	}
	return texts[len(texts)-1], nil
}

// maxProviders is how many identity providers a message lists.
const maxProviders = 10

// newData returns the parts of the message that may be shown.
func (s *Renderer) newData(m recovery.Message, v *i18n.Translator) (*Data, error) {
	d := &Data{
		Product: s.opts.Product, Host: s.opts.Host, Support: s.opts.Support, Color: s.opts.Color,
		Kind: string(m.Kind), Lang: v.Tag.String(), Dir: "ltr", Name: cleanName(m.Name),
		NotMe: m.NotMe.Reveal(), RequestedAt: formatTime(m.RequestedAt, s.opts.TimeZone), translator: v,
		Brand: m.Brand, Data: s.shownData(m),
	}
	if v.RightToLeft {
		d.Dir = "rtl"
	}
	if !isSameAddress(m.Account, m.To) {
		d.Account = cleanAccount(m.Account)
	}
	d.Location, d.Network = s.place(m.Client, v)
	switch m.Kind {
	case recovery.MessageResetLink, recovery.MessageInvitation, recovery.MessageResetRequired:
		d.URL = m.URL.Reveal()
		if !isLink(d.URL) {
			return nil, permanent("the message has no link that can be sent")
		}
	case recovery.MessageResetLinks:
		if err := d.addAccounts(m.Accounts); err != nil {
			return nil, err
		}
	case recovery.MessageResetCode:
		d.Code = m.Code.Reveal()
		if !isCode(d.Code) {
			return nil, permanent("the message has no code that can be sent")
		}
	case recovery.MessagePasswordChanged:
		d.Helped, d.Operator = m.Operator != "", cleanOperator(m.Operator)
	case recovery.MessageNoPassword:
		for _, p := range m.IdentityProviders {
			if name := providerName(p); name != "" && len(d.IdentityProviders) < maxProviders {
				d.IdentityProviders = append(d.IdentityProviders, name)
			}
		}
	}
	switch m.Kind {
	case recovery.MessageResetLink, recovery.MessageResetLinks, recovery.MessageResetCode, recovery.MessagePasswordChanged:
		if d.NotMe != "" && !isLink(d.NotMe) {
			return nil, permanent("the message has a link for \"not me\" that cannot be sent")
		}
	default:
		d.NotMe = ""
	}
	if (d.URL != "" || d.Code != "" || len(d.Accounts) > 0) && !m.Expires.IsZero() {
		d.Expires = formatTime(m.Expires, s.opts.TimeZone)
		unit, n := remaining(time.Now(), m.Expires)
		var err error
		if d.ExpiresIn, err = v.Translate(false, unit, n); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// forSMS returns the data of a text message. Its suffix is the last line of
// WICG's "origin-bound one-time code message", which has exactly this form.
func (d *Data) forSMS() *Data {
	c := *d
	c.sms = true
	// Spanish "días" is the one duration with a letter that the GSM alphabet lacks.
	// That letter alone would halve the room of each segment.
	c.ExpiresIn = strings.ReplaceAll(c.ExpiresIn, "í", "i")
	if !c.fitsOperator() {
		c.Operator = ""
	}
	if c.Code != "" {
		c.suffix = "\n@" + c.Host + " #" + c.Code
	}
	return &c
}

// maxSMSOperator is the longest name of an operator in a text message, in
// characters.
const maxSMSOperator = 30

// fitsOperator reports whether a text message has room for the name of the operator.
func (d *Data) fitsOperator() bool {
	if utf8.RuneCountInString(d.Operator) > maxSMSOperator {
		return false
	}
	text, err := d.T("sms.helped.anonymous")
	if _, gsm := gsm7.Segments(text); err != nil || !gsm {
		return true // the text has other letters already
	}
	_, gsm := gsm7.Segments(d.Operator)
	return gsm
}

func (s *Renderer) place(client netip.Addr, v *i18n.Translator) (location, network string) {
	if !client.IsValid() {
		return "", ""
	}
	if s.opts.Locate != nil {
		if location = cleanPlace(s.opts.Locate(client, v.Tag)); location != "" {
			return location, ""
		}
	}
	return "", formatNetwork(client)
}

// maxLink is the longest link, in bytes. Links of the Service are shorter:
// 2,048 bytes, the token, and a place to return to.
const maxLink = 8192

// isLink reports whether s can be sent as a link. Every link of the Service
// can. A host that makes its own message may make a mistake.
func isLink(s string) bool {
	return len(s) <= maxLink && brand.IsPlainURL(s) && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://"))
}

// isCode reports whether s can be sent as a code.
func isCode(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return !brand.IsLowerDigit(r) && (r < 'A' || r > 'Z')
	})
}

func permanent(reason string) error {
	return fmt.Errorf("messages: %w: %s", recovery.ErrPermanent, reason)
}
