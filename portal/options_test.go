package portal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func newService(t testing.TB) *recovery.Service {
	t.Helper()
	return newServiceWith(t, func(*recovery.Options) {})
}

func newServiceWith(t testing.TB, edit func(*recovery.Options)) *recovery.Service {
	t.Helper()
	opts := recovery.Options{
		Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: base + "/reset"}, DangerouslyKeepSessions: true,
		Fields: fields(), Limits: generous(), Passwords: recovery.PasswordOptions{Hasher: fastHasher{}},
	}
	edit(&opts)
	service, err := recovery.New(recoverytest.NewLeads(fields()...), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Shutdown(context.Background()) })
	return service
}

func goodOptions() portal.Options {
	return portal.Options{
		BaseURL: base, Product: "Acme", Keys: [][]byte{testenv.Key("k")},
		// Only two, because New renders a host's templates in each.
		Languages: []language.Tag{language.English, language.German},
	}
}

func TestOptions(t *testing.T) {
	service := newService(t)
	png := []byte("\x89PNG\r\n\x1a\n0000")
	for _, c := range []struct {
		name string
		edit func(*portal.Options)
		want string // the option that is wrong, or empty
	}{
		{"the least", func(*portal.Options) {}, ""},
		{"no path", func(o *portal.Options) { o.BaseURL = "https://acme.example" }, ""},
		{"http on a loopback address", func(o *portal.Options) { o.BaseURL = "http://127.0.0.1:8080/x" }, ""},
		{"no BaseURL", func(o *portal.Options) { o.BaseURL = "" }, "BaseURL"},
		{"http", func(o *portal.Options) { o.BaseURL = "http://acme.example" }, "BaseURL"},
		{"a path alone", func(o *portal.Options) { o.BaseURL = "/account" }, "BaseURL"},
		{"a slash at the end", func(o *portal.Options) { o.BaseURL = base + "/" }, "BaseURL"},
		{"a query", func(o *portal.Options) { o.BaseURL = base + "?x=1" }, "BaseURL"},
		{"a host in capitals", func(o *portal.Options) { o.BaseURL = "https://ACME.example" }, "BaseURL"},
		{"the scheme's own port", func(o *portal.Options) { o.BaseURL = "https://acme.example:443" }, "BaseURL"},
		{"a path that is not clean", func(o *portal.Options) { o.BaseURL = "https://acme.example/a/../b" }, "BaseURL"},
		{"a path with escapes", func(o *portal.Options) { o.BaseURL = "https://acme.example/a%20b" }, "BaseURL"},
		{"no Product", func(o *portal.Options) { o.Product = "" }, "Product"},
		{"no Keys", func(o *portal.Options) { o.Keys = nil }, "Keys"},
		{"a short key", func(o *portal.Options) { o.Keys = append(o.Keys, []byte("short")) }, "Keys"},
		{"a CookieName", func(o *portal.Options) { o.CookieName = "acme.1_a-b" }, ""},
		{"a CookieName with a space", func(o *portal.Options) { o.CookieName = "a b" }, "CookieName"},
		{"a path to sign in", func(o *portal.Options) { o.SignIn = "/sign-in?next=%2F" }, ""},
		{"a site to sign in", func(o *portal.Options) { o.SignIn = "https://login.acme.example/" }, ""},
		{"a site without https", func(o *portal.Options) { o.SignIn = "http://login.acme.example/" }, "SignIn"},
		{"a script to sign in", func(o *portal.Options) { o.SignIn = "javascript:alert(1)" }, "SignIn"},
		{"a site that looks like a path", func(o *portal.Options) { o.SignIn = "//evil.example" }, "SignIn"},
		{"Support", func(o *portal.Options) { o.Support = "help@acme.example" }, ""},
		{"Support by http", func(o *portal.Options) { o.Support = "http://acme.example" }, "Support"},
		{"a Color", func(o *portal.Options) { o.Color = "#7A1F8D" }, ""},
		{"a Color too light", func(o *portal.Options) { o.Color = "#ffee00" }, "Color"},
		{"a Logo", func(o *portal.Options) { o.Logo = png }, ""},
		{"an SVG", func(o *portal.Options) {
			o.Logo = []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`)
		}, ""},
		{"a page for a Logo", func(o *portal.Options) { o.Logo = []byte("<html>") }, "Logo"},
		{"a Logo too large", func(o *portal.Options) { o.Logo = append(png, make([]byte, 64<<10)...) }, "Logo"},
		{"a Font", func(o *portal.Options) { o.Font = []byte("wOF2....") }, ""},
		{"another font", func(o *portal.Options) { o.Font = []byte("OTTO....") }, "Font"},
		{"Email that is no field", func(o *portal.Options) { o.EmailField = "Mail" }, "EmailField"},
		{"Email of another type", func(o *portal.Options) { o.EmailField = "Phone" }, "EmailField"},
		{"a Phone", func(o *portal.Options) { o.PhoneField = "Phone" }, ""},
		{"a UserName that is no field", func(o *portal.Options) { o.UserNameField = "Login" }, "UserNameField"},
		{"a UserName of another type", func(o *portal.Options) { o.UserNameField = "EmailAddress" }, "UserNameField"},
		{"a Phone of another type", func(o *portal.Options) { o.PhoneField = "EmailAddress" }, "PhoneField"},
		{"a language", func(o *portal.Options) { o.Languages = []language.Tag{language.Japanese} }, ""},
		{"a language that is not spoken", func(o *portal.Options) { o.Languages = []language.Tag{language.Finnish} }, "Languages"},
		{"a Default that cannot be chosen", func(o *portal.Options) {
			o.Languages, o.DefaultLanguage = []language.Tag{language.English}, language.German
		}, "DefaultLanguage"},
		{"Text", func(o *portal.Options) { o.Text = map[string]map[string]string{"en": {"forgot.heading": "Lost it?"}} }, ""},
		{"Text for all", func(o *portal.Options) { o.Text = map[string]map[string]string{"": {"sent.text": "To %[1]s."}} }, ""},
		{"Text of an unknown key", func(o *portal.Options) { o.Text = map[string]map[string]string{"en": {"forgot.hding": "x"}} }, "Text"},
		{"Text of an unknown language", func(o *portal.Options) { o.Text = map[string]map[string]string{"fi": {"signin": "x"}} }, "Text"},
		{"Text without its argument", func(o *portal.Options) { o.Text = map[string]map[string]string{"de": {"code.invalid": "%[1]s"}} }, "Text"},
		{"Text with too many arguments", func(o *portal.Options) { o.Text = map[string]map[string]string{"de": {"sent.text": "%[1]s %[2]s"}} }, "Text"},
		{"Text with a sign of its own", func(o *portal.Options) { o.Text = map[string]map[string]string{"de": {"support": "100%d"}} }, "Text"},
		{"Text that is empty", func(o *portal.Options) { o.Text = map[string]map[string]string{"de": {"signin": ""}} }, "Text"},
		{"Text of numbers", func(o *portal.Options) { o.Text = map[string]map[string]string{"de": {"minutes": "x"}} }, "Text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := goodOptions()
			c.edit(&o)
			_, err := portal.New(service, o)
			mistake, _ := errors.AsType[*recovery.OptionError](err)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (mistake == nil || mistake.Option != c.want || mistake.Package != "portal"):
				t.Errorf("error %v, want one about %s", err, c.want)
			}
		})
	}
	_, err := portal.New(nil, portal.Options{
		Text:      map[string]map[string]string{"en": {"nothing": "x"}},
		Templates: fstest.MapFS{"rest.html": {}},
	})
	for _, option := range []string{"service", "BaseURL", "Keys", "Product", "Text", "Templates"} {
		if err == nil || !strings.Contains(err.Error(), "portal: option "+option+":") {
			t.Errorf("%v says nothing of %s", err, option)
		}
	}
}

func TestTemplates(t *testing.T) {
	service := newService(t)
	for _, c := range []struct {
		name, file, text string
		want             string // part of the error, or empty
	}{
		{"a page", "done.html", `<h1>{{.Heading}}</h1><p>{{.T "done.text"}}</p>`, ""},
		{"what is no template", "README.md", "{{", ""},
		{"a style", "style.css", "body { margin: 0 }", ""},
		{"a script", "script.js", "1", ""},
		{"a name that is not used", "rest.html", "x", "rest.html is not the name of a template"},
		{"one that does not parse", "done.html", "{{if}}", "done.html:1"},
		{"a sentence that is not there", "done.html", `<h1>{{.T "done.hading"}}</h1>`, `no sentence "done.hading"`},
		{"a field that is not there", "done.html", `<h1>{{.Hading}}</h1>`, "Hading"},
		{"no heading", "done.html", `<p>{{.Heading}}</p>`, "one <h1>"},
		{"a form without the proof", "reset.html", `<h1>x</h1><form method="post" action="{{.URL "reset"}}"><input name="password" type="password" autocomplete="new-password"></form>`, `one <input name="proof"> in the form, and there are 0`},
		{"a field outside the form", "forgot.html", `<h1>x</h1>{{range .Errors}}{{.Text}}{{end}}<input name="identifier"><form method="post" action="{{.URL "forgot"}}"></form>`, `there are 0`},
		{"a field twice", "not-me.html", `<h1>x</h1><form method="post" action="{{.URL "not-me"}}"><input name="proof" value="{{.Proof}}"><input name="proof" value="{{.Proof}}"></form>`, "there are 2"},
		{"a page that is not there", "done.html", `<h1>x</h1><a href="{{.URL "forget"}}">x</a>`, `no page "forget"`},
		{"a form without its Alert", "not-me.html", `<h1>x</h1><form method="post" action="{{.URL "not-me"}}"><input name="proof" value="{{.Proof}}"></form>`, "the Alert is not shown"},
		{"a tracker for those without scripts", "done.html", `<h1>x</h1><noscript><img src="https://t.example/p" alt=""></noscript>`, "another site"},
		{"a page that goes away", "done.html", `<h1>x</h1><meta http-equiv="refresh" content="0;url=https://evil.example">`, "http-equiv"},
		{"a base", "layout.html", `<html lang="{{.Lang}}" dir="{{.Dir}}"><base href="/x/">{{define "alert"}}{{end}}{{template "main" .}}`, "<base>"},
		{"a button for elsewhere", "not-me.html", `<h1>x</h1>{{.Alert}}<form method="post" action="{{.URL "not-me"}}"><input name="proof" value="{{.Proof}}"><button formaction="/x">x</button></form>`, "formaction"},
		{"a password that is cut", "reset.html", `<h1>x</h1>{{.Alert}}{{range .Errors}}{{.Text}}{{end}}<form method="post" action="{{.URL "reset"}}"><input name="proof" value="{{.Proof}}"><input name="password" type="password" autocomplete="new-password" maxlength="20"></form>`, "maxlength"},
		{"a proof that is another", "not-me.html", `<h1>x</h1><form method="post" action="{{.URL "not-me"}}"><input name="proof" value="x"></form>`, "must have the value .Proof"},
		{"a form that gets", "forgot.html", `<h1>x</h1>{{range .Errors}}{{.Text}}{{end}}<form action="{{.URL "forgot"}}"><input name="identifier"></form>`, "method post"},
		{"a form for elsewhere", "forgot.html", `<h1>x</h1>{{range .Errors}}{{.Text}}{{end}}<form method="post" action="https://evil.example/"><input name="identifier"></form>`, "another site"},
		{"a form that hides errors", "forgot.html", `<h1>x</h1><form method="post" action="{{.URL "forgot"}}"><input name="identifier"></form>`, "is not shown"},
		{"a password for all to see", "reset.html", `<h1>x</h1>{{range .Errors}}{{.Text}}{{end}}<form method="post" action="{{.URL "reset"}}"><input name="proof" value="{{.Proof}}"><input name="password"></form>`, `type "password"`},
		{"an image of another site (A03)", "done.html", `<h1>x</h1><img src="https://cdn.example/x.png" alt="">`, "another site"},
		{"a handler", "done.html", `<h1 onclick="x()">x</h1>`, "onclick"},
		{"a style attribute", "done.html", `<h1 style="color:red">x</h1>`, "attribute style"},
		{"a script without the nonce", "done.html", `<h1>x</h1><script>1</script>`, "nonce"},
		{"a frame without the language", "layout.html", `<html><h1>x</h1>{{template "main" .}}`, "lang and dir"},
		{"a style that ends its element", "style.css", "a{}</style>", `"</"`},
		{"a file that is too large", "done.html", strings.Repeat("x", 65<<10), "larger than 64 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := goodOptions()
			o.Templates = fstest.MapFS{c.file: {Data: []byte(c.text)}}
			_, err := portal.New(service, o)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "portal: option Templates")):
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// The built-in templates are what New asks of a host's, in every language. So New
// need not render them whenever a program starts.
func TestBuiltinTemplates(t *testing.T) {
	o := goodOptions()
	o.Languages, o.PhoneField, o.Templates = nil, "Phone", os.DirFS("templates")
	o.Captcha = portal.Captcha{Widget: widget, Script: widgetScript}
	service := newServiceWith(t, func(o *recovery.Options) {
		o.ReturnTo = []string{"https://app.example.com"}
		o.Captcha.Verify = func(context.Context, recovery.CaptchaRequest) error { return nil }
	})
	if _, err := portal.New(service, o); err != nil {
		t.Error(err)
	}
}

// The pages show what a host replaces. When a template fails at run time, the
// person sees a whole page, and not half of one.
func TestWhatAHostReplaces(t *testing.T) {
	inWorld(t, func(_ *recovery.Options, o *portal.Options) {
		o.Text = map[string]map[string]string{"": {"forgot.heading": "Lost it?"}, "de": {"forgot.heading": "Verlegt?"}}
		o.Color, o.Logo, o.Font = "#7A1F8D", []byte("\x89PNG\r\n\x1a\n0000"), []byte("wOF2....")
		o.CookieName, o.Support = "acme", "help@acme.example"
		o.Templates = fstest.MapFS{
			"style.css": {Data: []byte("body { margin: 7px }")},
			// This fails for a value that no sample has.
			"sent.html": {Data: []byte(`<h1>{{.Heading}}</h1><p>half of a page</p>{{if eq .Identifier "fail@example.com"}}{{index .Languages 99}}{{end}}`)},
		}
	}, func(w *world) {
		t := w.t
		v := w.visitor()
		p := v.get("/account/forgot")
		p.is(t, "the page", 200, "Lost it?")
		for _, want := range []string{"--accent:#7a1f8d", "body { margin: 7px }", `<img src="/account/logo?`, "font-display:optional", `href="mailto:help@acme.example"`} {
			if !strings.Contains(p.body, want) {
				t.Errorf("the page has no %s", want)
			}
		}
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self'; font-src 'self'") {
			t.Errorf("policy %q", csp)
		}
		v.get("/account/forgot?lang=de").is(t, "German", 200, "Verlegt?")
		for path, mediaType := range map[string]string{"/account/logo": "image/png", "/account/font.woff2": "font/woff2"} {
			p := v.get(path)
			if p.StatusCode != 200 || p.Header.Get("Content-Type") != mediaType || p.Header.Get("ETag") == "" || p.body == "" {
				t.Errorf("%s: %d %v", path, p.StatusCode, p.Header)
			}
			v.header.Set("If-None-Match", p.Header.Get("ETag"))
			if p := v.get(path); p.StatusCode != 304 || p.body != "" {
				t.Errorf("%s once more: %d", path, p.StatusCode)
			}
			v.header.Del("If-None-Match")
		}
		v.post("/account/forgot", "identifier", johnMail)
		if _, ok := v.cookies["__Host-acme-asked"]; !ok {
			t.Errorf("cookies %v", v.cookies)
		}
		v.get("/account/sent").is(t, "sent", 200, "half of a page")
		v.post("/account/forgot", "identifier", "fail@example.com")
		p = v.get("/account/sent")
		p.is(t, "a template that fails", 500, "Something went wrong")
		if strings.Contains(p.body, "half of a page") {
			t.Error("half of a page was sent")
		}
		if !strings.Contains(w.log.String(), "a page was not rendered") {
			t.Error("nothing is logged")
		}
	})
}

// On localhost, without https, cookies have no __Host- and no Secure.
func TestWithoutHTTPS(t *testing.T) {
	inWorld(t, func(_ *recovery.Options, o *portal.Options) { o.BaseURL = "http://localhost:8080" }, func(w *world) {
		v := w.visitor()
		form := v.open(strings.Replace(w.link(), base, "", 1))
		if c := v.cookies["recovery-proof"]; c == nil || c.Secure || !c.HttpOnly {
			w.t.Errorf("cookies %v", v.cookies)
		}
		if p := v.post("/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("%d %s", p.StatusCode, p.text())
		}
	})
}

// A page takes less than 30 KB with its headers, in every language.
func TestPagesAreSmall(t *testing.T) {
	inWorld(t, allLanguages, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		most := 0
		for _, lang := range []string{"en", "es", "fr", "de", "pt", "hi", "ar", "zh", "ja"} {
			for _, path := range []string{"forgot", "sent", "code", "reset", "nothing"} {
				p := v.get("/account/" + path + "?lang=" + lang)
				most = max(most, len(p.body)+len(fmt.Sprint(p.Header)))
			}
			p := v.post("/account/reset?lang="+lang, "proof", form.proof(), "password", "aaaa")
			most = max(most, len(p.body)+len(fmt.Sprint(p.Header)))
		}
		w.t.Logf("the largest has %d bytes with its headers", most)
		if most >= 30_000 {
			w.t.Errorf("a page has %d bytes", most)
		}
	})
}
