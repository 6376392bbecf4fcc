package loginradius_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func exampleService() *recovery.Service {
	fields := []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Username", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
	}
	leads := recoverytest.NewLeads(fields...) // in reality, your user store
	leads.Add(recovery.Lead{
		IdentityProviders: []string{"google"},
		Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: "john@example.com", Verified: true}, "Username": {Value: "john_doe"},
		},
	}, "")
	mail := recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil })
	svc, err := recovery.New(leads, recovery.NewMemoryTokenStore(), mail, recovery.Options{
		Keys:                    [][]byte{recovery.NewKey()},
		Link:                    recovery.Link{URL: "https://www.example.com/reset"},
		DangerouslyKeepSessions: true,
		Fields:                  fields,
	})
	if err != nil {
		panic(err)
	}
	return svc
}

func Example() {
	svc := exampleService()
	defer func() { _ = svc.Shutdown(context.Background()) }()
	h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{{
		APIKey:    "5d2f0c6e-7a41-4d0b-9a55-0e6b6f3c1f10",
		Secrets:   []recovery.Secret{recovery.NewSecret("0b9d7c52-3f0e-4f6a-8d8e-2a41c5b7e913")},
		Service:   svc,
		ResetURLs: []string{"https://www.example.com/reset"},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/identity/", h)

	// A server asks for a token.
	r := httptest.NewRequest("POST", "/identity/v2/manage/account/forgot/token?sendemail=false", strings.NewReader(`{"Username":"John_Doe"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-LoginRadius-ApiKey", "5d2f0c6e-7a41-4d0b-9a55-0e6b6f3c1f10")
	r.Header.Set("X-LoginRadius-ApiSecret", "0b9d7c52-3f0e-4f6a-8d8e-2a41c5b7e913")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	token := regexp.MustCompile(`"ForgotToken":"([^"]+)"`).FindStringSubmatch(w.Body.String())[1]
	fmt.Println(w.Code, strings.Replace(w.Body.String(), token, "...", 1))

	// A browser uses the token.
	r = httptest.NewRequest("PUT", "/identity/v2/auth/password/reset?apikey=5d2f0c6e-7a41-4d0b-9a55-0e6b6f3c1f10",
		strings.NewReader(`{"resettoken":"`+token+`","password":"a heron eats no gravel"}`))
	r.Header.Set("Content-Type", "application/json")
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 {"ForgotToken":"...","IdentityProviders":["google"]}
	// 200 {"IsPosted":true}
}

// New reports all mistakes at once, each with the name of its option.
func ExampleNew_mistakes() {
	_, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{{
		APIKey:    "my key",
		Secrets:   []recovery.Secret{recovery.NewSecret("s3cret")},
		ResetURLs: []string{"http://www.example.com/reset"},
	}}})
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		if e, ok := errors.AsType[*recovery.OptionError](err); ok {
			fmt.Println(e.Option)
		}
	}
	// Output:
	// Apps[0].APIKey
	// Apps[0].Secrets
	// Apps[0].ResetURLs[0]
	// Apps[0].Service
}

// The vendor's documentation shows requests with the secret in the query. A
// host can accept them until its clients are changed.
func ExampleApp_queryAPISecret() {
	svc := exampleService()
	defer func() { _ = svc.Shutdown(context.Background()) }()
	h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{
		{
			APIKey:                      "k-123",
			Secrets:                     []recovery.Secret{recovery.NewSecret("0b9d7c52-3f0e-4f6a-8d8e-2a41c5b7e913")},
			DangerouslyAllowQuerySecret: true,
			Service:                     svc,
			ResetURLs:                   []string{"https://www.example.com/reset"},
		},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("POST",
		"/identity/v2/manage/account/forgot/token?apikey=k-123&apisecret=0b9d7c52-3f0e-4f6a-8d8e-2a41c5b7e913",
		strings.NewReader(`{"Username":"nobody"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 403 {"Description":"The user does not exist, please use a valid user in order to process this request.","ErrorCode":938,"Message":"User does not exist","IsProviderError":false,"ProviderErrorResponse":null}
}
