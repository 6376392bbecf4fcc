package portal_test

import (
	"bytes"
	"context"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const (
	base         = "https://acme.example/account"
	johnMail     = "johnwick@example.com"
	johnPhone    = "+14157415569"
	goodPassword = "Continental-coins-for-a-room"
)

// fastHasher is a hasher that takes no time.
type fastHasher struct{}

func (fastHasher) Hash(_ context.Context, pw string) (string, error) { return "fast:" + pw, nil }

func (fastHasher) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "fast:"+a.Password}, nil
}

// A world is a Service and its portal, and the fakes around them.
type world struct {
	*portal.Handler
	t       *testing.T
	service *recovery.Service
	leads   *recoverytest.Leads
	tokens  *hookedTokens
	outbox  *recoverytest.Outbox
	john    string // the ID of his lead
	log     *logBuffer
	hide    bool // whether recovery.HideTokens is mounted outermost

	mounted func(pages http.Handler) http.Handler // how the host mounts the pages; nil for alone
}

// hookedTokens is a TokenStore that fails on demand.
type hookedTokens struct {
	recovery.TokenStore
	ahead time.Duration // its clock, of the portal's
	mu    sync.Mutex
	fail  error
}

func (s *hookedTokens) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.mu.Lock()
	err := s.fail
	s.mu.Unlock()
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	token, err := s.TokenStore.Peek(ctx, refs...)
	token.Expires = token.Expires.Add(s.ahead)
	return token, err
}

func (s *hookedTokens) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func fields() []recovery.Field {
	return []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
	}
}

// loginField holds user names. The Services of most worlds have no such field.
var loginField = recovery.Field{Name: "Login", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true}

// generous returns limits that no test exceeds by accident.
func generous() recovery.Limits {
	l := recovery.DefaultLimits()
	for _, policy := range []*recovery.LimitPolicy{&l.ClientForgot, &l.ClientReset, &l.ClientCheck, &l.Identifier, &l.Lead, &l.Recipient} {
		*policy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: time.Minute}}}
	}
	l.SMSBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: time.Minute}}}
	return l
}

// allLanguages makes a world offer every language.
func allLanguages(_ *recovery.Options, o *portal.Options) { o.Languages = nil }

// inWorld runs f in a synctest bubble, with a time of its own.
func inWorld(t *testing.T, edit func(*recovery.Options, *portal.Options), f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, edit)
		defer func() {
			if err := w.service.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		f(w)
	})
}

func newWorld(t *testing.T, edit func(*recovery.Options, *portal.Options)) *world {
	t.Helper()
	w := &world{
		t: t, leads: recoverytest.NewLeads(append(fields(), loginField)...), outbox: &recoverytest.Outbox{}, log: &logBuffer{},
		tokens: &hookedTokens{TokenStore: recovery.NewMemoryTokenStore()},
	}
	w.john = w.leads.Add(recovery.Lead{Name: "John Wick", Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: johnMail, Verified: true}, "Phone": {Value: johnPhone, Verified: true},
	}}, "fast:old")
	keys := [][]byte{testenv.Key("k")}
	ro := recovery.Options{
		Keys: keys, Link: recovery.Link{URL: base + "/reset"}, NotMe: recovery.Link{URL: base + "/not-me"},
		Sessions: recovery.SessionEnderFunc(func(context.Context, string) error { return nil }),
		Fields:   fields(), Passwords: recovery.PasswordOptions{Hasher: fastHasher{}}, Limits: generous(),
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	po := portal.Options{
		BaseURL: base, Keys: keys, Product: "Acme", SignIn: "/sign-in", PhoneField: "Phone",
		// Three stand for all: one of them is written from right to left.
		Languages: []language.Tag{language.English, language.German, language.Arabic},
	}
	if edit != nil {
		edit(&ro, &po)
	}
	var leads recovery.LeadStore = w.leads.Multi()
	if ro.Invitations.Link.URL != "" || ro.Change.SignedIn != nil {
		leads = w.leads.Full()
	}
	var err error
	if w.service, err = recovery.New(leads, w.tokens, w.outbox, ro); err != nil {
		t.Fatal(err)
	}
	if w.Handler, err = portal.New(w.service, po); err != nil {
		t.Fatal(err)
	}
	return w
}

// message waits for the next message.
func (w *world) message() recovery.Message {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	m, err := w.outbox.Next(ctx)
	if err != nil {
		w.t.Fatal("no message:", err)
	}
	return m
}

// messageOf waits for a message of a kind.
func (w *world) messageOf(kind recovery.MessageKind) recovery.Message {
	w.t.Helper()
	for {
		if m := w.message(); m.Kind == kind {
			return m
		}
	}
}

// link asks for a link for John and returns it as it was mailed.
func (w *world) link() string {
	w.t.Helper()
	return w.linkFor(johnMail)
}

func (w *world) linkFor(address string) string {
	w.t.Helper()
	_, err := w.service.ForgotPassword(w.t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: address}})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.messageOf(recovery.MessageResetLink).URL.Reveal()
}

func (w *world) changed() bool { return w.leads.Hash(w.john) == "fast:"+goodPassword }

// A visitor is a browser without scripts. It keeps cookies.
type visitor struct {
	w       *world
	cookies map[string]*http.Cookie
	header  http.Header
	client  string
}

func (w *world) visitor() *visitor {
	return &visitor{w: w, cookies: map[string]*http.Cookie{}, header: http.Header{}, client: "192.0.2.1:1234"}
}

// A page is an answer to a request.
type page struct {
	*http.Response
	body string
}

func (v *visitor) do(r *http.Request) page {
	v.w.t.Helper()
	r.RemoteAddr = v.client
	for name, values := range v.header {
		r.Header[name] = values
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate") // as browsers do over https
	for _, c := range v.cookies {
		if c.Expires.IsZero() || time.Now().Before(c.Expires) {
			r.AddCookie(c)
		}
	}
	rec := httptest.NewRecorder()
	var served http.Handler = v.w
	if v.w.mounted != nil {
		served = v.w.mounted(served)
	}
	if v.w.hide {
		served = recovery.HideTokens(served, "t")
	}
	served.ServeHTTP(rec, r)
	answer := page{rec.Result(), rec.Body.String()}
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		if c.MaxAge > 0 {
			c.Expires = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
		v.cookies[c.Name] = c
	}
	return answer
}

func (v *visitor) get(target string) page {
	v.w.t.Helper()
	return v.do(httptest.NewRequest(http.MethodGet, strings.TrimPrefix(target, "https://acme.example"), nil))
}

// open follows redirects, as a browser does.
func (v *visitor) open(target string) page {
	v.w.t.Helper()
	for range 5 {
		p := v.get(target)
		if p.StatusCode != http.StatusSeeOther {
			return p
		}
		target = p.Header.Get("Location")
	}
	v.w.t.Fatal("redirects without end")
	return page{}
}

func (v *visitor) post(target string, fields ...string) page {
	v.w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, strings.TrimPrefix(target, "https://acme.example"), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "https://acme.example")
	if site := v.header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		r.Header.Set("Origin", "https://evil.example")
	}
	return v.do(r)
}

// text returns the visible text of a page.
func (p page) text() string {
	s := regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>`).ReplaceAllString(p.body, "")
	s = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(s, " ")
	return strings.Join(strings.Fields(html.UnescapeString(s)), " ")
}

// has reports whether the page's markup contains s, in whatever way its
// characters are escaped.
func (p page) has(s string) bool { return strings.Contains(html.UnescapeString(p.body), s) }

var proofField = regexp.MustCompile(`name="proof" value="([^"]*)"`)

// proof returns the proof in the page's form.
func (p page) proof() string {
	m := proofField.FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// is checks the status of a page, and the words that it must contain.
func (p page) is(t *testing.T, what string, status int, words ...string) {
	t.Helper()
	if p.StatusCode != status {
		t.Errorf("%s: status %d, want %d: %.300s", what, p.StatusCode, status, p.text())
	}
	for _, s := range words {
		if !strings.Contains(p.text(), s) {
			t.Errorf("%s does not say %q: %.600s", what, s, p.text())
		}
	}
}
