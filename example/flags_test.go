package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // not earlier: the subtests are parallel
	for _, tt := range []struct {
		sentence string
		args     []string
		code     int
		says     string
	}{
		{"an unknown flag", []string{"-port", "1"}, 2, "-port"},
		{"a bad boolean", []string{"-relaxed-limits=perhaps"}, 2, "perhaps"},
		{"an argument", []string{"serve"}, 2, `"serve"`},
		{"an address without a port", []string{"-addr", "localhost"}, 2, "host:port"},
		{"a port out of range", []string{"-addr", "127.0.0.1:65536"}, 2, "0 to 65535"},
		{"a port by name", []string{"-addr", "127.0.0.1:http"}, 2, "0 to 65535"},
		{"no URL", []string{"-base-url", "portal"}, 2, "-base-url"},
		{"http beyond this machine", []string{"-base-url", "http://portal.example.com"}, 2, "https"},
		{"a base with a path", []string{"-base-url", "https://portal.example.com/demo"}, 2, "path"},
		{"a base with a query", []string{"-base-url", "https://portal.example.com/?a=1"}, 2, "query"},
		{"a base with a fragment", []string{"-base-url", "https://portal.example.com/#a"}, 2, "fragment"},
		{"a queue that is nowhere", []string{"-durable"}, 2, "-sqlite, -postgres or -redis"},
		{"two places", []string{"-sqlite", "demo.db", "-redis", "redis://127.0.0.1"}, 2, "one of them"},
		{"two databases", []string{"-sqlite", "demo.db", "-postgres", "postgres://127.0.0.1/demo"}, 2, "one of them"},
		{"a database that is none", []string{"-postgres", "mysql://demo:hunter2@127.0.0.1/demo"}, 2, "postgres://"},
		{"a database with a mistake", []string{"-postgres", "postgres://demo:hunter2@127.0.0.1:port/demo"}, 2, "-postgres"},
		{"a database out of reach", []string{"-addr", "127.0.0.1:0", "-postgres", "postgres://demo:hunter2@127.0.0.1:1/demo"}, 1, "127.0.0.1:1, database demo"},
		{"a directory for a file", []string{"-addr", "127.0.0.1:0", "-sqlite", "."}, 1, "directory"},
		{"a mail server that is none", []string{"-smtp", "mail.example.com"}, 2, "-smtp"},
		{"a mail server with a mistake", []string{"-smtp", "smtp://user:hunter2@mail.example.com"}, 2, "-smtp"},
		{"a sender that is none", []string{"-addr", "127.0.0.1:0", "-smtp", "smtp://127.0.0.1:25", "-from", "nobody"}, 1, "From"},
		{"an origin with a path", []string{"-addr", "127.0.0.1:0", "-origins", "https://a.example,https://b.example/x"}, 1, "https://b.example/x"},
		{"an origin that is every origin", []string{"-addr", "127.0.0.1:0", "-origins", "*"}, 1, "Origins"},
		{"a network that is none", []string{"-server-callers", "10.1.0.0/16,10.2"}, 2, `"10.2"`},
		{"a network of everybody", []string{"-addr", "127.0.0.1:0", "-server-callers", "0.0.0.0/0"}, 1, "trusts every client"},
		{"a short key of a help desk", []string{"-help-desk", "short"}, 2, "-help-desk"},
		{"a port in use", []string{"-addr", taken.Addr().String()}, 1, "cannot listen on " + taken.Addr().String()},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			// Should it serve, it ends soon, and without an error.
			ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(10*time.Second))
			defer cancel()
			err := run(ctx, tt.args, &stdout, &stderr)
			if err == nil || exitCode(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("exit code %d with %v, want %d with %q", exitCode(err), err, tt.code, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the password: %v", err)
			}
			if stdout.Len() > 0 {
				t.Errorf("printed %q", &stdout)
			}
		})
	}
	var stderr bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &stderr); err != nil || exitCode(err) != 0 {
		t.Errorf("-h: %v", err)
	}
	for _, flag := range []string{"-addr", "-base-url", "-relaxed-limits", "-json-logs", "-redis", "-durable", "-sqlite", "-postgres", "-smtp", "-from", "-origins", "-server-callers", "-totp", "-mail-codes", "-help-desk"} {
		if !strings.Contains(stderr.String(), flag) {
			t.Errorf("-h does not tell of %s", flag)
		}
	}
	if exitCode(errors.New("anything")) != 1 {
		t.Error("an error does not exit with 1")
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	d := start(t, "-base-url", "https://portal.example.com/", "-relaxed-limits")
	d.post("/forgot-password", `{"email":"johnwick@example.com"}`)
	d.post("/identity/v2/auth/password?apikey=demo-api-key&resetpasswordurl=https://portal.example.com/account/reset", `{"email":"johnwick@example.com"}`)
	d.post("/api/Authentication/SecureForgotPassword", `{"EmailAddress":"johnwick@example.com"}`, "Authorization: "+lsqPublicAuthKey, "Host: evil.example")
	for _, m := range d.messages("reset-link", 3) {
		if !strings.HasPrefix(m.URL, "https://portal.example.com/account/reset?") {
			t.Errorf("link %s", m.URL)
		}
	}
	if !strings.Contains(d.stdout.String(), "https://portal.example.com/outbox") || !strings.HasPrefix(d.base, "http://127.0.0.1:") {
		t.Errorf("the banner does not tell the two addresses apart:\n%s", d.stdout)
	}
	if cookie := d.login(demoEmail, demoPassword).header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q is not for https alone", cookie)
	}
}

func TestListensAnywhere(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0", "localhost:0"} {
		t.Run(addr, func(t *testing.T) {
			t.Parallel()
			d := start(t, "-addr", addr) // the last one counts
			if !regexp.MustCompile(`^http://(127\.0\.0\.1|\[::1\]):[0-9]+$`).MatchString(d.base) {
				t.Fatalf("listening on %s, want a numeric host that can be reached", d.base)
			}
			d.want("front page", d.get("/"), 200, "")
			if wide := addr != "localhost:0"; strings.Contains(d.stderr.String(), "can read the outbox") != wide {
				t.Errorf("warned: %v, want %v", !wide, wide)
			}
		})
	}
}
