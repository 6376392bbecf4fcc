package messages

import (
	"fmt"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// An entry is one sentence of a language's catalogue, or the forms of a number
// of minutes or hours.
type entry struct {
	key  string
	text string
	// forms are pairs of a plural form and its text, instead of text.
	forms []any
}

// A voice speaks one language.
type voice struct {
	speech
	printer *message.Printer
	keys    map[string]bool
}

// newVoices builds the catalogues of all languages. What can go wrong is a
// mistake in the files of this package, such as a plural form that the language
// does not have.
func newVoices() ([]*voice, error) {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	var voices []*voice
	for _, s := range speeches() {
		v := &voice{speech: s, keys: map[string]bool{}}
		for _, e := range s.entries() {
			set := catalog.String(e.text)
			if e.forms != nil {
				set = plural.Selectf(1, "%d", e.forms...)
			}
			if err := b.Set(s.numbers, e.key, set); err != nil {
				return nil, fmt.Errorf("messages: catalogue %v: %s: %w", s.tag, e.key, err)
			}
			v.keys[e.key] = true
		}
		voices = append(voices, v)
	}
	for _, v := range voices {
		v.printer = message.NewPrinter(v.numbers, message.Catalog(b))
	}
	return voices, nil
}

// say returns a sentence, with isolates around texts that need them if wanted.
// An unknown key is an error rather than the key itself, which is what a
// Printer would print.
func (v *voice) say(isolated bool, key string, args ...any) (string, error) {
	if !v.keys[key] {
		return "", fmt.Errorf("no sentence %q", key)
	}
	quoted := false
	for i, a := range args {
		if s, ok := a.(string); ok {
			quoted = quoted || strings.Contains(s, "%!")
			if isolated {
				args[i] = isolate(s, v.rtl)
			}
		}
	}
	text := v.printer.Sprintf(key, args...)
	if !quoted && strings.Contains(text, "%!") {
		return "", fmt.Errorf("the sentence %q got arguments of the wrong number or type", key)
	}
	return text, nil
}
