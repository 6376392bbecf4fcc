package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// asProgram names the environment variable that makes the test binary the
// program itself, which a test then drives from outside.
const asProgram = "SQLAPP_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(sqltest.Main(m))
}

const (
	oldPassword = "hunter2hunter2"
	newPassword = "three brass monkeys on a hill"
)

// TestFlow is the life of an existing user: a log-in with a bcrypt hash, a
// forgotten password, a mail, a reset through the pages, and a log-in with the
// new password, which ends what was open before.
func TestFlow(t *testing.T) {
	t.Parallel()
	db, source := database(t)
	relay := newRelay(t)
	app := startApp(t, source, relay.addr)

	browser, thief := app.browser(t), app.browser(t)
	browser.logIn("ada@example.com", "wrong", http.StatusUnauthorized)
	browser.logIn("nobody@example.com", oldPassword, http.StatusUnauthorized)
	browser.logIn("blocked@example.com", oldPassword, http.StatusUnauthorized)
	thief.logIn("ADA@example.com", oldPassword, http.StatusOK)
	if hash := hashOf(t, db, "ada@example.com"); !strings.HasPrefix(hash, "$argon2id$") {
		t.Errorf("the hash after a log-in is %q, want argon2id", hash)
	}
	thief.wantSignedIn("ada@example.com")

	for _, email := range []string{"nobody@example.com", "blocked@example.com", "ada@example.com"} {
		browser.post("/account/forgot", url.Values{"identifier": {email}}, http.StatusOK)
	}
	link := relay.link(t, "Ada@example.com", app.base+"/account/reset")
	form := browser.get(link)
	proof := regexp.MustCompile(`name="proof" value="([^"]*)"`).FindStringSubmatch(form)
	if proof == nil {
		t.Fatalf("the link shows no form:\n%s", form)
	}
	browser.post("/account/reset", url.Values{"proof": {proof[1]}, "password": {newPassword}, "again": {newPassword}}, http.StatusOK)
	relay.link(t, "Ada@example.com", app.base+"/account/not-me") // the notice

	thief.wantSignedIn("")
	thief.logIn("ada@example.com", oldPassword, http.StatusUnauthorized)
	browser.logIn("ada@example.com", newPassword, http.StatusOK)
	browser.wantSignedIn("ada@example.com")
	if page := browser.get(link); strings.Contains(page, `name="proof"`) {
		t.Error("the link works twice")
	}

	// Shutdown: what was asked for just before is still sent.
	browser.post("/account/forgot", url.Values{"identifier": {"grace@example.com"}}, http.StatusOK)
	logs := app.stop(t)
	relay.link(t, "grace@example.com", app.base+"/account/reset")
	for _, mail := range relay.all() {
		if !slices.Contains([]string{"Ada@example.com", "grace@example.com"}, mail.to) {
			t.Errorf("a mail to %s", mail.to)
		}
	}
	for _, secret := range []string{"example.com\"", "token=", oldPassword, newPassword, "ada@", "grace@"} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log contains %q:\n%s", secret, logs)
		}
	}
}

// TestFirstUser: a user without a hash chooses the first password, as the page
// says.
func TestFirstUser(t *testing.T) {
	t.Parallel()
	db, source := database(t)
	statement, err := os.ReadFile("ada.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM users;"+string(statement)); err != nil {
		t.Fatal(err)
	}
	relay := newRelay(t)
	app := startApp(t, source, relay.addr)
	browser := app.browser(t)
	browser.logIn("ada@example.com", "!", http.StatusUnauthorized)
	browser.post("/account/forgot", url.Values{"identifier": {"ada@example.com"}}, http.StatusOK)
	proof := regexp.MustCompile(`name="proof" value="([^"]*)"`).FindStringSubmatch(browser.get(relay.link(t, "ada@example.com", app.base+"/account/reset")))
	if proof == nil {
		t.Fatal("the link shows no form")
	}
	browser.post("/account/reset", url.Values{"proof": {proof[1]}, "password": {newPassword}, "again": {newPassword}}, http.StatusOK)
	browser.logIn("ada@example.com", newPassword, http.StatusOK)
}

// A hash that no hasher reads is answered as a wrong password is, and the log
// says which user has it. Everybody can cause this, so a line a minute is enough.
// Users without a password are no mistake.
func TestUnreadableHashIsTold(t *testing.T) {
	t.Parallel()
	db, source := database(t)
	if _, err := db.ExecContext(t.Context(), `UPDATE users SET password_hash = CASE WHEN lower(email) = 'ada@example.com' THEN '!' ELSE 'md5-of-another-program' END`); err != nil {
		t.Fatal(err)
	}
	var grace string
	if err := db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = 'grace@example.com'").Scan(&grace); err != nil {
		t.Fatal(err)
	}
	app := startApp(t, source, "127.0.0.1:1")
	browser, began := app.browser(t), time.Now()
	browser.logIn("ada@example.com", oldPassword, http.StatusUnauthorized)
	for range 3 {
		browser.logIn("grace@example.com", oldPassword, http.StatusUnauthorized)
	}
	took := time.Since(began)
	logs := app.stop(t)
	if n := strings.Count(logs, "cannot be read"); !strings.Contains(logs, "The hash of user "+grace+",") || n != 1 && took < time.Minute {
		t.Errorf("%d lines about hashes that cannot be read, want 1, about user %s:\n%s", n, grace, logs)
	}
	if strings.Contains(logs, "md5-of") {
		t.Errorf("the log has the hash:\n%s", logs)
	}
}

// TestGuessesAreLimited: a client may try 20 log-ins a minute.
func TestGuessesAreLimited(t *testing.T) {
	t.Parallel()
	_, source := database(t)
	app := startApp(t, source, "127.0.0.1:1")
	begin, refused := time.Now(), 0
	for range 21 {
		// Nobody can have this password, so it is not worth a hash.
		status, _ := app.browser(t).send(http.MethodPost, "/log-in", url.Values{"email": {"ada@example.com"}, "password": {"\u0378"}})
		if status == http.StatusTooManyRequests {
			refused++
		} else if status != http.StatusUnauthorized {
			t.Fatalf("status %d", status)
		}
	}
	if took := time.Since(begin); refused != 1 && took < time.Minute {
		t.Errorf("%d of 21 log-ins in %v were refused, want 1", refused, took)
	}
}

// The program links the driver that it imports, and no other one.
func TestOneDriver(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("go") // go test puts its own first
	if err != nil {
		t.Fatal(err)
	}
	list, err := exec.CommandContext(t.Context(), tool, "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(list))
	if !slices.Contains(packages, "github.com/jackc/pgx/v5/stdlib") {
		t.Errorf("pgx is not among the %d packages, so this proves nothing", len(packages))
	}
	for _, p := range packages {
		for _, other := range []string{"modernc.org/", "mattn/go-sqlite3", "lib/pq", "go-sql-driver", "redis", "asynq", "riverqueue"} {
			if strings.Contains(p, other) {
				t.Errorf("the program links %s", p)
			}
		}
	}
}

// The page quotes the program and its tables as they are.
func TestPageQuotesTheProgram(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, language := range map[string]string{"main.go": "go", "schema.sql": "sql", "ada.sql": "sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "```"+language+"\n"+string(text)+"```\n") {
			t.Errorf("docs/sql.md does not quote %s; copy the file into the page", file)
		}
	}
}

// database returns a database with the application's tables and three users,
// whose hashes are bcrypt's.
func database(t *testing.T) (db *sql.DB, source string) {
	t.Helper()
	server := sqltest.PostgreSQL(t)
	connect := func(source string) *sql.DB {
		db, err := sql.Open("pgx", source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	name := "app_" + strings.ToLower(rand.Text())
	if _, err := connect(server.URL("postgres")).ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	source = server.URL(name)
	db = connect(source)
	schema, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), string(schema)); err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(oldPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"Ada@example.com", "grace@example.com", "blocked@example.com"} {
		if _, err := db.ExecContext(t.Context(), "INSERT INTO users (email, email_verified, password_hash, blocked) VALUES ($1, true, $2, $3)",
			email, string(hash), email == "blocked@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	return db, source
}

func hashOf(t *testing.T, db *sql.DB, email string) (hash string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT password_hash FROM users WHERE lower(email) = $1", email).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	return hash
}

// application is the program, as a process of its own.
type application struct {
	base string
	cmd  *exec.Cmd
	logs bytes.Buffer // read it when it has ended

	ended chan struct{} // closed when it has
	err   error         // why, then
}

// startApp starts it on a free port. Another program can get the port first, so
// this is tried again.
func startApp(t *testing.T, source, relay string) *application {
	t.Helper()
	for range 5 {
		if a := launch(t, source, relay); a != nil {
			return a
		}
	}
	t.Fatal("no port stays free")
	return nil
}

// launch returns nil if the port was taken.
func launch(t *testing.T, source, relay string) *application {
	t.Helper()
	addr := testenv.FreeAddr(t)
	a := &application{base: "http://" + addr, ended: make(chan struct{})}
	a.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	a.cmd.Env = append(os.Environ(), asProgram+"=1", "ADDR="+addr, "BASE_URL="+a.base, "DATABASE_URL="+source,
		"RECOVERY_KEY="+base64.StdEncoding.EncodeToString(recovery.NewKey()), "SMTP_URL=smtp://"+relay)
	a.cmd.Stdout, a.cmd.Stderr = &a.logs, &a.logs
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		a.err = a.cmd.Wait()
		close(a.ended)
	}()
	t.Cleanup(func() {
		_ = a.cmd.Process.Kill()
		<-a.ended
	})
	var taken bool
	testenv.Eventually(t, 20*time.Second, "the program serves", func() bool {
		select {
		case <-a.ended:
			if taken = strings.Contains(a.logs.String(), "address already in use"); !taken {
				t.Fatalf("the program ended:\n%s", &a.logs)
			}
			return true
		default:
		}
		response, err := http.Get(a.base + "/")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	})
	if taken {
		return nil
	}
	return a
}

// stop ends the program as its operator does, and returns its log.
func (a *application) stop(t *testing.T) string {
	t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-a.ended
	if a.err != nil {
		t.Errorf("the program ended with %v:\n%s", a.err, &a.logs)
	}
	return a.logs.String()
}

// A visitor keeps cookies and follows redirects, as browsers do.
type visitor struct {
	t      *testing.T
	base   string
	client http.Client
}

func (a *application) browser(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, a.base, http.Client{Jar: jar}}
}

func (v *visitor) send(method, at string, form url.Values) (status int, body string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.base+strings.TrimPrefix(at, v.base), strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

func (v *visitor) get(at string) (body string) {
	v.t.Helper()
	_, body = v.send(http.MethodGet, at, nil)
	return body
}

func (v *visitor) post(at string, form url.Values, want int) {
	v.t.Helper()
	if status, body := v.send(http.MethodPost, at, form); status != want {
		v.t.Errorf("%s: status %d, want %d:\n%.500s", at, status, want, body)
	}
}

func (v *visitor) logIn(email, password string, want int) {
	v.t.Helper()
	v.post("/log-in", url.Values{"email": {email}, "password": {password}}, want)
}

// wantSignedIn checks who is signed in; nobody is the empty text.
func (v *visitor) wantSignedIn(email string) {
	v.t.Helper()
	page := v.get("/")
	if signedIn := strings.Contains(page, "Signed in as"); signedIn != (email != "") || !strings.Contains(strings.ToLower(page), email) {
		v.t.Errorf("signed in: %v, want %q:\n%.500s", signedIn, email, page)
	}
}

// relay is a mail server that keeps what it takes.
type relay struct {
	addr string

	mu    sync.Mutex
	mails []mailed
}

type mailed struct{ to, text string }

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{relay: r}, nil }))
	server.Domain = "mail.example.com"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return r
}

type session struct {
	relay *relay
	to    string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextPart() // decodes quoted-printable
	if err != nil {
		return err
	}
	b, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mails = append(s.relay.mails, mailed{s.to, string(b)})
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (r *relay) all() []mailed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.mails)
}

// link waits for a mail with a link to a page, and returns the link.
func (r *relay) link(t *testing.T, to, page string) (link string) {
	t.Helper()
	wanted := regexp.MustCompile(regexp.QuoteMeta(page) + `\?token=[A-Za-z0-9_-]+`)
	testenv.Eventually(t, 20*time.Second, "a mail to "+to+" with a link to "+page, func() bool {
		for _, m := range r.all() {
			if m.to == to && wanted.MatchString(m.text) {
				link = wanted.FindString(m.text)
				return true
			}
		}
		return false
	})
	return link
}
