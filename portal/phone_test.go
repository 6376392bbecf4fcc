package portal_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/portal/phones"
)

// People write their numbers as they always do, and the code goes to the number.
// The APIs take none of these.
func TestPhonesAsPeopleWriteThem(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for _, typed := range []string{
			johnPhone, "+1 415 741 5569", "+1 (415) 741-5569", "+1.415.741.5569", "+1/415/7415569",
			"+1\u00a0415\u202f741\u20095569",                   // no-break, narrow and thin spaces
			"+1\u2011415\u2011741\u20115569",                   // no-break hyphens
			"+1 415\u2013741\u20145569", "+1\u2212415 7415569", // dashes, minus
			"tel:+1-415-741-5569", "TEL:+14157415569",
			"(+1) 415 741 5569", "[+1] 415-741-5569", "\uff08+1\uff09415\uff0d741\uff0d5569",
			"\u202a+1 415 741 5569\u202c", "+1 415\u00ad7415569", // what a phone copies along
			"\uff0b\uff11 \uff14\uff11\uff15 \uff17\uff14\uff11 \uff15\uff15\uff16\uff19", // full-width
			"+\u0661 \u0664\u0661\u0665 \u0667\u0664\u0661 \u0665\u0665\u0666\u0669",      // Arabic
			"+\u06f1 \u06f4\u06f1\u06f5 \u06f7\u06f4\u06f1 \u06f5\u06f5\u06f6\u06f9",      // Persian
			"+\u0967 \u096a\u0967\u096b \u096d\u096a\u0967 \u096b\u096b\u096c\u096f",      // Hindi
			"+\u09e7 \u09ea\u09e7\u09eb \u09ed\u09ea\u09e7 \u09eb\u09eb\u09ec\u09ef",      // Bengali
			"+\U0001d7cf 415 741 5569",
		} {
			v := w.visitor()
			sent := w.outbox.Len()
			p := v.post("/account/forgot", "identifier", typed)
			if p.Header.Get("Location") != "/account/code" {
				w.t.Errorf("%q: %d", typed, p.StatusCode)
				continue
			}
			m := w.message()
			if w.outbox.Len() != sent+1 || m.To != johnPhone {
				w.t.Errorf("%q: %d messages, the last to %q", typed, w.outbox.Len()-sent, m.To)
			}
			if p := v.post("/account/code", "code", m.Code.Reveal()); p.Header.Get("Location") != "/account/reset" {
				w.t.Errorf("%q: the code is answered with %d", typed, p.StatusCode)
			}
			time.Sleep(time.Hour) // a person has few live codes
		}
		for _, typed := range []string{
			"415 741 5569", "001 415 741 5569", "011 1 415 741 5569", "0415 7415569", "+", "tel:", "()", "+1 415 741 5569 ext. 5",
			"+1 415 741 5569;ext=5", "+1-415-PIGEON-9", "+1 415 741 556\u00b9", "++14157415569", "+1 415+741 5569", "+1\n415\x007415569",
			"+1 415 741 5569" + strings.Repeat(" ", 300) + "5",
		} {
			p := w.visitor().post("/account/forgot", "identifier", typed)
			p.is(w.t, typed, 422, "Enter an e-mail address, such as name@example.com, or a phone number")
			if !p.has(`value="`+strings.TrimSpace(typed)+`"`) && len(typed) < 60 && typed[len(typed)-1] > ' ' && !strings.Contains(typed, "\n") {
				w.t.Errorf("%q: what was typed is lost", typed)
			}
		}
	})
}

// The trunk prefix in brackets, which is dialled only in Italy and its neighbours.
func TestTrunkPrefixOfAPhone(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for typed, want := range map[string]string{
			"+49 (0)30 12345678":        "+493012345678",
			"+49(0)30/12345678":         "+493012345678",
			"(+49) (0) 30 12345678":     "+493012345678",
			"+44 \uff080\uff0920 79460": "+442079460",
			"+39 (0)6 12345678":         "+390612345678",
			"+378 (0)549 123456":        "+3780549123456",
			"+49 30 (0) 12345678":       "",
			"+49 (0)(0)30 12345678":     "",
			"+49 (0)030 12345678":       "",
		} {
			got := portal.ReadPhone(typed)
			if strings.Contains(got, "(0)") {
				got = "" // the Service refuses it
			}
			if got != want {
				w.t.Errorf("%q: %q, want %q", typed, got, want)
			}
		}
	})
}

// National numbers, where the host says of which country.
func TestNationalPhones(t *testing.T) {
	us, err := phones.In("US")
	if err != nil {
		t.Fatal(err)
	}
	national := func(_ *recovery.Options, o *portal.Options) { o.NationalPhone = us }
	inWorld(t, national, func(w *world) {
		for _, typed := range []string{"(415) 741-5569", "415.741.5569", "1 415 741 5569", "tel:415-741-5569", "\uff14\uff11\uff15 741 5569", "011 1 415 741 5569", johnPhone} {
			v := w.visitor()
			if p := v.post("/account/forgot", "identifier", typed); p.Header.Get("Location") != "/account/code" {
				w.t.Errorf("%q: %d", typed, p.StatusCode)
				continue
			}
			m := w.message()
			if m.To != johnPhone {
				w.t.Errorf("%q: to %q", typed, m.To)
			}
			if p := v.get("/account/code"); !strings.Contains(p.text(), typed) {
				w.t.Errorf("%q: the page for the code does not show it: %s", typed, p.text())
			}
			if p := v.post("/account/code", "code", m.Code.Reveal()); p.Header.Get("Location") != "/account/reset" {
				w.t.Errorf("%q: the code is answered with %d", typed, p.StatusCode)
			}
			// In another browser the number is typed again, and read as well.
			p := w.visitor().post("/account/code", "identifier", typed, "code", m.Code.Reveal())
			if p.StatusCode != 422 || strings.Contains(p.text(), "Enter your phone number with its country code") {
				w.t.Errorf("%q: in another browser %d %s", typed, p.StatusCode, p.text())
			}
			time.Sleep(time.Hour) // a person has few live codes
		}
		for _, typed := range []string{"741-5569", "1", "415 741 5569 99999"} {
			w.visitor().post("/account/forgot", "identifier", typed).is(w.t, typed, 422, "Enter an e-mail address")
		}
	})
	// A text of digits is a user name, where there are user names.
	names := func(o *recovery.Options, p *portal.Options) {
		national(o, p)
		o.Fields = append(o.Fields, loginField)
		p.UserNameField = "Login"
	}
	inWorld(t, names, func(w *world) {
		for typed, path := range map[string]string{"415 741 5569": "/account/sent", "(+1) 415 741 5569": "/account/code", "tel:+1-415-741-5569": "/account/code"} {
			if p := w.visitor().post("/account/forgot", "identifier", typed); p.Header.Get("Location") != path {
				w.t.Errorf("%q: %d %q, want %s", typed, p.StatusCode, p.Header.Get("Location"), path)
			}
		}
	})
}

// Unicode promises the order of the digits, from 0 on, and this package relies on it.
func TestDigitsOfAllScripts(t *testing.T) {
	blocks := 0
	check := func(lo, hi, stride rune) {
		if blocks++; stride != 1 || (hi-lo+1)%10 != 0 {
			t.Errorf("the digits from %U to %U are no whole tens", lo, hi)
		}
		for r := lo; r <= hi; r++ {
			if got, want := portal.ReadPhone("+49"+string(r)), "+49"+string('0'+(r-lo)%10); got != want {
				t.Errorf("%U: %q, want %q", r, got, want)
			}
		}
	}
	for _, b := range unicode.Nd.R16 {
		check(rune(b.Lo), rune(b.Hi), rune(b.Stride))
	}
	for _, b := range unicode.Nd.R32 {
		check(rune(b.Lo), rune(b.Hi), rune(b.Stride))
	}
	if blocks < 50 {
		t.Errorf("%d blocks", blocks)
	}
}

// FuzzPhone: what is read is digits with at most a '+' in front, and is read as
// itself.
func FuzzPhone(f *testing.F) {
	f.Add("tel:+49 (0)30 123")
	f.Add("\uff08+39\uff09(0)6")
	f.Add("(0)(0)")
	f.Fuzz(func(t *testing.T, typed string) {
		got := portal.ReadPhone(typed)
		if got != typed && strings.Trim(strings.TrimPrefix(got, "+"), "0123456789") != "" {
			t.Errorf("%q: %q", typed, got)
		}
		if again := portal.ReadPhone(got); again != got {
			t.Errorf("%q: %q, and then %q", typed, got, again)
		}
	})
}
