// Tests of the pages of package portal in a real Chromium. They are in this
// module, so that whoever requires the main module does not require a driver of
// browsers.
package portal_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// chromium is the browser of all tests of this package.
var chromium browsertest.Shared

func TestMain(m *testing.M) {
	flag.Parse()
	// Tests wait for the browser most of the time, so more of them can run at
	// once.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

// The hosts around a site. One server serves all of them. To a browser they are
// different sites, except that hostOfNeighbour is another origin of the same
// site as hostOfSite.
const (
	hostOfSite      = "acme.example"
	hostOfNeighbour = "blog.acme.example"
	hostOfMail      = "mail.example"
	hostOfEvil      = "evil.example"
)

// The people of a site, and a password that both of them can choose.
const (
	johnMail     = "johnwick@example.com"
	johnPhone    = "+14157415569"
	maryMail     = "mary@example.com"
	goodPassword = "Continental-coins-for-a-room"
)

var fields = []recovery.Field{
	{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
	{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
}

// fastHasher is a hasher that takes no time.
type fastHasher struct{}

func (fastHasher) Hash(_ context.Context, pw string) (string, error) { return "fast:" + pw, nil }

func (fastHasher) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "fast:"+a.Password}, nil
}

// A site serves the pages as people get them: over TLS, with real cookies, and
// with other sites around.
type site struct {
	t          *testing.T
	pages      *portal.Handler
	service    *recovery.Service
	leads      *recoverytest.Leads
	outbox     *recoverytest.Outbox
	log        *bytes.Buffer // only the service may use it before its Shutdown
	john, mary string        // IDs of leads
	server     *httptest.Server
	port       string
	base       string // URL of the pages
	everyHost  bool   // whether the pages get the requests for every host

	tokens recovery.TokenStore                 // by default one in memory
	store  recovery.LeadStore                  // by default leads
	hashOf func(leadID string) (string, error) // what store has
	host   map[string]http.HandlerFunc         // pages of the host, by path
	desk   *portal.Handler                     // the pages at hostOfDesk, for some tests

	mu     sync.Mutex
	others map[string]string        // pages of the host and of other sites, by host and path
	gates  map[string]chan struct{} // by method and path
	after  map[string]chan struct{} // like gates, for answers
	tamper func(html string) string
	rest   chan struct{}
	visits []visit
	read   map[string]bool // IDs of messages
	calm   bool            // whether errors in the log are expected
}

// A visit is a request that arrived at the server.
type visit struct {
	Host, Method, URI string
	Header            http.Header
}

// newSite starts a site in English, where people can use a phone number.
func newSite(t *testing.T, edit func(*recovery.Options, *portal.Options)) *site {
	t.Helper()
	return newSiteWith(t, func(_ *site, ro *recovery.Options, po *portal.Options) {
		if edit != nil {
			edit(ro, po)
		}
	})
}

// newSiteWith is newSite for options that need the URLs of the site.
func newSiteWith(t *testing.T, edit func(*site, *recovery.Options, *portal.Options)) *site {
	t.Helper()
	browsertest.Require(t)
	s := &site{
		t: t, leads: recoverytest.NewLeads(append(slices.Clone(fields), recovery.Field{Name: "Login", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true})...), outbox: &recoverytest.Outbox{}, log: &bytes.Buffer{},
		others: map[string]string{}, gates: map[string]chan struct{}{}, after: map[string]chan struct{}{}, read: map[string]bool{},
	}
	s.tokens = recovery.NewMemoryTokenStore()
	s.hashOf = func(leadID string) (string, error) { return s.leads.Hash(leadID), nil }
	server := httptest.NewUnstartedServer(s)
	s.server = server
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log browsers that hang up
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.port = port
	s.base = s.url(hostOfSite, "/account")

	s.john = s.addLead("John Wick", johnMail, johnPhone)
	s.mary = s.addLead("Mary", maryMail, "+4930123456")
	keys := [][]byte{testenv.Key("k")}
	ro := recovery.Options{
		Keys: keys, Link: recovery.Link{URL: s.base + "/reset"}, NotMe: recovery.Link{URL: s.base + "/not-me"},
		Sessions: recovery.SessionEnderFunc(func(context.Context, string) error { return nil }),
		Fields:   fields, Passwords: recovery.PasswordOptions{Hasher: fastHasher{}}, Limiter: limiterByHost{},
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	po := portal.Options{
		BaseURL: s.base, Keys: keys, Product: "Acme", SignIn: "/sign-in", PhoneField: "Phone", Support: "help@acme.example",
		Languages: []language.Tag{language.English},
	}
	edit(s, &ro, &po)
	leads := s.store
	switch {
	case leads != nil:
	case ro.Invitations.Link.URL != "", ro.Change.SignedIn != nil:
		leads = s.leads.Full()
	default:
		leads = s.leads
	}
	if s.service, err = recovery.New(leads, s.tokens, s.outbox, ro); err != nil {
		t.Fatal(err)
	}
	if s.pages, err = portal.New(s.service, po); err != nil {
		t.Fatal(err)
	}
	s.serve(hostOfSite, "/sign-in", `<!DOCTYPE html><title>Sign in</title><link rel="icon" href="data:,"><h1>Sign in</h1>`)
	server.StartTLS()
	// Other clients find the hosts in the same way as the browser.
	transport := server.Client().Transport.(*http.Transport)
	transport.TLSClientConfig.InsecureSkipVerify = true
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(func() {
		server.Close()
		if err := s.service.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if l := s.log.String(); !s.calm && strings.Contains(l, "level=ERROR") {
			t.Errorf("errors were logged: %.2000s", l)
		}
	})
	return s
}

func (s *site) addLead(name, address, phone string) string {
	return s.leads.Add(recovery.Lead{Name: name, Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: address, Verified: true}, "Phone": {Value: phone, Verified: true},
	}}, "fast:old password of "+name)
}

// hash returns the hash that is stored for a password.
func (s *site) hash(pw string) string { return "fast:" + pw }

// unchanged checks that neither person has another password.
func (s *site) unchanged() {
	s.t.Helper()
	if j, m := s.leads.Hash(s.john), s.leads.Hash(s.mary); j != "fast:old password of John Wick" || m != "fast:old password of Mary" {
		s.t.Errorf("a password was changed: %s, %s", j, m)
	}
}

// has checks which person has which password now.
func (s *site) has(lead, pw string) {
	s.t.Helper()
	if h, err := s.hashOf(lead); err != nil || h != s.hash(pw) {
		s.t.Errorf("%s has %q, %v, want %q", lead, h, err, s.hash(pw))
	}
}

func (s *site) url(host, path string) string { return "https://" + host + ":" + s.port + path }

// serve adds a page without the security headers of the portal, to another site
// or to the same site.
func (s *site) serve(host, path, html string) (url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others[host+path] = html
	return s.url(host, path)
}

// hold makes requests wait before they are served, until the returned function
// is called.
func (s *site) hold(method, path string) (letGo func()) { return s.holdAt(s.gates, method+" "+path) }

// holdAnswers makes answers wait after everything was done, until the returned
// function is called.
func (s *site) holdAnswers(method, path string) (letGo func()) {
	return s.holdAt(s.after, method+" "+path)
}

func (s *site) holdAt(where map[string]chan struct{}, what string) (letGo func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	where[what] = gate
	letGo = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(where, what)
		close(gate)
	})
	s.t.Cleanup(letGo)
	return letGo
}

// The portal is the same under every name. Under hostOfClosed every limit is
// exceeded. Under hostOfBroken the limiter does not answer.
const (
	hostOfClosed = "closed." + hostOfSite
	hostOfBroken = "broken." + hostOfSite
)

// Under hostOfDesk the pages have a form for the codes of a help desk.
const hostOfDesk = "desk." + hostOfSite

// limiterByHost counts nothing, so that no test exceeds a limit by accident.
type limiterByHost struct{}

func (limiterByHost) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	all := make([]recovery.Decision, len(takes))
	for i, t := range takes {
		all[i] = recovery.Decision{Allowed: ctx.Value(hostKey{}) != hostOfClosed, Limit: t.Policy.Limits[0], RetryAfter: 2 * time.Minute}
	}
	if ctx.Value(hostKey{}) == hostOfBroken {
		return nil, errors.New("no answer")
	}
	return all, nil
}

// hostKey is the key, in the context of a request, of the host that was asked.
type hostKey struct{}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.Host)
	r = r.WithContext(context.WithValue(r.Context(), hostKey{}, host))
	s.mu.Lock()
	s.visits = append(s.visits, visit{host, r.Method, r.RequestURI, r.Header.Clone()})
	other, isOther := s.others[host+r.URL.Path]
	desk := s.desk
	before, after, tamper, rest := s.gates[r.Method+" "+r.URL.Path], s.after[r.Method+" "+r.URL.Path], s.tamper, s.rest
	s.mu.Unlock()
	if before != nil {
		<-before
	}
	switch {
	case s.host[r.URL.Path] != nil:
		s.host[r.URL.Path](w, r)
	case desk != nil && host == hostOfDesk:
		desk.ServeHTTP(w, r)
	case isOther:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, other)
	case host != hostOfSite && host != hostOfClosed && host != hostOfBroken && !s.everyHost:
		http.NotFound(w, r)
	case tamper != nil:
		rec := httptest.NewRecorder()
		s.pages.ServeHTTP(rec, r)
		maps.Copy(w.Header(), rec.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(rec.Code)
		now, later, paused := strings.Cut(tamper(rec.Body.String()), "<!-- pause -->")
		_, _ = io.WriteString(w, now)
		if paused {
			w.(http.Flusher).Flush()
			<-rest
			_, _ = io.WriteString(w, later)
		}
	case s.everyHost && r.URL.Path == "/favicon.ico":
		w.WriteHeader(http.StatusNoContent) // it is the host's
	case s.everyHost, strings.HasPrefix(r.URL.Path, "/account"), r.URL.Path == "/.well-known/change-password":
		s.pages.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
	if after != nil {
		<-after
	}
}

// alter lets f change pages on their way. The rest of a page behind a "<!--
// pause -->" that f writes waits until the returned function is called.
func (s *site) alter(f func(html string) string) (letGo func()) {
	rest := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper, s.rest = f, rest
	letGo = sync.OnceFunc(func() { close(rest) })
	s.t.Cleanup(letGo)
	return letGo
}

// visited returns the requests that arrived for a method and a path.
func (s *site) visited(method, path string) []visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []visit
	for _, v := range s.visits {
		uri, _, _ := strings.Cut(v.URI, "?")
		if v.Method == method && uri == path {
			all = append(all, v)
		}
	}
	return all
}

// tab opens a tab in a profile of its own, which asks for a language.
func (s *site) tab(lang string, width int) *browsertest.Tab {
	s.t.Helper()
	tab := chromium.Browser(s.t).Open(s.t)
	tab.Languages(lang)
	tab.Size(width, 900, 1)
	return tab
}

// message waits for the next message of a kind to an address.
func (s *site) message(kind recovery.MessageKind, to string) recovery.Message {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	for n := 1; ; n++ {
		all, err := s.outbox.Wait(ctx, n)
		if err != nil {
			s.t.Fatalf("no message %s: %v", kind, err)
		}
		m := all[n-1]
		s.mu.Lock()
		mine := m.Kind == kind && m.To == to && !s.read[m.ID]
		if mine {
			s.read[m.ID] = true
		}
		s.mu.Unlock()
		if mine {
			return m
		}
	}
}

// link asks for a link and returns the link in the mail.
func (s *site) link(address string) string {
	s.t.Helper()
	_, err := s.service.ForgotPassword(s.t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: address}})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.message(recovery.MessageResetLink, address).URL.Reveal()
}

// inbox adds a webmail with a link in a mail, and returns its address.
func (s *site) inbox(link string) string {
	return s.serve(hostOfMail, "/inbox", `<!DOCTYPE html><title>Inbox</title><link rel="icon" href="data:,"><p><a id="link" href="`+link+`">Choose a new password</a>`)
}

// on checks which page the tab shows, and what the page says.
func (s *site) on(tab *browsertest.Tab, path string, status int, words ...string) {
	s.t.Helper()
	if got := tab.URL(); got != s.base+path {
		s.t.Fatalf("on %s, want %s: %.300s", got, path, said(tab))
	}
	if got := tab.Status(); got != status {
		s.t.Fatalf("%s has the status %d, want %d: %.300s", path, got, status, said(tab))
	}
	text := said(tab)
	for _, w := range words {
		if !strings.Contains(text, w) {
			s.t.Errorf("%s does not say %q: %.600s", path, w, text)
		}
	}
}

// said returns the text of the page in one line.
func said(tab *browsertest.Tab) string {
	return browsertest.Eval[string](tab, `document.body.innerText.replace(/\s+/g, " ")`)
}

// value returns the value of a field.
func value(tab *browsertest.Tab, selector string) string {
	return browsertest.Eval[string](tab, fmt.Sprintf("document.querySelector(%q).value", selector))
}

// focused waits until an element has the focus. A page sets the focus a moment
// after it was loaded.
func focused(tab *browsertest.Tab, selector string) {
	tab.Wait(fmt.Sprintf("document.activeElement.matches(%q)", selector))
}

// fill clicks on a field and replaces its text, as password managers do. Some
// tests type the text instead.
func fill(tab *browsertest.Tab, selector, text string) {
	tab.Click(selector)
	tab.Shortcut("a")
	tab.Insert(text)
}

// submit clicks on the button of the page's form and waits for the answer.
func submit(tab *browsertest.Tab) {
	tab.Follow(func() { tab.Click("[type=submit]") })
}

// silent checks that the browser complained of nothing.
func (s *site) silent(tab *browsertest.Tab) {
	s.t.Helper()
	if c := tab.Complaints(); len(c) > 0 {
		s.t.Errorf("the browser complains:\n%s", strings.Join(c, "\n"))
	}
}
