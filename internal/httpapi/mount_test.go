package httpapi_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/httpapi"
)

func TestCheckMount(t *testing.T) {
	for _, s := range []string{"", "/account", "/shop/account", "/a-b_c.d~e", "/v2/@me"} {
		if err := httpapi.CheckMount(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"/", "account", "/account/", "//account", "/a//b", "/a/./b", "/a/../b", "/a b", "/%61", "/a?b", "/a#b",
		"/{tenant}", "/*", "/\u00e9", "https://portal.example.com/account", "/a\n",
	} {
		if httpapi.CheckMount(s) == nil {
			t.Errorf("%q: no error", s)
		}
	}
}

func TestMount(t *testing.T) {
	known := func(endpoint string) bool { return endpoint == "/reset" || endpoint == "/v2/reset" }
	for _, tt := range []struct {
		sentence, mount, requested string
		endpoint                   string // empty if there is none
		elsewhere                  string // the other mount, or empty
	}{
		{"at the root", "", "/reset", "/reset", ""},
		{"at its path", "/shop/account", "/shop/account/reset", "/reset", ""},
		{"behind StripPrefix", "/shop/account", "/reset", "/reset", ""},
		{"behind a proxy that takes /shop off", "/shop/account", "/account/reset", "/reset", ""},
		{"an endpoint of two segments", "/shop", "/shop/v2/reset", "/v2/reset", ""},
		{"behind a proxy that takes /account off, which is in the middle", "/shop/account", "/shop/reset", "", "/shop"},
		{"at a path that nobody told", "", "/account/reset", "", "/account"},
		{"at another path", "/account", "/pages/reset", "", "/pages"},
		{"twice below the path", "/account", "/account/account/reset", "", "/account/account"},
		{"below the path and one more", "/account", "/account/x/reset", "", "/account/x"},
		{"a path that begins alike", "/account", "/accounts/reset", "", "/accounts"},
		{"a path without a slash between", "/account", "/accountreset", "", ""},
		{"two slashes (A52)", "", "//reset", "", ""},
		{"two slashes below the path (A52)", "/account", "/account//reset", "", ""},
		{"a dot segment (A52)", "/account", "/account/./reset", "", ""},
		{"a dot-dot segment (A52)", "/account", "/x/../account/reset", "", ""},
		{"no endpoint", "/account", "/account/nothing", "", ""},
		{"the mount alone", "/account", "/account", "", ""},
		{"nothing", "/account", "", "", ""},
		{"no path", "", "*", "", ""},
		{"a path too long to look through", "", strings.Repeat("/x", 300) + "/reset", "", ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			endpoint, ok := httpapi.Mount(tt.mount).Find(tt.requested, known)
			if endpoint != tt.endpoint || ok != (tt.endpoint != "") {
				t.Errorf("Find = %q, %v; want %q", endpoint, ok, tt.endpoint)
			}
			if ok {
				return
			}
			at, endpoint, ok := httpapi.Elsewhere(tt.requested, known)
			if at != tt.elsewhere || ok != (tt.elsewhere != "") || ok && at+endpoint != tt.requested {
				t.Errorf("Elsewhere = %q, %q, %v; want %q", at, endpoint, ok, tt.elsewhere)
			}
		})
	}
}

// Every path that is found ends in a known endpoint, and what precedes is the
// mount or its last segments.
func FuzzMount(f *testing.F) {
	f.Add("/shop/account", "/account/reset")
	f.Add("", "//reset")
	f.Fuzz(func(t *testing.T, mount, requested string) {
		if httpapi.CheckMount(mount) != nil {
			return
		}
		known := func(endpoint string) bool { return endpoint == "/reset" }
		endpoint, ok := httpapi.Mount(mount).Find(requested, known)
		if !ok {
			if at, endpoint, ok := httpapi.Elsewhere(requested, known); ok && (at+endpoint != requested || at == mount || httpapi.CheckMount(at) != nil) {
				t.Fatalf("%q below %q: elsewhere at %q", requested, mount, at)
			}
			return
		}
		prefix, cut := strings.CutSuffix(requested, endpoint)
		if !cut || !strings.HasSuffix(mount, prefix) || prefix != "" && prefix[0] != '/' {
			t.Fatalf("%q below %q: %q", requested, mount, endpoint)
		}
	})
}
