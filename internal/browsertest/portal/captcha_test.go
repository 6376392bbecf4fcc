package portal_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/page"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// The hosts of the provider of a CAPTCHA: its script and its frame come from
// the first one, and what the script loads comes from the second one.
const (
	hostOfProvider = "challenges.provider.example"
	hostOfFiles    = "files.provider-assets.example"
)

// A provider is another origin that behaves to a page as Turnstile, hCaptcha
// and reCAPTCHA do.
type provider struct {
	server *httptest.Server
	port   string

	mu     sync.Mutex
	wrong  bool            // whether it gives out tokens that are not valid
	tokens map[string]bool // the valid ones, each until it is used
	count  int
	visits []visit
	asked  []recovery.CaptchaRequest
}

// newCaptchaSite starts a provider, and a site whose page forgot has its widget.
func newCaptchaSite(t *testing.T) (*site, *provider) {
	t.Helper()
	browsertest.Require(t)
	p := &provider{tokens: map[string]bool{}}
	p.server = httptest.NewUnstartedServer(p)
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log browsers that hang up
	_, port, err := net.SplitHostPort(p.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p.port = port
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	return newSite(t, func(ro *recovery.Options, po *portal.Options) {
		ro.Captcha.Verify = p.verify
		po.Captcha = portal.Captcha{
			Widget: `<div class="challenge" data-sitekey="site-key"></div>`, Script: p.url(hostOfProvider, "/api.js"),
			Sources: []string{"https://*.provider-assets.example:" + port + "/widget/"},
		}
	}), p
}

func (p *provider) url(host, path string) string { return "https://" + host + ":" + p.port + path }

// verify is what the host asks about each request.
func (p *provider) verify(_ context.Context, req recovery.CaptchaRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, req)
	token := req.Fields["h-captcha-response"]
	if !p.tokens[token] {
		return recovery.ErrCaptchaFailed
	}
	delete(p.tokens, token)
	return nil
}

// requests returns how many requests arrived at the provider.
func (p *provider) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.visits)
}

// lie decides whether the next tokens are not valid.
func (p *provider) lie(wrong bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = wrong
}

// widgetScript does what the scripts of providers do to a page: it asks its
// origin, loads more files, writes markup with styles, and talks to its frame.
// The names of the fields are hCaptcha's, which adds the two. %s is the origin
// of the files.
const widgetScript = `(() => {
	"use strict";
	const origin = new URL(document.currentScript.src).origin;
	const files = %q;
	const append = (name, attributes) => new Promise((resolve, reject) => {
		document.head.append(Object.assign(document.createElement(name), attributes, {onload: resolve, onerror: reject}));
	});
	const render = async () => {
		const place = document.querySelector(".challenge");
		const config = await (await fetch(origin + "/config?sitekey=" + place.dataset.sitekey)).json();
		await append("script", {src: files + "/widget/more.js"});
		await append("link", {rel: "stylesheet", href: files + "/widget/more.css"});
		place.innerHTML = '<div class="frame" style="width: 1px; height: 78px"></div><img width="16" height="16" alt="">' +
			["g-recaptcha-response", "h-captcha-response"].map(n => '<textarea name="' + n + '" aria-label="' + n + '" style="display: none"></textarea>').join("");
		place.querySelector(".frame").setAttribute("style", "width: " + config.width + "px; height: 78px");
		await new Promise((resolve, reject) => {
			Object.assign(place.querySelector("img"), {onload: resolve, onerror: reject, src: files + "/widget/logo.svg"});
		});
		const frame = document.createElement("iframe");
		frame.title = "Challenge";
		frame.style.cssText = "width: 100%%; height: 78px; border: 0";
		addEventListener("message", (event) => {
			if (event.origin !== origin || event.source !== frame.contentWindow) {
				return;
			}
			if (event.data.token) {
				place.querySelectorAll("textarea").forEach((area) => { area.value = event.data.token });
			}
			place.dataset.state = event.data.state;
		});
		frame.addEventListener("load", () => frame.contentWindow.postMessage("hello", origin));
		frame.src = origin + "/frame";
		place.querySelector(".frame").append(frame);
	};
	if (document.readyState === "loading") {
		addEventListener("DOMContentLoaded", render);
	} else {
		render();
	}
})()`

// widgetFrame is the page in the frame. Without a referrer it learns from the
// script in which page it is.
const widgetFrame = `<!DOCTYPE html><html lang="en"><title>Challenge</title>
<body style="margin: 0"><button style="width: 100%; height: 78px">I am human</button>
<script>
	addEventListener("message", ({source, origin}) => {
		document.querySelector("button").addEventListener("click", async () => {
			const token = await (await fetch("/solve", {method: "POST"})).text();
			source.postMessage({state: "solved", token}, origin);
		}, {once: true});
		source.postMessage({state: "ready"}, origin);
	});
</script>`

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.Host)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visits = append(p.visits, visit{host, r.Method, r.RequestURI, r.Header.Clone()})
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	answer := func(kind, text string) {
		h.Set("Content-Type", kind)
		_, _ = io.WriteString(w, text)
	}
	switch host + r.URL.Path {
	case hostOfProvider + "/api.js":
		answer("text/javascript", fmt.Sprintf(widgetScript, p.url(hostOfFiles, "")))
	case hostOfProvider + "/config":
		h.Set("Access-Control-Allow-Origin", "*")
		answer("application/json", `{"width": 304}`)
	case hostOfProvider + "/frame":
		answer("text/html; charset=utf-8", widgetFrame)
	case hostOfProvider + "/solve":
		p.count++
		// As long as the tokens of providers are.
		token := fmt.Sprintf("P1_%d_%s", p.count, strings.Repeat("x", 3000))
		p.tokens[token] = !p.wrong
		answer("text/plain", token)
	case hostOfFiles + "/widget/more.js":
		answer("text/javascript", `window.moreRan = true`)
	case hostOfFiles + "/widget/more.css":
		answer("text/css", `.challenge img { border: 1px solid rgb(1, 2, 3) }`)
	case hostOfFiles + "/widget/logo.svg":
		answer("image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"/>`)
	default:
		http.NotFound(w, r)
	}
}

// captchaTab opens a tab that keeps what the policies of pages stop, in the
// array stopped of each page.
func (s *site) captchaTab(width int) *browsertest.Tab {
	s.t.Helper()
	tab := s.tab("en", width)
	browsertest.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.stopped = [];
		addEventListener("securitypolicyviolation", (e) => { stopped.push(e.effectiveDirective + " " + e.blockedURI) });
	`})
	return tab
}

// inState waits until the widget is ready or solved.
func inState(tab *browsertest.Tab, state string) {
	tab.Wait(fmt.Sprintf(`document.querySelector(".challenge")?.dataset.state === %q`, state))
}

// solve clicks into the frame until the script has the token. The browser passes
// clicks on to a frame of another site once it has drawn that frame, and nobody
// can wait for that.
func solve(tab *browsertest.Tab) {
	inState(tab, "ready")
	tab.Until("the widget is solved", func() bool {
		tab.Click(".challenge iframe")
		return browsertest.Eval[string](tab, `document.querySelector(".challenge").dataset.state`) == "solved"
	})
}

const notHuman = "Please confirm that you are human, and continue. This needs JavaScript."

// learned checks that Verify got the fields of each form, whose widget was solved
// or not, and that the provider learned from the browser only that somebody is
// there.
func (p *provider) learned(t *testing.T, solved []bool) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) != len(solved) {
		t.Fatalf("Verify was asked %d times, want %d", len(p.asked), len(solved))
	}
	for i, req := range p.asked {
		token := req.Fields["h-captcha-response"]
		if len(req.Fields) != 2 || req.Fields["g-recaptcha-response"] != token || (token != "") != solved[i] || req.Operation != recovery.CaptchaForgotLink {
			t.Errorf("%d: Verify got %+v", i, req)
		}
	}
	for _, v := range p.visits {
		// The frame's own requests say that they come from the frame.
		if from := v.Header.Get("Referer"); strings.Contains(from, hostOfSite) || v.Header.Get("Cookie") != "" || strings.Contains(v.URI, "johnwick") {
			t.Errorf("the provider learns more than that somebody is there: %+v", v)
		}
	}
}

// nothingStopped checks that no policy has stopped anything of the page.
func nothingStopped(t *testing.T, tab *browsertest.Tab, when string) {
	t.Helper()
	if all := browsertest.Eval[[]string](tab, "stopped"); len(all) > 0 {
		t.Errorf("%s, the policy stops %q", when, all)
	}
}

// The script of a provider does all that it wants to do under the policy of the
// page forgot, and the mail goes out once the provider has confirmed the token.
// Before that, the page says what is missing and keeps what was typed.
func TestChromiumCaptcha(t *testing.T) {
	t.Parallel()
	s, p := newCaptchaSite(t)
	tab := s.captchaTab(320)
	refused := func(when string) {
		t.Helper()
		nothingStopped(t, tab, when)
		submit(tab)
		s.on(tab, "/forgot", 422, notHuman)
		if got := value(tab, "#identifier"); got != johnMail {
			t.Errorf("%s, the address is %q", when, got)
		}
		// Whoever cannot see the page hears why it is there again.
		focused(tab, ".wrong")
		if title := browsertest.Eval[string](tab, "document.title"); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("%s, the title is %q", when, title)
		}
	}
	tab.Load(s.base + "/forgot")
	inState(tab, "ready")
	if strings.Contains(said(tab), "JavaScript") {
		t.Errorf("the page with a widget says %s", said(tab))
	}
	looks := browsertest.Eval[string](tab, `[
		document.querySelector(".challenge .frame").offsetWidth, document.querySelector(".challenge textarea").offsetWidth,
		getComputedStyle(document.querySelector(".challenge img")).borderTopColor, moreRan, document.documentElement.scrollWidth,
	].join()`)
	if want := "304,0,rgb(1, 2, 3),true,320"; looks != want {
		t.Errorf("the widget looks like %s, want %s", looks, want)
	}
	fill(tab, "#identifier", johnMail)
	sent := func() {
		t.Helper()
		solve(tab)
		nothingStopped(t, tab, "with a valid token")
		submit(tab)
		s.on(tab, "/sent", 200, "an account for "+johnMail)
		s.message(recovery.MessageResetLink, johnMail)
	}
	sent()
	// Back at the form there is a new widget, because the token is used.
	tab.Back()
	inState(tab, "ready")
	refused("without a click into the frame")
	p.lie(true)
	solve(tab)
	refused("with a wrong token")
	if n := s.outbox.Len(); n != 1 {
		t.Errorf("%d messages, want the first one alone", n)
	}
	p.lie(false)
	sent()

	for _, complaint := range tab.Complaints() {
		if !strings.Contains(complaint, "status of 422") && !strings.Contains(complaint, "/favicon.ico") { // the host's own, if there is one
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	p.learned(t, []bool{true, false, true, true})
}

// tryToReach puts into the page what would reach an origin, and waits until the
// policy has stopped it by each of the directives.
func tryToReach(t *testing.T, tab *browsertest.Tab, origin string, directives ...string) {
	t.Helper()
	browsertest.Eval[bool](tab, fmt.Sprintf(`(() => {
		stopped.length = 0;
		const append = (name, attributes) => {
			try { document.body.append(Object.assign(document.createElement(name), attributes)) } catch (e) {
				if (!(e instanceof TypeError)) { throw e }
			}
		};
		append("script", {src: %[1]q + "/widget/more.js"});
		append("script", {text: "window.inlineRan = true"});
		append("link", {rel: "stylesheet", href: %[1]q + "/widget/more.css"});
		append("style", {textContent: "h1 { color: rgb(1, 2, 3) }"});
		append("img", {src: %[1]q + "/widget/logo.svg"});
		append("iframe", {src: %[1]q + "/frame"});
		append("object", {data: %[1]q + "/object"});
		fetch(%[1]q + "/config").catch(() => {});
		return true;
	})()`, origin))
	for _, d := range directives {
		tab.Wait(fmt.Sprintf(`stopped.some(s => s.startsWith(%q))`, d+" "))
	}
	if browsertest.Eval[bool](tab, `"inlineRan" in window || getComputedStyle(document.querySelector("h1")).color === "rgb(1, 2, 3)"`) {
		t.Errorf("%s: a script or a style without the nonce is used", tab.URL())
	}
}

// A72: the page with a CAPTCHA loads nothing from anybody but the provider, and
// the other pages load nothing from the provider either.
func TestChromiumCaptchaPolicyHolds(t *testing.T) {
	t.Parallel()
	s, p := newCaptchaSite(t)
	tab := s.captchaTab(1280)
	tab.Load(s.base + "/forgot")
	fill(tab, "#identifier", johnMail)
	solve(tab)
	submit(tab)
	link := s.message(recovery.MessageResetLink, johnMail).URL.Reveal()
	before := p.requests()
	for _, url := range []string{s.base + "/sent", s.base + "/code", s.base + "/nothing", link} {
		tab.Load(url)
		tryToReach(t, tab, p.url(hostOfProvider, ""), "require-trusted-types-for", "style-src-elem", "img-src", "frame-src", "connect-src")
	}
	if n := p.requests() - before; n > 0 {
		t.Errorf("other pages sent the provider %d requests", n)
	}

	tab.Load(s.base + "/forgot")
	inState(tab, "ready")
	tryToReach(t, tab, s.url(hostOfEvil, ""), "script-src-elem", "style-src-elem", "img-src", "frame-src", "object-src", "connect-src")
	// Of the second host, only the configured path is allowed.
	tryToReach(t, tab, p.url(hostOfFiles, "/other"), "script-src-elem", "style-src-elem", "img-src", "frame-src", "object-src", "connect-src")
	// Nor does a script start others that it has written.
	browsertest.Eval[bool](tab, `new Worker(URL.createObjectURL(new Blob([""]))), true`)
	tab.Wait(`stopped.some(s => s.startsWith("worker-src "))`)
	browsertest.Eval[bool](tab, fmt.Sprintf("document.forms[0].action = %q, true", s.url(hostOfEvil, "/steal")))
	tab.Click("[type=submit]")
	tab.Wait(`stopped.some(s => s.startsWith("form-action "))`)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.visits {
		if strings.HasPrefix(v.URI, "/other/") {
			t.Errorf("%s %s reached the provider", v.Method, v.URI)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.visits {
		if v.Host == hostOfEvil {
			t.Errorf("%s %s reached another site", v.Method, v.URI)
		}
	}
}

// Without scripts nobody can solve the widget. The page says so before the
// person sends the form, and also after that, once.
func TestChromiumCaptchaWithoutScripts(t *testing.T) {
	t.Parallel()
	s, p := newCaptchaSite(t)
	tab := s.tab("en", 390)
	tab.Scripts(false)
	once := func(status int) {
		t.Helper()
		s.on(tab, "/forgot", status, notHuman, "Help")
		if n := strings.Count(said(tab), notHuman); n != 1 {
			t.Errorf("status %d: the page says %d times what is missing: %s", status, n, said(tab))
		}
	}
	tab.Load(s.base + "/forgot")
	once(200)
	fill(tab, "#identifier", johnMail)
	submit(tab)
	once(422)
	if got := value(tab, "#identifier"); got != johnMail {
		t.Errorf("the address is %q", got)
	}
	if n := p.requests() + s.outbox.Len(); n > 0 {
		t.Errorf("%d requests to the provider and messages", n)
	}
}
