package messages

import "golang.org/x/text/language"

// Catalogue returns the entries of a language: the text, or plural forms and
// texts in turn.
func Catalogue(tag language.Tag) map[string][]any {
	all := map[string][]any{}
	for _, s := range speeches() {
		if s.tag != tag {
			continue
		}
		for _, e := range s.entries() {
			if _, twice := all[e.key]; twice {
				panic("twice: " + e.key)
			}
			all[e.key] = e.forms
			if e.forms == nil {
				all[e.key] = []any{e.text}
			}
		}
	}
	return all
}

var (
	CleanName     = cleanName
	CleanPlace    = cleanPlace
	CleanProvider = cleanProvider
	NormalizedURL = normalized
	Wrap          = wrap
	Columns       = columns
)

// Choose returns the language that a message gets.
func (s *Set) Choose(locale, languages string) language.Tag {
	return s.voices[s.chooser.choose(locale, languages)].tag
}

// Duration returns a number of minutes or hours.
func (s *Set) Duration(tag language.Tag, key string, n int) (string, error) {
	for _, v := range s.voices {
		if v.tag == tag {
			return v.say(true, key, n)
		}
	}
	panic("not spoken")
}
