package loginradius_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/loginradius"
)

// The endpoints are found at the path of the options, with StripPrefix or
// without. A request below another path is answered with 404, and told once. So
// is the page of an origin that the app does not list.
func TestMount(t *testing.T) {
	s := newSite(t, nil, nil)
	var err error
	if s.handler, err = loginradius.New(loginradius.Options{Path: "/shop/lr", Apps: []loginradius.App{appOptions(s)}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/shop/lr" + pathPassword, "/lr" + pathPassword, pathPassword, "/shop/lr/" + pathPassword} {
		s.do("POST", path+"?apikey="+apiKey, john).wantPosted(t)
	}
	const missing = "A parameter is not formatted correctly"
	for _, path := range []string{"/shop/lr//" + pathPassword, "/shop/lr/nothing", "/shop/lr/%69dentity/v2/auth/password"} {
		s.do("POST", path+"?apikey="+apiKey, john).wantFailure(t, 404, 908, missing)
	}
	if logs := s.logs.String(); strings.Contains(logs, "is not mounted") {
		t.Errorf("the log is\n%s", logs)
	}
	for range 2 {
		a := s.do("POST", "/elsewhere"+pathPassword+"?apikey="+apiKey, john)
		if e := a.wantFailure(t, 404, 908, missing); !strings.Contains(e.Description, "mounted at another path") || strings.Contains(a.body, "elsewhere") {
			t.Errorf("a wrong mount: %s", a.body)
		}
		s.do("OPTIONS", "/shop/lr"+pathPassword+"?apikey="+apiKey, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT")
	}
	logs := s.logs.String()
	if strings.Count(logs, "is not mounted") != 1 || !strings.Contains(logs, "requested=/elsewhere"+pathPassword) || !strings.Contains(logs, "expected=/shop/lr"+pathPassword) {
		t.Errorf("the log is\n%s", logs)
	}
	if strings.Count(logs, "wants to call this handler") != 1 || !strings.Contains(logs, "option Apps[].Origins") {
		t.Errorf("the log is\n%s", logs)
	}
	if _, err := loginradius.New(loginradius.Options{Path: "lr"}); err == nil || !strings.Contains(err.Error(), "option Path: must begin with a slash") {
		t.Errorf("a path without a slash: %v", err)
	}
}
