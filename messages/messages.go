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
	// Subject is one line without link, code or name.
	Subject string
	// Text and HTML say the same. Text ends lines with a bare line feed.
	Text, HTML string
	// Language is what they are written in.
	Language language.Tag
}

// Format prints nothing of a mail but its language: it carries a secret.
func (m Mail) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "mail in %v", m.Language) }

// An SMS is a rendered text message.
type SMS struct {
	Text     string
	Language language.Tag
	// Segments is how many messages the network bills, and GSM7 whether they
	// are written in the GSM 7-bit alphabet (160 characters for one, 153 each
	// for several), or else in UCS-2 (70 and 67).
	Segments int
	GSM7     bool
}

// Format prints nothing of a text message but its language and size: it carries
// a secret.
func (m SMS) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "text message in %v (%d segments)", m.Language, m.Segments)
}

// A Set renders messages. It is immutable and safe for concurrent use.
type Renderer struct {
	opts        Options
	translators []*i18n.Translator
	matcher     i18n.Matcher
	library     *library
}

// New returns a Set. It parses every template and renders it with samples in
// every language, so that a mistake shows when the program starts and not when
// somebody waits for a mail. It reports all mistakes at once, joined: each is a
// [*recovery.OptionError], those of templates with file and line.
func New(opts Options) (*Renderer, error) {
	opts = opts.withDefaults()
	invalid := opts.validate()
	library, unreadable := newLibrary(opts.Templates)
	voices, err := newTranslators()
	if err != nil {
		return nil, err
	}
	opts.Templates = nil // read
	s := &Renderer{opts: opts, translators: voices, matcher: i18n.NewMatcher(i18n.Tags(), opts.DefaultLanguage), library: library}
	// The host's templates that did parse are tried in any case, so that one
	// mistake hides no other.
	trial := *s
	if brand.CheckProduct(opts.Product) != nil {
		trial.opts.Product = "Product"
	}
	if err := errors.Join(invalid, unreadable, trial.renderSamples(invalid != nil)); err != nil {
		return nil, err
	}
	return s, nil
}

// Mail renders a message as an e-mail. A message that carries no link or code
// where its kind needs one, or whose kind is unknown, is an error that wraps
// [recovery.ErrPermanent]. No error quotes the message.
//
// A Template that the Set does not know, and a host's template that fails, does
// not lose the mail: the usual or the built-in one takes its place, and the
// Logger hears of it.
func (s *Renderer) Mail(m recovery.Message) (Mail, error) {
	i := s.matcher.Match(m.Locale, m.Languages)
	v := s.translators[i]
	d, err := s.prepare(m, v)
	if err != nil {
		return Mail{}, err
	}
	if m.Template != "" && !s.HasMailTemplate(m.Template) {
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

// SMS renders a message as a text message. Errors are those of [Renderer.Mail];
// there is no text message of kind [recovery.MessageUnknownAddress], and none
// with a code without [Options].Host.
//
// The last line of one with a code is "@host #code", which the Set adds to
// what the template says. The built-in template for a link ends with it.
func (s *Renderer) SMS(m recovery.Message) (SMS, error) {
	if m.Kind == recovery.MessageUnknownAddress {
		return SMS{}, permanent("no text message is of this kind")
	}
	i := s.matcher.Match(m.Locale, m.Languages)
	v := s.translators[i]
	d, err := s.prepare(m, v)
	if err != nil {
		return SMS{}, err
	}
	if d.Code != "" && s.opts.Host == "" {
		return SMS{}, permanent("a code by SMS needs messages.Options.Host, the site that it is bound to")
	}
	d = d.forSMS()
	if m.Template != "" && !s.HasSMSTemplate(m.Template) {
		s.logUnknown(m)
	}
	text, err := s.render(slot{m.Template, i, m.Kind, partSMS}, d)
	if err != nil {
		return SMS{}, err
	}
	// A host's template may have that line already.
	sms := SMS{Text: strings.TrimSuffix(text, d.suffix) + d.suffix, Language: v.Tag}
	sms.Segments, sms.GSM7 = gsm7.Segments(sms.Text)
	return sms, nil
}

// HasMailTemplate reports whether Templates has a part of a mail under that
// name. The empty name is the usual template, which there always is.
func (s *Renderer) HasMailTemplate(name string) bool { return s.library.mail[name] }

// HasSMSTemplate reports whether Templates has a text message under that name.
// The empty name is the usual template, which there always is.
func (s *Renderer) HasSMSTemplate(name string) bool { return s.library.sms[name] }

func (s *Renderer) prepare(m recovery.Message, v *i18n.Translator) (*Data, error) {
	if _, ok := s.library.builtin[slot{kind: m.Kind, part: partText}]; !ok {
		return nil, permanent("the kind of the message is unknown")
	}
	return s.newData(m, v)
}

// render renders a part. A host's template that fails is replaced by the
// built-in one.
func (s *Renderer) render(at slot, d *Data) (string, error) {
	t := s.library.find(at)
	text, err := t.render(at.part, d)
	if err == nil || !t.host {
		return text, err
	}
	s.opts.Logger.Error("recovery: a template failed, the built-in one is sent instead",
		"kind", string(at.kind), "part", string(at.part), "language", d.Lang, "error", err)
	return s.library.builtin[slot{kind: at.kind, part: at.part}].render(at.part, d)
}

// logUnknown does not quote a name that is none: it may be anything.
func (s *Renderer) logUnknown(m recovery.Message) {
	name := m.Template
	if !isTemplateName(name) {
		name = "(invalid)"
	}
	s.opts.Logger.Warn("recovery: unknown template, the usual one is sent instead",
		"template", name, "kind", string(m.Kind), "channel", string(m.Channel))
}

// render executes and checks the template. Its errors have file and line, and
// nothing of the data.
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
	return tidy(p, b.String()), nil
}

// position returns file and line of an error of a template. The rest of the
// error may quote what was rendered.
func position(err error, name string) string {
	if m := regexp.MustCompile(`template: ?([A-Za-z0-9_./-]+:[0-9]+):`).FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return name
}

// tidy removes the blank lines that actions leave behind. A host's HTML is left
// alone: there may be a pre element in it.
func tidy(p part, s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if p == partHTML {
		return strings.TrimSpace(blankLines(s, 0)) + "\n"
	}
	s = strings.TrimSpace(blankLines(s, 1))
	if p == partText {
		s += "\n"
	}
	return s
}

// blankLines leaves at most n blank lines in a row.
func blankLines(s string, n int) string {
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
