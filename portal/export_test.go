package portal

import "github.com/seed-51359b35/recovery/internal/i18n"

// Catalogues returns the sentences of all languages.
func Catalogues() map[string][]i18n.Entry { return catalogues() }
