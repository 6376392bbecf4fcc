package smtpnotifier_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		sentence string
		in       string
		address  string
		policy   smtpnotifier.TLSPolicy
		user     string
		password string
		shown    string // empty: the URL is refused
	}{
		{"STARTTLS when offered", "smtp://relay.example.com:25", "relay.example.com:25", smtpnotifier.TLSWhenOffered, "", "", "smtp://relay.example.com:25"},
		{"with a slash", "smtp://relay.example.com:25/", "relay.example.com:25", smtpnotifier.TLSWhenOffered, "", "", "smtp://relay.example.com:25"},
		{"STARTTLS required", "smtp://relay.example.com:587?tls=required", "relay.example.com:587", smtpnotifier.TLSRequired, "", "", "smtp://relay.example.com:587?tls=required"},
		{"TLS from the first byte", "smtps://relay.example.com:465", "relay.example.com:465", smtpnotifier.TLSImplicit, "", "", "smtps://relay.example.com:465"},
		{"the scheme in capitals", "SMTPS://relay.example.com:465", "relay.example.com:465", smtpnotifier.TLSImplicit, "", "", "smtps://relay.example.com:465"},
		{"user and password", "smtps://me:s3cret@relay.example.com:465", "relay.example.com:465", smtpnotifier.TLSImplicit, "me", "s3cret", "smtps://[redacted]@relay.example.com:465"},
		{"user and password with special characters", "smtp://me%40example.com:s3%2Fc%3Ar%23e%25t@[::1]:587?tls=required", "[::1]:587", smtpnotifier.TLSRequired, "me@example.com", "s3/c:r#e%t", "smtp://[redacted]@[::1]:587?tls=required"},
		{"nothing", "", "", "", "", "", ""},
		{"no scheme", "relay.example.com:25", "", "", "", "", ""},
		{"another scheme", "http://relay.example.com:25", "", "", "", "", ""},
		{"no slashes", "smtp:relay.example.com:25", "", "", "", "", ""},
		{"no port", "smtp://relay.example.com", "", "", "", "", ""},
		{"an empty port", "smtp://relay.example.com:", "", "", "", "", ""},
		{"port 0", "smtp://relay.example.com:0", "", "", "", "", ""},
		{"no host", "smtp://:25", "", "", "", "", ""},
		{"a path", "smtp://relay.example.com:25/inbox", "", "", "", "", ""},
		{"a fragment", "smtp://relay.example.com:25#s3cret", "", "", "", "", ""},
		{"an empty fragment", "smtp://relay.example.com:25#", "", "", "", "", ""},
		{"another parameter", "smtp://relay.example.com:25?ssl=true", "", "", "", "", ""},
		{"another value", "smtp://relay.example.com:25?tls=none", "", "", "", "", ""},
		{"a parameter twice", "smtp://relay.example.com:25?tls=required&tls=none", "", "", "", "", ""},
		{"a parameter in capitals", "smtp://relay.example.com:25?TLS=required", "", "", "", "", ""},
		{"an empty query", "smtp://relay.example.com:25?", "", "", "", "", ""},
		{"the parameter where it says nothing", "smtps://relay.example.com:465?tls=required", "", "", "", "", ""},
		{"STARTTLS on the port of TLS", "smtp://relay.example.com:465", "", "", "", "", ""},
		{"STARTTLS on the port of TLS, required", "smtp://me:s3cret@relay.example.com:465?tls=required", "", "", "", "", ""},
		{"a user alone", "smtp://me@relay.example.com:25", "", "", "", "", ""},
		{"a user and an empty password", "smtp://me:@relay.example.com:25", "", "", "", "", ""},
		{"a password alone", "smtp://:s3cret@relay.example.com:25", "", "", "", "", ""},
		{"a password of two lines", "smtp://me:s3cret%0D%0ARSET@relay.example.com:25", "", "", "", "", ""},
		{"a password of two fields", "smtp://me:s3cret%00x@relay.example.com:25", "", "", "", "", ""},
		{"a password with a slash that is not encoded", "smtp://me:s3cret/x@relay.example.com:25", "", "", "", "", ""},
		{"a password with a hash that is not encoded", "smtp://me:s3cret#x@relay.example.com:25", "", "", "", "", ""},
		{"a password with a per cent sign that is not encoded", "smtp://me:s3cret%@relay.example.com:25", "", "", "", "", ""},
		{"a host of two lines", "smtp://relay%0d%0a.example.com:25", "", "", "", "", ""},
		{"a host with a zone", "smtp://[fe80::1%25eth0]:25", "", "", "", "", ""},
		{"a host with a space", "smtp://relay example.com:25", "", "", "", "", ""},
		{"a URL without end", "smtp://me:" + strings.Repeat("s3cret", 1000) + "@relay.example.com:25", "", "", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			s, err := smtpnotifier.ParseURL(test.in)
			if test.shown == "" {
				if err == nil || s.Address != "" || !s.Password.IsZero() {
					t.Errorf("%v, %v; want an error alone", s, err)
				}
				if err != nil && (strings.Contains(err.Error(), "s3c") || strings.Contains(err.Error(), "relay")) {
					t.Errorf("the error quotes the URL: %v", err)
				}
				return
			}
			if err != nil || s.Address != test.address || s.TLS != test.policy || s.Username != test.user || s.Password.Reveal() != test.password {
				t.Errorf("%v, %v", s, err)
			}
			for _, form := range []string{"%v", "%+v", "%s", "%#v"} {
				if got := fmt.Sprintf(form, s); got != test.shown {
					t.Errorf("%s prints %q, want %q", form, got, test.shown)
				}
			}
		})
	}
}

// A Server that no URL describes is printed too, also inside other values.
func TestServerString(t *testing.T) {
	s := smtpnotifier.Server{Address: "localhost:25", TLS: smtpnotifier.DangerouslyPlaintext}
	if got := s.String(); got != "smtp://localhost:25?tls=none" {
		t.Errorf("%q", got)
	}
	s = smtpnotifier.Server{Address: "relay.example.com:587", Username: "somebody", Password: recovery.NewSecret("s3cret")}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", "server", s)
	if !strings.Contains(log.String(), `"server":"smtp://[redacted]@relay.example.com:587?tls=required"`) {
		t.Errorf("a log says %s", &log)
	}
	for _, form := range []string{"%v", "%+v", "%#v"} {
		got := fmt.Sprintf(form, smtpnotifier.Options{Server: s})
		if strings.Contains(got, "s3cret") || strings.Contains(got, "somebody") {
			t.Errorf("%s prints %s", form, got)
		}
	}
}

// A URL that is accepted gives a usable Server, which prints neither user nor
// password.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"smtp://relay.example.com:25", "smtps://me:s3cret@relay.example.com:465", "smtp://a%40b:c%2Fd@[::1]:587?tls=required",
		"smtp://[fe80::1%25eth0]:25", "smtp://x:y@h:1/", "smtp://%zz", "smtps://:@:0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := smtpnotifier.ParseURL(raw)
		if err != nil {
			if len(raw) > 12 && strings.Contains(err.Error(), raw) {
				t.Errorf("the error quotes the URL: %v", err)
			}
			return
		}
		opts := options(s.Address)
		opts.Server = s
		if _, err := smtpnotifier.New(silent{}, opts); err != nil {
			t.Errorf("%q is accepted, but %v", raw, err)
		}
		shown := s.String()
		if s.Username != "" {
			shown = strings.Replace(shown, "[redacted]@", url.UserPassword(s.Username, s.Password.Reveal()).String()+"@", 1)
		}
		again, err := smtpnotifier.ParseURL(shown)
		if err != nil || again.Address != s.Address || again.TLS != s.TLS || again.Username != s.Username || again.Password.Reveal() != s.Password.Reveal() {
			t.Errorf("%q becomes %q, which is %v, %v", raw, shown, again, err)
		}
	})
}

// The scheme smtp with port 465 waits for a greeting that never comes. The error
// says which scheme is meant.
func TestErrorOfPort465SaysSmtps(t *testing.T) {
	if _, err := smtpnotifier.ParseURL("smtp://relay.example.com:465"); err == nil || !strings.Contains(err.Error(), "smtps://") {
		t.Errorf("%v", err)
	}
}

// Open needs a URL and a sender, says of both what is wrong at once, and does not
// quote the URL.
func TestOpen(t *testing.T) {
	n, err := smtpnotifier.Open("smtps://me:s3cret@relay.example.com:465", "Acme <no-reply@accounts.example.com>")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for _, from := range []string{"", "no-reply@accounts.example.com", "Acme"} {
		_, err := smtpnotifier.Open("smtps://me:s3cret@relay.example.com:465?tls=none", from)
		if err == nil || !strings.Contains(err.Error(), "option url: the URL may have") || !strings.Contains(err.Error(), "option from: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("from %q: %v", from, err)
		}
	}
}
