package messages

import (
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Catalogue returns the entries of a language. A value is a text, or pairs of a
// plural form and its text.
func Catalogue(tag language.Tag) map[string][]any {
	all := map[string][]any{}
	for _, l := range i18n.Languages() {
		if l.Tag != tag {
			continue
		}
		for _, e := range catalogues()[l.File] {
			if _, twice := all[e.Key]; twice {
				panic("twice: " + e.Key)
			}
			all[e.Key] = e.Forms
			if e.Forms == nil {
				all[e.Key] = []any{e.Text}
			}
		}
	}
	return all
}

var (
	CleanName     = cleanName
	CleanAccount  = cleanAccount
	CleanPlace    = cleanPlace
	CleanProvider = cleanProvider
	NormalizedURL = normalized
	Wrap          = wrap
	Columns       = columns
)

// LanguageOf returns the language that a message gets.
func (s *Renderer) LanguageOf(locale, languages string) language.Tag {
	return s.translators[s.matcher.Match(locale, languages)].Tag
}

// Duration returns a sentence about a number of minutes or hours.
func (s *Renderer) Duration(tag language.Tag, key string, n int) (string, error) {
	for _, v := range s.translators {
		if v.Tag == tag {
			return v.Translate(true, key, n)
		}
	}
	panic("not spoken")
}

const MaxLooks, MaxCompiled = maxLooks, maxCompiled

// Compiled returns how many templates of brands are kept.
func (s *Renderer) Compiled() int { return s.looks.compiled }

// Looks returns how many brands are kept ready.
func (s *Renderer) Looks() int { return s.looks.order.Len() }
