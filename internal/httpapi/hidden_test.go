package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzHideSecrets: what is hidden comes back to the letter, and no value of a
// named parameter can be read meanwhile.
func FuzzHideSecrets(f *testing.F) {
	for _, q := range []string{"", "token=a", "a=1&token=x&token=hidden", "%74oken=%zz&&=&TOKEN", "token=a;b&amp;token=c"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{}}
		names := []string{"token"}
		hidden := HideSecrets(r, names)
		if got := ShowSecrets(hidden).URL.RawQuery; got != query {
			t.Fatalf("%q comes back as %q", query, got)
		}
		values, _ := url.ParseQuery(hidden.URL.RawQuery)
		for name, all := range values {
			for _, v := range all {
				if strings.EqualFold(name, "token") && isASCII(name) && v != "" && v != hiddenValue {
					t.Fatalf("%q shows %q in %q", query, v, hidden.URL.RawQuery)
				}
			}
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}
