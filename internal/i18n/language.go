package i18n

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// A Language is one that this module speaks.
type Language struct {
	Tag language.Tag
	// File is the language's name in those of template files, and in URLs.
	File        string
	RightToLeft bool
	// numbers is the tag that numbers are written with: times and codes have
	// Latin digits everywhere, so those in sentences have them as well.
	numbers language.Tag
}

// Languages is a function because a package variable could be changed.
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

// CheckDefault reports what is wrong with a default language: it must be one of
// [Languages], or close to one.
func CheckDefault(tag language.Tag) error {
	if _, _, confidence := language.NewMatcher(Tags()).Match(tag); confidence == language.No {
		return fmt.Errorf("%v is not close to any of the languages of this package", tag)
	}
	return nil
}

// What is looked at of a tag and of an Accept-Language field. A field that the
// attacker fills must not cost more than any other (A14).
const (
	maxLocale    = 64
	maxLanguages = 512
)

// A Chooser chooses languages. It is immutable and safe for concurrent use.
type Matcher struct {
	matcher  language.Matcher
	fallback int
}

// NewChooser returns a Chooser among languages that falls back to one that is
// among them, or close to one.
func NewMatcher(among []language.Tag, def language.Tag) Matcher {
	matcher := language.NewMatcher(among)
	_, i, _ := matcher.Match(def)
	return Matcher{matcher, i}
}

// Choose returns the index, among those given, of the first language that is spoken:
// of the person's own, then of those that the request asked for in the order of
// their weights, then the default. Whoever asks for somebody else's reset
// chooses the language only where the person has not chosen one, and nothing
// else.
func (c Matcher) Match(locale, languages string) int {
	if i, ok := c.firstSpoken(parseLocale(locale)...); ok {
		return i
	}
	if i, ok := c.firstSpoken(parseLanguages(languages)...); ok {
		return i
	}
	return c.fallback
}

func (c Matcher) firstSpoken(tags ...language.Tag) (int, bool) {
	if len(tags) == 0 {
		return 0, false
	}
	_, i, confidence := c.matcher.Match(tags...)
	return i, confidence > language.No
}

// parseLocale reads a BCP 47 tag, or a POSIX locale such as de_DE.UTF-8 that
// has got into the user store.
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

// parseLanguages reads an Accept-Language field (RFC 9110, section 12.5.4) one
// range at a time, so that one that does not parse spoils only itself.
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
