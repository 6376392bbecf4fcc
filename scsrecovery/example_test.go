package scsrecovery_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/alexedwards/scs/v2"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/scsrecovery"
)

func ExampleNew() {
	leads := recoverytest.NewLeads() // yours is a table
	leads.Add(recovery.Lead{ID: "42"}, "")

	manager := scs.New()
	sessions, err := scsrecovery.New(manager, leads, scsrecovery.Options{})
	if err != nil {
		log.Fatal(err)
	}
	// recovery.New gets the option Sessions: sessions.

	mux := http.NewServeMux()
	mux.HandleFunc("/sign-in", func(w http.ResponseWriter, r *http.Request) {
		lead, err := leads.FindLead(r.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: "42"})
		if err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		// Here the password is compared with the hash of the lead.
		if err := sessions.SignIn(r.Context(), lead); err != nil {
			http.Error(w, "wrong address or password", http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "signed in: %q", sessions.LeadID(r.Context()))
	})
	server := httptest.NewServer(manager.LoadAndSave(sessions.Middleware(mux)))
	defer server.Close()

	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	show := func(path string) {
		res, err := browser.Get(server.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		fmt.Println(string(body))
	}
	show("/sign-in")
	show("/")
	_ = sessions.EndSessions(context.Background(), "42") // as a reset does
	show("/")
	// Output:
	//
	// signed in: "42"
	// signed in: ""
}
