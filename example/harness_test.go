package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// demo is a demo that runs in this process and is driven from outside.
type demo struct {
	t              *testing.T
	base           string
	stdout, stderr *output
	stop           func() error // ends it as SIGTERM does, and returns what run did
	kill           func()       // ends it at once, if it is a program of its own
}

// output collects what a program writes, and tells when it is ready.
type output struct {
	mu    sync.Mutex
	b     bytes.Buffer
	ready chan struct{}
}

func newOutput() *output { return &output{ready: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := strings.Contains(o.b.String(), "\nlistening on ")
	o.b.Write(p)
	if !was && strings.Contains(o.b.String(), "\nlistening on ") {
		close(o.ready)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a demo on a free port until the test ends.
func start(t *testing.T, args ...string) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	d := &demo{t: t, stdout: newOutput(), stderr: newOutput()}
	done := make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), d.stdout, d.stderr) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	select {
	case <-d.stdout.ready:
	case err := <-done:
		done <- err
		t.Fatalf("the demo ended: %v\n%s", err, d.stderr)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Errorf("run returned %v, want nil after its context ended", err)
		}
	})
	_, d.base, _ = strings.Cut(strings.TrimSpace(d.stdout.String()), "\nlistening on ")
	return d
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the body into a map.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("not a JSON object: %q", a.body)
	}
	return m
}

// do sends a request; headers are "Name: value".
func (d *demo) do(method, path, body string, headers ...string) answer {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.base+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	// Redirects are answers here, and every request is a client of its own.
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (d *demo) get(path string) answer { d.t.Helper(); return d.do(http.MethodGet, path, "") }

const jsonHeader = "Content-Type: application/json"

func (d *demo) post(path, body string, headers ...string) answer {
	d.t.Helper()
	return d.do(http.MethodPost, path, body, append(headers, jsonHeader)...)
}

func (d *demo) put(path, body string) answer {
	d.t.Helper()
	return d.do(http.MethodPut, path, body, jsonHeader)
}

func (d *demo) form(path string, values url.Values, headers ...string) answer {
	d.t.Helper()
	return d.do(http.MethodPost, path, values.Encode(), append(headers, "Content-Type: application/x-www-form-urlencoded")...)
}

func (d *demo) outbox() []delivered {
	d.t.Helper()
	a := d.get("/outbox.json")
	var all []delivered
	if err := json.Unmarshal([]byte(a.body), &all); err != nil || a.status != http.StatusOK {
		d.t.Fatalf("outbox.json: %d %v %q", a.status, err, a.body)
	}
	return all
}

// messages waits until n messages of a kind were delivered, which happens
// after the answer, and returns them.
func (d *demo) messages(kind string, n int) []delivered {
	d.t.Helper()
	var found []delivered
	testenv.Eventually(d.t, 20*time.Second, fmt.Sprintf("%d messages %s", n, kind), func() bool {
		found = slices.DeleteFunc(d.outbox(), func(m delivered) bool { return m.Kind != kind })
		return len(found) >= n
	})
	return found
}

// link waits for the nth link and returns it with its parameters.
func (d *demo) link(n int) (m delivered, query url.Values) {
	d.t.Helper()
	m = d.messages("reset-link", n)[n-1]
	u, err := url.Parse(m.URL)
	if err != nil || !strings.HasPrefix(m.URL, d.base+accountPath+"/reset?") {
		d.t.Fatalf("link %q: %v, want the demo's own page", m.URL, err)
	}
	return m, u.Query()
}

func (d *demo) login(email, password string) answer {
	d.t.Helper()
	b, err := json.Marshal(map[string]string{"EmailAddress": email, "Password": password})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.post("/login", string(b))
}

func (d *demo) sessions() []session {
	d.t.Helper()
	var all []session
	if err := json.Unmarshal([]byte(d.get("/sessions.json").body), &all); err != nil {
		d.t.Fatal(err)
	}
	return all
}

func (d *demo) want(what string, a answer, status int, body string) {
	d.t.Helper()
	if a.status != status || body != "" && strings.TrimSpace(a.body) != body {
		d.t.Errorf("%s: %d %s, want %d %s", what, a.status, a.body, status, body)
	}
}

// A visitor fills in the library's pages as a browser without scripts does: it
// keeps cookies and follows redirects.
type visitor struct {
	d       *demo
	cookies map[string]string
}

func (d *demo) visitor() *visitor { return &visitor{d, map[string]string{}} }

func (v *visitor) do(method, path, body string, headers ...string) answer {
	v.d.t.Helper()
	for range 5 {
		var cookies []string
		for name, value := range v.cookies {
			cookies = append(cookies, name+"="+value)
		}
		a := v.d.do(method, path, body, append(headers, "Cookie: "+strings.Join(cookies, "; "))...)
		for _, line := range a.header["Set-Cookie"] {
			pair, attributes, _ := strings.Cut(line, ";")
			name, value, _ := strings.Cut(pair, "=")
			if v.cookies[name] = value; strings.Contains(attributes, "Max-Age=0") {
				delete(v.cookies, name)
			}
		}
		if a.status != http.StatusSeeOther {
			return a
		}
		method, path, body, headers = http.MethodGet, a.header.Get("Location"), "", nil
	}
	v.d.t.Fatal("redirects without end")
	return answer{}
}

func (v *visitor) open(url string) answer {
	v.d.t.Helper()
	return v.do(http.MethodGet, strings.TrimPrefix(url, v.d.base), "")
}

func (v *visitor) send(path string, values url.Values, headers ...string) answer {
	v.d.t.Helper()
	if headers == nil {
		headers = []string{"Sec-Fetch-Site: same-origin", "Origin: " + v.d.base}
	}
	return v.do(http.MethodPost, path, values.Encode(), append(headers, "Content-Type: application/x-www-form-urlencoded")...)
}

var proofField = regexp.MustCompile(`name="proof" value="([^"]*)"`)

// proof is what the form of a page names its proof by.
func (a answer) proof(t *testing.T) string {
	t.Helper()
	m := proofField.FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("no form: %d %.300s", a.status, a.body)
	}
	return m[1]
}
