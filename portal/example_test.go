package portal_test

import (
	"context"
	"fmt"
	"html"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// The pages are mounted below a path, and at the well-known URL where password
// managers look.
func Example() {
	keys := [][]byte{recovery.NewKey()} // from the secret store
	service, err := recovery.New(recoverytest.NewLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, recovery.Options{
		Keys:                    keys,
		Link:                    recovery.Link{URL: "https://acme.example/account/reset"},
		NotMe:                   recovery.Link{URL: "https://acme.example/account/not-me"},
		DangerouslyKeepSessions: true, // a real host ends sessions
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = service.Shutdown(context.Background()) }()
	pages, err := portal.New(service, portal.Options{
		BaseURL: "https://acme.example/account",
		Keys:    keys,
		Product: "Acme",
		SignIn:  "/sign-in",
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/account/", pages)
	mux.Handle("/.well-known/change-password", pages)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/change-password", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /account/forgot
}

// One Handler serves many brands, each at its own host. The Service makes links of a
// brand from the brands that it knows.
func ExampleNew_brands() {
	shops := []portal.Brand{
		{Name: "crumb", BaseURL: "https://crumb.example/account", Product: "Crumb & Co.", Color: "#8a4b12"},
		{Name: "northbank", BaseURL: "https://northbank.example", Product: "Northbank", SignIn: "/log-in"},
	}
	var brands []recovery.Brand
	for _, s := range shops {
		brands = append(brands, recovery.Brand{
			Name:  s.Name,
			Link:  recovery.Link{URL: s.BaseURL + "/reset"},
			NotMe: recovery.Link{URL: s.BaseURL + "/not-me"},
		})
	}
	find, err := recovery.BrandList(brands...)
	if err != nil {
		log.Fatal(err)
	}
	keys := [][]byte{recovery.NewKey()} // from the secret store
	service, err := recovery.New(recoverytest.NewLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, recovery.Options{
		Keys:                    keys,
		Link:                    recovery.Link{URL: "https://acme.example/account/reset"},
		NotMe:                   recovery.Link{URL: "https://acme.example/account/not-me"},
		Brands:                  recovery.BrandOptions{Find: find},
		DangerouslyKeepSessions: true, // a real host ends sessions
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = service.Shutdown(context.Background()) }()
	pages, err := portal.New(service, portal.Options{
		BaseURL: "https://acme.example/account",
		Keys:    keys,
		Product: "Acme",
		Brands:  portal.BrandOptions{List: shops},
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, url := range []string{"https://crumb.example/account/forgot", "https://northbank.example/forgot", "https://evil.example/forgot"} {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		_, title, _ := strings.Cut(w.Body.String(), "<title>")
		title, _, _ = strings.Cut(title, "</title>")
		fmt.Println(w.Code, html.UnescapeString(title))
	}
	// Output:
	// 200 Forgot your password? – Crumb & Co.
	// 200 Forgot your password? – Northbank
	// 421
}

// The host replaces one page and one sentence, and offers two languages. New
// finds a mistake in any of them.
func ExampleNew_templates() {
	service, err := recovery.New(recoverytest.NewLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, recovery.Options{
		Keys: [][]byte{recovery.NewKey()}, Link: recovery.Link{URL: "https://acme.example/reset"}, DangerouslyKeepSessions: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = service.Shutdown(context.Background()) }()
	_, err = portal.New(service, portal.Options{
		BaseURL:   "https://acme.example",
		Keys:      [][]byte{recovery.NewKey()},
		Product:   "Acme",
		Languages: []language.Tag{language.German, language.English},
		Text:      map[string]map[string]string{"en": {"done.text": "Welcome back."}},
		Templates: fstest.MapFS{
			"done.html": {Data: []byte(`<h1>{{.Heading}}</h1><p>{{.T "done.txt"}}</p>`)},
		},
	})
	fmt.Println(err)
	// Output:
	// portal: option Templates: de: done.html:1:26: executing "main" at <.T>: error calling T: no sentence "done.txt"
	// portal: option Templates: en: done.html:1:26: executing "main" at <.T>: error calling T: no sentence "done.txt"
}
