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

// Five wrong guesses end a code, on the page as in the API, and four do not.
func TestWrongCodes(t *testing.T) {
	for guesses, works := range map[int]bool{4: true, 5: false} {
		inWorld(t, nil, func(w *world) {
			t := w.t
			v := w.visitor()
			v.post("/account/forgot", "identifier", johnPhone)
			code := w.message().Code.Reveal()
			wrong := "00000000"
			if code == wrong {
				wrong = "00000001"
			}
			for range guesses {
				v.post("/account/code", "code", wrong).is(t, "a wrong code", 422, "This code is wrong")
			}
			p := v.post("/account/code", "code", code)
			if (p.StatusCode == 303) != works {
				t.Errorf("the right code after %d wrong ones: %d %s", guesses, p.StatusCode, p.text())
			}
			if !works {
				p.is(t, "the right code after five wrong ones", 422, "This code is wrong, or it has expired.")
			}
		})
	}
	// A browser that did not ask says that the code works in the other one, which is
	// so, and keeps what was typed.
	inWorld(t, nil, func(w *world) {
		t := w.t
		asked, v := w.visitor(), w.visitor()
		asked.post("/account/forgot", "identifier", johnPhone)
		code := w.message().Code.Reveal()
		v.get("/account/code").is(t, "the form", 200, "Phone number", "Enter your phone number and the code", "works only in the browser in which you asked for it")
		v.post("/account/code", "identifier", "nonsense", "code", code).is(t, "no number", 422, "Enter your phone number with its country code")
		p := v.post("/account/code", "identifier", johnPhone, "code", code)
		p.is(t, "the code in another browser", 422, "This code is wrong", "works only in the browser in which you asked for it")
		if !p.has(`value="` + johnPhone + `"`) {
			t.Error("the number is lost")
		}
		if p := asked.post("/account/code", "code", code); p.StatusCode != 303 {
			t.Errorf("in the first browser: %d %s", p.StatusCode, p.text())
		}
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
