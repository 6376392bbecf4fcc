package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/portal"
)

// The pages of a brand are found behind http.StripPrefix also where another brand has
// the whole host, or the path that is left.
func TestBrandBelowAnotherBehindStripPrefix(t *testing.T) {
	list := []portal.Brand{
		{Name: "whole", BaseURL: "https://mall.example", Product: "Whole"},
		{Name: "red", BaseURL: "https://mall.example/red", Product: "Red"},
		{Name: "deep", BaseURL: "https://mall.example/red/deep", Product: "Deep"},
		{Name: "prefix", BaseURL: "https://mall.example/redder", Product: "Prefix"},
	}
	inWorld(t, withBrands(t, list...), func(w *world) {
		for _, test := range []struct{ prefix, target, product string }{
			{"", "/forgot", "Whole"},
			{"", "/red/forgot", "Red"},
			{"", "/red/deep/forgot", "Deep"},
			{"", "/redder/forgot", "Prefix"},
			{"/red", "/red/forgot", "Red"},
			{"/red/deep", "/red/deep/forgot", "Deep"},
			{"/red", "/red/deep/forgot", "Deep"},
			{"/redder", "/redder/forgot?lang=de", "Prefix"},
		} {
			r := httptest.NewRequest(http.MethodGet, test.target, nil)
			r.Host = "mall.example"
			answer := httptest.NewRecorder()
			http.StripPrefix(test.prefix, w).ServeHTTP(answer, r)
			if answer.Code != 200 || !strings.Contains(answer.Body.String(), "<p>"+test.product+"</p>") {
				w.t.Errorf("%s without %q: %d, want the page of %s:\n%s", test.target, test.prefix, answer.Code, test.product, answer.Body)
			}
		}
	})
}

// What a request names beside its host chooses no brand (A104).
func TestNothingButTheHostChoosesABrand_A104(t *testing.T) {
	inWorld(t, withBrands(t, shop(1), shop(2)), func(w *world) {
		for what, edit := range map[string]func(*http.Request){
			"X-Forwarded-Host":    func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "shop2.example") },
			"Forwarded":           func(r *http.Request) { r.Header.Set("Forwarded", "host=shop2.example") },
			"X-Original-Host":     func(r *http.Request) { r.Header.Set("X-Original-Host", "shop2.example") },
			"a second Host":       func(r *http.Request) { r.Header.Set("Host", "shop2.example") },
			"a host in the URL":   func(r *http.Request) { r.URL.Host = "shop2.example" },
			"an absolute target":  func(r *http.Request) { r.RequestURI = "https://shop2.example/account/forgot" },
			"Origin":              func(r *http.Request) { r.Header.Set("Origin", "https://shop2.example") },
			"a parameter":         func(r *http.Request) { r.URL.RawQuery = "brand=shop-2&host=shop2.example" },
			"an upper case Host":  func(r *http.Request) { r.Host = "SHOP1.example" },
			"the usual port":      func(r *http.Request) { r.Host = "shop1.example:443" },
			"another case of it":  func(r *http.Request) { r.Host = "Shop1.EXAMPLE:443" },
			"the port of plain":   func(r *http.Request) { r.Host = "shop1.example:80" },
			"nothing of the kind": func(*http.Request) {},
		} {
			r := httptest.NewRequest(http.MethodGet, "/account/forgot", nil)
			r.Host = "shop1.example"
			edit(r)
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			if body := answer.Body.String(); answer.Code != 200 || !strings.Contains(body, "Shop 1 Ltd") || strings.Contains(strings.ToLower(body), "shop2") {
				w.t.Errorf("%s: %d, want the page of shop 1:\n%s", what, answer.Code, body)
			}
		}
		for _, host := range []string{
			"shop1.example.", "shop1.example:8443", "shop1.example:443:443", "shop1.example:80:443", "shop1.example@shop2.example", "user@shop1.example",
			"shop1.example/", "shop1.example\\shop2.example", "shop1.example#", "shop1.example?", "shop1.example,shop2.example", "shop1.example shop2.example",
			" shop1.example", "shop1.example\t", "shop1.example%00", "shop1%2eexample", "xshop1.example", "shop1.examplex", "sub.shop1.example",
			"ſhop1.example", "ſhop1.example:443", "ＳＨＯＰ1.example", "[shop1.example]", "[::1]", "[::ffff:192.0.2.1]:443", ":443", ":80",
		} {
			r := httptest.NewRequest(http.MethodGet, "/account/forgot", nil)
			r.Host = host
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			if answer.Code != http.StatusMisdirectedRequest || answer.Header().Get("Set-Cookie") != "" || strings.Contains(answer.Body.String(), "hop") {
				w.t.Errorf("%q: %d %q, want 421 that names nobody", host, answer.Code, answer.Body)
			}
		}
	})
}
