package portal

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// catalogues returns the sentences of the pages by language. A sentence of the
// host replaces the built-in one. What the host's sentences have wrong goes to
// mistakes.
func catalogues(mistakes *recovery.OptionErrors, own map[string]map[string]string) map[string][]i18n.Entry {
	all := map[string][]i18n.Entry{
		"en": english(), "es": spanish(), "fr": french(), "de": german(), "pt": portuguese(),
		"hi": hindi(), "ar": arabic(), "zh": chinese(), "ja": japanese(),
	}
	for _, lang := range slices.Sorted(maps.Keys(own)) {
		langs := []string{lang}
		if lang == "" {
			// The texts for all languages sort first, so that a text for one
			// language overrides them.
			langs = slices.Sorted(maps.Keys(all))
		} else if _, ok := all[lang]; !ok {
			mistakes.Add("Text", "%.20q is not a language of this package", lang)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(own[lang])) {
			for _, l := range langs {
				replaceText(mistakes, all[l], l, key, own[lang][key])
			}
		}
	}
	return all
}

// replaceText replaces one sentence of a language's entries.
func replaceText(mistakes *recovery.OptionErrors, entries []i18n.Entry, lang, key, text string) {
	i := slices.IndexFunc(entries, func(e i18n.Entry) bool { return e.Key == key })
	switch {
	case i < 0:
		mistakes.Add("Text", "%s: there is no sentence %.80q", lang, key)
	case entries[i].Forms != nil:
		mistakes.Add("Text", "%s: %s has forms for numbers and cannot be replaced", lang, key)
	case text == "":
		mistakes.Add("Text", "%s: %s is empty", lang, key)
	default:
		entries[i].Text = text
	}
}

// newTranslators returns the translators of the host's languages, in the host's
// order. It translates every sentence of the host once, to find mistakes.
func newTranslators(mistakes *recovery.OptionErrors, o Options, catalogues map[string][]i18n.Entry) []*i18n.Translator {
	all, err := i18n.New(catalogues)
	if err != nil {
		mistakes.Add("Text", "%v", err)
		return nil
	}
	var translators []*i18n.Translator
	for _, tag := range o.Languages {
		i := slices.IndexFunc(all, func(t *i18n.Translator) bool { return t.Tag == tag })
		if i < 0 {
			continue // validate has reported it
		}
		translators = append(translators, all[i])
		tryTexts(mistakes, o, all[i])
	}
	return translators
}

// tryTexts translates every sentence of the host in one language.
func tryTexts(mistakes *recovery.OptionErrors, o Options, t *i18n.Translator) {
	for _, e := range english() {
		if e.Forms != nil || o.Text[""][e.Key] == "" && o.Text[t.File][e.Key] == "" {
			continue
		}
		if _, err := t.Translate(true, e.Key, arguments(e.Text)...); err != nil {
			mistakes.Add("Text", "%s: %v", t.File, err)
		}
	}
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
