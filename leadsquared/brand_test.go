package leadsquared_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// The brand of a request is what option Brands says of it, also on this wire. The
// portal's own link stays. The notice has the brand too.
func TestBrandOfARequest(t *testing.T) {
	find, err := recovery.BrandList(recovery.Brand{Name: "acme", Link: recovery.Link{URL: "https://acme.example/reset"}})
	if err != nil {
		t.Fatal(err)
	}
	brands := func(o *recovery.Options) {
		o.Brands = recovery.BrandOptions{Find: find, Of: func(r *http.Request) string { return strings.TrimSuffix(r.Host, ".example") }}
	}
	bubble(t, brands, func(t *testing.T, w *world) {
		at := func(host string) tweak { return func(r *http.Request) { r.Host = host } }
		ask := `{"EmailAddress":"johnwick@example.com"}`
		// Find does not know what Of returns for this host.
		if rec := w.do(post("/api/Authentication/v2/SecureForgotPassword", ask, at("nobody.example"))); rec.Code < 400 {
			t.Errorf("an unknown brand: %d %s", rec.Code, rec.Body)
		}
		if rec := w.do(post("/api/Authentication/v2/SecureForgotPassword", ask, at("acme.example"))); rec.Code != http.StatusOK {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		settle()
		all := w.a.outbox.Messages()
		if len(all) != 1 || all[0].Brand != "acme" || !strings.HasPrefix(all[0].URL.Reveal(), resetA) {
			t.Fatalf("%v of brand %q leads to %s", all, all[0].Brand, all[0].URL.Reveal())
		}
		u, err := url.Parse(all[0].URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"LeadId":%q,"TemporaryPassword":%q,"Password":"Samplepassword@123"}`, u.Query().Get("LeadId"), u.Query().Get("TemporaryPassword"))
		if rec := w.do(post("/api/Authentication/v2/ResetPassword", body, at("acme.example"))); rec.Code != http.StatusOK {
			t.Fatalf("%d %s, the link is %s", rec.Code, rec.Body, u)
		}
		settle()
		notices := w.a.outbox.OfKind(recovery.MessagePasswordChanged)
		if len(notices) == 0 || notices[0].Brand != "acme" {
			t.Errorf("notices: %v", notices)
		}
	})
}
