package loginradius_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

func TestPathsAreServed(t *testing.T) {
	s := newSite(t, nil, nil)
	if want := []string{pathForgotToken, pathPassword, pathReset, pathOTP}; !slices.Equal(loginradius.Paths(), want) {
		t.Errorf("the paths are %q", loginradius.Paths())
	}
	for _, path := range loginradius.Paths() {
		s.do("GET", path+"?apikey="+apiKey, "").wantFailure(t, 405, 908, "")
	}
}

// The next handler gets the paths of the vendor that are not served here, as
// the client sent them: with body, query, credentials and any method, and with
// nothing set on the answer. It gets none of the wire's own, in no spelling that
// another server could read as one of them (A52).
func TestNext_A52(t *testing.T) {
	s := newSite(t, nil, nil)
	var got *http.Request
	var body string
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || len(w.Header()) != 0 {
			t.Errorf("%v, headers %v", err, w.Header())
		}
		got, body = r, string(b)
		w.WriteHeader(http.StatusTeapot)
	})
	h, err := loginradius.New(loginradius.Options{Path: "/lr", Apps: []loginradius.App{appOptions(s)}, Next: next})
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, target string) int {
		got, body = nil, ""
		r := httptest.NewRequest(method, "/", strings.NewReader(`{"password":"old"}`))
		u := *r.URL
		u.Path, u.RawQuery, _ = strings.Cut(target, "?")
		r.URL = &u
		rec := httptest.NewRecorder()
		recovery.HideTokens(h).ServeHTTP(rec, r)
		return rec.Code
	}
	const secret = "?apikey=" + apiKey + "&apisecret=" + apiSecret
	for target, path := range map[string]string{
		"/identity/v2/manage/account/0b9d7c52/password":   "/identity/v2/manage/account/0b9d7c52/password",
		"/identity/v2/auth/password/change":               "/identity/v2/auth/password/change",
		"/identity/v2/auth/password/securityanswer":       "/identity/v2/auth/password/securityanswer",
		"/identity/v2/auth/login":                         "/identity/v2/auth/login",
		"//identity/v2/auth/login":                        "/identity/v2/auth/login",
		"/lr//identity/v2/auth/login":                     "/lr/identity/v2/auth/login",
		"/identity/v2/manage/account/forgot/token/status": "/identity/v2/manage/account/forgot/token/status",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS"} {
			if status := send(method, target+secret); status != http.StatusTeapot || got == nil {
				t.Errorf("%s %s: %d", method, target, status)
			} else if got.Method != method || got.URL.Path != path || "?"+got.URL.RawQuery != secret || body != `{"password":"old"}` {
				t.Errorf("%s %s arrived as %s %s with %s", method, target, got.Method, got.URL, body)
			}
		}
	}
	for _, path := range loginradius.Paths() {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS"} {
			if send(method, path); got != nil {
				t.Errorf("Next got %s %s", method, path)
			}
		}
		for _, spelling := range []string{
			path + "/", "/" + path, "//" + path, "/elsewhere" + path, strings.ToUpper(path), strings.Replace(path, "/v2/", "//v2/", 1),
			strings.Replace(path, "/v2/", "/./v2/", 1), strings.Replace(path, "/v2/", "/x/../v2/", 1), path + ";a=b", path + ".", path + "%20", path + ".json", "/lr" + path, "/lr/" + path,
		} {
			if send("POST", spelling); got != nil {
				t.Errorf("Next got %s", spelling)
			}
		}
	}
	s.quiet()
}
