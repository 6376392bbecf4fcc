package portal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// catalogues returns the sentences of the pages by language.
func catalogues() map[string][]i18n.Entry {
	return map[string][]i18n.Entry{
		"en": english(), "es": spanish(), "fr": french(), "de": german(), "pt": portuguese(),
		"hi": hindi(), "ar": arabic(), "zh": chinese(), "ja": japanese(),
	}
}

// builtinTranslators are the translators of all languages. They take some
// milliseconds to make, and never change, so all Handlers share them.
var builtinTranslators = sync.OnceValues(func() ([]*i18n.Translator, error) { return i18n.New(catalogues()) })

// A sentence is what is known of a key.
type sentence struct {
	// numbers says that the sentence has forms for numbers.
	numbers bool
	// args are samples of its arguments.
	args []any
}

// sentences are the sentences by key.
var sentences = sync.OnceValue(func() map[string]sentence {
	all := map[string]sentence{}
	for _, e := range english() {
		all[e.Key] = sentence{e.Forms != nil, arguments(e.Text)}
	}
	return all
})

// withTexts returns translators in which the host's texts replace sentences. Those
// for all languages come first, so that one for a single language overrides them.
func withTexts(mistakes *recovery.OptionErrors, translators []*i18n.Translator, own map[string]map[string]string) []*i18n.Translator {
	if len(own) == 0 {
		return translators
	}
	good := map[string]map[string]string{}
	for _, lang := range slices.Sorted(maps.Keys(own)) {
		if lang == "" || slices.ContainsFunc(translators, func(t *i18n.Translator) bool { return t.File == lang }) {
			good[lang] = checkTexts(mistakes, translators[0], lang, own[lang])
		} else {
			mistakes.Add("Text", "%.20q is not a language of this package", lang)
		}
	}
	all := make([]*i18n.Translator, len(translators))
	for i, t := range translators {
		all[i] = t.With(good[""]).With(good[t.File])
	}
	return all
}

// checkTexts returns a copy of the texts that can replace a sentence. It translates
// each of them once. What is wrong with a text is so in every language, so it takes any
// translator.
func checkTexts(mistakes *recovery.OptionErrors, t *i18n.Translator, lang string, texts map[string]string) map[string]string {
	good := make(map[string]string, len(texts))
	prefix := lang + ": "
	if lang == "" {
		prefix = ""
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		s, ok := sentences()[key]
		switch {
		case !ok:
			mistakes.Add("Text", "%sthere is no sentence %.80q", prefix, key)
			continue
		case s.numbers:
			mistakes.Add("Text", "%s%s has forms for numbers and cannot be replaced", prefix, key)
			continue
		case texts[key] == "":
			mistakes.Add("Text", "%s%s is empty", prefix, key)
			continue
		}
		good[key] = texts[key]
		if _, err := t.With(good).Translate(true, key, slices.Clone(s.args)...); err != nil {
			mistakes.Add("Text", "%s%v", prefix, err)
		}
	}
	return good
}

// choose returns the translators of some languages, in their order.
func choose(translators []*i18n.Translator, languages []language.Tag) []*i18n.Translator {
	var chosen []*i18n.Translator
	for _, tag := range languages {
		// validate reports a tag that is none.
		if i := slices.IndexFunc(translators, func(t *i18n.Translator) bool { return t.Tag == tag }); i >= 0 {
			chosen = append(chosen, translators[i])
		}
	}
	return chosen
}

// arguments returns samples of the arguments that a sentence of the English
// catalogue takes.
func arguments(text string) []any {
	var args []any
	for n := 1; ; n++ {
		switch {
		case strings.Contains(text, fmt.Sprintf("%%[%d]s", n)):
			args = append(args, "text")
		case strings.Contains(text, fmt.Sprintf("%%[%d]d", n)):
			args = append(args, 8)
		default:
			return args
		}
	}
}

// ownName returns the name of a language in that language.
func ownName(file string) string {
	switch file {
	case "es":
		return "Español"
	case "fr":
		return "Français"
	case "de":
		return "Deutsch"
	case "pt":
		return "Português"
	case "hi":
		return "हिन्दी"
	case "ar":
		return "العربية"
	case "zh":
		return "简体中文"
	case "ja":
		return "日本語"
	}
	return "English"
}
