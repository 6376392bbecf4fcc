package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// inMux mounts a handler as most hosts do.
func inMux(pattern string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(pattern, h)
		return mux
	}
}

// stripped mounts a handler behind [http.StripPrefix].
func stripped(at string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler { return inMux(at + "/")(http.StripPrefix(at, h)) }
}

// behind is a proxy that turns the beginning of a path into another one before
// the program sees the request, so the RequestURI changes too.
func behind(from, to string, mount func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		mounted := mount(h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.URL.Path = to + strings.TrimPrefix(r.URL.Path, from)
			r.RequestURI = r.URL.RequestURI()
			mounted.ServeHTTP(w, r)
		})
	}
}

// A person gets from the link to the end, however the pages are mounted, and the
// browser only ever sees the paths of BaseURL.
func TestMounts(t *testing.T) {
	for _, tt := range []struct {
		sentence, base string
		mounted        func(http.Handler) http.Handler
		told           bool // the log mentions the path, because it may be a mistake
	}{
		{"at their path", "https://acme.example/shop/account", inMux("/shop/account/"), false},
		{"behind StripPrefix", "https://acme.example/shop/account", stripped("/shop/account"), false},
		{"behind a proxy that takes /shop off", "https://acme.example/shop/account", behind("/shop", "", inMux("/account/")), false},
		{"behind the same and StripPrefix", "https://acme.example/shop/account", behind("/shop", "", stripped("/account")), false},
		{"behind a proxy that takes the whole path off", "https://acme.example/shop/account", behind("/shop/account", "", inMux("/")), false},
		{"behind a proxy that puts another path in front", "https://acme.example/account", behind("/account", "/internal", stripped("/internal")), true},
		{"at the root", "https://acme.example", inMux("/"), false},
		{"at a path that ends like a page", "https://acme.example/reset", inMux("/reset/"), false},
		{"at a path that ends like a page, behind StripPrefix", "https://acme.example/reset", stripped("/reset"), false},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			inWorld(t, func(ro *recovery.Options, po *portal.Options) {
				po.BaseURL, ro.Link.URL, ro.NotMe.URL = tt.base, tt.base+"/reset", tt.base+"/not-me"
			}, func(w *world) {
				t := w.t
				w.mounted = tt.mounted
				path := strings.TrimPrefix(tt.base, "https://acme.example")
				v := w.visitor()
				v.open(path+"/").is(t, "the front", 200, "Forgot your password?")
				if p := v.post(path+"/forgot", "identifier", johnMail); p.StatusCode != 303 || p.Header.Get("Location") != path+"/sent" {
					t.Fatalf("forgot answers %d, %q", p.StatusCode, p.Header.Get("Location"))
				}
				form := v.open(w.messageOf(recovery.MessageResetLink).URL.Reveal())
				form.is(t, "the form", 200, "Choose a new password")
				if !strings.Contains(form.body, `href="`+path+`/reset?lang=de"`) {
					t.Error("the German page is not at the path of BaseURL")
				}
				p := v.post(path+"/reset", "proof", form.proof(), "username", johnMail, "password", goodPassword)
				if p.StatusCode != 303 || p.Header.Get("Location") != path+"/done" || !w.changed() {
					t.Fatalf("reset answers %d, %q: %s", p.StatusCode, p.Header.Get("Location"), p.text())
				}
				if got := strings.Count(w.log.String(), "at another path than option BaseURL"); got > 1 || tt.told != (got == 1) {
					t.Errorf("told %d times:\n%s", got, w.log)
				}
			})
		})
	}
}

// Pages that are mounted where BaseURL does not say so answer 404, and the first
// request tells both paths.
func TestWrongMountIsTold(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.mounted = inMux("/pages/")
		v := w.visitor()
		for range 3 {
			v.get("/pages/forgot").is(t, "a page", 404, "There is no such page",
				"The page is not at /pages/forgot. BaseURL says https://acme.example/account/forgot.")
		}
		v.get("/pages/<script>/forgot").is(t, "an unclean path", 404, "There is no such page")
		const line = `level=WARN msg="portal: a request came to a path below which this handler is not mounted`
		if got := w.log.String(); strings.Count(got, line) != 1 || strings.Count(got, "level=WARN") != 1 ||
			!strings.Contains(got, "requested=/pages/forgot") || !strings.Contains(got, "expected=/account/forgot") {
			t.Errorf("the log is\n%s", got)
		}
	})
}

// A path that is no page is no mistake of the host, and is not logged.
func TestUnknownPagesAreNotTold(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for _, path := range []string{"/account/nothing", "/account/forgot/x", "/account//forgot", "/account/../forgot", "/x"} {
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
			if rec.Code != http.StatusNotFound {
				w.t.Errorf("%s: %d", path, rec.Code)
			}
		}
		if got := w.log.String(); strings.Contains(got, "level=WARN") {
			w.t.Errorf("the log is\n%s", got)
		}
	})
}

// Mount mounts the pages where BaseURL says, and at the path by which password
// managers find them.
func TestMount(t *testing.T) {
	for _, base := range []string{"https://acme.example/shop/account", "https://acme.example"} {
		inWorld(t, func(ro *recovery.Options, po *portal.Options) {
			po.BaseURL, ro.Link.URL, ro.NotMe.URL = base, base+"/reset", base+"/not-me"
		}, func(w *world) {
			mux := http.NewServeMux()
			w.Mount(mux)
			for path, want := range map[string]int{base + "/forgot": 200, "https://acme.example/.well-known/change-password": 303} {
				answer := httptest.NewRecorder()
				mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
				if answer.Code != want {
					w.t.Errorf("%s: %d, want %d", path, answer.Code, want)
				}
			}
		})
	}
}
