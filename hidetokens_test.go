package recovery_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// A03: no middleware inside HideTokens sees a token, and the page still does.
func TestHideTokens_A03(t *testing.T) {
	for _, tt := range []struct{ target, referer, logged, loggedReferer string }{
		{"/reset?token=abc", "", "/reset?token=hidden", ""},
		{"/reset?a=1&token=abc&b=%20", "https://x.example/reset?token=abc&c=2", "/reset?a=1&token=hidden&b=%20", "https://x.example/reset?token=hidden&c=2"},
		{"/reset?LeadId=7&TemporaryPassword=abc", "", "/reset?LeadId=7&TemporaryPassword=hidden", ""},
		{"/reset?LeadId=7&amp;TemporaryPassword=abc", "", "/reset?LeadId=7&amp;TemporaryPassword=hidden", ""},
		{"/reset?leadId=7&tmpPassword=abc", "", "/reset?leadId=7&tmpPassword=hidden", ""},
		{"/reset?vtype=reset&vtoken=abc", "", "/reset?vtype=reset&vtoken=hidden", ""},
		{"/identity?apikey=k&apisecret=abc", "", "/identity?apikey=k&apisecret=hidden", ""},
		{"/access?accessKey=abc&secretKey=def", "", "/access?accessKey=hidden&secretKey=hidden", ""},
		{"/reset?t=abc&TOKEN=def&token=ghi", "", "/reset?t=hidden&TOKEN=hidden&token=hidden", ""},
		{"/reset?%74oken=abc&token=", "", "/reset?%74oken=hidden&token=", ""},
		{"/reset?token=a%zz", "", "/reset?token=hidden", ""},
		{"/other?q=token", "https://x.example/?q=1", "/other?q=token", "https://x.example/?q=1"},
		{"/other", "https://x.example/reset?token=abc", "/other", "https://x.example/reset?token=hidden"},
	} {
		var seen, uri, logged, referer string
		page := recovery.ShowTokens(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.String() }))
		log := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			uri, logged, referer = r.RequestURI, r.URL.String(), r.Referer()
			page.ServeHTTP(w, r)
			if r.URL.String() != logged {
				t.Errorf("%s: after the page, the middleware sees %s", tt.target, r.URL)
			}
		})
		r := httptest.NewRequest(http.MethodGet, tt.target, nil)
		if tt.referer != "" {
			r.Header.Set("Referer", tt.referer)
		}
		recovery.HideTokens(log, "T").ServeHTTP(httptest.NewRecorder(), r)
		if logged != tt.logged || uri != tt.logged || referer != tt.loggedReferer {
			t.Errorf("%s: logged %s and %s, Referer %s", tt.target, logged, uri, referer)
		}
		if seen != tt.target {
			t.Errorf("%s: the page sees %s", tt.target, seen)
		}
		if r.URL.String() != tt.target || r.Referer() != tt.referer {
			t.Errorf("%s: the server's request was changed: %s", tt.target, r.URL)
		}
	}
	// ShowTokens alone changes nothing.
	recovery.ShowTokens(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/reset?token=abc" {
			t.Errorf("%s", r.URL)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/reset?token=abc", nil))
}
