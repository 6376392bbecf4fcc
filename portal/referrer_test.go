package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// A03: a page sends its URL to its own origin, unless the URL may hold a token.
func TestReferrerPolicy_A03(t *testing.T) {
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {
		o.ReturnTo = []string{"https://app.acme.example"}
	}, func(w *world) {
		v := w.visitor()
		link := w.link()
		_, query, _ := strings.Cut(link, "?")
		if p := v.get(link); p.StatusCode != 303 || p.Header.Get("Referrer-Policy") != "no-referrer" {
			w.t.Errorf("the link itself: %d %q", p.StatusCode, p.Header.Get("Referrer-Policy"))
		}
		const own, none = "same-origin", "no-referrer"
		for target, want := range map[string]string{
			"/account/reset":                          own,
			"/account/reset?lang=de":                  own,
			"/account/forgot?utm_source=mail&lang=de": own,
			"/account/forgot?return_to=https%3A%2F%2Fapp.acme.example%2Fa-long-way-from-home": own,
			"/account/sent": own,
			// Links that are not as we made them.
			"/account/forgot?" + query:                                      none,
			"/account/forgot?amp;" + query:                                  none,
			"/account/sent?" + strings.Replace(query, "token", "tok", 1):    none,
			"/account/forgot?" + strings.ReplaceAll(query, "=", "%3D"):      none,
			"/account/code?secret=" + strings.Repeat("0123456789abcdef", 2): none,
			"/account/restet?" + query:                                      none,
			"/account/reset/0123456789abcdef":                               none,
		} {
			if got := v.get(target).Header.Get("Referrer-Policy"); got != want {
				w.t.Errorf("%s: %q, want %q", target, got, want)
			}
		}
	})
}

// A70: browsers without Sec-Fetch-Site say by Origin that a form is ours. One that
// does not know where a form comes from may hold an attacker's page.
func TestFormsOfOldBrowsers_A70(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		if policy := form.Header.Get("Referrer-Policy"); policy != "same-origin" {
			w.t.Fatalf("under %q the form has no Origin", policy)
		}
		v.header = http.Header{"Sec-Fetch-Site": nil, "Origin": {"null"}}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 403 || w.changed() {
			w.t.Errorf("a form from nowhere: %d", p.StatusCode)
		}
		v.header = http.Header{"Sec-Fetch-Site": nil}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("a form of Safari before 16.4: %d", p.StatusCode)
		}
	})
}
