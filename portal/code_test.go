package portal_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

func TestCodes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		// The digits of an Arabic keyboard.
		p := v.post("/account/forgot", "identifier", "+١٤١٥٧٤١٥٥٦٩")
		if p.Header.Get("Location") != "/account/code" {
			t.Fatalf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		form := v.get("/account/code")
		form.is(t, "the form", 200, "Enter your code", "expires in 10 minutes", "8 digits")
		for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`} {
			if !strings.Contains(form.body, want) {
				t.Errorf("the form has no %s", want)
			}
		}
		if strings.Contains(form.body, `name="identifier"`) {
			t.Error("the number is asked for again")
		}
		m := w.message()
		code := m.Code.Reveal()
		for _, wrong := range []string{"", "1234", code + "1", "abcdefgh", code[:4] + "x" + code[4:]} {
			v.post("/account/code", "code", wrong).is(t, strconv.Quote(wrong), 422, "Enter the code that we sent you: 8 digits.")
		}
		p = v.post("/account/code", "code", code[:4]+" "+code[4:6]+"-"+code[6:])
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/reset" {
			t.Fatalf("the right code: %d, %s", p.StatusCode, p.text())
		}
		form = v.get("/account/reset")
		form.is(t, "the form", 200, "Choose a new password")
		if !form.has(`value="`+johnPhone+`"`) || form.has(johnMail) {
			t.Error("the account of a code is not what was typed")
		}
		if strings.Contains(form.body+fmt.Sprint(form.Header), code) {
			t.Error("the page shows the code")
		}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Errorf("reset: %d, %s", p.StatusCode, p.text())
		}
	})
}

// Five wrong guesses end a code, on the page as in the API. A code can be
// entered in a browser that did not ask for it.
func TestWrongCodes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.visitor().post("/account/forgot", "identifier", johnPhone)
		code := w.message().Code.Reveal()
		v := w.visitor()
		v.get("/account/code").is(t, "the form", 200, "Phone number", "Enter your phone number and the code")
		wrong := "00000000"
		if code == wrong {
			wrong = "00000001"
		}
		v.post("/account/code", "identifier", "nonsense", "code", code).is(t, "no number", 422, "Enter your phone number with its country code")
		for range 5 {
			p := v.post("/account/code", "identifier", johnPhone, "code", wrong)
			p.is(t, "a wrong code", 422, "This code is wrong")
			if !p.has(`value="` + johnPhone + `"`) {
				t.Error("the number is lost")
			}
		}
		v.post("/account/code", "identifier", johnPhone, "code", code).is(t, "the right code after five wrong ones", 422, "This code is wrong, or it has expired.")
	})
	inWorld(t, func(_ *recovery.Options, o *portal.Options) { o.PhoneField = "" }, func(w *world) {
		v := w.visitor()
		v.get("/account/code").is(w.t, "without phones", 404)
		v.post("/account/forgot", "identifier", johnPhone).is(w.t, "a number", 422, "Enter an e-mail address, such as name@example.com.")
	})
}

// Two tabs have the codes of two numbers. The code of one number is not tried
// for the other.
func TestTwoNumbers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		v := w.visitor()
		v.post("/account/forgot", "identifier", "+4930123456")
		first := v.get("/account/code")
		v.post("/account/forgot", "identifier", johnPhone)
		code := w.message().Code.Reveal()
		v.post("/account/code", "proof", first.proof(), "code", code).is(w.t, "the first tab", 409, "an account for "+johnPhone)
		second := v.get("/account/code")
		if p := v.post("/account/code", "proof", second.proof(), "code", code); p.StatusCode != 303 {
			w.t.Errorf("the second tab: %d %s", p.StatusCode, p.text())
		}
	})
}
