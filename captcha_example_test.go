package recovery_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// siteVerifier asks one of the providers whose widgets it knows. All three take
// the same request: Turnstile at
// https://challenges.cloudflare.com/turnstile/v0/siteverify, hCaptcha at
// https://api.hcaptcha.com/siteverify, reCAPTCHA at
// https://www.google.com/recaptcha/api/siteverify.
type siteVerifier struct {
	client *http.Client
	url    string
	field  string // what the provider's widget adds to the form
	secret recovery.Secret
}

func (v siteVerifier) verify(ctx context.Context, req recovery.CaptchaRequest) error {
	solution := req.Fields[v.field]
	if solution == "" || len(solution) > 8<<10 {
		return recovery.ErrCaptchaFailed // costs no request
	}
	form := url.Values{"secret": {v.secret.Reveal()}, "response": {solution}}
	if req.Requester.Client.IsValid() {
		form.Set("remoteip", req.Requester.Client.String())
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.client.Do(ask)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Success bool }
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the provider answers %s", resp.Status)
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 64<<10)).Decode(&answer); err != nil {
		return err
	}
	if !answer.Success {
		return recovery.ErrCaptchaFailed
	}
	return nil
}

// fakeProvider answers as the three providers do.
func fakeProvider() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		solved := r.PostFormValue("secret") == "secret of the site" && r.PostFormValue("response") == "solved"
		fmt.Fprintf(w, `{"success":%t,"hostname":"portal.example.com","for":%q}`, solved, cmp.Or(r.PostFormValue("remoteip"), "nobody"))
	}))
}

// Verify asks the provider of the CAPTCHA. The names of the fields are those of
// Turnstile, hCaptcha and reCAPTCHA.
func ExampleCaptchaOptions() {
	provider := fakeProvider() // in reality, one of those that siteVerifier lists
	defer provider.Close()
	for _, field := range []string{"cf-turnstile-response", "h-captcha-response", "g-recaptcha-response"} {
		v := siteVerifier{client: provider.Client(), url: provider.URL, field: field, secret: recovery.NewSecret("secret of the site")}
		service, err := recovery.New(&users{}, recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), recovery.Options{
			Keys:                    [][]byte{recovery.NewKey()},
			Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
			DangerouslyKeepSessions: true,
			Captcha:                 recovery.CaptchaOptions{Verify: v.verify},
		})
		if err != nil {
			log.Fatal(err)
		}
		for _, value := range []string{"solved", "wrong"} {
			r := httptest.NewRequest(http.MethodPost, "/forgot-password", strings.NewReader(fmt.Sprintf(`{"email":"ada@example.com",%q:%q}`, field, value)))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			service.Handler().ServeHTTP(w, r)
			fmt.Println(field, value, w.Code)
		}
		if err := service.Shutdown(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// cf-turnstile-response solved 202
	// cf-turnstile-response wrong 403
	// h-captcha-response solved 202
	// h-captcha-response wrong 403
	// g-recaptcha-response solved 202
	// g-recaptcha-response wrong 403
}
