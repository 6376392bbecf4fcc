// Package phones reads national phone numbers for the pages of portal, by the
// numbering plans of github.com/nyaruka/phonenumbers, which is Google's
// libphonenumber for Go.
//
//	national, err := phones.In("DE")
//	...
//	pages, err := portal.New(service, portal.Options{NationalPhone: national, ...})
//
// It is a package of its own because those plans add 4 MB to a program.
package phones

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// In returns a function for portal.Options.NationalPhone. The function reads numbers
// as people dial them in the region, which is a country's code of two letters (ISO
// 3166-1), such as "DE". It returns the number with '+' and the country code, or the
// empty text if it has too few or too many digits to be dialled from anywhere. It also reads the
// prefix for calls abroad, such as 00 in Germany and 011 in the United States.
//
// The function does not ask whether the number is in use: plans grow faster than
// programs are built. It is safe for concurrent use. An error says that the region
// is unknown.
func In(region string) (national func(digits string) string, err error) {
	if !phonenumbers.GetSupportedRegions()[region] {
		return nil, fmt.Errorf("phones: %.20q is not a region with a numbering plan, such as \"DE\"", region)
	}
	return func(digits string) string {
		if strings.Trim(digits, "0123456789") != "" {
			return "" // the parser reads letters and extensions
		}
		n, err := phonenumbers.Parse(digits, region)
		if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
			return ""
		}
		return phonenumbers.Format(n, phonenumbers.E164)
	}, nil
}
