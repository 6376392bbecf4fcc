package portal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// catalogues are the sentences of the pages by language, with the host's in
// place of ours.
func catalogues(own map[string]map[string]string) (map[string][]i18n.Entry, error) {
	all := map[string][]i18n.Entry{
		"en": english(), "es": spanish(), "fr": french(), "de": german(), "pt": portuguese(),
		"hi": hindi(), "ar": arabic(), "zh": chinese(), "ja": japanese(),
	}
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: "Text", Reason: fmt.Sprintf(format, args...)})
	}
	replace := func(lang, key, text string) {
		i := slices.IndexFunc(all[lang], func(e i18n.Entry) bool { return e.Key == key })
		switch {
		case i < 0:
			bad("%s: there is no sentence %.80q", lang, key)
		case all[lang][i].Forms != nil:
			bad("%s: %s has forms for numbers and cannot be replaced", lang, key)
		case text == "":
			bad("%s: %s is empty", lang, key)
		default:
			all[lang][i].Text = text
		}
	}
	// What is for all languages first, so that a language's own goes before it.
	for key, text := range own[""] {
		for lang := range all {
			replace(lang, key, text)
		}
	}
	for lang, texts := range own {
		if lang == "" {
			continue
		}
		if _, ok := all[lang]; !ok {
			bad("%.20q is no language of this package", lang)
			continue
		}
		for key, text := range texts {
			replace(lang, key, text)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return all, errors.Join(errs...)
}

// newVoices returns those of the host's languages, in its order, and says every
// sentence of the host's once.
func newTranslators(o Options, catalogues map[string][]i18n.Entry) ([]*i18n.Translator, error) {
	voices, err := i18n.New(catalogues)
	if err != nil {
		return nil, &recovery.OptionError{Option: "Text", Reason: err.Error()}
	}
	var chosen []*i18n.Translator
	var errs []error
	for _, tag := range o.Languages {
		for _, v := range voices {
			if v.Tag != tag {
				continue
			}
			chosen = append(chosen, v)
			for _, e := range english() {
				if e.Forms != nil || o.Text[""][e.Key] == "" && o.Text[v.File][e.Key] == "" {
					continue
				}
				if _, err := v.Translate(true, e.Key, arguments(e.Text)...); err != nil {
					errs = append(errs, &recovery.OptionError{Option: "Text", Reason: v.File + ": " + err.Error()})
				}
			}
		}
	}
	return chosen, errors.Join(errs...)
}

// arguments are samples of what a sentence of the English catalogue takes.
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

// ownName is what a language calls itself.
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
