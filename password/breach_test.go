package password_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

const breachedPassword = "correct horse battery staple"

func digits(s string) (prefix, suffix string) {
	sum := sha1.Sum([]byte(s))
	all := strings.ToUpper(hex.EncodeToString(sum[:]))
	return all[:5], all[5:]
}

// rangeServer answers every range with body and returns the requests it got.
func rangeServer(t *testing.T, body string) (url string, requests func() []*http.Request) {
	t.Helper()
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []*http.Request { server.Close(); return got }
}

func TestHIBP(t *testing.T) {
	_, suffix := digits(breachedPassword)
	const other = "0018A45C4D1DEF81644B54AB7F969B88D65"
	for _, tt := range []struct {
		name      string
		body      string
		threshold int
		breached  bool
	}{
		{"the suffix is there", other + ":3\r\n" + suffix + ":7\r\n", 0, true},
		{"it is the last line, without a line end", other + ":3\r\n" + suffix + ":7", 0, true},
		{"a mirror with plain line ends", other + ":3\n" + suffix + ":7\n", 0, true},
		{"a mirror in lower case", strings.ToLower(suffix) + ":7\n", 0, true},
		{"the suffix is not there", other + ":3\r\n", 0, false},
		{"the suffix is padding", other + ":3\r\n" + suffix + ":0\r\n", 0, false},
		{"nothing is there", "", 0, false},
		{"below the threshold", suffix + ":9\r\n", 10, false},
		{"at the threshold", suffix + ":10\r\n", 10, true},
		{"a count above 2^31 is garbage, and garbage passes", suffix + ":4294967296\r\n", 0, false},
		{"garbage after the line that was looked for", suffix + ":7\r\n<html>", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, _ := rangeServer(t, tt.body)
			checker, err := password.NewHIBP(password.HIBPOptions{URL: url, Threshold: tt.threshold})
			if err != nil {
				t.Fatal(err)
			}
			got, err := checker.Breached(t.Context(), breachedPassword)
			if err != nil || got != tt.breached {
				t.Errorf("got %v, %v; want %v", got, err, tt.breached)
			}
		})
	}
}

func TestHIBPRequest(t *testing.T) {
	url, requests := rangeServer(t, "")
	checker, err := password.NewHIBP(password.HIBPOptions{URL: url + "/mirror/"})
	if err != nil {
		t.Fatal(err)
	}
	// The password is decomposed here and composed there: Breached looks up the
	// form that is hashed.
	if _, err := checker.Breached(t.Context(), "cafe\u0301 au lait tous les jours"); err != nil {
		t.Fatal(err)
	}
	prefix, suffix := digits("caf\u00e9 au lait tous les jours")
	got := requests()
	if len(got) != 1 {
		t.Fatalf("%d requests, want 1", len(got))
	}
	r := got[0]
	if r.Method != http.MethodGet || r.RequestURI != "/mirror/range/"+prefix {
		t.Errorf("%s %s, want GET of the five digits %s", r.Method, r.RequestURI, prefix)
	}
	if r.Header.Get("Add-Padding") != "true" {
		t.Error("padding was not asked for")
	}
	if agent := r.Header.Get("User-Agent"); !strings.Contains(agent, "recovery-password") {
		t.Errorf("User-Agent is %q", agent)
	}
	if dump := fmt.Sprint(r.RequestURI, r.Header); strings.Contains(strings.ToUpper(dump), suffix[:6]) || strings.Contains(dump, "lait") {
		t.Errorf("more than five digits left the process: %s", dump)
	}
	if r.ContentLength != 0 {
		t.Error("the request has a body")
	}
}

func TestHIBPFailures(t *testing.T) {
	_, suffix := digits(breachedPassword)
	line := "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n"
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		text    string
	}{
		{"a status other than 200", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, "status 429"},
		{"a redirect, which is not followed (A93)", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				io.WriteString(w, suffix+":1")
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "status 302"},
		{"a page of HTML", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html><body>Sign in to the WLAN") }, "not a range"},
		{"a suffix too short", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ABC:1\r\n") }, "not a range"},
		{"a suffix that is not hexadecimal", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("G", 35)+":1\r\n")
		}, "not a range"},
		{"a count that is not a number", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, suffix+":many\r\n") }, "not a number"},
		{"a negative count", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, suffix+":-1\r\n") }, "not a number"},
		{"an empty line in between", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, line+"\r\n"+line) }, "not a range"},
		{"one endless line", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("A", 1<<20)) }, "not a range"},
		{"a huge body", func(w http.ResponseWriter, r *http.Request) {
			for range 1 << 20 / len(line) {
				io.WriteString(w, line)
			}
		}, "over 524288 bytes"},
		{"a body that breaks off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, line)
		}, "EOF"},
		{"a connection that breaks off", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			for _, closed := range []bool{false, true} {
				var reported []error
				checker, err := password.NewHIBP(password.HIBPOptions{
					URL: server.URL, FailClosed: closed,
					OnError: func(err error) { reported = append(reported, err) },
				})
				if err != nil {
					t.Fatal(err)
				}
				breached, err := checker.Breached(t.Context(), breachedPassword)
				if breached || (err != nil) != closed {
					t.Errorf("fail closed %v: got %v, %v", closed, breached, err)
				}
				if len(reported) != 1 || !strings.Contains(reported[0].Error(), tt.text) {
					t.Errorf("reported %v, want one that says %q", reported, tt.text)
				}
				for _, err := range reported {
					assertNothingOf(t, err.Error(), breachedPassword)
				}
			}
		})
	}
}

// assertNothingOf fails if text contains a password or a piece of its SHA-1.
func assertNothingOf(t *testing.T, text, secret string) {
	t.Helper()
	prefix, suffix := digits(secret)
	for _, s := range []string{secret, prefix, suffix} {
		if strings.Contains(strings.ToUpper(text), strings.ToUpper(s)) {
			t.Errorf("%q contains %q", text, s)
		}
	}
}

// roundTripper is a transport in a test's own time.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHIBPTimeout(t *testing.T) {
	hang := roundTripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for _, tt := range []struct {
		name     string
		timeout  time.Duration
		deadline time.Duration
		after    time.Duration
		err      error
		reported int
	}{
		{"two seconds by default, then the password passes", 0, time.Hour, 2 * time.Second, nil, 1},
		{"as configured", 5 * time.Second, time.Hour, 5 * time.Second, nil, 1},
		{"the caller's own end is its error, and no failure of the check", 0, time.Second, time.Second, context.DeadlineExceeded, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reported := 0
				checker, err := password.NewHIBP(password.HIBPOptions{
					Client: &http.Client{Transport: hang}, Timeout: tt.timeout,
					OnError: func(err error) {
						reported++
						if !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("reported %v", err)
						}
						assertNothingOf(t, err.Error(), breachedPassword)
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				start := time.Now()
				breached, err := checker.Breached(ctx, breachedPassword)
				if breached || !errors.Is(err, tt.err) || time.Since(start) != tt.after || reported != tt.reported {
					t.Errorf("got %v, %v after %v and %d reports", breached, err, time.Since(start), reported)
				}
			})
		})
	}
}

func TestHIBPLeavesTheClientAlone(t *testing.T) {
	client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })}
	checker, err := password.NewHIBP(password.HIBPOptions{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	if client.CheckRedirect != nil {
		t.Error("the caller's client was modified")
	}
	if breached, err := checker.Breached(t.Context(), breachedPassword); breached || err != nil {
		t.Errorf("got %v, %v; want it to pass without OnError", breached, err)
	}
}

func TestHIBPRefusesWhatHasNoNormalForm(t *testing.T) {
	checker, err := password.NewHIBP(password.HIBPOptions{Client: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was made")
		return nil, errors.New("no network")
	})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checker.Breached(t.Context(), "abc\xff"); !refusedBy(err, password.RuleEncoding) {
		t.Errorf("got %v", err)
	}
}

func TestHIBPOptions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		opts     password.HIBPOptions
		mistakes int
	}{
		{"the zero value", password.HIBPOptions{}, 0},
		{"a mirror", password.HIBPOptions{URL: "https://mirror.example/hibp/"}, 0},
		{"http on this host, by name", password.HIBPOptions{URL: "http://localhost:8080"}, 0},
		{"http on this host, IPv4", password.HIBPOptions{URL: "http://127.0.0.9:8080"}, 0},
		{"http on this host, IPv6", password.HIBPOptions{URL: "http://[::1]:8080"}, 0},
		{"http elsewhere (A93)", password.HIBPOptions{URL: "http://mirror.example"}, 1},
		{"http to a name that begins like this host", password.HIBPOptions{URL: "http://localhost.evil.example"}, 1},
		{"http to an address that begins like this host", password.HIBPOptions{URL: "http://127.0.0.1.evil.example"}, 1},
		{"another scheme", password.HIBPOptions{URL: "file:///etc/passwd"}, 1},
		{"no scheme", password.HIBPOptions{URL: "mirror.example"}, 1},
		{"credentials", password.HIBPOptions{URL: "https://user:pass@mirror.example"}, 1},
		{"a query", password.HIBPOptions{URL: "https://mirror.example/?key=1"}, 1},
		{"a fragment", password.HIBPOptions{URL: "https://mirror.example/#"}, 1},
		{"no URL at all", password.HIBPOptions{URL: "https://mirror.example/%zz"}, 1},
		{"a negative timeout", password.HIBPOptions{Timeout: -1}, 1},
		{"a minute", password.HIBPOptions{Timeout: time.Minute}, 1},
		{"a negative threshold", password.HIBPOptions{Threshold: -1}, 1},
		{"all at once", password.HIBPOptions{URL: "http://user:secret@mirror.example", Timeout: -1, Threshold: -1}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checker, err := password.NewHIBP(tt.opts)
			if n := mistakes(err); n != tt.mistakes {
				t.Fatalf("got %d mistakes, want %d: %v", n, tt.mistakes, err)
			}
			if (checker == nil) != (err != nil) {
				t.Errorf("got %v, %v", checker, err)
			}
			if err != nil && strings.Contains(err.Error(), "pass@") || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}

func FuzzHIBPBody(f *testing.F) {
	_, suffix := digits(breachedPassword)
	for _, s := range []string{
		"", suffix + ":1", suffix + ":0\r\n", "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n" + suffix + ":7",
		"<html>", "\r\n\r\n", strings.Repeat("A", 100), suffix + ":99999999999999999999", suffix + ":+1", suffix + ":01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		count, err := password.CountIn(body, suffix)
		switch {
		case count < 0 || err != nil && count != 0:
			t.Fatalf("%q: got %d, %v", body, count, err)
		case count > 0 && !strings.Contains(strings.ToUpper(body), suffix+":"):
			t.Fatalf("%q: got %d for a suffix that is not there", body, count)
		case err != nil:
			assertNothingOf(t, err.Error(), suffix)
		}
	})
}
