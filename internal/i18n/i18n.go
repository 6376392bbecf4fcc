package i18n

import (
	"fmt"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// An Entry is one sentence of a language's catalogue.
type Entry struct {
	Key  string
	Text string
	// Forms replaces Text in a sentence with a number. It has pairs of a plural
	// form and its text.
	Forms []any
}

// A Translator translates the sentences of a catalogue into one language.
type Translator struct {
	Language
	printer *message.Printer
	keys    map[string]bool
	// sentences are those without plural forms.
	sentences map[string]string
	// texts replace sentences. literal prints them: it has no catalogue, so no
	// text can be mistaken for a key. below has the sentences without texts.
	texts   map[string]string
	literal *message.Printer
	below   *Translator
}

// New makes the translators for [Languages], in that order. The keys of
// catalogues are values of [Language.File]. An error is a mistake in the
// catalogues, such as a plural form that the language does not have.
func New(catalogues map[string][]Entry) ([]*Translator, error) {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	var translators []*Translator
	for _, l := range Languages() {
		t := &Translator{Language: l, keys: map[string]bool{}, sentences: map[string]string{}}
		for _, e := range catalogues[l.File] {
			set := catalog.String(e.Text)
			if e.Forms == nil {
				t.sentences[e.Key] = e.Text
			} else {
				set = plural.Selectf(1, "%d", e.Forms...)
			}
			if err := b.Set(l.numbers, e.Key, set); err != nil {
				return nil, fmt.Errorf("catalogue %v: %s: %w", l.Tag, e.Key, err)
			}
			t.keys[e.Key] = true
		}
		translators = append(translators, t)
	}
	for _, t := range translators {
		t.printer = message.NewPrinter(t.numbers, message.Catalog(b))
		t.literal = message.NewPrinter(t.numbers, message.Catalog(catalog.NewBuilder()))
	}
	return translators, nil
}

// With returns a Translator with other texts for some keys, which are keys of the
// catalogue. Everything else is shared, so it costs no more than its texts. It
// keeps the map, which must not change.
func (t *Translator) With(texts map[string]string) *Translator {
	if len(texts) == 0 {
		return t
	}
	with := *t
	with.texts, with.below = texts, t
	return &with
}

// text returns the text that replaces a sentence.
func (t *Translator) text(key string) (string, bool) {
	for ; t != nil; t = t.below {
		if text, ok := t.texts[key]; ok {
			return text, true
		}
	}
	return "", false
}

// Translate returns the sentence with that key. With isolated, it puts isolates
// around the arguments that need them, see [Isolate]. An unknown key is an
// error, where a Printer would print the key itself.
func (t *Translator) Translate(isolated bool, key string, args ...any) (string, error) {
	if !t.keys[key] {
		return "", fmt.Errorf("no sentence %q", key)
	}
	quoted := false
	for i, a := range args {
		if s, ok := a.(string); ok {
			quoted = quoted || strings.Contains(s, "%!")
			if isolated {
				args[i] = Isolate(s, t.RightToLeft)
			}
		}
	}
	printer, format := t.printer, key
	if own, ok := t.text(key); ok {
		printer, format = t.literal, own
	}
	text := printer.Sprintf(format, args...)
	if !quoted && strings.Contains(text, "%!") {
		return "", fmt.Errorf("the sentence %q got arguments of the wrong number or type", key)
	}
	return text, nil
}
