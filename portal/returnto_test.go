package portal_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
)

// cart is a place to which people may return.
const cart = "https://app.example.com/cart?a=1&b=%272%27"

func withCart(o *recovery.Options, _ *portal.Options) {
	o.ReturnTo = []string{"https://app.example.com", "https://www.example.com/shop"}
}

// from returns the URL of the page forgot for somebody who came from a place.
func from(place string) string { return "/account/forgot?return_to=" + url.QueryEscape(place) }

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	button     = regexp.MustCompile(`<a class="button" href="([^"]*)">([^<]*)</a>`)
)

// action returns where the form of a page is sent.
func (p page) action(t *testing.T) string {
	t.Helper()
	m := formAction.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no form: %s", p.text())
	}
	return html.UnescapeString(m[1])
}

// offers checks that the page done has one button, which leads to the place, and
// that nothing leads there by itself (A02).
func (p page) offers(t *testing.T, what, place, text string) {
	t.Helper()
	p.is(t, what, 200, "Your password was changed")
	all := button.FindAllStringSubmatch(p.body, -1)
	if len(all) != 1 || html.UnescapeString(all[0][1]) != place || html.UnescapeString(all[0][2]) != text {
		t.Errorf("%s: the buttons are %q, want one with %q to %q", what, all, text, place)
	}
	if p.Header.Get("Location") != "" || p.Header.Get("Refresh") != "" || strings.Contains(p.body, "http-equiv") {
		t.Errorf("%s: the page leads away by itself: %v %s", what, p.Header, p.body)
	}
}

// A person who came from somewhere is offered to return there: through the mail,
// in every form of a link, with or without HideTokens, and with a step-up on the
// way. Another browser opens the link and is offered the same.
func TestReturnToThroughThePages(t *testing.T) {
	for _, link := range []recovery.Link{
		{URL: base + "/reset"},
		{URL: base + "/reset", TokenParam: "vtoken", Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}}},
		{URL: base + "/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"},
	} {
		var refusal error
		inWorld(t, func(o *recovery.Options, p *portal.Options) {
			withCart(o, p)
			o.Link = link
			o.StepUp = func(context.Context, recovery.Lead) error { return refusal }
		}, func(w *world) {
			t := w.t
			w.hide = true
			v := w.visitor()
			forgot := v.open("/account/?return_to=" + url.QueryEscape(cart))
			if got, err := url.Parse(forgot.action(t)); err != nil || got.Path != "/account/forgot" || got.Query().Get("return_to") != cart {
				t.Errorf("the form goes to %v, %v", got, err)
			}
			if !forgot.has(`href="/account/forgot?lang=de&return_to=` + url.QueryEscape(cart) + `"`) {
				t.Errorf("the choice of a language loses the place: %s", forgot.body)
			}
			// A mistake in the form loses nothing.
			forgot = v.post(forgot.action(t), "identifier", "john")
			forgot.is(t, "a mistake", 422)
			if p := v.post(forgot.action(t), "identifier", johnMail); p.StatusCode != 303 || p.Header.Get("Location") != "/account/sent" {
				t.Fatalf("forgot answers %d, %q", p.StatusCode, p.Header.Get("Location"))
			}
			if sent := v.get("/account/sent"); !sent.has(`href="` + from(cart) + `"`) {
				t.Errorf("whoever tries again loses the place: %s", sent.body)
			}
			mailed := w.message().URL.Reveal()
			if strings.Contains(mailed, "app.example.com") || !strings.Contains(mailed, "&return_to=") {
				t.Errorf("the link is %s", mailed)
			}
			other := w.visitor()
			other.open(mailed).is(t, "in another browser", 200, "Choose a new password")
			p := v.get(mailed)
			if p.StatusCode != 303 || p.Header.Get("Location") != "/account/reset" {
				t.Fatalf("the link answers %d, %q", p.StatusCode, p.Header.Get("Location"))
			}
			refusal = &recovery.StepUpError{Detail: "Use your key."}
			form := v.get("/account/reset")
			v.post("/account/reset", "proof", form.proof(), "password", goodPassword).is(t, "the step-up", 403, "One more step")
			refusal = nil
			form = other.get("/account/reset") // where the person goes on after it
			done := other.open(other.post("/account/reset", "proof", form.proof(), "password", goodPassword).Header.Get("Location"))
			done.offers(t, "done", cart, "Continue to app.example.com")
			if !done.has(`<p class="aside"><a href="/sign-in">Sign in</a></p>`) {
				t.Errorf("the link to sign in is gone: %s", done.body)
			}
			other.get("/account/done").offers(t, "done, loaded again", cart, "Continue to app.example.com")
		})
	}
}

// A code carries no place. The browser that asked for it keeps the place.
func TestReturnToWithACode(t *testing.T) {
	inWorld(t, withCart, func(w *world) {
		t := w.t
		v := w.visitor()
		v.post(from(cart), "identifier", johnPhone)
		if p := v.get("/account/code"); !p.has(`href="` + from(cart) + `"`) {
			t.Errorf("whoever asks for a new code loses the place: %s", p.body)
		}
		v.post("/account/code", "proof", v.get("/account/code").proof(), "code", w.message().Code.Reveal())
		form := v.get("/account/reset")
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		v.get("/account/done").offers(t, "done", cart, "Continue to app.example.com")
	})
}

// The well-known URL keeps the place as well.
func TestReturnToAtTheWellKnownURL(t *testing.T) {
	inWorld(t, withCart, func(w *world) {
		for place, want := range map[string]string{cart: from(cart), "https://evil.example/": "/account/forgot", "/": "/account/forgot"} {
			for _, path := range []string{"/.well-known/change-password", "/account/", "/account"} {
				p := w.visitor().get(path + "?return_to=" + url.QueryEscape(place))
				if p.StatusCode != 303 || p.Header.Get("Location") != want {
					w.t.Errorf("%s with %s: %d %q, want %q", path, place, p.StatusCode, p.Header.Get("Location"), want)
				}
			}
		}
	})
}

// A02: a place that the host does not list counts as none, in whatever spelling it
// comes. The person can ask for a reset all the same, and the log says it once,
// without the place. The Service has a test of every spelling.
func TestReturnToThatIsNotListed_A02(t *testing.T) {
	queries := []string{
		"return_to=", "return_to", "return_to=https://app.example.com/%250a",
		"return_to=https://app.example.com/&return_to=https://evil.example/", "return_to=https://evil.example/&return_to=https://app.example.com/",
		"return_to[]=https://evil.example/", "Return_To=https://app.example.com/", "returnTo=https://app.example.com/", "next=https://app.example.com/",
	}
	for _, place := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "///evil.example", "/\t/evil.example", "https:evil.example", "https:/evil.example",
		"https://app.example.com@evil.example/", "https://app.example.com.evil.example/", "https://app.example.com:443/", "https://app.example.com./",
		"HTTPS://APP.EXAMPLE.COM/", "http://app.example.com/", `https://app.example.com\@evil.example`, "https://app.example.com\n.evil.example/",
		" https://app.example.com/", "https://app.example.com/\r\n", "https://app\u3002example.com/", "https://xn--pp-7kc.example.com/",
		"javascript:alert(1)", "javascript://app.example.com/%0aalert(1)", "data:text/html,x", "https://app.example.com#", "https://app.example.com/#x",
		"https://www.example.com/shop/../x", "https://www.example.com/shop/%2e%2e/x", "https://www.example.com/shopping", "https://www.example.com/",
		"/account/forgot", "https://acme.example/account/forgot", "https://app.example.com/" + strings.Repeat("a", 500),
	} {
		queries = append(queries, "return_to="+url.QueryEscape(place))
	}
	inWorld(t, withCart, func(w *world) {
		t := w.t
		for _, query := range queries {
			v := w.visitor()
			p := v.get("/account/forgot?" + query)
			p.is(t, query, 200, "Forgot your password?")
			if got := p.action(t); got != "/account/forgot" || p.has("evil.example") {
				t.Errorf("%s: the form goes to %q: %s", query, got, p.body)
			}
			p = v.post("/account/forgot?"+query, "identifier", johnMail, "return_to", "https://evil.example/")
			if p.StatusCode != 303 || p.Header.Get("Location") != "/account/sent" {
				t.Fatalf("%s: %d, %q", query, p.StatusCode, p.Header.Get("Location"))
			}
			if link := w.message().URL.Reveal(); strings.Contains(link, "return_to") {
				t.Errorf("%s: the link is %s", query, link)
			}
		}
		if log := w.log.String(); strings.Count(log, "a place to return to that counts as none") != 1 || strings.Contains(log, "evil.example") {
			t.Errorf("the log is %s", log)
		}
	})
}

// A02: what a link or a cookie says is opened and checked again. A place that is
// made up, changed, or no longer listed is not offered, and costs nothing.
func TestReturnToIsCheckedWhenItIsShown_A02(t *testing.T) {
	inWorld(t, withCart, func(w *world) {
		t := w.t
		ask := func() (token, sealed string) {
			t.Helper()
			w.visitor().post(from(cart), "identifier", johnMail)
			u, err := url.Parse(w.messageOf(recovery.MessageResetLink).URL.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			return u.Query().Get("token"), u.Query().Get("return_to")
		}
		_, another := ask()
		for what, bad := range map[string]func(sealed string) string{
			"none":                          func(string) string { return "" },
			"a place in the open":           func(string) string { return "&return_to=" + url.QueryEscape(cart) },
			"another's, in the open":        func(string) string { return "&return_to=https://evil.example/" },
			"cut off":                       func(sealed string) string { return "&return_to=" + sealed[:len(sealed)-8] },
			"twice":                         func(sealed string) string { return "&return_to=" + sealed + "&return_to=" + another },
			"too long":                      func(string) string { return "&return_to=" + strings.Repeat("1", 4000) },
			"the name in capitals":          func(sealed string) string { return "&RETURN_TO=" + sealed },
			"a token":                       func(string) string { return "&return_to=TOKEN" },
			"behind a page that shows mail": func(string) string { return "&amp;return_to=https://evil.example/" },
		} {
			token, sealed := ask()
			v := w.visitor()
			form := v.open(base + "/reset?token=" + token + strings.Replace(bad(sealed), "TOKEN", token, 1))
			form.is(t, what, 200, "Choose a new password")
			v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
			v.get("/account/done").offers(t, what, "/sign-in", "Sign in")
		}
		// What mail programs add to a link is taken off.
		token, sealed := ask()
		v := w.visitor()
		form := v.open(base + "/reset?token=" + token + "&amp;return_to=" + sealed + "%3E.")
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		v.get("/account/done").offers(t, "a damaged link", cart, "Continue to app.example.com")

		// The host strikes the place off its list while the page lies open.
		stricter := newWorld(t, func(o *recovery.Options, p *portal.Options) {
			o.ReturnTo = []string{"https://www.example.com/shop"}
			p.Languages = []language.Tag{language.English}
		})
		defer func() { _ = stricter.service.Shutdown(context.Background()) }()
		old := w.Handler
		w.Handler = stricter.Handler
		v.get("/account/done").offers(t, "after the place was struck off", "/sign-in", "Sign in")
		w.Handler = old
	})
}

// Whoever asks for a new link because the old one has expired still returns.
func TestReturnToAfterAnExpiredLink(t *testing.T) {
	inWorld(t, withCart, func(w *world) {
		t := w.t
		v := w.visitor()
		v.post(from(cart), "identifier", johnMail)
		link := w.message().URL.Reveal()
		v.get(link)
		time.Sleep(time.Hour - time.Second)
		form := v.get("/account/reset")
		form.is(t, "a second before its end", 200)
		time.Sleep(2 * time.Second)
		for what, p := range map[string]page{
			"the form":   v.post("/account/reset", "proof", form.proof(), "password", goodPassword),
			"the link":   w.visitor().open(link),
			"a new look": v.open(link),
		} {
			p.is(t, what, 400, "This link does not work")
			if !p.has(`href="`+from(cart)+`"`) || !p.has(`href="/account/forgot?lang=de&return_to=`+url.QueryEscape(cart)+`"`) {
				t.Errorf("%s loses the place: %s", what, p.body)
			}
		}
	})
}

// The longest place fits into every cookie, beside the longest of everything else.
func TestLongestReturnTo(t *testing.T) {
	long := "https://app.example.com/" + strings.Repeat("&", 512-24)
	address := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 58)+".", 3) + "example"
	inWorld(t, withCart, func(w *world) {
		t := w.t
		w.leads.Add(recovery.Lead{ID: strings.Repeat("<", 256), Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: address, Verified: true},
		}}, "fast:old")
		v := w.visitor()
		v.post(from(long), "identifier", address)
		form := v.open(w.message().URL.Reveal())
		form.is(t, "the form", 200, "Choose a new password")
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		v.get("/account/done").offers(t, "done", long, "Continue to app.example.com")
		for name, c := range v.cookies {
			if len(c.String()) > 4096 {
				t.Errorf("the cookie %s has %d bytes", name, len(c.String()))
			}
		}
	})
}

// A page done of the host's without the button is a mistake, but only where places
// are listed. Every language has the button.
func TestReturnToInTemplates(t *testing.T) {
	without := fstest.MapFS{"done.html": {Data: []byte(`<h1>{{.Heading}}</h1>`)}}
	with := fstest.MapFS{"done.html": {Data: []byte(`<h1>{{.Heading}}</h1>{{if .ReturnTo}}<a href="{{.ReturnTo}}">{{.ReturnHost}}</a>{{end}}`)}}
	listed := newServiceWith(t, func(o *recovery.Options) { withCart(o, nil) })
	for _, c := range []struct {
		name    string
		service *recovery.Service
		files   fstest.MapFS
		ok      bool
	}{
		{"with the button", listed, with, true},
		{"without it", listed, without, false},
		{"without it, where no places are listed", newService(t), without, true},
	} {
		o := goodOptions()
		o.Templates = c.files
		_, err := portal.New(c.service, o)
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "{{.ReturnTo}}") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	inWorld(t, func(o *recovery.Options, p *portal.Options) {
		withCart(o, p)
		p.Languages = nil
	}, func(w *world) {
		v := w.visitor()
		v.post(from(cart), "identifier", johnMail)
		form := v.open(w.message().URL.Reveal())
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		for lang, want := range map[string]string{
			"en": "Continue to app.example.com", "de": "Weiter zu app.example.com", "es": "Continuar a app.example.com",
			"fr": "Continuer vers app.example.com", "pt": "Continuar para app.example.com", "hi": "app.example.com पर जाएँ",
			"zh": "继续前往 app.example.com", "ja": "app.example.com に進む", "ar": "المتابعة إلى \u2068app.example.com\u2069",
		} {
			p := v.get("/account/done?lang=" + lang)
			m := button.FindStringSubmatch(p.body)
			if m == nil || html.UnescapeString(m[1]) != cart || html.UnescapeString(m[2]) != want {
				w.t.Errorf("%s: %q, want %q", lang, m, want)
			}
		}
	})
}

// No page leads anywhere but to itself, whatever the parameter says.
func TestReturnToIsNeverARedirect_A02(t *testing.T) {
	inWorld(t, withCart, func(w *world) {
		for _, path := range []string{"", "/", "/forgot", "/sent", "/code", "/reset", "/done", "/not-me", "/not-me-done", "/x"} {
			for _, place := range []string{cart, "https://evil.example/", "//evil.example", `/\evil.example`} {
				for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
					r, err := http.NewRequest(method, "https://acme.example/account"+path+"?return_to="+url.QueryEscape(place), nil)
					if err != nil {
						w.t.Fatal(err)
					}
					p := w.visitor().do(r)
					if to := p.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/account/") || p.Header.Get("Refresh") != "" {
						w.t.Errorf("%s %s with %s leads to %q", method, path, place, to)
					}
				}
			}
		}
	})
}

// What the old key sealed is offered under the new one.
func TestReturnToWhileTheKeyChanges(t *testing.T) {
	old, fresh := testenv.Key("k"), testenv.Key("n")
	inWorld(t, withCart, func(w *world) {
		v := w.visitor()
		v.post(from(cart), "identifier", johnMail)
		form := v.open(w.message().URL.Reveal())
		next, err := portal.New(w.service, portal.Options{BaseURL: base, Product: "Acme", Keys: [][]byte{fresh, old}, Languages: []language.Tag{language.English}})
		if err != nil {
			w.t.Fatal(err)
		}
		w.Handler = next
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 {
			w.t.Fatalf("%d %s", p.StatusCode, p.text())
		}
		v.get("/account/done").offers(w.t, "done", cart, "Continue to app.example.com")
	})
}
