package portal_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
)

// A03: only the first request has the token in its address, on the whole way
// from the click in the mail to the page where people sign in. The token is in
// no Referer, in no history, and nowhere that a script of the page could see
// it. No request leaves the origin, and the browser complains of nothing.
func TestChromiumTokenLeaksNowhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		link recovery.Link
	}{
		{"own", recovery.Link{}},
		{"LoginRadius", recovery.Link{TokenParam: "vtoken", Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}}}},
		{"LeadSquared", recovery.Link{LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, func(o *recovery.Options, _ *portal.Options) {
				c.link.URL = o.Link.URL
				o.Link = c.link
			})
			link := s.link(johnMail)
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			token := u.Query().Get(map[string]string{"own": "token", "LoginRadius": "vtoken", "LeadSquared": "TemporaryPassword"}[c.name])
			if len(token) < 40 {
				t.Fatalf("the token is %q", token)
			}
			tab := s.tab("en", 390)
			seen := func(what string, text ...string) {
				t.Helper()
				if strings.Contains(strings.Join(text, "\n"), token) {
					t.Errorf("%s has the token: %q", what, text)
				}
			}
			look := func(path string, status int) {
				t.Helper()
				s.on(tab, path, status)
				seen(path, tab.URL(), browsertest.Eval[string](tab, `[
					document.documentElement.outerHTML, document.referrer, JSON.stringify(performance.getEntries()),
					JSON.stringify(history.state), JSON.stringify({...sessionStorage}), JSON.stringify({...localStorage}), name,
				].join()`))
				seen("the history", tab.History()...)
			}
			tab.Load(s.inbox(link))
			tab.TakeRequests()
			tab.Follow(func() { tab.Click("#link") })
			look("/reset", 200)
			// In a tab of its own, because the browser's issues name it.
			beside := tab.Beside()
			beside.Load(s.base + "/reset")
			s.on(beside, "/reset", 200)
			if c := browsertest.Eval[string](beside, "document.cookie"); c != "" {
				t.Errorf("scripts see the cookies %q", c)
			}
			fill(tab, "#password", "abcdefgh")
			submit(tab)
			look("/reset", 422)
			tab.Reload()
			look("/reset", 422)
			fill(tab, "#password", goodPassword)
			submit(tab)
			look("/done", 200)
			tab.Follow(func() { tab.Click("a.button") })
			s.has(s.john, goodPassword)

			// What the browser sent, and what arrived at the server.
			sent := tab.TakeRequests()
			if len(sent) < 6 || sent[0].URL != link || sent[0].Status != 303 {
				t.Fatalf("%d requests, the first one %+v", len(sent), sent[0])
			}
			origin := s.url(hostOfSite, "/")
			for i, r := range sent {
				if !strings.HasPrefix(r.URL, origin) {
					t.Errorf("a request leaves the origin: %s", r.URL)
				}
				if r.Header.Get("User-Agent") == "" {
					t.Errorf("it is not seen what %s %s sends", r.Method, r.URL)
				}
				if i > 0 {
					seen("a request", r.URL)
				}
				// The first request comes from the mail. The others say which page
				// they come from, without anything that its link carried.
				if from := r.Header.Get("Referer"); i > 0 && strings.HasPrefix(from, origin) && strings.Contains(from, "?") {
					t.Errorf("%s %s comes from a URL with a query: %s", r.Method, r.URL, from)
				}
				seen("a header", fmt.Sprint(r.Header))
			}
			s.mu.Lock()
			visits := slices.Clone(s.visits)
			s.mu.Unlock()
			first := u.RequestURI()
			n := 0
			for _, v := range visits {
				if v.URI == first {
					n++
					continue
				}
				if v.Host == hostOfSite {
					seen("what arrived", v.URI, fmt.Sprint(v.Header))
				}
			}
			if n != 1 {
				t.Errorf("the link was fetched %d times", n)
			}
			// The page with the mistake came with the status 422, which the
			// console of the browser reports.
			for _, complaint := range tab.Complaints() {
				if !strings.Contains(complaint, "status of 422") {
					t.Errorf("the browser complains: %s", complaint)
				}
			}
		})
	}
}

// A70: a form on a page of another site, or of another origin of the same site,
// is refused and does nothing. This holds although its requests carry all
// cookies, and even if it has the contents of the page's own form.
func TestChromiumForeignForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.link(johnMail))
	proof := value(tab, "[name=proof]")
	notMe := s.outbox.Messages()[0].NotMe.Reveal()
	beside := tab.Beside()
	beside.Load(notMe)
	s.on(beside, "/not-me", 200, "Cancel links and codes")
	noticeProof := value(beside, "[name=proof]")
	sent := s.outbox.Len()
	for _, host := range []string{hostOfEvil, hostOfNeighbour} {
		for _, c := range []struct{ path, fields string }{
			{"/forgot", `<input name="identifier" value="` + johnMail + `">`},
			{"/code", `<input name="identifier" value="` + johnPhone + `"><input name="code" value="12345678">`},
			{"/reset", `<input name="proof" value="` + proof + `"><input name="password" value="` + goodPassword + `">`},
			{"/not-me", `<input name="proof" value="` + noticeProof + `">`},
		} {
			beside.Load(s.serve(host, "/attack", `<!DOCTYPE html><form method="post" action="`+s.base+c.path+`">`+c.fields+`<button type="submit">Win a prize</button></form>`))
			submit(beside)
			s.on(beside, c.path, 403, "This was sent from a page of another site. For your safety, nothing was changed.")
			visits := s.visited("POST", "/account"+c.path)
			cookies := visits[len(visits)-1].Header.Get("Cookie")
			if strings.Contains(cookies, "__Host-") != (host == hostOfNeighbour) {
				t.Errorf("%s: the form of %s came with the cookies %q", c.path, host, cookies)
			}
		}
	}
	s.unchanged()
	if n := s.outbox.Len(); n != sent {
		t.Errorf("%d messages were sent", n-sent)
	}
	// The person can do what the forms tried to do.
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200)
	s.has(s.john, goodPassword)
}

// A71: no page can be shown in a frame, of another site or of its own.
func TestChromiumFrames(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	plain := s.serve(hostOfSite, "/plain", `<!DOCTYPE html><p>Nothing protects this page`)
	tab := s.tab("en", 1280)
	tab.Load(s.link(johnMail))
	hosts := []string{hostOfEvil, hostOfNeighbour, hostOfSite}
	for i, host := range hosts {
		frame := func(src string) []string {
			tab.Load(s.serve(host, "/frame", `<!DOCTYPE html><link rel="icon" href="data:,"><iframe src="`+src+`"></iframe>`))
			return tab.Frames()
		}
		if got := frame(plain); !slices.Contains(got, plain) {
			t.Fatalf("%s: frames are not seen: %q", host, got)
		}
		for j, path := range []string{"/forgot", "/sent", "/code", "/reset", "/done", "/not-me", "/not-me-done", "/nothing"} {
			if !testenv.Long() && j%len(hosts) != i {
				continue // Each page is tried once.
			}
			before := len(tab.Complaints())
			got := frame(s.base + path)
			if len(s.visited("GET", "/account"+path)) == 0 {
				t.Errorf("%s: %s was not asked for", host, path)
			}
			if slices.ContainsFunc(got, func(u string) bool { return strings.HasPrefix(u, s.base) }) {
				t.Errorf("%s frames %s: %q", host, path, got)
			}
			if said := strings.Join(tab.Complaints()[before:], "\n"); !strings.Contains(said, "frame-ancestors") {
				t.Errorf("%s: %s is not refused by policy: %s", host, path, said)
			}
		}
	}
}

// A73: a page that another site opens knows nothing of its opener, and the
// opener knows nothing of the page.
func TestChromiumOpeners(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 1280)
	tab.Load(s.link(johnMail))
	popup := func(url string) (opened *browsertest.Tab) {
		tab.Load(s.serve(hostOfEvil, "/open", `<!DOCTYPE html><link rel="icon" href="data:,"><button type="submit" onclick="w = window.open('`+url+`')">Open</button>`))
		tab.Front()
		opened = tab.Opened(func() { tab.Click("button") })
		opened.Wait("document.URL.startsWith('https://" + hostOfSite + "') && document.readyState === 'complete'")
		return opened
	}
	plain := popup(s.serve(hostOfSite, "/plain", `<!DOCTYPE html><p>Nothing protects this page`))
	if browsertest.Eval[bool](plain, "opener === null") || browsertest.Eval[bool](tab, "w.closed") {
		t.Fatal("openers are not seen")
	}
	for _, path := range []string{"/forgot", "/reset", "/not-me", "/nothing"} {
		opened := popup(s.base + path)
		if !browsertest.Eval[bool](opened, "opener === null") {
			t.Errorf("%s knows its opener", path)
		}
		if !browsertest.Eval[bool](tab, "w.closed && w.length === 0") {
			t.Errorf("%s is within reach of who opened it", path)
		}
	}
}

// The browser sends the cookie when a person comes from the webmail of another
// site. With SameSite=Strict it would not.
func TestChromiumLinkFromAnotherSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.inbox(s.link(johnMail)))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200, "Choose a new password")
	visits := s.visited("GET", "/account/reset")
	if len(visits) != 2 || visits[0].Header.Get("Sec-Fetch-Site") != "cross-site" || visits[1].Header.Get("Sec-Fetch-Site") != "cross-site" {
		t.Fatalf("visits %+v", visits)
	}
	if c := visits[1].Header.Get("Cookie"); !strings.Contains(c, "__Host-recovery-opened=") {
		t.Errorf("after the redirect, the cookies are %q", c)
	}
	// Webmails open links in a new tab.
	tab.Load(s.serve(hostOfMail, "/inbox2", `<!DOCTYPE html><a id="link" target="_blank" href="`+s.link(maryMail)+`">Choose</a>`))
	opened := tab.Opened(func() { tab.Click("#link") })
	opened.Wait("document.readyState === 'complete' && document.querySelector('#username')")
	if got := value(opened, "#username"); got != maryMail {
		t.Errorf("the new tab is about %q", got)
	}
}

// A72: what people type, what stands in a URL and what stands in a lead is
// shown as text on every page.
func TestChromiumMarkupIsText(t *testing.T) {
	t.Parallel()
	const hostile = `"><img src=x onerror="window.ran=1"><script>window.ran=1</script>`
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		p.Product = `<img src=x onerror=ran=1>`
	})
	s.leads.Change(s.john, func(l *recovery.Lead) { l.Name, l.Locale = hostile, "en" })
	tab := s.tab("en", 1280)
	look := func(what string) {
		t.Helper()
		if browsertest.Eval[bool](tab, "'ran' in window || document.images.length > 0 || document.scripts.length !== 1") {
			t.Errorf("%s: markup is not text: %s", what, browsertest.Eval[string](tab, "document.body.outerHTML"))
		}
	}
	tab.Load(s.base + "/forgot")
	fill(tab, "#identifier", hostile)
	submit(tab)
	s.on(tab, "/forgot", 422)
	look("the address")
	if got := value(tab, "#identifier"); got != hostile {
		t.Errorf("of what was typed, %q is left", got)
	}
	queries := []string{"lang=", "about=", "token=", "vtoken=", "LeadId=", "x="}
	for i, query := range queries {
		for j, path := range []string{"/forgot", "/sent", "/code", "/reset", "/done", "/not-me", "/not-me-done", "/nothing", "/" + url.PathEscape(hostile)} {
			if !testenv.Long() && j%len(queries) != i {
				continue // Each page is tried with one query, and each query once.
			}
			tab.Load(s.base + path + "?" + query + url.QueryEscape(hostile))
			look(path + "?" + query)
		}
	}
	tab.Load(s.link(johnMail))
	s.on(tab, "/reset", 200)
	look("the account")
	if c := slices.DeleteFunc(tab.Complaints(), func(c string) bool { return strings.Contains(c, "Failed to load resource") }); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// A72: the policy of the page stops a script even if something were not
// escaped.
func TestChromiumPolicyHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	evil := s.url(hostOfEvil, "")
	s.serve(hostOfEvil, "/x.js", "ran('a script of another site')")
	s.alter(func(html string) string {
		nonce := html[strings.Index(html, `nonce="`)+7:]
		nonce = nonce[:strings.Index(nonce, `"`)]
		return strings.Replace(html, "<main", `<script nonce="`+nonce+`">
			window.all = [];
			window.ran = what => { all.push(what) };
			const tried = (what, f) => { try { f(); ran(what) } catch (e) { if (!(e instanceof TypeError || e instanceof EvalError)) ran(what + ": " + e) } };
			addEventListener("DOMContentLoaded", () => {
				tried("innerHTML", () => { document.querySelector("h1").innerHTML = "<b>x</b>" });
				tried("eval", () => { eval("1") });
				tried("a script's text", () => { document.createElement("script").text = "1" });
				tried("a policy", () => { trustedTypes.createPolicy("x", {}) });
			});
			addEventListener("securitypolicyviolation", e => { (window.kept ??= {})[e.effectiveDirective] = true });
		</script>
		<script>ran("a script without the nonce")</script>
		<script src="`+evil+`/x.js"></script>
		<img src="x" onerror="ran('a handler')"><img src="`+evil+`/pixel">
		<style>h1 { color: rgb(1, 2, 3) !important }</style><p id="styled" style="color: rgb(1, 2, 3)">
		<link rel="stylesheet" href="`+evil+`/x.css">
		<iframe src="`+evil+`/frame"></iframe><iframe srcdoc="<script>parent.ran('a frame')</script>"></iframe>
		<object data="`+evil+`/object"></object><video src="`+evil+`/video"></video>
		<base href="`+evil+`/">
		<form id="steal" action="`+evil+`/steal" method="post"><button id="stealing">Steal</button></form>
		<p><a id="url" href="javascript:ran('a URL')">URL</a></p><main`, 1)
	})
	tab := s.tab("en", 1280)
	tab.Load(s.base + "/forgot")
	tab.Click("#url")
	tab.Click("#stealing")
	tab.Wait("window.kept && kept['form-action']")
	if got := browsertest.Eval[[]string](tab, "all"); len(got) > 0 {
		t.Errorf("these ran: %q", got)
	}
	if got := browsertest.Eval[string](tab, "getComputedStyle(document.querySelector('h1')).color + getComputedStyle(document.querySelector('#styled')).color"); strings.Contains(got, "(1, 2, 3)") {
		t.Errorf("styles were applied: %s", got)
	}
	kept := browsertest.Eval[map[string]bool](tab, "kept")
	for _, directive := range []string{"script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr", "img-src", "frame-src", "media-src", "base-uri", "form-action", "require-trusted-types-for"} {
		if !kept[directive] {
			t.Errorf("nothing was kept back by %s: %v", directive, kept)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.visits {
		if v.Host == hostOfEvil {
			t.Errorf("%s %s reached another site", v.Method, v.URI)
		}
	}
	if h := tab.History(); h[len(h)-1] != s.base+"/forgot" {
		t.Errorf("the page went to %q", h)
	}
}
