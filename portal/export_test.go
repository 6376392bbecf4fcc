package portal

import "github.com/seed-51359b35/recovery/internal/i18n"

// Catalogues returns the sentences of all languages.
func Catalogues() map[string][]i18n.Entry { return catalogues() }

// FoundBrands returns how many brands of BrandOptions.Find a Handler keeps.
func FoundBrands(p *Handler) int {
	p.brands.mu.Lock()
	defer p.brands.mu.Unlock()
	return len(p.brands.found)
}

// ReadPhone is what the pages take a typed phone number for, where the host reads no
// national numbers.
func ReadPhone(typed string) string { return (&Handler{}).phone(typed) }
