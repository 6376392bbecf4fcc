package i18n

import "golang.org/x/text/language"

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
