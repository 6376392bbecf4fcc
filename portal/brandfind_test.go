package portal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// A registry is a host's table of brands, which are made while the program runs.
type registry struct {
	mu     sync.Mutex
	brands map[string]portal.Brand // by host
	asked  []string
	fail   func() error
}

func (g *registry) set(host string, b portal.Brand) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.brands[host] = b
}

func (g *registry) remove(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.brands, host)
}

func (g *registry) failWith(f func() error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = f
}

// asks returns the hosts that were asked for since it was last called.
func (g *registry) asks() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := g.asked
	g.asked = nil
	return asked
}

func (g *registry) find(ctx context.Context, host string) (portal.Brand, bool, error) {
	g.mu.Lock()
	g.asked = append(g.asked, host)
	b, ok := g.brands[host]
	fail := g.fail
	g.mu.Unlock()
	if _, limited := ctx.Deadline(); !limited || ctx.Err() != nil {
		return portal.Brand{}, false, errors.New("the context has no end, or has ended")
	}
	if fail != nil {
		return portal.Brand{}, false, fail()
	}
	return b, ok, nil
}

// inFinding runs f in a world with a registry, beside a brand that is listed.
func inFinding(t *testing.T, f func(w *world, g *registry)) {
	t.Helper()
	g := &registry{brands: map[string]portal.Brand{}}
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		ro.Brands.Find = func(name string) (recovery.Brand, bool) {
			return recovery.Brand{Name: name, Link: recovery.Link{URL: "https://" + name + ".example/account/reset"}}, name != "unknown"
		}
		po.Brands.List, po.Brands.Find = []portal.Brand{shop(1)}, g.find
	}, func(w *world) { f(w, g) })
}

// tenant returns the brand of a host NAME.example.
func tenant(name string) portal.Brand {
	return portal.Brand{Name: name, BaseURL: "https://" + name + ".example/account", Product: "The " + name}
}

// A brand that is made while the program runs has its pages with the next request, is
// asked for once a minute, and loses them a minute after it has gone.
func TestBrandsAreFound(t *testing.T) {
	inFinding(t, func(w *world, g *registry) {
		t := w.t
		v := w.visitor().at("https://new.example")
		v.get("/account/forgot").is(t, "before it is made", 421)
		g.set("new.example", tenant("new"))
		for range 3 {
			v.get("/account/forgot").is(t, "a new brand", 200, "The new")
		}
		if got := g.asks(); !slices.Equal(got, []string{"new.example", "new.example"}) {
			t.Errorf("asked for %v", got)
		}
		v.post("/account/forgot", "identifier", johnMail)
		if m := w.messageOf(recovery.MessageResetLink); m.Brand != "new" || !strings.HasPrefix(m.URL.Reveal(), "https://new.example/account/reset?") {
			t.Errorf("brand %q, link %q", m.Brand, m.URL.Reveal())
		}
		if p := v.get("/.well-known/change-password"); p.Header.Get("Location") != "/account/forgot" {
			t.Errorf("the well-known URL leads to %q", p.Header.Get("Location"))
		}
		changed := tenant("new")
		changed.Product = "The changed"
		g.set("new.example", changed)
		v.get("/account/forgot").is(t, "within the minute", 200, "The new")
		time.Sleep(time.Minute)
		v.get("/account/forgot").is(t, "after a minute", 200, "The changed")
		g.remove("new.example")
		v.get("/account/forgot").is(t, "within the minute", 200, "The changed")
		time.Sleep(time.Minute)
		v.get("/account/forgot").is(t, "when it has gone", 421)
		// Brands that are listed are not asked for, and nor is what is no host name.
		g.asks()
		w.visitor().at("https://shop1.example").get("/account/forgot").is(t, "a listed brand", 200, "Shop 1")
		w.visitor().at("https://acme.example").get("/account/forgot").is(t, "no brand", 200, "Acme")
		for _, host := range []string{"", "a'--", "*.example", "..", "a_b.example", "[::1]", "x/y", "a\x00b", strings.Repeat("a", 254), "é.example"} {
			r := httptest.NewRequest(http.MethodGet, "/account/forgot", nil)
			r.Host = host
			answer := httptest.NewRecorder()
			if w.ServeHTTP(answer, r); answer.Code != http.StatusMisdirectedRequest {
				t.Errorf("%q: %d", host, answer.Code)
			}
		}
		if got := g.asks(); len(got) > 0 {
			t.Errorf("asked for %v", got)
		}
	})
}

// While the host's table fails, brands that are known go on being served, and the
// others answer 503.
func TestFindingFails(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("database down") },
		"a panic":  func() error { panic("database gone") },
	} {
		t.Run(name, func(t *testing.T) {
			inFinding(t, func(w *world, g *registry) {
				t := w.t
				g.set("known.example", tenant("known"))
				known, other := w.visitor().at("https://known.example"), w.visitor().at("https://other.example")
				known.get("/account/forgot").is(t, "before", 200, "The known")
				g.failWith(fail)
				time.Sleep(time.Minute)
				g.asks()
				for range 3 {
					known.get("/account/forgot").is(t, "meanwhile", 200, "The known")
				}
				if got := g.asks(); len(got) != 1 {
					t.Errorf("asked for %v, want once in five seconds", got)
				}
				p := other.get("/account/forgot")
				p.is(t, "another one", 503, "Try again")
				if p.Header.Get("Retry-After") != "5" {
					t.Error("no Retry-After")
				}
				if got := w.log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "host=known.example") {
					t.Errorf("the log is\n%s", got)
				}
				g.failWith(nil)
				time.Sleep(time.Minute)
				known.get("/account/forgot").is(t, "after", 200, "The known")
				other.get("/account/forgot").is(t, "another one, after", 421)
				if !strings.Contains(w.log.String(), "works again") {
					t.Errorf("the log does not say that it works again:\n%s", w.log)
				}
			})
		})
	}
}

// Whoever hangs up makes nothing fail, and fills no log.
func TestFindingForWhoeverHangsUp(t *testing.T) {
	inFinding(t, func(w *world, g *registry) {
		g.set("new.example", tenant("new"))
		gone, cancel := context.WithCancel(w.t.Context())
		cancel()
		w.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "https://new.example/account/forgot", nil).WithContext(gone))
		w.visitor().at("https://new.example").get("/account/forgot").is(w.t, "the next one", 200, "The new")
		if got := g.asks(); len(got) != 1 || strings.Contains(w.log.String(), "level=ERROR") {
			w.t.Errorf("asked for %v; the log is\n%s", got, w.log)
		}
	})
}

// A brand with a mistake has no pages, and the log says which brand and which option.
func TestMistakesInFoundBrands(t *testing.T) {
	for want, edit := range map[string]func(*portal.Brand){
		"Color: must be #RRGGBB":          func(b *portal.Brand) { b.Color = "red" },
		"BaseURL: has the host":           func(b *portal.Brand) { b.BaseURL = "https://shop1.example/account" },
		"BaseURL: is required":            func(b *portal.Brand) { b.BaseURL = "" },
		"Product: is required":            func(b *portal.Brand) { b.Product = "" },
		"Name: is no brand of the Servic": func(b *portal.Brand) { b.Name = "unknown" },
	} {
		inFinding(t, func(w *world, g *registry) {
			b := tenant("wrong")
			edit(&b)
			g.set("wrong.example", b)
			p := w.visitor().at("https://wrong.example").get("/account/forgot")
			p.is(w.t, want, 503)
			if got := w.log.String(); !strings.Contains(got, want) || !strings.Contains(got, "brand") || !strings.Contains(got, "host=wrong.example") {
				w.t.Errorf("the log has no %q:\n%s", want, got)
			}
			g.set("wrong.example", tenant("wrong"))
			w.visitor().at("https://wrong.example").get("/account/forgot").is(w.t, "mended", 200, "The wrong")
		})
	}
}

// At most 1,000 found brands are kept, whatever hosts strangers ask for.
func TestFoundBrandsAreBounded(t *testing.T) {
	inFinding(t, func(w *world, g *registry) {
		const wellKnown = "/.well-known/change-password" // it draws no page
		for i := range 1100 {
			host := fmt.Sprintf("t%d.example", i)
			g.set(host, tenant(fmt.Sprintf("t%d", i)))
			if p := w.visitor().at("https://" + host).get(wellKnown); p.StatusCode != 303 {
				w.t.Fatalf("%s: %d", host, p.StatusCode)
			}
			if p := w.visitor().at("https://nobody-" + host).get(wellKnown); p.StatusCode != 421 {
				w.t.Fatalf("a stranger's host: %d", p.StatusCode)
			}
		}
		if n := portal.FoundBrands(w.Handler); n != 1000 {
			w.t.Errorf("%d brands are kept, want 1000", n)
		}
		for i := range 1100 {
			host := fmt.Sprintf("t%d.example", i)
			if p := w.visitor().at("https://" + host).get(wellKnown); p.StatusCode != 303 {
				w.t.Fatalf("%s, once more: %d", host, p.StatusCode)
			}
		}
	})
}

// Many people at many brands at once each get the pages of theirs.
func TestFoundBrandsConcurrently(t *testing.T) {
	inFinding(t, func(w *world, g *registry) {
		for i := range 10 {
			g.set(fmt.Sprintf("t%d.example", i), tenant(fmt.Sprintf("t%d", i)))
		}
		var people sync.WaitGroup
		for i := range 100 {
			people.Go(func() {
				host := fmt.Sprintf("t%d.example", i%12)
				answer := httptest.NewRecorder()
				w.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "https://"+host+"/account/forgot", nil))
				if known := i%12 < 10; known != (answer.Code == 200) || known && !strings.Contains(answer.Body.String(), fmt.Sprintf("<p>The t%d</p>", i%12)) {
					t.Errorf("%s: %d", host, answer.Code)
				}
			})
		}
		people.Wait()
	})
}
