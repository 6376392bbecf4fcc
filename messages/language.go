package messages

import (
	"strings"

	"golang.org/x/text/language"
)

// A speech is one of the languages of this package.
type speech struct {
	tag language.Tag
	// file is the language's name in those of template files.
	file string
	rtl  bool
	// numbers is the tag that numbers are written with: times and codes have
	// Latin digits everywhere, so those in sentences have them as well.
	numbers language.Tag
	entries func() []entry
}

// speeches is a function because a package variable could be changed.
func speeches() []speech {
	return []speech{
		{language.English, "en", false, language.English, english},
		{language.Spanish, "es", false, language.Spanish, spanish},
		{language.French, "fr", false, language.French, french},
		{language.German, "de", false, language.German, german},
		{language.Portuguese, "pt", false, language.Portuguese, portuguese},
		{language.Hindi, "hi", false, language.MustParse("hi-u-nu-latn"), hindi},
		{language.Arabic, "ar", true, language.MustParse("ar-u-nu-latn"), arabic},
		{language.SimplifiedChinese, "zh", false, language.SimplifiedChinese, chinese},
		{language.Japanese, "ja", false, language.Japanese, japanese},
	}
}

// Languages returns the languages that messages are written in: English,
// Spanish, French, German, Portuguese, Hindi, Arabic, Chinese in simplified
// characters, and Japanese.
func Languages() []language.Tag {
	var tags []language.Tag
	for _, s := range speeches() {
		tags = append(tags, s.tag)
	}
	return tags
}

// spoken returns the index in [Languages] of the language closest to tag, and
// false where none is close.
func spoken(tag language.Tag) (int, bool) {
	_, i, confidence := language.NewMatcher(Languages()).Match(tag)
	return i, confidence > language.No
}

// What is looked at of a tag and of an Accept-Language field. A field that the
// attacker fills must not cost more than any other (A14).
const (
	maxLocale    = 64
	maxLanguages = 512
)

// A chooser chooses languages.
type chooser struct {
	matcher  language.Matcher
	fallback int
}

func newChooser(def language.Tag) chooser {
	i, _ := spoken(def)
	return chooser{language.NewMatcher(Languages()), i}
}

// choose returns the index of the first language that is spoken: of the
// person's own, then of those that the request asked for in the order of their
// weights, then the default. Whoever asks for somebody else's reset chooses the
// language of the mail only where the person has not chosen one, and nothing
// else.
func (c chooser) choose(locale, languages string) int {
	if i, ok := c.match(parseLocale(locale)...); ok {
		return i
	}
	if i, ok := c.match(parseLanguages(languages)...); ok {
		return i
	}
	return c.fallback
}

func (c chooser) match(tags ...language.Tag) (int, bool) {
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
