package portal_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// withHelpDesk offers the form for codes that were read out.
func withHelpDesk(_ *recovery.Options, o *portal.Options) { o.ReadOutCodes = true }

// readOut has the help desk read a code to John.
func (w *world) readOut() string {
	w.t.Helper()
	issued, err := w.service.IssueForHelpDesk(w.t.Context(), recovery.HelpDeskRequest{LeadID: w.john, Operator: "Ada", Code: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return issued.Code.Reveal()
}

// Somebody who was sent nothing comes to the form by its link, and gets in with the
// code that was read out, however it is typed.
func TestReadOutCodes(t *testing.T) {
	inWorld(t, withHelpDesk, func(w *world) {
		t := w.t
		v := w.visitor()
		v.get("/account/forgot").is(t, "the first page", 200, "I have a code from the help desk")
		form := v.get("/account/code?read-out=1")
		form.is(t, "the form", 200, "the code that our help desk gave you", "E-mail address or phone number", "15 letters and digits")
		for _, not := range []string{`inputmode="numeric"`, "data-digits", "expires in", "works only in the browser"} {
			if strings.Contains(form.body, not) {
				t.Errorf("the form has %s", not)
			}
		}
		if !strings.Contains(form.body, `href="/account/code?lang=de&amp;read-out=1"`) {
			t.Error("another language leads to another form")
		}
		code := w.readOut()
		for _, wrong := range []string{"", "1234567", code + "0", strings.Replace(code, code[:1], "U", 1)} {
			p := v.post("/account/code", "identifier", johnMail, "code", wrong)
			p.is(t, wrong, 422, "Enter the code that you were given: 15 letters and digits.")
			if !p.has(`value="` + johnMail + `"`) {
				t.Error("the address is lost")
			}
		}
		v.post("/account/code", "identifier", "nonsense", "code", code).is(t, "nobody", 422, "Enter an e-mail address, such as name@example.com")
		v.post("/account/code", "identifier", "mary@example.com", "code", code).is(t, "somebody else", 422, "This code is wrong")
		v.post("/account/code", "identifier", johnMail, "code", "00000-00000-00000").is(t, "a wrong code", 422, "This code is wrong")
		for _, typed := range []string{code, strings.ToLower(strings.ReplaceAll(code, "-", " ")), strings.NewReplacer("0", "o", "1", "i").Replace(code)} {
			if p := v.post("/account/code", "identifier", " "+johnMail, "code", typed); p.StatusCode != 303 || p.Header.Get("Location") != "/account/reset" {
				t.Errorf("%s: %d %s", typed, p.StatusCode, p.text())
			}
		}
		form = v.get("/account/reset")
		form.is(t, "the form for a password", 200, "Choose a new password")
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Errorf("reset: %d, %s", p.StatusCode, p.text())
		}
		if m := w.message(); m.Kind != recovery.MessagePasswordChanged || m.Operator != "Ada" {
			t.Errorf("the notice is a %s with operator %q", m.Kind, m.Operator)
		}
		v.post("/account/code", "identifier", johnMail, "code", code).is(t, "the code once more", 422, "This code is wrong")
	})
}

// Somebody who waits for a text message calls the help desk, and has two codes. Each
// form takes both.
func TestReadOutCodeBesideATextMessage(t *testing.T) {
	inWorld(t, withHelpDesk, func(w *world) {
		t := w.t
		v := w.visitor()
		v.post("/account/forgot", "identifier", johnPhone)
		sms := w.message().Code.Reveal()
		form := v.get("/account/code")
		form.is(t, "the usual form", 200, "an account for "+johnPhone, "I have a code from the help desk", "8 digits")
		if form.has(`name="identifier"`) {
			t.Error("the number is asked for again")
		}
		code := w.readOut()
		if p := v.post("/account/code", "proof", form.proof(), "code", code); p.StatusCode != 303 {
			t.Errorf("the code of the help desk in the usual form: %d %s", p.StatusCode, p.text())
		}
		if other := v.get("/account/code?read-out=1"); !other.has(`name="identifier"`) || other.has(johnPhone) {
			t.Error("the other form has the number that this browser asked for")
		}
		for _, identifier := range []string{johnMail, johnPhone} {
			if p := v.post("/account/code", "identifier", identifier, "code", code); p.StatusCode != 303 {
				t.Errorf("with %s: %d %s", identifier, p.StatusCode, p.text())
			}
		}
		if p := v.post("/account/code", "identifier", johnPhone, "code", sms); p.StatusCode != 303 {
			t.Errorf("the code of the message in the other form: %d %s", p.StatusCode, p.text())
		}
	})
}

// Where people type addresses alone, the form is there too. Without the option, no
// page mentions a help desk, and the page for codes takes them all the same.
func TestReadOutCodesAreAnOption(t *testing.T) {
	inWorld(t, func(_ *recovery.Options, o *portal.Options) { o.ReadOutCodes, o.PhoneField = true, "" }, func(w *world) {
		v := w.visitor()
		v.get("/account/code").is(w.t, "the form", 200, "the code that our help desk gave you", "E-mail address")
		if p := v.post("/account/code", "identifier", johnMail, "code", w.readOut()); p.StatusCode != 303 {
			w.t.Errorf("%d %s", p.StatusCode, p.text())
		}
	})
	inWorld(t, nil, func(w *world) {
		v := w.visitor()
		for _, path := range []string{"/account/forgot", "/account/code", "/account/code?read-out=1"} {
			if p := v.get(path); p.StatusCode != 200 || p.has("help desk") {
				w.t.Errorf("%s: %d, and mentions a help desk: %v", path, p.StatusCode, p.has("help desk"))
			}
		}
		if p := v.post("/account/code", "identifier", johnPhone, "code", w.readOut()); p.StatusCode != 303 {
			w.t.Errorf("%d %s", p.StatusCode, p.text())
		}
		v.post("/account/code", "identifier", johnPhone, "code", "00000-00000-00000").is(w.t, "a wrong one", 422, "This code is wrong")
	})
}
