package phones_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/portal/phones"
)

func TestIn(t *testing.T) {
	for _, tt := range []struct{ region, digits, want string }{
		{"DE", "03012345678", "+493012345678"},
		{"DE", "01711234567", "+491711234567"},
		{"DE", "00493012345678", "+493012345678"},
		{"DE", "0014157415569", "+14157415569"},
		{"US", "4157415569", "+14157415569"},
		{"US", "14157415569", "+14157415569"},
		{"US", "011493012345678", "+493012345678"},
		{"GB", "02079460123", "+442079460123"},
		{"IT", "0612345678", "+390612345678"},  // the 0 is dialled from abroad too
		{"CI", "0712345678", "+2250712345678"}, // so it is here
		{"IN", "09876543210", "+919876543210"},
		{"JP", "09012345678", "+819012345678"},
		{"AU", "0011493012345678", "+493012345678"},
		{"ES", "612345678", "+34612345678"},
		{"US", "5551234", ""}, // without its area code
		{"US", "1234567890123456", ""},
		{"DE", "", ""},
		{"DE", "+493012345678", ""},
		{"US", "1800FLOWERS", ""},
		{"DE", "030 12345678 ext. 5", ""},
		{"DE", strings.Repeat("1", 300), ""},
	} {
		national, err := phones.In(tt.region)
		if err != nil {
			t.Fatal(err)
		}
		if got := national(tt.digits); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.region, tt.digits, got, tt.want)
		}
	}
	for _, region := range []string{"", "de", "ZZ", "001", "Germany", "XX"} {
		if _, err := phones.In(region); err == nil {
			t.Errorf("%q is a region", region)
		}
	}
}

// FuzzIn: what comes out is empty or a number as the Service reads it.
func FuzzIn(f *testing.F) {
	f.Add("DE", "03012345678")
	f.Add("US", "0114930")
	f.Fuzz(func(t *testing.T, region, digits string) {
		national, err := phones.In(region)
		if err != nil {
			return
		}
		if n := national(digits); n != "" && (n[0] != '+' || strings.Trim(n[1:], "0123456789") != "" || len(n) > 20) {
			t.Errorf("%s %q: %q", region, digits, n)
		}
	})
}
