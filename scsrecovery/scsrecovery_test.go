package scsrecovery_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/scsrecovery"
)

// A store is the memory store of scs, which tests can observe and break.
type store struct {
	*memstore.MemStore
	mu      sync.Mutex
	broken  error
	expires time.Time // of the last commit
	token   string    // of the last commit
}

func (s *store) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, false, s.broken
	}
	return s.MemStore.Find(token)
}

func (s *store) Commit(token string, b []byte, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.token, s.expires = token, expires
	return s.MemStore.Commit(token, b, expires)
}

func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// A host has two leads, ada and bob, and these paths: /in?lead=ada signs in, /out
// signs out, /renew renews the token, and /who answers with who is signed in. It
// keeps something in the session, and /seen answers whether that is there.
type host struct {
	*scsrecovery.Sessions
	manager *scs.SessionManager
	store   *store
	leads   *recoverytest.Leads
	read    map[string]recovery.Lead // as log-in read them
	handler http.Handler
	during  func() // runs while /who and /renew are under way
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{
		// scs.New would start a goroutine that nothing ends.
		manager: &scs.SessionManager{Lifetime: 24 * time.Hour, Codec: scs.GobCodec{}, Cookie: scs.SessionCookie{Name: "session", Path: "/", Persist: true}},
		store:   &store{MemStore: memstore.NewWithCleanupInterval(0)},
		leads:   recoverytest.NewLeads(), read: map[string]recovery.Lead{}, during: func() {},
	}
	h.manager.Store = h.store
	h.manager.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	for _, id := range []string{"ada", "bob"} {
		h.leads.Add(recovery.Lead{ID: id, Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: id + "@example.com", Verified: true},
		}}, "old")
		h.readAgain(t, id)
	}
	var err error
	if h.Sessions, err = scsrecovery.New(h.manager, h.leads, scsrecovery.Options{}); err != nil {
		t.Fatal(err)
	}
	h.handler = h.manager.LoadAndSave(h.Middleware(h.mux()))
	return h
}

func (h *host) readAgain(t *testing.T, id string) {
	t.Helper()
	lead, err := h.leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
	if err != nil {
		t.Fatal(err)
	}
	h.read[id] = lead
}

func (h *host) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
		if err := h.SignIn(r.Context(), h.read[r.URL.Query().Get("lead")]); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, h.LeadID(r.Context()))
	})
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
		if err := h.SignOut(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, h.LeadID(r.Context()))
	})
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		h.during()
		h.manager.Put(r.Context(), "seen", true) // so the session is saved again
		_, _ = io.WriteString(w, h.LeadID(r.Context()))
	})
	mux.HandleFunc("/seen", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strconv.FormatBool(h.manager.GetBool(r.Context(), "seen")))
	})
	mux.HandleFunc("/renew", func(w http.ResponseWriter, r *http.Request) {
		h.during()
		if err := h.manager.RenewToken(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

// A browser keeps one cookie.
type browser struct {
	h      *host
	cookie string
}

func (b *browser) get(path string) (status int, body string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if b.cookie != "" {
		r.Header.Set("Cookie", "session="+b.cookie)
	}
	w := httptest.NewRecorder()
	b.h.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Value
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

func (b *browser) want(t *testing.T, path, body string) {
	t.Helper()
	if status, got := b.get(path); status != http.StatusOK || got != body {
		t.Errorf("%s: %d %q, want %q", path, status, got, body)
	}
}

func (h *host) end(t *testing.T, id string) {
	t.Helper()
	if err := h.EndSessions(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestEndSessionsEndsAllOfOneLead(t *testing.T) {
	h := newHost(t)
	phone, laptop, other := &browser{h: h}, &browser{h: h}, &browser{h: h}
	phone.want(t, "/who", "")
	before := phone.cookie
	phone.want(t, "/in?lead=ada", "ada")
	if phone.cookie == before {
		t.Error("the token of before the sign-in is still the token of the session")
	}
	laptop.want(t, "/in?lead=ada", "ada")
	other.want(t, "/in?lead=bob", "bob")
	h.end(t, "ada")
	for _, b := range []*browser{phone, laptop} {
		b.want(t, "/who", "")
	}
	other.want(t, "/who", "bob")
	// Whoever signs in again stays in, until the next reset.
	phone.want(t, "/in?lead=ada", "ada")
	phone.want(t, "/who", "ada")
	h.end(t, "ada")
	phone.want(t, "/who", "")
	other.want(t, "/in?lead=ada", "ada")
	other.want(t, "/out", "")
	other.want(t, "/who", "")
}

// A74: somebody signs in at a browser where another is still signed in, and gets
// nothing of what the host kept in that session. Whoever signs in a second time
// keeps it.
func TestSignInOverAnotherLeadKeepsNothingOfIt_A74(t *testing.T) {
	h := newHost(t)
	shared := &browser{h: h}
	shared.want(t, "/in?lead=ada", "ada")
	shared.want(t, "/who", "ada")
	shared.want(t, "/in?lead=ada", "ada")
	shared.want(t, "/seen", "true")
	adas := shared.cookie
	shared.want(t, "/in?lead=bob", "bob")
	shared.want(t, "/seen", "false")
	if shared.cookie == adas {
		t.Error("bob's session has the token of ada's")
	}
	(&browser{h, adas}).want(t, "/who", "")
}

// A session that is saved while a reset ends it is not open afterwards, and
// neither is one whose token changes meanwhile. If EndSessions deleted sessions,
// both would be stored again.
func TestRequestsUnderWayDoNotKeepASessionOpen(t *testing.T) {
	for _, path := range []string{"/who", "/renew"} {
		h := newHost(t)
		b := &browser{h: h}
		b.want(t, "/in?lead=ada", "ada")
		h.during = func() { h.end(t, "ada") }
		if status, _ := b.get(path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		h.during = func() {}
		b.want(t, "/who", "")
	}
}

// A74: a log-in that compared the old password while a reset ran is not signed
// in after it, wherever the reset comes between its steps.
func TestSignInRacesWithAReset_A74(t *testing.T) {
	h := newHost(t)
	reset := func(ctx context.Context) {
		if err := h.leads.SetPasswordHash(ctx, "ada", "new"); err != nil {
			t.Error(err)
		}
		h.end(t, "ada")
	}
	// Before SignIn begins: the lead is another one by then.
	b := &browser{h: h}
	reset(t.Context())
	if status, body := b.get("/in?lead=ada"); status != http.StatusUnauthorized || body != scsrecovery.ErrLeadChanged.Error() {
		t.Errorf("after the reset: %d %q", status, body)
	}
	b.want(t, "/who", "")

	// After SignIn has read the lead: the stamp is an old one by then.
	h.readAgain(t, "ada")
	h.leads.SetHooks(recoverytest.LeadsHooks{AfterFind: func(ctx context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
		h.leads.SetHooks(recoverytest.LeadsHooks{})
		reset(ctx)
		return lead, nil
	}})
	b.want(t, "/in?lead=ada", "ada")
	b.want(t, "/who", "")

	// A lead that was disabled or removed meanwhile does not get in either.
	h.readAgain(t, "bob")
	h.leads.SetStatus("bob", recovery.StatusDisabled)
	if status, _ := b.get("/in?lead=bob"); status != http.StatusUnauthorized {
		t.Errorf("a disabled lead: %d", status)
	}
	h.read["carol"] = recovery.Lead{ID: "carol", Status: recovery.StatusActive}
	if status, body := b.get("/in?lead=carol"); status != http.StatusUnauthorized || !strings.Contains(body, scsrecovery.ErrLeadChanged.Error()) {
		t.Errorf("nobody: %d %q", status, body)
	}
}

// Whoever forgets the Middleware finds nobody signed in, and an error that says
// what is missing.
func TestNobodyIsSignedInWithoutTheMiddleware(t *testing.T) {
	h := newHost(t)
	b := &browser{h: h}
	b.want(t, "/in?lead=ada", "ada")
	h.handler = h.manager.LoadAndSave(h.mux())
	b.want(t, "/who", "")
	if status, body := b.get("/in?lead=ada"); status != http.StatusUnauthorized || !strings.Contains(body, "Sessions.Middleware") {
		t.Errorf("%d %q", status, body)
	}
}

// While the store fails, nobody is let in, and a reset is told to try again.
func TestAStoreThatFailsLetsNobodyIn(t *testing.T) {
	h := newHost(t)
	b := &browser{h: h}
	b.want(t, "/in?lead=ada", "ada")
	down := errors.New("the store is down")
	reached := false
	h.during = func() { reached = true }
	handler := h.Middleware(h.mux())
	h.handler = h.manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.store.fail(down) // after the session was loaded
		handler.ServeHTTP(w, r)
	}))
	if status, body := b.get("/who"); status != http.StatusInternalServerError || !strings.Contains(body, down.Error()) || reached {
		t.Errorf("%d %q, reached the page: %v", status, body, reached)
	}
	if err := h.EndSessions(t.Context(), "ada"); !errors.Is(err, down) {
		t.Errorf("EndSessions: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.EndSessions(ctx, "ada"); !errors.Is(err, context.Canceled) {
		t.Errorf("EndSessions after its context: %v", err)
	}
}

// The record of a lead is in the same store as sessions. A client that knows its
// token, which anybody can compute, cannot present it: it would destroy it.
func TestNoClientReachesTheRecordOfALead(t *testing.T) {
	h := newHost(t)
	b := &browser{h: h}
	b.want(t, "/in?lead=ada", "ada")
	h.end(t, "ada")
	token := h.store.token
	if len(token) != 43 {
		t.Errorf("the token of the record has %d characters, and some stores have a column of 43", len(token))
	}
	for _, cookie := range []string{token, `"` + token + `"`, strings.TrimSpace(token), "%0A" + strings.TrimSpace(token)} {
		thief := &browser{h: h, cookie: cookie}
		thief.get("/out")
	}
	if _, found, err := h.store.Find(token); !found || err != nil {
		t.Errorf("the record is gone: %v", err)
	}
	b.want(t, "/who", "")
	// A host that visits all sessions is not stopped by it.
	visited := 0
	if err := h.manager.Iterate(t.Context(), func(context.Context) error { visited++; return nil }); err != nil || visited == 0 {
		t.Errorf("Iterate visited %d sessions: %v", visited, err)
	}
}

// A stamp lives longer than every session that it ended, and does not end those
// that were opened after it when it expires.
func TestStampsOutliveTheSessionsTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		old, recent := &browser{h: h}, &browser{h: h}
		old.want(t, "/in?lead=ada", "ada")
		h.end(t, "ada")
		if got := time.Until(h.store.expires); got < h.manager.Lifetime+time.Hour {
			t.Errorf("the stamp lives %v", got)
		}
		time.Sleep(h.manager.Lifetime - time.Second)
		recent.want(t, "/in?lead=ada", "ada")
		(&browser{h: h, cookie: old.cookie}).want(t, "/who", "") // the last second of the old session
		time.Sleep(2 * time.Hour)                                // the stamp has expired
		recent.want(t, "/who", "ada")
		h.end(t, "ada")
		recent.want(t, "/who", "")
	})
}

func TestNewReportsMistakes(t *testing.T) {
	if _, err := scsrecovery.New(nil, nil, scsrecovery.Options{}); err == nil || strings.Count(err.Error(), "is required") != 2 {
		t.Errorf("nothing: %v", err)
	}
	manager := &scs.SessionManager{Lifetime: time.Hour}
	_, err := scsrecovery.New(manager, recoverytest.NewLeads(), scsrecovery.Options{MaxLifetime: time.Minute})
	if e, ok := errors.AsType[*recovery.OptionError](err); !ok || e.Package != "scsrecovery" || e.Option != "MaxLifetime" {
		t.Errorf("a lifetime shorter than the manager's: %v", err)
	}
}
