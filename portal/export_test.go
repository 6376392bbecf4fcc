package portal

import (
	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Catalogues returns the sentences of all languages.
func Catalogues() map[string][]i18n.Entry {
	var mistakes recovery.OptionErrors
	all := catalogues(&mistakes, nil)
	if err := mistakes.Err(); err != nil {
		panic(err)
	}
	return all
}

// ReadPhone is what the pages take a typed phone number for, where the host reads no
// national numbers.
func ReadPhone(typed string) string { return (&Handler{}).phone(typed) }
