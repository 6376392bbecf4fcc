package messages

import (
	"fmt"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// catalogues returns the sentences of this package, by language.
func catalogues() map[string][]i18n.Entry {
	return map[string][]i18n.Entry{
		"en": english(), "es": spanish(), "fr": french(), "de": german(), "pt": portuguese(),
		"hi": hindi(), "ar": arabic(), "zh": chinese(), "ja": japanese(),
	}
}

func newTranslators() ([]*i18n.Translator, error) {
	translators, err := i18n.New(catalogues())
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	return translators, nil
}

// Languages returns the languages that messages are written in: English,
// Spanish, French, German, Portuguese, Hindi, Arabic, Chinese in simplified
// characters, and Japanese.
func Languages() []language.Tag { return i18n.Tags() }
