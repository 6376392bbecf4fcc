package routers_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/sessions"
	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/example/routers"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// lines is an access log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// A browser is on the site, and keeps cookies.
type browser struct {
	*http.Client
	base string
}

func newBrowser(t *testing.T, base string) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{&http.Client{Jar: jar}, base}
}

// do returns the answer after redirects.
func (b browser) do(t *testing.T, method, path, mediaType, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	res, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(all)
}

func (b browser) send(t *testing.T, path string, members map[string]string, want int) {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := b.do(t, http.MethodPost, path, "application/json", string(body)); status != want {
		t.Fatalf("%s: %d %s, want %d", path, status, text, want)
	}
}

func (b browser) signIn(t *testing.T, password string, want int) {
	t.Helper()
	form := url.Values{"email": {"ada@example.com"}, "password": {password}}.Encode()
	if status, text := b.do(t, http.MethodPost, "/sign-in", "application/x-www-form-urlencoded", form); status != want {
		t.Fatalf("sign-in: %d %s, want %d", status, text, want)
	}
}

func (b browser) is(t *testing.T, lead string) {
	t.Helper()
	if status, text := b.do(t, http.MethodGet, "/me", "", ""); status != http.StatusOK || text != lead {
		t.Errorf("signed in: %d %q, want %q", status, text, lead)
	}
}

// manager returns a session manager on a store. scs.New would start a goroutine
// that nothing ends.
func manager(store scs.Store) *scs.SessionManager {
	return &scs.SessionManager{
		Lifetime: time.Hour, Codec: scs.GobCodec{}, Store: store,
		Cookie:    scs.SessionCookie{Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode},
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), 500) },
	}
}

func sqliteStore(t *testing.T) scs.Store {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "sessions.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec("CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return sqlite3store.NewWithCleanupInterval(db, 0)
}

// In each application a reset, and a change while signed in, sign everybody else out, the new password signs
// in, the old one does not, and the access log has no token.
func TestRouters(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	store := sessions.NewCookieStore(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)) // yours are random
	store.Options.Secure, store.Options.HttpOnly, store.Options.SameSite = false, true, http.SameSiteLaxMode
	for name, application := range map[string]struct {
		manager *scs.SessionManager
		serve   func(h *routers.Host, accessLog io.Writer) http.Handler
		logs    bool
	}{
		"chi":  {manager(memstore.NewWithCleanupInterval(0)), routers.Chi, true},
		"echo": {manager(sqliteStore(t)), routers.Echo, true},
		"gin": {manager(memstore.NewWithCleanupInterval(0)), func(h *routers.Host, accessLog io.Writer) http.Handler {
			defer func(old io.Writer) { gin.DefaultWriter = old }(gin.DefaultWriter)
			gin.DefaultWriter = accessLog
			return routers.Gin(h)
		}, true},
		"gorilla": {nil, func(h *routers.Host, _ io.Writer) http.Handler { return routers.Gorilla(h, store) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var handler http.Handler
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
			defer server.Close()
			mail := make(chan recovery.Message, 8)
			mailer := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error { mail <- m; return nil })
			host, err := routers.NewHost(t.Context(), server.URL, "three brass monkeys", mailer, application.manager)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := host.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}()
			accessLog := &lines{}
			handler = application.serve(host, accessLog)

			thief, ada := newBrowser(t, server.URL), newBrowser(t, server.URL)
			thief.is(t, "")
			thief.signIn(t, "three brass monkeys", http.StatusNoContent)
			thief.is(t, "42")
			token := reset(t, ada, mail, "nine copper walruses")
			thief.is(t, "")
			thief.signIn(t, "three brass monkeys", http.StatusUnauthorized)
			thief.is(t, "")
			ada.signIn(t, "nine copper walruses", http.StatusNoContent)
			ada.is(t, "42")
			thief.signIn(t, "nine copper walruses", http.StatusNoContent)
			changed(t, ada, thief)

			logged := accessLog.String()
			if strings.Contains(logged, token) {
				t.Errorf("the access log has a live token:\n%s", logged)
			}
			if application.logs != strings.Contains(logged, "/account/reset?token=hidden") {
				t.Errorf("the access log is\n%s", logged)
			}
		})
	}
}

// changed has one browser change the password while signed in. It stays signed in,
// under another session; the thief's session ends, and so does a copy of the cookie
// that the browser had before.
func changed(t *testing.T, ada, thief browser) {
	t.Helper()
	site, err := url.Parse(ada.base)
	if err != nil {
		t.Fatal(err)
	}
	copied := newBrowser(t, ada.base)
	copied.Jar.SetCookies(site, ada.Jar.Cookies(site))
	copied.is(t, "42")
	newBrowser(t, ada.base).send(t, "/api/change-password", map[string]string{"currentPassword": "nine copper walruses", "password": "four iron herrings"}, http.StatusUnauthorized)
	ada.send(t, "/api/change-password", map[string]string{"currentPassword": "wrong", "password": "four iron herrings"}, http.StatusUnprocessableEntity)
	ada.send(t, "/api/change-password", map[string]string{"currentPassword": "nine copper walruses", "password": "four iron herrings"}, http.StatusNoContent)
	ada.is(t, "42")
	thief.is(t, "")
	copied.is(t, "")
	if status, text := ada.do(t, http.MethodGet, "/.well-known/change-password", "", ""); status != http.StatusOK || !strings.Contains(text, "Change your password") {
		t.Errorf("the well-known URL: %d %.200s", status, text)
	}
	thief.signIn(t, "nine copper walruses", http.StatusUnauthorized)
	thief.signIn(t, "four iron herrings", http.StatusNoContent)
}

// reset asks for a link, opens it, resets the password, and returns the token.
func reset(t *testing.T, b browser, mail <-chan recovery.Message, password string) (token string) {
	t.Helper()
	b.send(t, "/api/forgot-password", map[string]string{"email": "ada@example.com"}, http.StatusAccepted)
	var m recovery.Message
	testenv.Eventually(t, 20*time.Second, "a mail with a link", func() bool {
		select {
		case m = <-mail:
			return m.Kind == recovery.MessageResetLink
		default:
			return false
		}
	})
	link, err := url.Parse(m.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if status, page := b.do(t, http.MethodGet, link.RequestURI(), "", ""); status != http.StatusOK || !strings.Contains(page, "Choose a new password") {
		t.Fatalf("the page of the link: %d", status)
	}
	token = link.Query().Get("token")
	b.send(t, "/api/reset-password", map[string]string{"token": token, "password": password}, http.StatusNoContent)
	return token
}
