package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/portal"
)

// FuzzLink: whatever the query of a link, its token leaves the URL. The answer
// is a page or a redirect to a page of the portal.
func FuzzLink(f *testing.F) {
	p, err := portal.New(newService(f), goodOptions())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("token=abc")
	f.Add("LeadId=1&TemporaryPassword=2&lang=de")
	f.Add("vtype=reset&vtoken=x&vtoken=y")
	f.Add("%zz;&lang=%6ae&token")
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/account/reset", "/account/not-me"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			switch w.Code {
			case http.StatusSeeOther:
				to, err := url.Parse(w.Header().Get("Location"))
				if err != nil || to.Path != path || to.Host != "" || strings.Trim(to.RawQuery, "abcdefghijklmnopqrstuvwxyz=") != "" || len(to.RawQuery) > 7 {
					t.Errorf("redirected to %q", w.Header().Get("Location"))
				}
			case http.StatusBadRequest, http.StatusTooManyRequests:
			default:
				t.Errorf("status %d", w.Code)
			}
		}
	})
}

// FuzzForm: whatever the form and the cookies, the answer is a page.
func FuzzForm(f *testing.F) {
	o := goodOptions()
	o.PhoneField = "Phone"
	p, err := portal.New(newService(f), o)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("forgot", "identifier=a@b.example", "")
	f.Add("code", "identifier=%2B14157415569&code=1234%2D5678", "__Host-recovery-asked=x")
	f.Add("reset", "proof=x&password=y&password=z", "__Host-recovery-proof=AAAA")
	f.Add("not-me", "proof=%ff", "a=b; a=c")
	f.Fuzz(func(t *testing.T, page, form, cookie string) {
		r := httptest.NewRequest(http.MethodPost, "/account/", strings.NewReader(form))
		r.URL.Path += page
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code != http.StatusSeeOther && !strings.Contains(w.Body.String(), "<h1>") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}
