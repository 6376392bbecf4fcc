package portal_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
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
