package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// asProgram names the environment variable that makes the test binary the
// program itself, which a test then drives from outside.
const asProgram = "START_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestPage does what docs/getting-started.md tells its reader to do.
func TestPage(t *testing.T) {
	t.Parallel()
	p := start(t)
	old, browser := newBrowser(t), newBrowser(t)
	const first, second = "correct horse battery", "three brass monkeys"
	p.logIn(t, old, first, http.StatusOK)
	p.logIn(t, browser, second, http.StatusUnauthorized)

	post(t, browser, p.base+"/account/forgot", url.Values{"identifier": {"ada@example.com"}}, http.StatusOK)
	link := p.waitFor(t, `link: (\S+/account/reset\?\S+)`)
	proof := regexp.MustCompile(`name="proof" value="([^"]*)"`).FindStringSubmatch(get(t, browser, link))
	if proof == nil {
		t.Fatal("the link shows no form")
	}
	post(t, browser, p.base+"/account/reset", url.Values{"proof": {proof[1]}, "password": {second}, "again": {second}}, http.StatusOK)

	if page := get(t, old, p.base+"/"); strings.Contains(page, "Signed in") {
		t.Error("the session from before the reset is still open")
	}
	p.logIn(t, old, first, http.StatusUnauthorized)
	p.logIn(t, browser, second, http.StatusOK)
	if page := get(t, browser, p.base+"/"); !strings.Contains(page, "Signed in as ada@example.com") {
		t.Errorf("after the log-in the page says\n%s", page)
	}

	// What the page says about asking for nobody, and asking again. The other
	// browser may ask again, because it has reset the password.
	post(t, old, p.base+"/account/forgot", url.Values{"identifier": {"nobody@example.com"}}, http.StatusOK)
	p.waitFor(t, "LeadStore.FindLead found no lead")
	for range 2 { // the request above may be a minute old on a busy machine
		post(t, old, p.base+"/account/forgot", url.Values{"identifier": {"ada@example.com"}}, http.StatusOK)
	}
	p.waitFor(t, "was asked for a short time ago")

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if p.err != nil {
		t.Errorf("the program ended with %v:\n%s", p.err, p)
	}
}

// program is a process of its own.
type program struct {
	base  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	err   error         // why, then

	mu     sync.Mutex
	output strings.Builder
}

// start starts it on a free port. Another program can get the port first, so this
// is tried again.
func start(t *testing.T) *program {
	t.Helper()
	for range 5 {
		addr := testenv.FreeAddr(t)
		p := &program{base: "http://" + addr, ended: make(chan struct{})}
		p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
		p.cmd.Env = append(os.Environ(), asProgram+"=1", "ADDR="+addr)
		p.cmd.Stdout, p.cmd.Stderr = p, p
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			p.err = p.cmd.Wait()
			close(p.ended)
		}()
		t.Cleanup(func() {
			_ = p.cmd.Process.Kill()
			<-p.ended
		})
		if p.serves(t) {
			return p
		}
	}
	t.Fatal("no port stays free")
	return nil
}

// serves reports false if the port was taken.
func (p *program) serves(t *testing.T) (ok bool) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, "the program serves", func() bool {
		select {
		case <-p.ended:
			if !strings.Contains(p.String(), "address already in use") {
				t.Fatalf("the program ended:\n%s", p)
			}
			return true
		default:
		}
		response, err := http.Get(p.base + "/")
		if err == nil {
			_ = response.Body.Close()
		}
		ok = err == nil && response.StatusCode == http.StatusOK
		return ok
	})
	return ok
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *program) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// waitFor waits until the program prints what matches, and returns the first
// group of the expression.
func (p *program) waitFor(t *testing.T, expression string) (group string) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, "the program prints "+expression, func() bool {
		m := regexp.MustCompile(expression).FindStringSubmatch(p.String())
		if m != nil {
			group = m[len(m)-1]
		}
		return m != nil
	})
	return group
}

func (p *program) logIn(t *testing.T, browser *http.Client, password string, want int) {
	t.Helper()
	post(t, browser, p.base+"/log-in", url.Values{"email": {"ada@example.com"}, "password": {password}}, want)
}

// newBrowser keeps cookies and follows redirects.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func post(t *testing.T, browser *http.Client, at string, form url.Values, want int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	if status, body := send(t, browser, request); status != want {
		t.Errorf("%s: status %d, want %d:\n%.500s", request.URL.Path, status, want, body)
	}
}

func get(t *testing.T, browser *http.Client, at string) (body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body = send(t, browser, request)
	return body
}

func send(t *testing.T, browser *http.Client, request *http.Request) (status int, body string) {
	t.Helper()
	response, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}
