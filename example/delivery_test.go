package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// mailServer is a mail server that keeps what it takes, and takes nothing while
// it is closed.
type mailServer struct {
	addr    string
	closed  atomic.Bool
	refused atomic.Int64 // mails, while it was closed

	mu    sync.Mutex
	mails []mailed
}

type mailed struct {
	from string
	to   []string
	data []byte
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	m := &mailServer{}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: m}, nil }))
	s.Domain = "mail.example.com"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return m
}

// wait returns the first n mails.
func (m *mailServer) wait(t *testing.T, n int) []mailed {
	t.Helper()
	var all []mailed
	testenv.Eventually(t, 30*time.Second, fmt.Sprintf("%d mails arrived", n), func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		all = slices.Clone(m.mails)
		return len(all) >= n
	})
	return all
}

// waitRefused waits until n attempts to send a mail were refused.
func (m *mailServer) waitRefused(t *testing.T, n int64) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, fmt.Sprintf("%d mails were refused", n), func() bool { return m.refused.Load() >= n })
}

type mailSession struct {
	server *mailServer
	mail   mailed
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.closed.Load() {
		s.server.refused.Add(1)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
	}
	s.mail = mailed{from: from}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) (err error) {
	if s.mail.data, err = io.ReadAll(r); err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.mail)
	return nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// parts returns the decoded parts of a mail by media type.
func (m mailed) parts(t *testing.T) map[string]string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.data))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		mediaType, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		parts[mediaType] = string(body)
	}
}

// The first thing that has to stand, over a real mail server: forgot, delivered,
// reset by the link in the mail, signed in.
func TestMailArrives(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	d := start(t, "-relaxed-limits", "-smtp", "smtp://"+server.addr, "-from", "reset@portal.example.com")
	if !strings.Contains(d.stdout.String(), "Mails are sent over smtp://"+server.addr) {
		t.Error("the banner does not tell of the mail server")
	}
	d.want("forgot", d.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	m := server.wait(t, 1)[0]
	if m.from != "reset@portal.example.com" || !slices.Equal(m.to, []string{"johnwick@example.com"}) {
		t.Errorf("from %s to %q", m.from, m.to)
	}
	shown, query := d.link(1)
	parts := m.parts(t)
	for _, kind := range []string{"text/plain", "text/html"} {
		body := strings.ReplaceAll(parts[kind], "&amp;", "&")
		if !strings.Contains(body, shown.URL) || !strings.Contains(body, shown.NotMe) || shown.NotMe == "" {
			t.Errorf("%s lacks a link of\n%+v:\n%s", kind, shown, body)
		}
	}
	if a := d.get("/outbox/" + shown.ID); a.status != 200 || a.body != shown.HTML && !strings.Contains(a.body, shown.Subject) ||
		strings.Contains(a.header.Get("Content-Security-Policy"), "script") {
		t.Errorf("the mail as a page: %d %v", a.status, a.header)
	}
	if a := d.get("/outbox/none"); a.status != 404 {
		t.Errorf("no such mail: %d", a.status)
	}
	d.want("reset", d.post("/reset-password", ownBody(query.Get("token"), secondPassword)), 204, "")
	d.want("sign in", d.login(demoEmail, secondPassword), 200, "")
	if n := len(server.wait(t, 3)); n != 3 { // the link, and a notice to each mailbox
		t.Errorf("%d mails", n)
	}
}

// A21: whether the mail server works is not to be seen from outside.
func TestMailServerInTrouble(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.closed.Store(true)
	d := start(t, "-relaxed-limits", "-smtp", "smtp://"+server.addr)
	known := d.post("/forgot-password", `{"email":"johnwick@example.com"}`)
	unknown := d.post("/forgot-password", `{"email":"nobody@example.com"}`)
	if known.status != 202 || known.status != unknown.status || known.body != unknown.body {
		t.Errorf("known %+v, unknown %+v", known, unknown)
	}
	server.waitRefused(t, 1)
	if len(d.outbox()) != 0 {
		t.Error("the outbox shows what was not sent")
	}
	server.closed.Store(false)
	server.wait(t, 1)
	d.link(1)
}

// A21, A59: a mail server that takes connections and says nothing keeps workers
// waiting, and nobody else. The end does not wait for it either.
func TestMailServerHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // and with it what waits in its backlog
	d := start(t, "-relaxed-limits", "-smtp", "smtp://"+l.Addr().String())
	var answers []answer
	for i := range 40 { // more than there are workers
		who := []string{"johnwick@example.com", "nobody@example.com"}[i%2]
		began := time.Now()
		a := d.post("/forgot-password", fmt.Sprintf(`{"email":%q}`, who))
		if took := time.Since(began); took > testenv.Patience(5*time.Second) {
			t.Errorf("an answer took %v", took)
		}
		a.header = nil
		answers = append(answers, a)
		if a.status != 202 || a.body != answers[0].body {
			t.Errorf("%s: %d %s", who, a.status, a.body)
		}
	}
	began := time.Now()
	err = d.stop()
	if took := time.Since(began); took > drainTime+testenv.Patience(15*time.Second) {
		t.Errorf("it ended after %v", took)
	}
	// What could not be delivered within the drain is told, and is no success.
	if e, ok := errors.AsType[*recovery.ShutdownError](err); !ok || e.Lost != 20 || exitCode(err) != 1 {
		t.Errorf("run returned %v, exit status %d; want 20 mails to John lost", err, exitCode(err))
	}
	d.stop = func() error { return nil }
}

// What waits in memory when the end comes while mail is down is lost, and the
// exit status says so.
func TestLostMessagesAreNoSuccess(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.closed.Store(true)
	d := start(t, "-relaxed-limits", "-smtp", "smtp://"+server.addr)
	const people = 3 // a fourth link would replace the third
	for range people {
		d.want("forgot", d.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	}
	server.waitRefused(t, people)
	err := d.stop()
	d.stop = func() error { return nil }
	e, ok := errors.AsType[*recovery.ShutdownError](err)
	if !ok || e.Lost != people || exitCode(err) != 1 {
		t.Errorf("run returned %v, exit status %d", err, exitCode(err))
	}
}

// What one instance took while the mail server was down, another delivers after
// the first is gone.
func TestDurable(t *testing.T) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		testDurable(t, []string{"-redis", "redis://" + server.Addr}, "Messages wait on that Redis", func() (jobs string, n int) {
			jobs = hashes(t, server.Client(t), "asynq:{"+demoPrefix+"-deliveries}:t:*")
			return jobs, strings.Count(jobs, "msg")
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		// Of its own: River's notifications do not tell one schema from another.
		url := sqltest.StartPostgreSQL(t, "-c", "fsync=off").URL("postgres")
		db := openDatabase(t, "-postgres", url)
		testDurable(t, []string{"-postgres", url}, "Messages wait there as well", func() (jobs string, n int) {
			err := db.QueryRowContext(t.Context(), "SELECT coalesce(string_agg(j::text, ' '), ''), count(*) FROM river_job j WHERE queue = $1",
				demoPrefix+"-deliveries").Scan(&jobs, &n)
			if err != nil {
				t.Fatal(err)
			}
			return jobs, n
		})
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		file := emptyDatabase(t, "-sqlite")
		testDurable(t, []string{"-sqlite", file}, "Messages wait there as well", func() (jobs string, n int) {
			rows, err := openDatabase(t, "-sqlite", file).QueryContext(t.Context(), "SELECT id, job FROM recovery_jobs WHERE queue = $1", demoPrefix+"-deliveries")
			if err != nil {
				t.Fatal(err)
			}
			for ; rows.Next(); n++ {
				var id, job string
				if err := rows.Scan(&id, &job); err != nil {
					t.Fatal(err)
				}
				jobs += id + " " + job + "\n"
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				t.Fatal(err)
			}
			return jobs, n
		})
	})
}

// testDurable has one instance take requests while the mail server is down, and
// another one deliver them. waiting returns what is kept meanwhile.
func testDurable(t *testing.T, storage []string, says string, waiting func() (jobs string, n int)) {
	server := newMailServer(t)
	server.closed.Store(true)
	args := append(storage, "-relaxed-limits", "-durable", "-smtp", "smtp://"+server.addr)
	a := start(t, args...)
	if !strings.Contains(a.stdout.String(), says) {
		t.Error("the banner does not tell where messages wait")
	}
	const people = 5
	for range people {
		a.want("forgot", a.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	}
	server.waitRefused(t, 1)
	testenv.Eventually(t, 10*time.Second, "all messages wait", func() bool {
		_, n := waiting()
		return n >= people
	})
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	jobs, n := waiting()
	if n < people {
		t.Fatalf("%d jobs wait, want %d", n, people)
	}
	for _, secret := range []string{"johnwick", "example.com", "127.0.0.1", demoLeadID, "EmailAddress", string(demoKey[:])} {
		if strings.Contains(jobs, secret) {
			t.Errorf("what waits holds %q", secret)
		}
	}
	server.closed.Store(false)
	b := start(t, args...)
	// Of five links three live, because a fourth replaces the youngest. Which of
	// the others are sent before they are replaced depends on the order of the jobs.
	testenv.Eventually(t, 30*time.Second, "three links that live have arrived", func() bool {
		live := 0
		for _, m := range b.messages("reset-link", 3) {
			u, err := url.Parse(m.URL)
			if err != nil {
				t.Fatal(err)
			}
			if b.post("/check-token", fmt.Sprintf(`{"token":%q}`, u.Query().Get("token"))).status == 204 {
				live++
			}
		}
		return live == 3
	})
	for _, m := range server.wait(t, 3) {
		if !slices.Equal(m.to, []string{"johnwick@example.com"}) {
			t.Errorf("to %q", m.to)
		}
	}
}

// hashes returns all that stands in the hashes whose names match.
func hashes(t *testing.T, client *redis.Client, pattern string) string {
	t.Helper()
	names, err := client.Keys(t.Context(), pattern).Result()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		fields, err := client.HGetAll(t.Context(), name).Result()
		if err != nil {
			t.Fatal(err)
		}
		for field, value := range fields {
			all.WriteString(name + " " + field + " " + value + "\n")
		}
	}
	return all.String()
}

// "This was not me", by the page that the link in the notice leads to.
func TestThisWasNotMe(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	d.want("forgot", d.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	_, query := d.link(1)
	d.want("reset", d.post("/reset-password", ownBody(query.Get("token"), secondPassword)), 204, "")
	d.want("the thief signs in", d.login(demoEmail, secondPassword), 200, "")
	notice := d.messages("password-changed", 3)[0]
	v := d.visitor()
	page := v.open(notice.NotMe)
	for range 3 { // a scanner opens it
		if page = v.open(notice.NotMe); page.status != 200 || !strings.Contains(page.body, "Secure my account</button>") {
			t.Fatalf("%d %s", page.status, page.body)
		}
	}
	if n := len(d.sessions()); n != 1 {
		t.Fatalf("%d sessions after the link was opened, want 1", n)
	}
	at, values := accountPath+"/not-me", url.Values{"proof": {page.proof(t)}}
	d.want("another site's form", v.send(at, values, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"), 403, "")
	d.want("no link of ours", d.visitor().send(at, values), 400, "")
	if a := v.send(at, values); a.status != 200 || !strings.Contains(a.body, "signed out") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := len(d.sessions()); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	_, query = d.link(2)
	d.want("by the new link", d.post("/reset-password", ownBody(query.Get("token"), thirdPassword)), 204, "")
	d.want("signed in", d.login(demoEmail, thirdPassword), 200, "")
}

// LoginRadius' emailtemplate and smstemplate choose the words.
func TestNamedTemplates(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	d.post("/identity/v2/auth/password?apikey=demo-api-key&resetpasswordurl="+url.QueryEscape(d.base+accountPath+"/reset")+"&emailtemplate="+lrLinkTemplate, `{"email":"johnwick@example.com"}`)
	if m, _ := d.link(1); m.Subject != product+": choose a new password" {
		t.Errorf("subject %q", m.Subject)
	}
	d.post(lrOTP+"&smstemplate="+lrSMSTemplate, `{"phone":"`+demoPhone+`"}`)
	if m := d.messages("reset-code", 1)[0]; !strings.HasSuffix(m.Text, "\n@localhost #"+m.Code) || !strings.Contains(m.Text, "Your "+product+" code: "+m.Code) {
		t.Errorf("text %q", m.Text)
	}
	for line := range strings.Lines(d.stderr.String()) {
		if strings.Contains(line, "template") {
			t.Errorf("log: %s", line)
		}
	}
}
