package leadsquared_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/leadsquared"
	"github.com/seed-51359b35/recovery/portal"
)

// Case 5: four public portals read the link as /:leadId/:tempPassword.
func TestLinkInThePath(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[0].ResetURL = "https://portal-a.example.com/reset-password/{LeadId}/{TemporaryPassword}?lang=en"
		w.rebuild(opts)
		link := w.mailedLink(w.a, asA)
		segments := strings.Split(strings.TrimPrefix(link.Path, "/reset-password/"), "/")
		if len(segments) != 2 || segments[0] != johnID || len(segments[1]) != 64 || link.RawQuery != "lang=en" {
			t.Fatalf("the link is %s", link)
		}
		values := url.Values{"LeadId": {segments[0]}, "TemporaryPassword": {segments[1]}}
		want(t, w.do(post(resetV2, resetWith(goodPass, &url.URL{RawQuery: values.Encode()}))), 200, resetOK)
	})
}

func TestBracesInResetURL(t *testing.T) {
	const names, alone = "Portals[0].ResetURL or the names of its parameters", "Portals[0].ResetURL"
	bubble(t, nil, func(t *testing.T, w *world) {
		for resetURL, option := range map[string]string{
			"https://portal.example.com/{leadId}/{tmpPassword}":         names,
			"https://portal.example.com/{LeadId}":                       names,
			"https://portal.example.com/a{LeadId}/{TemporaryPassword}":  names,
			"https://portal.example.com/?l={LeadId}":                    names,
			"https://portal.example.com/%7BLeadId%7D":                   names,
			"https://portal.example.com/{token}":                        alone,
			"https://portal.example.com/{LeadId}/{TemporaryPassword}/x": "",
		} {
			opts := w.options()
			opts.Portals[0].ResetURL = resetURL
			if _, err := leadsquared.New(opts); option == "" && err != nil {
				t.Errorf("%s: %v", resetURL, err)
			} else if option != "" && !slices.Equal(optionErrors(t, err), []string{option}) {
				t.Errorf("%s: %v", resetURL, err)
			}
		}
		opts := w.options()
		opts.Portals[0].ResetURL = "https://portal.example.com/{LeadId}/{TemporaryPassword}"
		opts.Portals[0].LeadIDParam = "leadId"
		if _, err := leadsquared.New(opts); !slices.Equal(optionErrors(t, err), []string{names}) {
			t.Errorf("a parameter beside placeholders: %v", err)
		}
	})
}

// Case 10: the hosted pages read the links of a portal, whatever its parameters
// are called, and whether the pages or the portal were made first. A link that
// they cannot read is an error of the one that is made later.
func TestLinksToTheHostedPages(t *testing.T) {
	const base = "https://portal-a.example.com/account"
	newPages := func(w *world) (*portal.Handler, error) {
		return portal.New(w.a.svc, portal.Options{BaseURL: base, Keys: [][]byte{testenv.Key("k")}, Product: "Acme", Languages: []language.Tag{language.English}})
	}
	readable := map[string]func(p *leadsquared.Portal){
		"the default names":            func(*leadsquared.Portal) {},
		"the names of many portals":    func(p *leadsquared.Portal) { p.LeadIDParam, p.TemporaryPasswordParam = "leadId", "tmpPassword" },
		"other names":                  func(p *leadsquared.Portal) { p.LeadIDParam, p.TemporaryPasswordParam = "who", "what" },
		"half of the default names":    func(p *leadsquared.Portal) { p.TemporaryPasswordParam = "tmpPassword" },
		"a name of another form":       func(p *leadsquared.Portal) { p.LeadIDParam = "token" },
		"a page beside the hosted one": func(p *leadsquared.Portal) { p.ResetURL = base + "/reset-spa/{LeadId}/{TemporaryPassword}" },
	}
	for name, change := range readable {
		for _, pagesFirst := range []bool{true, false} {
			bubble(t, nil, func(t *testing.T, w *world) {
				opts := w.options()
				opts.Portals[0].ResetURL = base + "/reset"
				change(&opts.Portals[0])
				var pages *portal.Handler
				var err error
				if pagesFirst {
					pages, err = newPages(w)
					w.rebuild(opts)
				} else {
					w.rebuild(opts)
					pages, err = newPages(w)
				}
				if err != nil {
					t.Fatal(err)
				}
				link := w.mailedLink(w.a, asA)
				if !strings.HasPrefix(link.String(), base+"/reset?") {
					return
				}
				if title := openedTitle(pages, link); title != "Choose a new password" {
					t.Errorf("%s, pages first %v: the page says %q", name, pagesFirst, title)
				}
			})
		}
	}
	for _, resetURL := range []string{
		base + "/reset/{LeadId}/{TemporaryPassword}",
		"https://PORTAL-A.example.com:443/account/reset/{LeadId}/{TemporaryPassword}/x",
		base + "/reset/",
		base + "/reset/new?lang=en",
	} {
		bubble(t, nil, func(t *testing.T, w *world) {
			if _, err := newPages(w); err != nil {
				t.Fatal(err)
			}
			opts := w.options()
			opts.Portals[0].ResetURL = resetURL
			if _, err := leadsquared.New(opts); !slices.Equal(optionErrors(t, err), []string{"Portals[0].ResetURL"}) {
				t.Errorf("%s after the pages: %v", resetURL, err)
			}
			// A refused link leaves nothing behind.
			opts.Portals[0].ResetURL = base + "/reset"
			if _, err := leadsquared.New(opts); err != nil {
				t.Error(err)
			}
		})
		bubble(t, nil, func(t *testing.T, w *world) {
			opts := w.options()
			opts.Portals[0].ResetURL = resetURL
			w.rebuild(opts)
			if _, err := newPages(w); err == nil || !strings.Contains(err.Error(), "BaseURL") {
				t.Errorf("pages after %s: %v", resetURL, err)
			}
		})
	}
}

// openedTitle opens a link as a browser does and returns the heading of the page.
func openedTitle(pages *portal.Handler, link *url.URL) string {
	rec := httptest.NewRecorder()
	pages.ServeHTTP(rec, get(link.RequestURI()))
	r := get(rec.Header().Get("Location"))
	for _, c := range rec.Result().Cookies() {
		r.AddCookie(c)
	}
	rec = httptest.NewRecorder()
	pages.ServeHTTP(rec, r)
	_, after, _ := strings.Cut(rec.Body.String(), "<h1")
	_, after, _ = strings.Cut(after, ">")
	title, _, _ := strings.Cut(after, "</h1>")
	return strings.TrimSpace(title)
}
