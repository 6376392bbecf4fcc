package messages

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/gsm7"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// A Mail is a rendered e-mail.
type Mail struct {
	// Subject is one line without link, code, name or account.
	Subject string
	// Text and HTML say the same. Text ends its lines with a bare line feed.
	Text, HTML string
	// Language is the language of the mail.
	Language language.Tag
}

// Format prints nothing of a mail but its language, because the mail carries a
// secret.
func (m Mail) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "mail in %v", m.Language) }

// An SMS is a rendered text message.
type SMS struct {
	Text     string
	Language language.Tag
	// Segments is how many messages the network bills.
	Segments int
	// GSM7 says that the text is written in the GSM 7-bit alphabet: a segment
	// has 160 characters, or 153 where there are several. Otherwise the text is
	// written in UCS-2: a segment has 70 characters, or 67.
	GSM7 bool
}

// Format prints nothing of a text message but its language and size, because
// the message carries a secret.
func (m SMS) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "text message in %v (%d segments)", m.Language, m.Segments)
}

// A Renderer renders messages. It is safe for concurrent use.
type Renderer struct {
	opts        Options
	translators []*i18n.Translator
	matcher     i18n.Matcher
	library     templates
	// brandName is the brand that the Renderer is for, and looks those that it keeps
	// ready.
	brandName string
	looks     *looks
}

// New returns a Renderer. It parses every template and renders it with samples
// in every language, so that a mistake shows when the program starts and not
// when somebody waits for a mail. It reports all mistakes at once, joined. Each
// is a [*recovery.OptionError]. Those of templates name file and line.
func New(opts Options) (*Renderer, error) {
	opts = opts.withDefaults()
	mistakes := recovery.OptionErrors{Package: "messages"}
	opts.validate(&mistakes)
	invalid := mistakes.Err() != nil
	library, err := newLibrary(&mistakes, opts.Templates)
	if err != nil {
		return nil, err
	}
	translators, err := newTranslators()
	if err != nil {
		return nil, err
	}
	opts.Templates = nil // nothing reads them again
	s := &Renderer{opts: opts, translators: translators, matcher: i18n.NewMatcher(i18n.Tags(), opts.DefaultLanguage), library: library, looks: newLooks()}
	// The samples are rendered in spite of other mistakes, so that one mistake
	// hides no other.
	trial := *s
	if brand.CheckProduct(opts.Product) != nil {
		trial.opts.Product = "Product"
	}
	err = trial.renderSamples(&mistakes, library.slots, invalid)
	if err := errors.Join(mistakes.Err(), err); err != nil {
		return nil, err
	}
	return s, nil
}

// Mail renders a message as an e-mail. It returns an error that wraps
// [recovery.ErrPermanent] if the message has no link or code and its kind needs
// one, or if the kind is unknown. No error quotes the message.
//
// The mail is not lost if the Renderer does not know the message's Template:
// the usual template takes its place. If a template of the host fails, the
// built-in one takes its place. The Logger receives a record of both.
func (s *Renderer) Mail(m recovery.Message) (Mail, error) {
	s, err := s.of(m.Brand)
	if err != nil {
		return Mail{}, err
	}
	i := s.matcher.Match(m.Locale, m.Languages)
	v := s.translators[i]
	d, err := s.prepare(m, v)
	if err != nil {
		return Mail{}, err
	}
	if m.Template != "" && !s.library.has(m.Template, false) {
		s.logUnknown(m)
	}
	mail := Mail{Language: v.Tag}
	for _, p := range []struct {
		part part
		text *string
	}{{partSubject, &mail.Subject}, {partText, &mail.Text}, {partHTML, &mail.HTML}} {
		if *p.text, err = s.render(slot{m.Template, i, m.Kind, p.part}, d); err != nil {
			return Mail{}, err
		}
		d.Subject = mail.Subject
	}
	return mail, nil
}

// SMS renders a message as a text message. It returns the errors of
// [Renderer.Mail], and an error that wraps [recovery.ErrPermanent] for the kinds
// [recovery.MessageUnknownAddress] and [recovery.MessageResetLinks], which have no
// text message, and for a code without [Options].Host.
//
// The last line of a text message with a code is "@host #code". The Renderer
// adds it to the text of the template. The built-in template for a link ends
// with the link.
func (s *Renderer) SMS(m recovery.Message) (SMS, error) {
	if !hasPart(m.Kind, partSMS) {
		return SMS{}, permanent("a message of this kind never goes by SMS")
	}
	s, err := s.of(m.Brand)
	if err != nil {
		return SMS{}, err
	}
	i := s.matcher.Match(m.Locale, m.Languages)
	v := s.translators[i]
	d, err := s.prepare(m, v)
	if err != nil {
		return SMS{}, err
	}
	if d.Code != "" && s.opts.Host == "" {
		return SMS{}, permanent("a code by SMS needs messages.Options.Host, the site that the code is for")
	}
	d = d.forSMS()
	if m.Template != "" && !s.library.has(m.Template, true) {
		s.logUnknown(m)
	}
	text, err := s.render(slot{m.Template, i, m.Kind, partSMS}, d)
	if err != nil {
		return SMS{}, err
	}
	// The host's template may have written that line already.
	sms := SMS{Text: strings.TrimSuffix(text, d.suffix) + d.suffix, Language: v.Tag}
	sms.Segments, sms.GSM7 = gsm7.Segments(sms.Text)
	return sms, nil
}

// HasMailTemplate reports whether Templates has a part of a mail under that
// name. The empty name is the usual template, which always exists.
func (s *Renderer) HasMailTemplate(name string) bool { return s.library.has(name, false) }

// HasSMSTemplate reports whether Templates has a text message under that name.
// The empty name is the usual template, which always exists.
func (s *Renderer) HasSMSTemplate(name string) bool { return s.library.has(name, true) }

func (s *Renderer) prepare(m recovery.Message, v *i18n.Translator) (*Data, error) {
	if s.library.failed(m.Kind, partText) == nil {
		return nil, permanent("the kind of the message is unknown")
	}
	return s.newData(m, v)
}

// render renders a part. If a template of the host fails, the built-in one
// takes its place.
func (s *Renderer) render(at slot, d *Data) (string, error) {
	t := s.library.find(at)
	text, err := t.render(at.part, d)
	if err == nil || !t.host {
		return text, err
	}
	s.opts.Logger.Error("recovery: a template failed, the built-in one is sent instead",
		"kind", string(at.kind), "part", string(at.part), "language", d.Lang, "brand", s.brandName, "error", err)
	return s.library.failed(at.kind, at.part).render(at.part, d)
}

// logUnknown logs that a template is not known. It does not quote a text that
// cannot be the name of a template, because that may be anything.
func (s *Renderer) logUnknown(m recovery.Message) {
	name := m.Template
	if !isTemplateName(name) {
		name = "(invalid)"
	}
	s.opts.Logger.Warn("recovery: unknown template, the usual one is sent instead",
		"template", name, "kind", string(m.Kind), "channel", string(m.Channel))
}

// render executes the template and checks the result. Its errors have file and
// line, and nothing of the data.
func (t *template) render(p part, d *Data) (string, error) {
	text, err := t.execute(p, d)
	if err != nil {
		return "", fmt.Errorf("messages: template %s failed", position(err, t.name))
	}
	if err := check(p, text, d); err != nil {
		return "", fmt.Errorf("messages: template %s: %w", t.name, err)
	}
	return text, nil
}

func (t *template) execute(p part, d *Data) (string, error) {
	var b strings.Builder
	if err := t.exec(&b, d); err != nil {
		return "", err
	}
	if p == partHTML && t.host {
		return strings.TrimSpace(b.String()) + "\n", nil
	}
	return removeBlankLines(p, b.String()), nil
}

// position returns the file and line that a template's error names. The rest of
// the error may quote the message.
func position(err error, name string) string {
	if m := regexp.MustCompile(`template: ?([A-Za-z0-9_./-]+:[0-9]+):`).FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return name
}

// removeBlankLines removes the blank lines that actions leave behind. It is not
// called for HTML of the host, which may have a pre element.
func removeBlankLines(p part, s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if p == partHTML {
		return strings.TrimSpace(limitBlankLines(s, 0)) + "\n"
	}
	s = strings.TrimSpace(limitBlankLines(s, 1))
	if p == partText {
		s += "\n"
	}
	return s
}

// limitBlankLines leaves at most n blank lines in a row.
func limitBlankLines(s string, n int) string {
	var b strings.Builder
	blank := 0
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) == "" {
			if blank++; blank > n {
				continue
			}
		} else {
			blank = 0
		}
		b.WriteString(line)
	}
	return b.String()
}
