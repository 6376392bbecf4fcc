package i18n

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// A Language is a language of this module.
type Language struct {
	Tag language.Tag
	// File is the language's name in the names of template files and in URLs.
	File        string
	RightToLeft bool
	// numbers is the tag that numbers are written with. Times and codes have
	// Latin digits in every language, so numbers in sentences have them too.
	numbers language.Tag
}

// Languages returns the languages of this module. It is a function because any
// code could change a package variable.
func Languages() []Language {
	return []Language{
		{language.English, "en", false, language.English},
		{language.Spanish, "es", false, language.Spanish},
		{language.French, "fr", false, language.French},
		{language.German, "de", false, language.German},
		{language.Portuguese, "pt", false, language.Portuguese},
		{language.Hindi, "hi", false, language.MustParse("hi-u-nu-latn")},
		{language.Arabic, "ar", true, language.MustParse("ar-u-nu-latn")},
		{language.SimplifiedChinese, "zh", false, language.SimplifiedChinese},
		{language.Japanese, "ja", false, language.Japanese},
	}
}

// Tags returns the tags of [Languages].
func Tags() []language.Tag {
	var tags []language.Tag
	for _, l := range Languages() {
		tags = append(tags, l.Tag)
	}
	return tags
}

// CheckDefault returns an error for a default language that is neither one of
// [Languages] nor close to one.
func CheckDefault(tag language.Tag) error {
	if _, _, confidence := language.NewMatcher(Tags()).Match(tag); confidence == language.No {
		return fmt.Errorf("%v is not close to any language of this package", tag)
	}
	return nil
}

// How many bytes are read of a tag and of an Accept-Language field. A field
// that an attacker fills must not cost more than another (A14).
const (
	maxLocale    = 64
	maxLanguages = 512
)

// A Matcher chooses a language for a person. It is immutable and safe for
// concurrent use.
type Matcher struct {
	matcher  language.Matcher
	fallback int
}

// NewMatcher returns a Matcher that chooses one of the languages in among. Its
// default, def, is one of them or close to one.
func NewMatcher(among []language.Tag, def language.Tag) Matcher {
	matcher := language.NewMatcher(among)
	_, i, _ := matcher.Match(def)
	return Matcher{matcher, i}
}

// Match returns the index of a language in the list that [NewMatcher] got. The
// person's own language, locale, comes first. Then come the languages that the
// request asked for, an Accept-Language field, in the order of their weights.
// The default comes last. So whoever asks for somebody else's reset can choose
// the language only if the person has not chosen one.
func (m Matcher) Match(locale, languages string) int {
	if i, ok := m.match(parseLocale(locale)...); ok {
		return i
	}
	if i, ok := m.match(parseLanguages(languages)...); ok {
		return i
	}
	return m.fallback
}

// match returns the index of the best language for the tags. It is false where
// no language is close to any of them.
func (m Matcher) match(tags ...language.Tag) (int, bool) {
	if len(tags) == 0 {
		return 0, false
	}
	_, i, confidence := m.matcher.Match(tags...)
	return i, confidence > language.No
}

// parseLocale reads a BCP 47 tag. It also reads a POSIX locale such as
// de_DE.UTF-8, because user stores hold those too.
func parseLocale(s string) []language.Tag {
	if i := strings.IndexAny(s, ".@"); i >= 0 {
		s = s[:i]
	}
	if s == "" || len(s) > maxLocale {
		return nil
	}
	tag, err := language.Parse(s)
	if err != nil || tag == language.Und {
		return nil
	}
	return []language.Tag{tag}
}

// parseLanguages reads an Accept-Language field (RFC 9110, section 12.5.4). It
// reads one range at a time, so that a range that does not parse spoils no
// other.
func parseLanguages(s string) []language.Tag {
	if len(s) > maxLanguages {
		s = s[:maxLanguages]
		s = s[:max(0, strings.LastIndexByte(s, ','))]
	}
	var readable []string
	for part := range strings.SplitSeq(s, ",") {
		if tags, _, err := language.ParseAcceptLanguage(part); err == nil && len(tags) > 0 {
			readable = append(readable, part)
		}
	}
	tags, _, err := language.ParseAcceptLanguage(strings.Join(readable, ","))
	if err != nil {
		return nil
	}
	return tags
}
