package leadsquared_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
)

// A whole reset: a page of the portal requests a link, the person follows the
// link, and the page sends the values from the link.
func Example() {
	mailbox := make(chan recovery.Message, 8)
	service, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(),
		recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
			mailbox <- m
			return nil
		}),
		recovery.Options{
			Keys:                    [][]byte{recovery.NewKey()}, // in reality, from a secret store
			Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
			DangerouslyKeepSessions: true, // in reality, Sessions
			Logger:                  slog.New(slog.DiscardHandler),
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer service.Shutdown(context.Background())

	handler, err := leadsquared.New(leadsquared.Options{
		Portals: []leadsquared.Portal{{
			ID:             "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10",
			Service:        service,
			PublicAuthKeys: []string{"cHVibGljLWF1dGgta2V5"},
			RegisterTokens: []string{"the-registration-token"},
			ResetURL:       "https://portal.example.com/reset",
			Origins:        []string{"https://portal.example.com"},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	call := func(path string, body any) {
		b, _ := json.Marshal(body)
		r, _ := http.NewRequest(http.MethodPost, server.URL+path, strings.NewReader(string(b)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "cHVibGljLWF1dGgta2V5")
		r.Header.Set("x-lsq-registertoken", "the-registration-token")
		r.Header.Set("x-lsq-portalid", "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		fmt.Printf("%d %s\n", resp.StatusCode, answer)
	}

	call("/api/Authentication/v2/SecureForgotPassword", map[string]string{"EmailAddress": "johnwick@example.com"})

	link, _ := url.Parse((<-mailbox).URL.Reveal())
	reset := map[string]string{
		"Password":          "Samplepassword@123",
		"LeadId":            link.Query().Get("LeadId"),
		"TemporaryPassword": link.Query().Get("TemporaryPassword"),
	}
	call("/api/Authentication/v2/ResetPassword", reset)
	call("/api/Authentication/v2/ResetPassword", reset)

	// Output:
	// 200 {"Status":"Success","Message":"Reset link sent successfully"}
	// 200 {"IsSuccessful":true,"ResponseText":"Password changed successfully"}
	// 400 {"Status":"Error","ExceptionType":"MXInvalidInputException","ExceptionMessage":"The LeadId or TemporaryPassword is invalid or expired. Ask for a new link.","IsSuccessful":false}
}

// New reports all mistakes at once.
func ExampleNew_mistakes() {
	_, err := leadsquared.New(leadsquared.Options{Portals: []leadsquared.Portal{{
		ID:       "portal-1",
		ResetURL: "http://portal.example.com/reset",
		Origins:  []string{"*"},
	}}})
	fmt.Println(err)

	// Output:
	// leadsquared: option Portals[0].ID: "portal-1" must be a GUID
	// leadsquared: option Portals[0].Service: is required
	// leadsquared: option Portals[0].PublicAuthKeys: has 0, needs one, or two during a rotation
	// leadsquared: option Portals[0].RegisterTokens: has 0, needs one, or two during a rotation
	// leadsquared: option Portals[0].ResetURL or the names of its parameters: URL: must be https (http only for localhost and loopback addresses)
	// leadsquared: option Portals[0].Origins[0]: origin "*": must name one origin, not all of them
}
