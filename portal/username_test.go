package portal_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const johnName = "John.Wick"

// withUserNames gives the world a field for user names, and John one.
func withUserNames(edit func(*recovery.Options, *portal.Options)) func(*recovery.Options, *portal.Options) {
	return func(ro *recovery.Options, po *portal.Options) {
		ro.Fields = append(fields(), loginField)
		ro.SignInField = "Login"
		if edit != nil {
			edit(ro, po)
		}
	}
}

// What people can type, by the fields of the Service and the options of the pages.
func TestForgotTakesUserNames(t *testing.T) {
	for name, tt := range map[string]struct {
		edit  func(*recovery.Options, *portal.Options)
		label string
		// typed is what people type, and the field that it is searched in, or "" if
		// the form refuses it.
		typed map[string]string
		wrong string // what a refusal says
	}{
		"all three": {nil, "E-mail address, user name or phone number", map[string]string{
			"johnwick@example.com": "EmailAddress", "+1 415 774 15569": "Phone", "＋１４１５７７４１５５６９": "Phone", " john.wick ": "Login", "14157415569": "Login",
			"": "", "john@": "", "+": "", "jo\x00hn": "",
		}, "such as name@example.com, a user name, or a phone number with its country code"},
		"no phone": {func(_ *recovery.Options, o *portal.Options) { o.PhoneField = "" }, "E-mail address or user name", map[string]string{
			"johnwick@example.com": "EmailAddress", "john.wick": "Login", "+14157415569": "Login", "": "", "john@": "",
		}, "such as name@example.com, or a user name"},
		"nothing but names": {func(r *recovery.Options, o *portal.Options) { r.Fields[0].Search, o.PhoneField = false, "" }, "User name", map[string]string{
			"john.wick": "Login", "john@home": "Login", "+14157415569": "Login", "": "",
		}, "Enter your user name"},
		"the host names the field": {func(r *recovery.Options, o *portal.Options) { r.SignInField, o.UserNameField = "", "Login" }, "E-mail address, user name or phone number", map[string]string{
			"john.wick": "Login",
		}, ""},
		"people sign in with addresses": {func(r *recovery.Options, _ *portal.Options) { r.SignInField = "EmailAddress" }, "E-mail address or phone number", map[string]string{
			"johnwick@example.com": "EmailAddress", "john.wick": "",
		}, "such as name@example.com, or a phone number"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, withUserNames(tt.edit), func(w *world) {
				var mu sync.Mutex
				var asked []recovery.LeadKey
				w.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
					mu.Lock()
					defer mu.Unlock()
					asked = append(asked, key)
					return nil
				}})
				v := w.visitor()
				form := v.get("/account/forgot")
				form.is(t, "the form", 200, tt.label)
				if !strings.Contains(form.body, `autocomplete="username"`) || strings.Contains(form.body, `type="email"`) {
					t.Errorf("the field does not take user names: %s", form.body)
				}
				for typed, field := range tt.typed {
					asked = nil
					p := v.post("/account/forgot", "identifier", typed)
					time.Sleep(time.Second)
					synctest.Wait()
					switch {
					case field == "" && (p.StatusCode != 422 || !strings.Contains(p.text(), tt.wrong) || len(asked) > 0):
						t.Errorf("%q: %d, asked for %d leads: %s", typed, p.StatusCode, len(asked), p.text())
					case field != "" && (p.StatusCode != 303 || len(asked) == 0 || asked[0].Field != field):
						t.Errorf("%q: %d, asked for %v, want %s", typed, p.StatusCode, asked, field)
					}
				}
			})
		})
	}
}

// The whole way of somebody who knows the user name alone.
func TestWholeWayByUserName(t *testing.T) {
	inWorld(t, withUserNames(nil), func(w *world) {
		t := w.t
		w.leads.SetValue(w.john, "Login", johnName)
		v := w.visitor()
		if p := v.post("/account/forgot", "identifier", "john.wick"); p.StatusCode != 303 || p.Header.Get("Location") != "/account/sent" {
			t.Fatalf("forgot answers %d, %q", p.StatusCode, p.Header.Get("Location"))
		}
		v.get("/account/sent").is(t, "sent", 200, "an account for john.wick", "check that what you entered is right", "Try again or enter something else")
		m := w.message()
		if m.To != johnMail || m.Account != johnName {
			t.Errorf("%s for %q", m.To, m.Account)
		}
		// Password managers get the name, and nobody sees the address.
		form := v.open(m.URL.Reveal())
		form.is(t, "the form", 200, "Choose a new password")
		if !strings.Contains(form.body, `value="`+johnName+`" autocomplete="username"`) || strings.Contains(form.body, johnMail) {
			t.Errorf("the form names another account: %s", form.body)
		}
		if p := v.post("/account/reset", "proof", form.proof(), "username", johnName, "password", goodPassword); p.StatusCode != 303 {
			t.Fatalf("reset answers %d: %s", p.StatusCode, p.text())
		}
		if !w.changed() {
			t.Error("the password is not changed")
		}
		if m := w.messageOf(recovery.MessagePasswordChanged); m.Account != johnName {
			t.Errorf("the notice names %q", m.Account)
		}
	})
}

// A20: the pages answer a user name that nobody has as one that somebody has.
func TestUserNamesTellNothing_A20(t *testing.T) {
	inWorld(t, withUserNames(nil), func(w *world) {
		w.leads.SetValue(w.john, "Login", "john.wick")
		var answers []string
		for _, typed := range []string{"john.wick", "nobody.xx"} {
			v := w.visitor()
			p := v.post("/account/forgot", "identifier", typed)
			sent := v.get("/account/sent")
			answers = append(answers, p.Status+p.Header.Get("Location")+strings.ReplaceAll(sent.text(), typed, "NAME"))
		}
		if answers[0] != answers[1] {
			w.t.Errorf("%s\n%s", answers[0], answers[1])
		}
	})
}

// A page for user names and phone numbers alone has no words.
func TestPhoneNeedsEmail(t *testing.T) {
	inWorld(t, withUserNames(func(r *recovery.Options, o *portal.Options) { r.Fields[0].Search, o.PhoneField = false, "" }), func(w *world) {
		o := goodOptions()
		o.PhoneField = "Phone"
		_, err := portal.New(w.service, o)
		if mistake, _ := errors.AsType[*recovery.OptionError](err); mistake == nil || mistake.Option != "PhoneField" {
			t.Errorf("error %v, want one about PhoneField", err)
		}
	})
}

// Somebody whose accounts share an address asks for one, gets a mail with a link for
// each, and resets each in one browser.
func TestWholeWayOfTwoAccounts(t *testing.T) {
	inWorld(t, withUserNames(nil), func(w *world) {
		t := w.t
		w.leads.SetValue(w.john, "Login", johnName)
		baba := w.leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: johnMail, Verified: true}, "Login": {Value: "baba.yaga"},
		}}, "fast:old")
		v := w.visitor()
		if p := v.post("/account/forgot", "identifier", johnMail); p.StatusCode != 303 {
			t.Fatalf("forgot answers %d", p.StatusCode)
		}
		m := w.messageOf(recovery.MessageResetLinks)
		if len(m.Accounts) != 2 {
			t.Fatalf("%d accounts", len(m.Accounts))
		}
		for _, a := range m.Accounts {
			form := v.open(a.URL.Reveal())
			form.is(t, "the form", 200, "Choose a new password")
			if !strings.Contains(form.body, `value="`+a.Account+`"`) {
				t.Errorf("the form of %s names another account", a.Account)
			}
			if p := v.post("/account/reset", "proof", form.proof(), "username", a.Account, "password", goodPassword); p.StatusCode != 303 {
				t.Fatalf("reset answers %d: %s", p.StatusCode, p.text())
			}
		}
		if !w.changed() || w.leads.Hash(baba) != "fast:"+goodPassword {
			t.Error("one password is not changed")
		}
		// The link "this was not me" of such a message is about links.
		v.open(m.NotMe.Reveal()).is(t, "not me", 200, "we will cancel every link and code")
	})
}
