package loginradius_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

const (
	anyKey    = "X-LoginRadius-ApiKey"
	anySecret = "X-LoginRadius-ApiSecret"
	john      = `{"Email":"john@example.com"}`
)

// TestManagementCredentials has the table of A80.
func TestManagementCredentials(t *testing.T) {
	long := strings.Repeat("x", 7000)
	const (
		key    = "The API key is unauthorized"
		secret = "The API secret is unauthorized"
		param  = "A parameter is not formatted correctly"
	)
	tests := []struct {
		name        string
		query       string
		headers     []string
		compatible  bool
		status      int
		code        int
		message     string
		description string
	}{
		{"headers", "", []string{anyKey, apiKey, anySecret, apiSecret}, false, 200, 0, "", ""},
		{"headers in other case", "", []string{"x-LOGINRADIUS-apikey", apiKey, "x-loginradius-APISECRET", apiSecret}, false, 200, 0, "", ""},
		{"key in query, secret in header", "?apiKey=" + apiKey, []string{anySecret, apiSecret}, false, 200, 0, "", ""},
		{"key in both", "?APIKEY=" + apiKey, []string{anyKey, apiKey, anySecret, apiSecret}, false, 200, 0, "", ""},
		{"key in both, the one in the query empty", "?apikey=", []string{anyKey, apiKey, anySecret, apiSecret}, false, 200, 0, "", ""},
		{"the second secret of a rotation", "?apikey=" + apiKey, []string{anySecret, newSecret}, false, 200, 0, "", ""},
		{"name of the key percent-encoded", "?%61pikey=" + apiKey, []string{anySecret, apiSecret}, false, 200, 0, "", ""},

		{"nothing", "", nil, false, 400, 908, param, "The apikey is a required parameter."},
		{"key empty", "?apikey=", []string{anySecret, apiSecret}, false, 400, 908, param, "The apikey is a required parameter."},
		{"no secret", "?apikey=" + apiKey, nil, false, 400, 908, param, "The apisecret is a required parameter."},
		{"secret without a key", "", []string{anySecret, apiSecret}, false, 400, 908, param, "The apikey is a required parameter."},
		{"unknown key", "?apikey=nobody", []string{anySecret, apiSecret}, false, 403, 901, key, ""},
		{"key in other case", "?apikey=K-123", []string{anySecret, apiSecret}, false, 403, 901, key, ""},
		{"key with a space", "?apikey=k-123%20", []string{anySecret, apiSecret}, false, 403, 901, key, ""},
		{"very long key", "?apikey=" + long, []string{anySecret, apiSecret}, false, 403, 901, key, ""},
		{"keys that differ", "?apikey=" + apiKey, []string{anyKey, "other", anySecret, apiSecret}, false, 403, 901, key, ""},
		{"key twice in the query", "?apikey=" + apiKey + "&apiKey=" + apiKey, []string{anySecret, apiSecret}, false, 400, 908, param, "The apikey must not be given more than once."},
		{"key twice in the header", "", []string{anyKey, apiKey, anyKey, apiKey, anySecret, apiSecret}, false, 400, 908, param, ""},
		{"key behind a semicolon", "?x=1;apikey=" + apiKey, []string{anySecret, apiSecret}, false, 400, 908, param, "The apikey is a required parameter."},
		{"key that is no percent-encoding", "?apikey=%zz", []string{anySecret, apiSecret}, false, 400, 908, param, "The apikey is not formatted correctly."},
		{"long s in the name of the secret", "?apikey=" + apiKey + "&api\u017fecret=" + apiSecret, nil, true, 400, 908, param, "The apisecret is a required parameter."},
		{"wrong secret", "?apikey=" + apiKey, []string{anySecret, "wrong-wrong-wrong-wrong"}, false, 401, 902, secret, ""},
		{"secret in other case", "?apikey=" + apiKey, []string{anySecret, strings.ToUpper(apiSecret)}, false, 401, 902, secret, ""},
		{"beginning of the secret", "?apikey=" + apiKey, []string{anySecret, apiSecret[:10]}, false, 401, 902, secret, ""},
		{"secret and more", "?apikey=" + apiKey, []string{anySecret, apiSecret + "0"}, false, 401, 902, secret, ""},
		{"very long secret", "?apikey=" + apiKey, []string{anySecret, long}, false, 401, 902, secret, ""},
		{"the key as the secret", "?apikey=" + apiKey, []string{anySecret, apiKey}, false, 401, 902, secret, ""},
		{"secret twice in the header", "?apikey=" + apiKey, []string{anySecret, apiSecret, anySecret, "x"}, false, 400, 908, param, ""},
		{"secret as a bearer token", "?apikey=" + apiKey, []string{"Authorization", "Bearer " + apiSecret}, false, 400, 908, param, ""},
		{"secret in the query where that is off", "?apikey=" + apiKey + "&apisecret=" + apiSecret, nil, false, 400, 908, param, "The apisecret must be sent in the X-LoginRadius-ApiSecret header, not in the query."},
		{"wrong secret in the query where that is off", "?apikey=" + apiKey + "&apisecret=x", nil, false, 400, 908, param, "The apisecret must be sent in the X-LoginRadius-ApiSecret header, not in the query."},
		{"secret also in the query where that is off", "?apikey=" + apiKey + "&apisecret=" + apiSecret, []string{anySecret, apiSecret}, false, 400, 908, param, ""},

		{"compatible: all in the query", "?apikey=" + apiKey + "&apisecret=" + apiSecret, nil, true, 200, 0, "", ""},
		{"compatible: everything twice", "?apikey=" + apiKey + "&apisecret=" + apiSecret, []string{anyKey, apiKey, anySecret, apiSecret}, true, 200, 0, "", ""},
		{"compatible: secrets that differ, both live", "?apikey=" + apiKey + "&apisecret=" + apiSecret, []string{anySecret, newSecret}, true, 401, 902, secret, ""},
		{"compatible: wrong secret", "?apikey=" + apiKey + "&apisecret=wrong", nil, true, 401, 902, secret, ""},
		{"compatible: secret empty", "?apikey=" + apiKey + "&apisecret=", nil, true, 400, 908, param, "The apisecret is a required parameter."},
		{"compatible: secret twice", "?apikey=" + apiKey + "&apisecret=" + apiSecret + "&apiSecret=" + apiSecret, nil, true, 400, 908, param, "The apisecret must not be given more than once."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil, func(a *loginradius.App) {
				a.Secrets = append(a.Secrets, recovery.NewSecret(newSecret))
				if tt.compatible {
					a.DangerouslyAllowQuerySecret = true
				}
			})
			a := s.do("POST", pathForgotToken+tt.query, john, tt.headers...)
			if tt.status == http.StatusOK {
				a.wantToken(t)
				return
			}
			e := a.wantFailure(t, tt.status, tt.code, tt.message)
			if tt.description != "" && e.Description != tt.description {
				t.Errorf("Description %q, want %q", e.Description, tt.description)
			}
			s.quiet()
		})
	}
}

// TestManagementGuessesAreLimited (A80): the 26th different secret from one
// address within 5 s is refused before it is compared, even if it is right. The
// right secret alone is not limited by that.
func TestManagementGuessesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, nil)
		query := pathForgotToken + "?apikey=" + apiKey
		guess := func(i int) string { return fmt.Sprintf("guess-number-%d", i) }
		for i := range 25 {
			a := s.do("POST", query, john, anySecret, guess(i))
			a.wantFailure(t, 401, 902, "The API secret is unauthorized")
			if got, want := a.header.Get("RateLimit"), fmt.Sprintf(`"client-5";r=%d;t=5`, 24-i); got != want {
				t.Errorf("guess %d: RateLimit %s, want %s", i, got, want)
			}
		}
		for _, secret := range []string{guess(25), apiSecret} {
			a := s.do("POST", query, john, anySecret, secret)
			a.wantFailure(t, 429, 908, "API calls exceeded the limit of 25 in 5 second(s)")
			if a.header.Get("Retry-After") != "5" || a.header.Get("RateLimit") != `"client-5";r=0;t=5` {
				t.Errorf("headers %v", a.header)
			}
		}
		s.quiet()
		s.client = "198.51.100.7:4711"
		for range 30 {
			s.manage("", john).wantToken(t)
		}
		s.client = "203.0.113.7:4711"
		time.Sleep(5 * time.Second)
		s.manage("", john).wantToken(t)
	})
}

// TestManagementRefusesBrowsers (A80): a browser is refused before the method,
// the credentials or anything else is checked, and without CORS headers.
func TestManagementRefusesBrowsers(t *testing.T) {
	for _, headers := range [][]string{
		{"Origin", "https://www.example.com"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "none"},
		{"Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://www.example.com"},
		{"Origin", "https://www.example.com", "Access-Control-Request-Method", "POST"},
	} {
		for _, method := range []string{"POST", "PUT", "OPTIONS", "GET"} {
			t.Run(method+" "+strings.Join(headers, " "), func(t *testing.T) {
				s := newSite(t, nil, nil)
				a := s.do(method, pathForgotToken+"?apikey="+apiKey, john, append(headers, anySecret, apiSecret)...)
				a.wantFailure(t, 403, 909, "Your LoginRadius site does not have permission to access this endpoint")
				for name := range a.header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("answer has %s", name)
					}
				}
				s.quiet()
			})
		}
	}
	t.Run("an empty Origin is one", func(t *testing.T) {
		s := newSite(t, nil, nil)
		r := newRequest("POST", pathForgotToken+"?apikey="+apiKey, john)
		r.Header.Set(anySecret, apiSecret)
		r.Header["Origin"] = []string{""}
		s.send(r).wantFailure(t, 403, 909, "")
		s.quiet()
	})
	t.Run("OPTIONS without an Origin is a wrong method", func(t *testing.T) {
		s := newSite(t, nil, nil)
		a := s.do("OPTIONS", pathForgotToken+"?apikey="+apiKey, "", "Access-Control-Request-Method", "POST")
		a.wantFailure(t, 405, 908, "")
		if a.header.Get("Allow") != "POST" {
			t.Errorf("Allow: %q", a.header.Get("Allow"))
		}
	})
}

// TestManagementNeverAnswersCORS: the answer does not even have a Vary header.
func TestManagementNeverAnswersCORS(t *testing.T) {
	s := newSite(t, nil, nil)
	for _, a := range []answer{
		s.manage("", john), s.manage("", "{"), s.manage("&apikey=x", john),
		s.do("OPTIONS", pathForgotToken+"?apikey="+apiKey, "", "Access-Control-Request-Method", "POST"),
	} {
		for name := range a.header {
			if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%d has %s", a.status, name)
			}
		}
		if a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("headers %v", a.header)
		}
	}
}

// TestPublicCredentials (A82): the key alone gives access to the public
// endpoints and to nothing else, and a secret adds nothing.
func TestPublicCredentials(t *testing.T) {
	for _, path := range []string{pathPassword, pathOTP} {
		body := `{"email":"john@example.com"}`
		if path == pathOTP {
			body = `{"phone":"+4915112345678"}`
		}
		s := newSite(t, nil, nil)
		s.do("POST", path, body).wantFailure(t, 400, 908, "A parameter is not formatted correctly")
		s.do("POST", path+"?apikey=nobody", body).wantFailure(t, 403, 901, "The API key is unauthorized")
		s.do("POST", path+"?apikey="+apiKey, body, anyKey, "nobody").wantFailure(t, 403, 901, "")
		s.do("POST", path+"?apikey="+apiKey+"&apikey="+apiKey, body).wantFailure(t, 400, 908, "")
		s.quiet()
		s.do("POST", path+"?ApiKey="+apiKey, body).wantPosted(t)
		s.one()
		s.do("POST", path, body, anyKey, apiKey).wantPosted(t)
		s.one()
		s.do("POST", path+"?apikey="+apiKey, body, anySecret, "wrong").wantPosted(t)
		s.one()
	}
}

// TestTenants (A36): the key, secret and tokens of one app do not work in
// another.
func TestTenants(t *testing.T) {
	one := newSite(t, nil, nil)
	two := newSite(t, func(o *recovery.Options) { o.Prefix = "two" }, nil)
	appTwo := appOptions(two)
	appTwo.APIKey, appTwo.Secrets = "k-two", []recovery.Secret{recovery.NewSecret(newSecret)}
	h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{appOptions(one), appTwo}})
	if err != nil {
		t.Fatal(err)
	}
	one.handler = h

	one.do("POST", pathForgotToken+"?apikey=k-two", john, anySecret, apiSecret).wantFailure(t, 401, 902, "")
	one.do("POST", pathForgotToken+"?apikey="+apiKey, john, anySecret, newSecret).wantFailure(t, 401, 902, "")
	one.do("POST", pathForgotToken+"?apikey=k-two", john, anyKey, apiKey, anySecret, apiSecret).wantFailure(t, 403, 901, "")
	one.quiet()
	two.quiet()

	token := one.manage("", john).wantToken(t)
	one.do("PUT", pathReset+"?apikey=k-two", resetBody(token)).wantFailure(t, 403, 1063, "")
	if two.leads.Writes()+one.leads.Writes() > 0 {
		t.Error("a password was written")
	}
	one.reset(token).wantPosted(t)
	if two.leads.Writes() != 0 || one.leads.Writes() != 1 {
		t.Error("the wrong tenant's password was written")
	}

	two.tokens.broken = true
	one.do("POST", pathForgotToken+"?apikey=k-two", john, anySecret, newSecret).wantFailure(t, 503, 950, "")
	if strings.Contains(one.logs.String(), "request failed") || !strings.Contains(two.logs.String(), "request failed") {
		t.Error("a tenant's failure is in another's log")
	}
}
