package main

import (
	"fmt"
	"net/http"
	"testing"
)

// TestOrigins: pages of listed origins may call all three APIs, and no others.
func TestOrigins(t *testing.T) {
	t.Parallel()
	d := start(t, "-origins", "https://a.example,capacitor://localhost")
	for _, path := range []string{"/forgot-password", "/identity/v2/auth/password?apikey=demo-api-key", "/api/Authentication/v2/ResetPassword"} {
		for origin, allowed := range map[string]bool{"https://a.example": true, "capacitor://localhost": true, "https://b.example": false, "null": false} {
			a := d.do(http.MethodOptions, path, "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
			if (a.status == 204) != allowed || (a.header.Get("Access-Control-Allow-Origin") == origin) != allowed {
				t.Errorf("%s from %s: %d %v", path, origin, a.status, a.header)
			}
		}
	}
}

// TestServerCallers: 31 people through a listed server are 31 clients, and one
// person is one. Without the flag all are one, except with the secret.
func TestServerCallers(t *testing.T) {
	t.Parallel()
	const path = "/forgot-password"
	ask := func(d *demo, path string, person, i int, headers ...string) int {
		return d.post(path, fmt.Sprintf(`{"email":"nobody%d@example.com"}`, i), append(headers, fmt.Sprintf("X-Origin-IP: 198.51.100.%d", person))...).status
	}
	listed := start(t, "-server-callers", "10.0.0.0/8,127.0.0.1")
	for i := range 31 {
		if got := ask(listed, path, i, i); got != 202 {
			t.Errorf("person %d: %d", i, got)
		}
	}
	limited := func(n int) int { // the status of the n-th request of a client
		if n > 30 {
			return 429
		}
		return 202
	}
	for i := range 30 {
		if got := ask(listed, path, 0, i); got != limited(i+2) {
			t.Errorf("the same person, request %d: %d", i+2, got)
		}
	}
	unlisted := start(t)
	for i := range 31 {
		if got := ask(unlisted, path, i, i); got != limited(i+1) {
			t.Errorf("a stranger, request %d: %d", i+1, got)
		}
	}
	if got := ask(unlisted, "/identity/v2/auth/password?apikey=demo-api-key", 77, 0); got != 429 {
		t.Errorf("a stranger at LoginRadius: %d", got)
	}
	if got := ask(unlisted, "/identity/v2/auth/password?apikey=demo-api-key", 77, 0, "X-LoginRadius-ApiSecret: demo-api-secret"); got != 200 {
		t.Errorf("a server with the secret: %d", got)
	}
}
