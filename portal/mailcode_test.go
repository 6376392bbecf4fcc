package portal_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func withMailCodes(codes recovery.MailCodes) func(*recovery.Options, *portal.Options) {
	return func(o *recovery.Options, _ *portal.Options) { o.MailCodes = codes }
}

// codeFor asks for a code in a browser, and returns it as it was sent.
func (w *world) codeFor(v *visitor, identifier string, more ...string) string {
	w.t.Helper()
	p := v.post("/account/forgot", append([]string{"identifier", identifier}, more...)...)
	if p.StatusCode != 303 || p.Header.Get("Location") != "/account/code" {
		w.t.Fatalf("%s: %d %s, %s", identifier, p.StatusCode, p.Header.Get("Location"), p.text())
	}
	return w.messageOf(recovery.MessageResetCode).Code.Reveal()
}

// Where the host allows both, the person chooses, and a link is the default. A
// phone number gets a code in any case.
func TestChoiceOfLinkOrCode(t *testing.T) {
	inWorld(t, withMailCodes(recovery.MailCodesOnRequest), func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.get("/account/forgot")
		form.is(t, "the form", 200, "What should the e-mail contain?", "a link or a code")
		if !form.has(`name="send" value="link" checked`) || form.has(`value="code" checked`) {
			t.Error("a link is not chosen")
		}
		for _, send := range [][]string{nil, {"send", "link"}, {"send", "nonsense"}} {
			if p := v.post("/account/forgot", append([]string{"identifier", johnMail}, send...)...); p.Header.Get("Location") != "/account/sent" {
				t.Errorf("%v: %d %s", send, p.StatusCode, p.Header.Get("Location"))
			}
			if m := w.message(); m.Kind != recovery.MessageResetLink {
				t.Errorf("%v: %s", send, m.Kind)
			}
		}
		w.codeFor(v, johnPhone, "send", "link")
		if form := v.get("/account/forgot"); !form.has(`value="link" checked`) {
			t.Error("a code for a phone chooses codes for mail")
		}
		// What was chosen is kept, after a mistake and when the person comes back.
		form = v.post("/account/forgot", "identifier", "john@", "send", "code")
		form.is(t, "a mistake", 422, "Enter an e-mail address")
		if !form.has(`value="code" checked`) {
			t.Error("after a mistake, the choice is lost")
		}
		code := w.codeFor(v, johnMail, "send", "code")
		if form := v.get("/account/forgot"); !form.has(`value="code" checked`) || !form.has(johnMail) {
			t.Error("the choice is lost on the way back")
		}
		page := v.get("/account/code")
		page.is(t, "the page for the code", 200, "an account for "+johnMail+", an e-mail with a code is on its way", "expires in 10 minutes", "spam folder")
		if page.has(`name="identifier"`) {
			t.Error("the address is asked for again")
		}
		v.post("/account/code", "proof", page.proof(), "code", "12").is(t, "half a code", 422, "8 digits")
		if p := v.post("/account/code", "proof", page.proof(), "code", code); p.Header.Get("Location") != "/account/reset" {
			t.Fatalf("the code: %d %s", p.StatusCode, p.text())
		}
		form = v.get("/account/reset")
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Errorf("reset: %d, %s", p.StatusCode, p.text())
		}
	})
}

// Where mails carry codes alone, there is nothing to choose, and no page for phones
// is needed. A user name works as an address does.
func TestCodesAlone(t *testing.T) {
	inWorld(t, func(o *recovery.Options, po *portal.Options) {
		withMailCodes(recovery.MailCodesOnly)(o, po)
		o.Fields, o.SignInField, po.PhoneField = append(fields(), loginField), "Login", ""
	}, func(w *world) {
		t := w.t
		w.leads.SetValue(w.john, "Login", "John.Wick")
		v := w.visitor()
		form := v.get("/account/forgot")
		form.is(t, "the form", 200, "We will send you a code")
		if form.has(`name="send"`) {
			t.Error("there is something to choose")
		}
		code := ""
		for _, who := range []string{johnMail, "john.wick"} {
			code = w.codeFor(v, who, "send", "link")
			page := v.get("/account/code")
			page.is(t, who, 200, "an account for "+who, "an e-mail with a code")
			if p := v.post("/account/code", "proof", page.proof(), "code", code); p.StatusCode != 303 {
				t.Errorf("%s: %d %s", who, p.StatusCode, p.text())
			}
		}
		// Another browser has no handle, and says so.
		other := w.visitor()
		other.client = "198.51.100.9:1"
		page := other.get("/account/code")
		page.is(t, "another browser", 200, "E-mail address or user name", "The code works only in the browser in which you asked for it.")
		other.post("/account/code", "identifier", "a\x00b", "code", code).is(t, "no address", 422, "Enter an e-mail address, such as name@example.com, or a user name.")
		other.post("/account/code", "identifier", johnMail, "code", code).is(t, "the code there", 422, "This code is wrong, or it has expired.")
		v.get("/account/code").is(t, "the first browser", 200, "an account for john.wick")
		if p := v.post("/account/code", "code", code); p.StatusCode != 303 {
			t.Errorf("the first browser: %d %s", p.StatusCode, p.text())
		}
	})
}

// A100: a stranger who asks for the same person from the same network can neither
// replace the code of this browser, nor spoil it by guesses. Whoever asks again in
// this browser replaces its own.
func TestStrangersCannotTouchTheCodeOfABrowser_A100(t *testing.T) {
	for _, identifier := range []string{johnPhone, johnMail} {
		inWorld(t, withMailCodes(recovery.MailCodesOnly), func(w *world) {
			t := w.t
			v, stranger := w.visitor(), w.visitor()
			first := w.codeFor(v, identifier)
			theirs := w.codeFor(stranger, identifier)
			for range 10 {
				stranger.post("/account/code", "code", "00000000").is(t, "a guess", 422, "This code is wrong")
			}
			stranger.post("/account/code", "code", first).is(t, "the code of another browser", 422, "This code is wrong")
			v.post("/account/code", "code", theirs).is(t, "the code of the stranger", 422, "This code is wrong")
			second := w.codeFor(v, identifier)
			v.post("/account/code", "code", first).is(t, "the code before the last", 422, "This code is wrong")
			if p := v.post("/account/code", "code", second); p.StatusCode != 303 {
				t.Fatalf("%s: the last code: %d %s", identifier, p.StatusCode, p.text())
			}
			form := v.get("/account/reset")
			if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
				t.Errorf("reset: %d, %s", p.StatusCode, p.text())
			}
		})
	}
}

// A cookie holds the handle of the last request. Whoever asks for somebody else gets
// a new one.
func TestAnotherPersonHasAnotherHandle_A100(t *testing.T) {
	inWorld(t, withMailCodes(recovery.MailCodesOnly), func(w *world) {
		w.leads.Add(recovery.Lead{Name: "Jane", Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: "jane@example.com", Verified: true},
		}}, "fast:old")
		v := w.visitor()
		first := w.codeFor(v, johnMail)
		page := v.get("/account/code")
		w.codeFor(v, "jane@example.com")
		v.post("/account/code", "proof", page.proof(), "code", first).is(w.t, "the first tab", 409, "an account for jane@example.com")
		again := w.codeFor(v, johnMail)
		v.post("/account/code", "code", first).is(w.t, "the first code, with the new handle", 422, "This code is wrong")
		if p := v.post("/account/code", "code", again); p.StatusCode != 303 {
			w.t.Errorf("the new one: %d %s", p.StatusCode, p.text())
		}
	})
}

// A template of the host without the choice is refused when the program starts,
// where there is one.
func TestTemplateWithoutTheChoice(t *testing.T) {
	own := fstest.MapFS{"forgot.html": {Data: []byte(`<h1>{{.Heading}}</h1>{{template "alert" .}}<form method="post" action="{{.URL "forgot"}}">
{{range .Errors}}<p>{{.Text}}</p>{{end}}<input name="identifier" aria-label="x" value="{{.Identifier}}"><button>x</button></form>`)}}
	for codes, want := range map[recovery.MailCodes]bool{recovery.MailCodesNever: false, recovery.MailCodesOnRequest: true, recovery.MailCodesOnly: false} {
		opts := recovery.Options{
			Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: base + "/reset"}, DangerouslyKeepSessions: true, Fields: fields(), MailCodes: codes,
		}
		service, err := recovery.New(recoverytest.NewLeads(fields()...), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = portal.New(service, portal.Options{BaseURL: base, Keys: opts.Keys, Product: "Acme", Templates: own})
		if got := err != nil && strings.Contains(err.Error(), "choice"); got != want || err != nil && !want {
			t.Errorf("%q: %v", codes, err)
		}
		if err := service.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A100: a code that was asked for in one tab works after a link was asked for in
// another tab of the same browser, for whomever. Somebody else's next code has a
// handle of its own all the same.
func TestLinkInAnotherTabCostsNoCode_A100(t *testing.T) {
	for _, other := range []string{johnMail, "jane@example.com"} {
		inWorld(t, withMailCodes(recovery.MailCodesOnRequest), func(w *world) {
			w.leads.Add(recovery.Lead{Name: "Jane", Fields: map[string]recovery.FieldValue{
				"EmailAddress": {Value: "jane@example.com", Verified: true},
			}}, "fast:old")
			v := w.visitor()
			code := w.codeFor(v, johnPhone)
			tab := v.get("/account/code")
			v.post("/account/forgot", "identifier", other)
			page := v.post("/account/code", "proof", tab.proof(), "code", code)
			page.is(w.t, "the first tab", 422, "E-mail address or phone number")
			if p := v.post("/account/code", "identifier", johnPhone, "code", code); p.StatusCode != 303 {
				w.t.Errorf("with the number: %d %s", p.StatusCode, p.text())
			}
			// Jane's code does not work with the handle of John's, which is in the cookie.
			w.codeFor(v, "jane@example.com", "send", "code")
			v.post("/account/code", "code", code).is(w.t, "John's code for Jane", 422, "This code is wrong")
		})
	}
}
