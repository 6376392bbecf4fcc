package browsertest_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/seed-51359b35/recovery/internal/browsertest"
)

var chromium browsertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

// A fake is a testing.TB whose end another test checks.
type fake struct {
	testing.TB
	outcome string
}

func (f *fake) Helper()             {}
func (f *fake) Logf(string, ...any) {}
func (f *fake) Fatal(args ...any)   { f.end("fatal", fmt.Sprint(args...)) }
func (f *fake) Fatalf(format string, args ...any) {
	f.end("fatal", fmt.Sprintf(format, args...))
}

func (f *fake) Skipf(format string, args ...any) { f.end("skip", fmt.Sprintf(format, args...)) }

func (f *fake) end(how, why string) {
	f.outcome = how + ": " + why
	runtime.Goexit()
}

// faked returns how a test of f ends, or "".
func faked(t *testing.T, f func(tb testing.TB)) string {
	tb := &fake{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(tb)
	}()
	<-done
	return tb.outcome
}

func TestRequire(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	require := func(tb testing.TB) { browsertest.Require(tb) }
	for required, want := range map[string]string{
		"":  "skip: browsertest: no Chromium on the PATH",
		"1": "fatal: browsertest: no Chromium on the PATH, and RECOVERY_REQUIRE_CHROMIUM=1",
	} {
		t.Setenv("RECOVERY_REQUIRE_CHROMIUM", required)
		if got := faked(t, require); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	program := filepath.Join(dir, "google-chrome")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := browsertest.Require(t); got != program {
		t.Errorf("Require = %q", got)
	}
}

func TestLoadAxe(t *testing.T) {
	load := func(tb testing.TB) { browsertest.LoadAxe(tb) }
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("RECOVERY_AXE", "")
	for required, want := range map[string]string{
		"":  "skip: browsertest: no axe-core: there is no npm to fetch it with",
		"1": "fatal: browsertest: no axe-core: there is no npm to fetch it with, and RECOVERY_REQUIRE_CHROMIUM=1",
	} {
		t.Setenv("RECOVERY_REQUIRE_CHROMIUM", required)
		if got := faked(t, load); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	t.Setenv("RECOVERY_AXE", filepath.Join(t.TempDir(), "none"))
	if got := faked(t, load); !strings.HasPrefix(got, "fatal: browsertest: RECOVERY_AXE:") {
		t.Errorf("a file that is not there: %q", got)
	}
	p := browsertest.Package{Name: "x", Version: "1", Integrity: "sha512-x"}
	if err := p.Unpack([]byte("another package")); err == nil || !strings.Contains(err.Error(), "want sha512-x") {
		t.Errorf("another package: %v", err)
	}
}

// server serves pages by path.
func server(t *testing.T, pages map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		html, ok := pages[r.URL.Path]
		switch {
		case r.URL.Path == "/redirect":
			http.SetCookie(w, &http.Cookie{Name: "__Host-c", Value: "v", Path: "/", Secure: true})
			http.Redirect(w, r, "/plain", http.StatusSeeOther)
		case !ok:
			http.Error(w, "none", http.StatusNotFound)
		default:
			if strings.HasPrefix(r.URL.Path, "/strict") {
				w.Header().Set("Content-Security-Policy", "default-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'")
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>Page</title><link rel="icon" href="data:,">`+html)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// on returns an address of the server under another host name.
func on(s *httptest.Server, host, path string) string {
	return strings.Replace(s.URL, "127.0.0.1", host, 1) + path
}

func TestRequests(t *testing.T) {
	s := server(t, map[string]string{
		"/plain": `<main><h1>Plain</h1><form method="post" action="/form"><button>Send</button></form><img src="/none.png"></main>`,
		"/form":  `<h1>Form</h1>`,
	})
	tab := chromium.Browser(t).Open(t)
	tab.Load(on(s, "a.example", "/redirect"))
	if got := tab.URL(); got != on(s, "a.example", "/plain") {
		t.Errorf("at %s", got)
	}
	tab.Follow(func() { tab.Click("button") })
	if tab.Status() != 200 {
		t.Errorf("status %d", tab.Status())
	}
	var all []browsertest.Request
	tab.Until("the requests are done", func() bool {
		all = tab.Requests()
		return len(all) >= 4 && !slices.ContainsFunc(all, func(r browsertest.Request) bool { return !r.Done || len(r.Header) == 0 })
	})
	var got []string
	for _, r := range all {
		got = append(got, fmt.Sprint(r.Method, " ", strings.TrimPrefix(r.URL, on(s, "a.example", "")), " ", r.Status, " ", r.Document))
	}
	want := []string{"GET /redirect 303 true", "GET /plain 200 true", "GET /none.png 404 false", "POST /form 200 true"}
	if !slices.Equal(got, want) {
		t.Errorf("requests %q", got)
	}
	if c := all[1].Header.Get("Cookie"); c != "__Host-c=v" {
		t.Errorf("after the redirect, the cookies are %q", c)
	}
	if from := all[3].Header.Get("Referer"); from != on(s, "a.example", "/plain") {
		t.Errorf("the form comes from %q", from)
	}
	if all[1].Bytes < 200 || all[1].Bytes > 1000 {
		t.Errorf("the page has %d bytes", all[1].Bytes)
	}
	if len(tab.TakeRequests()) != 4 || len(tab.Requests()) != 0 {
		t.Error("requests are not taken")
	}
	if h := tab.History(); len(h) != 3 || h[1] != on(s, "a.example", "/plain") {
		t.Errorf("history %q", h)
	}
	tab.Back()
	if got := tab.URL(); got != on(s, "a.example", "/plain") {
		t.Errorf("back at %s", got)
	}
	// Another tab of the profile has the cookie. Another profile does not.
	for _, c := range []struct {
		tab  *browsertest.Tab
		want string
	}{{tab.Beside(), "__Host-c=v"}, {chromium.Browser(t).Open(t), ""}} {
		c.tab.Load(on(s, "a.example", "/plain"))
		if got := browsertest.Eval[string](c.tab, "document.cookie"); got != c.want {
			t.Errorf("cookies %q, want %q", got, c.want)
		}
	}
}

// A Tab records the complaints of the browser: the console, exceptions, files
// that were not found, and what a policy blocks.
func TestComplaints(t *testing.T) {
	s := server(t, map[string]string{
		"/plain":  `<script>console.warn("a warning", 7); setTimeout(() => { throw new Error("thrown") })</script><img src="/none.png">`,
		"/strict": `<script>console.log("ran")</script>`,
		"/frame":  `<iframe src="/strict"></iframe>`,
		"/quiet":  `<h1>Quiet</h1>`,
	})
	for path, want := range map[string][]string{
		"/plain":  {`console.warning: "a warning" 7`, "exception: Uncaught Error: thrown", "status of 404"},
		"/strict": {"Content Security Policy", "ContentSecurityPolicyIssue"},
		"/frame":  {"frame-ancestors"},
	} {
		tab := chromium.Browser(t).Open(t)
		tab.Load(on(s, "a.example", path))
		for _, w := range want {
			tab.Until(path+" complains of "+w, func() bool { return strings.Contains(strings.Join(tab.Complaints(), "\n"), w) })
		}
		if strings.Contains(strings.Join(tab.Complaints(), "\n"), "ran") {
			t.Errorf("%s: a script ran", path)
		}
	}
	tab := chromium.Browser(t).Open(t)
	tab.Load(on(s, "a.example", "/quiet"))
	if c := tab.Complaints(); len(c) > 0 {
		t.Errorf("complaints of a quiet page: %q", c)
	}
}

func TestFramesAndOpenedTabs(t *testing.T) {
	s := server(t, map[string]string{"/plain": `<h1>Plain</h1>`, "/strict": `<h1>Strict</h1>`})
	pages := map[string]string{}
	other := server(t, pages)
	for i, path := range []string{"/plain", "/strict"} {
		pages["/frame"] = `<iframe src="` + on(s, "a.example", path) + `"></iframe><a target="_blank" href="` + on(s, "a.example", path) + `">Open</a>`
		tab := chromium.Browser(t).Open(t)
		tab.Load(on(other, "b.example", "/frame"))
		want := []string{on(s, "a.example", path), "chrome-error://chromewebdata/"}[i]
		if got := tab.Frames(); !slices.Equal(got, []string{want}) {
			t.Errorf("frames %q, want %q", got, want)
		}
		opened := tab.Opened(func() { tab.Click("a") })
		opened.Wait("document.querySelector('h1')")
		if got := opened.URL(); got != on(s, "a.example", path) {
			t.Errorf("opened %s", got)
		}
	}
}

func TestMouseAndKeyboard(t *testing.T) {
	tab := chromium.Browser(t).Open(t)
	tab.Load("about:blank")
	tab.SetContent(`<label for="f">Field</label><input id="f" aria-describedby="d" aria-invalid="true"><p id="d">Described</p>
		<div style="position:relative"><button id="b" onclick="n = (window.n ?? 0) + 1" aria-pressed="true">Button</button>
		<button id="c">Covered</button><div id="over" style="position:absolute;inset:0 0 0 50%"></div></div>
		<p style="margin-top:3000px"><button id="far" onclick="n = 100">Far</button>`)
	tab.Click("#f")
	tab.Type("Größe")
	tab.Press(kb.Backspace)
	tab.Insert("日本")
	if got := browsertest.Eval[string](tab, "f.value"); got != "Größ日本" {
		t.Errorf("typed %q", got)
	}
	tab.Shortcut("a")
	tab.Shortcut("c")
	tab.Press(kb.End)
	tab.Shortcut("v")
	if got := browsertest.Eval[string](tab, "f.value"); got != "Größ日本Größ日本" {
		t.Errorf("pasted %q", got)
	}
	if got := tab.Spoken("#f"); got != (browsertest.Spoken{Role: "textbox", Name: "Field", Description: "Described", Invalid: "true", Focused: true}) {
		t.Errorf("the field is read as %+v", got)
	}
	tab.Click("#b")
	tab.ClickAgain()
	if got := browsertest.Eval[int](tab, "n"); got != 2 {
		t.Errorf("%d clicks", got)
	}
	if got := tab.Spoken("#b"); got.Role != "button" || got.Pressed != "true" {
		t.Errorf("the button is read as %+v", got)
	}
	tab.Click("#far")
	if got := browsertest.Eval[int](tab, "n"); got != 100 {
		t.Error("what is further down was not clicked on")
	}
	browsertest.Eval[bool](tab, `over.style.left = "0", true`)
	for selector, want := range map[string]string{"#c": "it is covered by", "#none": "there is none"} {
		got := faked(t, func(tb testing.TB) { tab.For(tb).Click(selector) })
		if !strings.HasPrefix(got, "fatal: browsertest: "+selector) || !strings.Contains(got, want) {
			t.Errorf("a click on %s ends with %q", selector, got)
		}
	}
}

func TestLooks(t *testing.T) {
	s := server(t, map[string]string{
		"/moves": `<p id="p">Text</p><script>requestAnimationFrame(() => setTimeout(() => { p.style.marginTop = "100px" }, 50))</script>`,
		"/stays": `<p id="p" style="color-scheme:light dark;background:Canvas">Text</p><script>document.write("ran")</script>`,
	})
	tab := chromium.Browser(t).Open(t)
	tab.Size(320, 600, 2)
	tab.Load(on(s, "a.example", "/moves"))
	tab.Wait("p.style.marginTop")
	if got := tab.Shifts(); len(got) != 1 || !strings.Contains(got[0], `id="p"`) {
		t.Errorf("shifts %q", got)
	}
	tab.Languages("ar,en;q=0.5")
	tab.Load(on(s, "a.example", "/stays"))
	if got := tab.Shifts(); len(got) != 0 {
		t.Errorf("shifts of a page that stays: %q", got)
	}
	all := tab.TakeRequests()
	if got := all[len(all)-1].Header.Get("Accept-Language"); !strings.HasPrefix(got, "ar") {
		t.Errorf("Accept-Language: %q", got)
	}
	const look = `innerWidth + " " + devicePixelRatio + " " + getComputedStyle(p).backgroundColor + " " + document.body.innerText.includes("ran")`
	for scheme, want := range map[string]string{"light": "320 2 rgb(255, 255, 255) true", "dark": "320 2 rgb(18, 18, 18) true"} {
		tab.Scheme(scheme)
		if got := browsertest.Eval[string](tab, look); got != want {
			t.Errorf("%s: %s, want %s", scheme, got, want)
		}
	}
	tab.Scripts(false)
	tab.Reload()
	if got := browsertest.Eval[bool](tab, "document.body.innerText.includes('ran')"); got {
		t.Error("a script ran")
	}
	if b := tab.Picture(nil); !strings.HasPrefix(string(b), "\x89PNG") {
		t.Errorf("a picture begins with %q", b[:4])
	}
}

// axe-core finds mistakes, also on a page whose policy lets nothing run.
func TestAxe(t *testing.T) {
	axe := browsertest.LoadAxe(t)
	s := server(t, map[string]string{
		"/strict":       `<main><h1>Page</h1><label for="f">Field</label><input id="f"></main>`,
		"/strict-wrong": `<main><h1>Page</h1><h3>Level</h3><input id="f"><p><font color="#999999">Grey</font></p></main>`,
	})
	tab := chromium.Browser(t).Open(t)
	for path, want := range map[string][]string{
		"/strict": nil,
		"/strict-wrong": {
			"wrong: label", "wrong: heading-order", "wrong: color-contrast",
		},
	} {
		tab.Load(on(s, "a.example", path))
		got := axe.Check(tab)
		if len(want) == 0 && len(got) > 0 {
			t.Errorf("%s: %q", path, got)
		}
		for _, w := range want {
			if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w+" ") }) {
				t.Errorf("%s: no %s in %q", path, w, got)
			}
		}
		if got := axe.CheckLooks(tab); len(want) > 0 != (len(got) == 1 && strings.HasPrefix(got[0], "wrong: color-contrast ")) {
			t.Errorf("%s: the looks are %q", path, got)
		}
	}
}

func TestShared(t *testing.T) {
	var s browsertest.Shared
	a := s.Browser(t)
	if s.Browser(t) != a {
		t.Error("there are two browsers")
	}
	s.Close()
	s.Close()
	b := s.Browser(t)
	defer s.Close()
	if a == b {
		t.Error("a browser that ended is given out")
	}
	b.Open(t).Load("about:blank")
}
