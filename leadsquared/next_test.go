package leadsquared_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
)

// Every path of Paths is served, and no other path is.
func TestPathsAreServed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, path := range leadsquared.Paths() {
			if rec := w.do(get(path)); rec.Code == 404 {
				t.Errorf("%s is not served", path)
			}
		}
		want := []string{forgotV2, forgotV2b, forgotV1, forgotV1b, resetV2, resetV1, publicTok, regTok}
		if got := strings.Join(leadsquared.Paths(), " "); got != strings.Join(want, " ") {
			t.Errorf("the paths are %s", got)
		}
	})
}

// nextTest is a handler of the host's for the paths that the wire does not
// serve. It keeps what it got.
type nextTest struct {
	got    *http.Request
	body   string
	header http.Header // of the answer, before anything was set
}

func (n *nextTest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.got, n.header = r, w.Header().Clone()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	n.body = string(b)
	w.WriteHeader(http.StatusTeapot)
}

func (w *world) withNext() *nextTest {
	w.t.Helper()
	next := &nextTest{}
	opts := w.options()
	opts.Next = next
	w.rebuild(opts)
	return next
}

// The next handler gets requests as the client sent them: with body, query,
// credentials and any method, and with nothing set on the answer. The query is
// that of the client also behind HideTokens.
func TestNext(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		next := w.withNext()
		for _, path := range []string{
			"/api/Authentication/v2/ChangePassword", "/api/Authentication/v2/Signin", "/api/Authentication/v2/Register?",
			"/api/Authentication/ResetPassword/confirm", "/api/Lead/" + johnID, "/", "/elsewhere",
			query("/api/Access/Other", accessA, secretA),
		} {
			for _, method := range []string{"POST", "GET", "PUT", "DELETE", "OPTIONS"} {
				r := post(path, `{"Password":"old"}`, header("Authorization", "not a key of ours"), header("Origin", originB))
				r.Method = method
				uri := r.URL.String()
				rec := httptest.NewRecorder()
				recovery.HideTokens(w.handler).ServeHTTP(rec, r)
				got := next.got
				if rec.Code != http.StatusTeapot || got == nil {
					t.Errorf("%s %s: %d %s", method, path, rec.Code, rec.Body)
					continue
				}
				if got.Method != method || got.URL.String() != uri || next.body != `{"Password":"old"}` || got.Header.Get("Authorization") != "not a key of ours" {
					t.Errorf("%s %s arrived as %s %s with %q", method, path, got.Method, got.URL, next.body)
				}
				if len(next.header) != 0 || len(rec.Header()) != 0 {
					t.Errorf("%s %s: headers of the answer: %v, %v", method, path, next.header, rec.Header())
				}
				next.got = nil
			}
		}
	})
}

// The wire's own paths stay its own: with any method, in any case, below any
// mount, and in every spelling that another server could read as one of them
// (A52). What the next handler never gets has no effect here either.
func TestNextGetsNoneOfOurs_A52(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		next := w.withNext()
		for _, path := range leadsquared.Paths() {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				r := post(path, `{}`, noKeys, header("X-HTTP-Method-Override", "PUT"))
				r.Method = method
				if rec := w.do(r); next.got != nil || rec.Code != 401 && rec.Code != 405 {
					t.Fatalf("%s %s: %d", method, path, rec.Code)
				}
			}
			for _, spelling := range []string{
				path + "/", "/" + path, strings.Replace(path, "/api/", "/api//", 1), strings.Replace(path, "/api/", "/api/./", 1),
				strings.Replace(path, "/api/", "/api/x/../", 1), strings.Replace(path, "/api/", "/api/x%2f..%2f", 1),
				strings.Replace(path, "e", "%65", 1), strings.Replace(path, "e", "%2565", 1), strings.Replace(path, "/api/", `/api\`, 1),
				path + ";v=1", path + "%3F", path + ".", path + "%20", strings.ToLower(path) + "/", "/elsewhere" + path,
				strings.Replace(path, "s", "%C5%BF", 1),
			} {
				rec := w.do(post(spelling, seedEmail))
				if next.got != nil || rec.Code != 404 {
					t.Fatalf("%s: %d, and Next got it: %v", spelling, rec.Code, next.got != nil)
				}
			}
		}
		w.noEffect(t)
	})
}

// Below a mount too, the next handler gets what is not the wire's, with its
// path as it came.
func TestNextBelowAMount(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		next := &nextTest{}
		opts := w.options()
		opts.Path, opts.Next = "/crm", next
		w.rebuild(opts)
		want(t, w.do(post("/crm"+forgotV2, `{"EmailAddress":"nobody@example.com"}`)), 200, forgotOK)
		if next.got != nil {
			t.Error("Next got an endpoint")
		}
		w.handler.ServeHTTP(httptest.NewRecorder(), post("/crm/api/Authentication/v2/Signin", `{}`))
		if next.got == nil || next.got.URL.Path != "/crm/api/Authentication/v2/Signin" {
			t.Errorf("Next got %v", next.got)
		}
	})
}
