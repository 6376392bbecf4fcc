package portal_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// withFactor makes John need a second factor. Each of the codes works once.
func withFactor(codes ...string) func(*recovery.Options, *portal.Options) {
	left := map[string]bool{}
	for _, c := range codes {
		left[c] = true
	}
	return func(o *recovery.Options, _ *portal.Options) {
		o.SecondFactor = recovery.SecondFactorOptions{
			Needed: func(_ context.Context, lead recovery.Lead) (bool, error) { return lead.Name == "John Wick", nil },
			Verify: func(_ context.Context, _ recovery.Lead, code recovery.Secret) (bool, error) {
				ok := left[code.Reveal()]
				delete(left, code.Reveal())
				return ok, nil
			},
		}
	}
}

// The second factor stands in the form for the new password, and no error costs the
// link.
func TestSecondFactor(t *testing.T) {
	inWorld(t, withFactor("123456"), func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		form.is(t, "the form", 200, "Choose a new password", "Code from your authenticator app", "protected by a second factor")
		if n := strings.Count(form.body, `name="second-factor"`); n != 1 || !form.has(`autocomplete="one-time-code"`) {
			t.Errorf("%d fields for the factor", n)
		}
		for _, c := range []struct{ code, words string }{
			{"", "Enter the code from your authenticator app."},
			{" \u00a0", "Enter the code from your authenticator app."},
			{"654321", "This code is wrong, or it was used before."},
			{strings.Repeat("9", 128), "This code is wrong, or it was used before."},
		} {
			form = v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", c.code)
			form.is(t, c.code, 422, c.words, "Enter your new password again.")
			for _, want := range []string{`aria-describedby="second-factor-hint second-factor-wrong"`, `<title>Error: `, `id="second-factor-wrong" role="alert"`} {
				if !strings.Contains(form.body, want) {
					t.Errorf("%q: the page has no %s", c.code, want)
				}
			}
			if strings.Count(form.body, "autofocus") != 1 || strings.Contains(form.body, goodPassword) || c.code == "654321" && strings.Contains(form.body, c.code) {
				t.Error("not one field has the focus, or the page repeats a secret")
			}
		}
		// A mistake in the password alone says nothing of the factor.
		form = v.post("/account/reset", "proof", form.proof(), "password", "short", "second-factor", "123456")
		form.is(t, "a short password", 422, "too short")
		if strings.Contains(form.text(), "Enter your new password again") {
			t.Error("the factor is said to be wrong")
		}
		// With the digits of an Arabic keyboard.
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", " ١٢٣٤٥٦ "); p.StatusCode != 303 || !w.changed() {
			t.Errorf("the right one: %d, %s", p.StatusCode, p.text())
		}
	})
}

// A103: too many tries are told with the time to wait, and the link works after it.
func TestTooManySecondFactors_A103(t *testing.T) {
	inWorld(t, withFactor("123456"), func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		for range 5 {
			form = v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", "000000")
		}
		form = v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", "123456")
		form.is(w.t, "the sixth", 429, "Please try again in 15 minutes.", "Code from your authenticator app")
		time.Sleep(15 * time.Minute)
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", "123456"); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("after the wait: %d, %s", p.StatusCode, p.text())
		}
	})
}

// A person who turned a second factor on since the form was shown is asked for it,
// and nobody else sees the field. Whoever has a code has it too.
func TestWhoSeesTheSecondFactor(t *testing.T) {
	needed := false
	inWorld(t, func(o *recovery.Options, po *portal.Options) {
		withFactor("123456")(o, po)
		o.SecondFactor.Needed = func(context.Context, recovery.Lead) (bool, error) { return needed, nil }
	}, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		if form.has("second-factor") {
			w.t.Error("somebody without a factor is asked for one")
		}
		needed = true
		form = v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		form.is(w.t, "without the field", 422, "Enter the code from your authenticator app.")
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", "123456"); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("with it: %d, %s", p.StatusCode, p.text())
		}
	})
	inWorld(t, withFactor("123456"), func(w *world) {
		v := w.visitor()
		v.post("/account/forgot", "identifier", johnPhone)
		v.post("/account/code", "code", w.message().Code.Reveal())
		form := v.get("/account/reset")
		form.is(w.t, "after a code", 200, "Code from your authenticator app")
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", "123456"); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("after a code: %d, %s", p.StatusCode, p.text())
		}
	})
}

// A template of the host without the field is refused when the program starts, but
// only where there are second factors.
func TestTemplateWithoutTheSecondFactor(t *testing.T) {
	own := fstest.MapFS{"reset.html": {Data: []byte(`<h1>{{.Heading}}</h1>{{template "alert" .}}<form method="post" action="{{.URL "reset"}}">
<input type="hidden" name="proof" value="{{.Proof}}">{{range .Errors}}<p>{{.Text}}</p>{{end}}
<input name="password" type="password" autocomplete="new-password"><button>{{.T "reset.button"}}</button></form>`)}}
	for _, factors := range []bool{false, true} {
		opts := recovery.Options{
			Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: base + "/reset"}, DangerouslyKeepSessions: true, Fields: fields(),
		}
		if factors {
			withFactor()(&opts, nil)
		}
		service, err := recovery.New(recoverytest.NewLeads(fields()...), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = portal.New(service, portal.Options{BaseURL: base, Keys: opts.Keys, Product: "Acme", Templates: own})
		if got := err != nil && strings.Contains(err.Error(), "second-factor"); got != factors || err != nil && !factors {
			t.Errorf("with second factors %v: %v", factors, err)
		}
		if err := service.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// A103: whatever is typed as the factor costs no link, also what is too long for one.
func TestNoSecondFactorCostsTheLink_A103(t *testing.T) {
	inWorld(t, withFactor("123456"), func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		for _, typed := range []string{strings.Repeat("1", 129), strings.Repeat("字", 60), "1\x00", "\xff"} {
			form = v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", typed)
			form.is(w.t, typed, 422, "This code is wrong, or it was used before.", "Code from your authenticator app")
		}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "second-factor", "123456"); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("the right one: %d, %s", p.StatusCode, p.text())
		}
	})
}

// A person who has needed a factor only since the form was shown has the field on
// every page that follows, whatever else is wrong.
func TestSecondFactorStaysInTheForm(t *testing.T) {
	needed := false
	inWorld(t, func(o *recovery.Options, po *portal.Options) {
		withFactor("123456")(o, po)
		o.SecondFactor.Needed = func(context.Context, recovery.Lead) (bool, error) { return needed, nil }
	}, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		needed = true
		form = v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		form = v.post("/account/reset", "proof", form.proof(), "password", "short", "second-factor", "123456")
		form.is(w.t, "a short password", 422, "too short", "Code from your authenticator app")
	})
}
