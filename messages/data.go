package messages

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/gsm7"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Data is what a template sees. Every field is text that may be shown as it is:
// checked, formatted and in the message's language. There is no more of the
// person here than this: not the address, nor others of the account, nor the
// lead's ID.
type Data struct {
	// Product, Host, Support and Color are the [Options].
	Product, Host, Support, Color string
	// Kind is the message's: "reset_link".
	Kind string
	// Lang is the language as HTML's lang attribute takes it, Dir "ltr" or
	// "rtl".
	Lang, Dir string
	// Subject is the mail's, for the title of the HTML part and where the
	// heading is wanted. It is empty in the subject template itself and in
	// text messages.
	Subject string

	// Name is the person's, or empty if there is none or it is not fit to be
	// shown (A66).
	Name string
	// URL is the link and Code the code: one of them for the kinds that carry
	// it. NotMe is the link for "this was not me", or empty.
	URL, Code, NotMe string
	// ExpiresIn is how long URL or Code still works: "60 minutes". Expires is
	// until when. Both are empty where nothing expires.
	ExpiresIn, Expires string
	// RequestedAt is when the request came, for [recovery.MessagePasswordChanged]
	// when the password was changed.
	RequestedAt string
	// Location is roughly where the request came from, Network the network of
	// its address. At most one of them is set.
	Location, Network string
	// IdentityProviders are the services that the person signs in with, at most
	// 10, for [recovery.MessageNoPassword].
	IdentityProviders []string

	translator *i18n.Translator
	// sms says that this is for a text message, and suffix is its last line if
	// that binds a code.
	sms    bool
	suffix string
}

// String returns a fixed text: a template's {{.}} must not print a secret.
func (d *Data) String() string { return "message data" }

// Format writes String, whatever the verb.
func (d *Data) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.String())) }

// T returns a sentence of this package in the message's language, by the key
// that the built-in templates know it by. In mails, texts among args are
// isolated where their direction could disturb the sentence; a text message has
// no room for that, and a phone must find the code. An unknown key is an error,
// which [New] finds: keys can change from one version of this package to the
// next.
func (d *Data) T(key string, args ...any) (string, error) {
	return d.translator.Translate(!d.sms, key, args...)
}

// CodeGroups returns the code in groups that are easy to read: fours, or
// threes for six digits.
func (d *Data) CodeGroups() []string {
	size := 4
	if len(d.Code) <= 6 {
		size = 3
	}
	var groups []string
	for code := d.Code; code != ""; {
		n := min(size, len(code))
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

// Greeting returns the sentence that greets the person, by name where that is
// fit to be shown.
func (d *Data) Greeting() (string, error) {
	if d.Name == "" {
		return d.T("hello.anonymous")
	}
	return d.T("hello", d.Name)
}

// Expiry returns the sentence with that key about ExpiresIn, or nothing where
// nothing expires.
func (d *Data) Expiry(key string) (string, error) {
	if d.ExpiresIn == "" {
		return "", nil
	}
	return d.T(key, d.ExpiresIn)
}

// When returns RequestedAt in parentheses behind a space, or nothing.
func (d *Data) When() string {
	if d.RequestedAt == "" {
		return ""
	}
	return " (" + d.RequestedAt + ")"
}

// A Detail is a line of what is known about the request.
type Detail struct {
	Label, Value string
	// Line is both for plain text, with controls around the value where it
	// could disturb the line's direction. HTML has the bdi element for that.
	Line string
}

// Details returns when and from where the request came and until when its link
// or code works, as far as that is known.
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

// A Page is the data of the layout's top.
type Page struct {
	*Data
	// Heading is the mail's first line, Preheader what lists of mails show
	// behind the subject.
	Heading, Preheader string
}

// Page returns what the layout's "top" needs.
func (d *Data) Page(heading, preheader string) Page { return Page{d, heading, preheader} }

// A Link is a link with its label.
type Link struct{ URL, Label, Color string }

// Link returns what the layout's "button" and "address" need.
func (d *Data) Link(url, label string) Link { return Link{url, label, d.Color} }

// Fit returns the first of the texts that makes one segment of a text message,
// together with the line that binds a code to Host, or else the last one.
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

// newData takes from the message what may be shown.
func (s *Renderer) newData(m recovery.Message, v *i18n.Translator) (*Data, error) {
	d := &Data{
		Product: s.opts.Product, Host: s.opts.Host, Support: s.opts.Support, Color: s.opts.Color,
		Kind: string(m.Kind), Lang: v.Tag.String(), Dir: "ltr", Name: cleanName(m.Name),
		NotMe: m.NotMe.Reveal(), RequestedAt: formatTime(m.RequestedAt, s.opts.TimeZone), translator: v,
	}
	if v.RightToLeft {
		d.Dir = "rtl"
	}
	d.Location, d.Network = s.place(m.Client, v)
	switch m.Kind {
	case recovery.MessageResetLink:
		d.URL = m.URL.Reveal()
		if !isLink(d.URL) {
			return nil, permanent("the message has no link that can be sent")
		}
	case recovery.MessageResetCode:
		d.Code = m.Code.Reveal()
		if !isCode(d.Code) {
			return nil, permanent("the message has no code that can be sent")
		}
	case recovery.MessageNoPassword:
		for _, p := range m.IdentityProviders {
			if name := providerName(p); name != "" && len(d.IdentityProviders) < maxProviders {
				d.IdentityProviders = append(d.IdentityProviders, name)
			}
		}
	}
	switch m.Kind {
	case recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged:
		if d.NotMe != "" && !isLink(d.NotMe) {
			return nil, permanent("the message has a link for \"not me\" that cannot be sent")
		}
	default:
		d.NotMe = ""
	}
	if (d.URL != "" || d.Code != "") && !m.Expires.IsZero() {
		d.Expires = formatTime(m.Expires, s.opts.TimeZone)
		key, n := "minutes", 0
		hours, minutes := remaining(time.Now(), m.Expires)
		if n = minutes; hours > 0 {
			key, n = "hours", hours
		}
		var err error
		if d.ExpiresIn, err = v.Translate(false, key, n); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// forSMS returns the data for a text message. The line that binds a code is
// WICG's "origin-bound one-time code message": the last one, and exactly this.
func (d *Data) forSMS() *Data {
	c := *d
	c.sms = true
	if c.Code != "" {
		c.suffix = "\n@" + c.Host + " #" + c.Code
	}
	return &c
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

// maxLink is more than any link of the Service: 2,048 bytes and the token.
const maxLink = 8192

// isLink reports whether s can be sent as a link. The Service's always can; a
// host that fills in a message of its own may err.
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
