package main

import (
	"context"
	"database/sql"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A user with a bcrypt hash signs in, forgets the password, follows the link in a
// mail, and signs in with the new password. What was open before is signed out.
func TestFlow(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	schema, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("hunter2hunter2"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{string(schema), "INSERT INTO users (email, password_hash) VALUES ('Ada@example.com', '" + string(hash) + "')"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	relay := newRelay(t)
	addr := testenv.FreeAddr(t)
	base := "http://" + addr
	t.Setenv("ADDR", addr)
	t.Setenv("BASE_URL", base)
	t.Setenv("SMTP_URL", "smtp://"+relay.addr)
	t.Setenv("RECOVERY_KEY", base64.StdEncoding.EncodeToString(recovery.NewKey()))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx, db)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	testenv.Eventually(t, 20*time.Second, "the program serves", func() bool {
		response, err := http.Get(base)
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})

	old, browser := newBrowser(t), newBrowser(t)
	signedIn := func(b *http.Client) bool { return strings.Contains(get(t, b, base), "Signed in as Ada@example.com") }
	logIn := func(b *http.Client, password string) (status int) {
		return post(t, b, base+"/log-in", url.Values{"email": {"ada@example.com"}, "password": {password}})
	}
	if status := logIn(old, "hunter2hunter2"); status != http.StatusOK || !signedIn(old) {
		t.Fatalf("the bcrypt hash from before does not sign in: %d", status)
	}
	if status := post(t, browser, base+"/account/forgot", url.Values{"identifier": {"ada@example.com"}}); status != http.StatusOK {
		t.Fatalf("asking: %d", status)
	}
	form := regexp.MustCompile(`name="proof" value="([^"]*)"`).FindStringSubmatch(get(t, browser, relay.link(t, base+"/account/reset")))
	if form == nil {
		t.Fatal("the link shows no form")
	}
	post(t, browser, base+"/account/reset", url.Values{"proof": {form[1]}, "password": {"three brass monkeys"}, "again": {"three brass monkeys"}})
	if signedIn(old) {
		t.Error("the session from before the reset is open")
	}
	if status := logIn(old, "hunter2hunter2"); status != http.StatusUnauthorized {
		t.Errorf("the old password: %d", status)
	}
	if status := logIn(browser, "three brass monkeys"); status != http.StatusOK || !signedIn(browser) {
		t.Errorf("the new password: %d", status)
	}
}

// docs/sql.md says how many lines this takes: those of recovery.go and those that
// changed in main.go.
func TestLinesOfGlue(t *testing.T) {
	text, err := os.ReadFile("recovery.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	const changed = 7 // in main.go: two imports, a field, a.serve, two lines of Verify, the INSERT
	n += changed
	page, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	if says := strconv.Itoa(n) + " lines of it are for forgotten passwords"; !strings.Contains(string(page), says) {
		t.Errorf("docs/sql.md does not say %q", says)
	}
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

func get(t *testing.T, browser *http.Client, at string) (body string) {
	t.Helper()
	response, err := browser.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func post(t *testing.T, browser *http.Client, at string, form url.Values) (status int) {
	t.Helper()
	response, err := browser.PostForm(at, form)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// relay is a mail server that keeps the last mail.
type relay struct {
	addr string

	mu   sync.Mutex
	mail string
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{r}, nil }))
	server.Domain = "mail.example.com"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return r
}

type session struct{ relay *relay }

func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Reset()                               {}
func (session) Logout() error                        { return nil }

func (s session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mail = strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(string(b)) // quoted-printable
	return err
}

// link waits for a mail with a link to the page.
func (r *relay) link(t *testing.T, page string) (link string) {
	t.Helper()
	wanted := regexp.MustCompile(regexp.QuoteMeta(page) + `\?token=[A-Za-z0-9_-]+`)
	testenv.Eventually(t, 20*time.Second, "a mail with a link to "+page, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		link = wanted.FindString(r.mail)
		return link != ""
	})
	return link
}
