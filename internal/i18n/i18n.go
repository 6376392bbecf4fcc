package i18n

import (
	"fmt"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// An Entry is one sentence of a language's catalogue, or the forms of a
// sentence with a number.
type Entry struct {
	Key  string
	Text string
	// Forms are pairs of a plural form and its text, instead of Text.
	Forms []any
}

// A Voice speaks one language.
type Translator struct {
	Language
	printer *message.Printer
	keys    map[string]bool
}

// New makes the voices of [Languages], in their order, of catalogues by
// [Language.File]. What can go wrong is a mistake in the catalogues, such as a
// plural form that the language does not have.
func New(catalogues map[string][]Entry) ([]*Translator, error) {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	var voices []*Translator
	for _, l := range Languages() {
		v := &Translator{Language: l, keys: map[string]bool{}}
		for _, e := range catalogues[l.File] {
			set := catalog.String(e.Text)
			if e.Forms != nil {
				set = plural.Selectf(1, "%d", e.Forms...)
			}
			if err := b.Set(l.numbers, e.Key, set); err != nil {
				return nil, fmt.Errorf("catalogue %v: %s: %w", l.Tag, e.Key, err)
			}
			v.keys[e.Key] = true
		}
		voices = append(voices, v)
	}
	for _, v := range voices {
		v.printer = message.NewPrinter(v.numbers, message.Catalog(b))
	}
	return voices, nil
}

// Say returns a sentence, with isolates around arguments that need them if
// wanted. An unknown key is an error rather than the key itself, which is what
// a Printer would print.
func (v *Translator) Translate(isolated bool, key string, args ...any) (string, error) {
	if !v.keys[key] {
		return "", fmt.Errorf("no sentence %q", key)
	}
	quoted := false
	for i, a := range args {
		if s, ok := a.(string); ok {
			quoted = quoted || strings.Contains(s, "%!")
			if isolated {
				args[i] = Isolate(s, v.RightToLeft)
			}
		}
	}
	text := v.printer.Sprintf(key, args...)
	if !quoted && strings.Contains(text, "%!") {
		return "", fmt.Errorf("the sentence %q got arguments of the wrong number or type", key)
	}
	return text, nil
}
