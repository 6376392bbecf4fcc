package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// invitingWorld has Ada, who is invited.
func invitingWorld(t *testing.T, edit func(*recovery.Options, *portal.Options), f func(w *world, link string)) {
	t.Helper()
	inWorld(t, func(o *recovery.Options, p *portal.Options) {
		o.Invitations.Link = recovery.Link{URL: base + "/invitation"}
		if edit != nil {
			edit(o, p)
		}
	}, func(w *world) {
		w.leads.Add(recovery.Lead{ID: "ada", Status: recovery.StatusInvited, Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: "ada@example.com"},
		}}, "")
		if err := w.service.SendInvitation(w.t.Context(), recovery.InvitationRequest{LeadID: "ada"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		f(w, w.messageOf(recovery.MessageInvitation).URL.Reveal())
	})
}

func TestWholeWayOfAnInvitation(t *testing.T) {
	var told []recovery.PasswordReset
	invitingWorld(t, func(_ *recovery.Options, o *portal.Options) {
		o.Done = func(w http.ResponseWriter, _ *http.Request, done recovery.PasswordReset) {
			told = append(told, done)
			http.SetCookie(w, &http.Cookie{Name: "remember", Value: "", MaxAge: -1, Secure: true, HttpOnly: true})
			panic("after the cookie")
		}
	}, func(w *world, link string) {
		v := w.visitor()
		if !strings.HasPrefix(link, base+"/invitation?token=") {
			t.Fatalf("the link is %s", link)
		}
		p := v.get(link)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/reset" {
			t.Fatalf("the link answers %d, %q", p.StatusCode, p.Header.Get("Location"))
		}
		form := v.get("/account/reset")
		form.is(t, "the form", 200, "Choose your password", "Save password")
		if !form.has(`value="ada@example.com"`) || form.has("Choose a new password") || form.has("signed out") {
			t.Errorf("the form speaks of a new password: %s", form.text())
		}
		// A browser keeps both: an invitation and the link of another account. Each
		// form is about its own.
		p = v.post("/account/reset", "proof", form.proof(), "username", "ada@example.com", "password", "short")
		p.is(t, "a short password", 422, "Choose your password", "at least 15")
		p = v.post("/account/reset", "proof", form.proof(), "username", "ada@example.com", "password", goodPassword)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/done" {
			t.Fatalf("the form answers %d, %q: %s", p.StatusCode, p.Header.Get("Location"), p.text())
		}
		v.get("/account/done").is(t, "done", 200, "Your password is set", "You can now sign in with your password.")
		if w.leads.Hash("ada") != "fast:"+goodPassword {
			t.Error("the password is not set")
		}
		if len(told) != 1 || told[0].LeadID != "ada" || told[0].Purpose != recovery.PurposeInvitation || told[0].Field != "EmailAddress" {
			t.Errorf("Done got %+v", told)
		}
		if !strings.Contains(strings.Join(p.Header["Set-Cookie"], "\n"), "remember=") || !strings.Contains(w.log.String(), "in=Options.Done") {
			t.Errorf("cookies %q, log %s", p.Header["Set-Cookie"], w.log)
		}
		v.open(link).is(t, "the link again", 400, "This link does not work", "Ask whoever invited you")
	})
}

// A link on the page of another purpose is refused there, and works on its own
// page afterwards (A36).
func TestLinksOnTheOtherPage_A36(t *testing.T) {
	invitingWorld(t, nil, func(w *world, link string) {
		v := w.visitor()
		v.open(strings.Replace(link, "/invitation", "/reset", 1)).is(t, "the invitation for a reset", 400, "This link does not work")
		reset := w.link()
		v.open(strings.Replace(reset, "/reset", "/invitation", 1)).is(t, "the reset as an invitation", 400, "This link does not work")
		v.open(reset).is(t, "the reset", 200, "Choose a new password")
		v.open(link).is(t, "the invitation", 200, "Choose your password")
		if w.changed() || w.leads.Writes() != 0 {
			t.Error("a password was written")
		}
	})
}

// A form that lies open for one link does not work for the other.
func TestFormsOfTwoPurposes(t *testing.T) {
	invitingWorld(t, nil, func(w *world, link string) {
		v := w.visitor()
		form := v.open(w.link())
		v.open(link)
		p := v.post("/account/reset", "proof", form.proof(), "username", johnMail, "password", goodPassword)
		p.is(t, "the form of the link before", 409, "Nothing was changed", "ada@example.com", "Choose your password")
		if w.leads.Writes() != 0 {
			t.Error("a password was written")
		}
	})
}

// Without the option there is no such page.
func TestNoPageForInvitations(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.visitor().get("/account/invitation?token=x").is(t, "the page", 404)
	})
}

func TestInvitationInEachLanguage(t *testing.T) {
	invitingWorld(t, allLanguages, func(w *world, link string) {
		for lang, heading := range map[string]string{
			"de": "Passwort wählen", "es": "Elija su contraseña", "fr": "Choisissez votre mot de passe", "pt": "Escolha a sua senha",
			"hi": "अपना पासवर्ड चुनें", "ar": "اختيار كلمة المرور", "zh": "设置您的密码", "ja": "パスワードを設定",
		} {
			v := w.visitor()
			v.get(link)
			v.get("/account/reset?lang="+lang).is(t, lang, 200, heading)
		}
	})
}
