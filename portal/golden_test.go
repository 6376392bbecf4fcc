package portal_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
)

// golden is what one version of this package stored in browsers.
type golden struct {
	Time  time.Time // when the file was written
	Key   []byte    // key of the Service and of the portal
	Lead  recovery.Lead
	Pages []goldenPage
}

// A goldenPage is a page that lies open in a browser.
type goldenPage struct {
	Name    string
	Cookies map[string]string
	Form    string         `json:",omitzero"` // the proof in its form
	Jobs    []recovery.Job `json:",omitzero"` // the jobs that made its token
	Code    string         `json:",omitzero"` // a code that the person has not typed yet
}

// This version reads the cookies and forms of an earlier version: with the same
// key, and with that key behind a new one.
func TestGolden(t *testing.T) {
	testenv.Golden(t, writeGolden, readGolden)
}

// goldenQueue holds jobs until the test performs them.
type goldenQueue struct {
	mu   sync.Mutex
	jobs []recovery.Job
}

func (q *goldenQueue) Enqueue(_ context.Context, job recovery.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, job)
	return nil
}

func (q *goldenQueue) take() []recovery.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// A goldenWorld is a world whose jobs wait until the test performs them.
type goldenWorld struct {
	*world
	queue *goldenQueue
	in    *signIns
}

func newGoldenWorld(t *testing.T, v golden, keys ...[]byte) *goldenWorld {
	t.Helper()
	for _, key := range keys {
		testenv.AcceptKey(t, key)
	}
	q, in := &goldenQueue{}, &signIns{open: map[string]string{}}
	w := &goldenWorld{newWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withCart(ro, po)
		withChange(in)(ro, po)
		ro.Keys, po.Keys, ro.Queue = keys, keys, q
		po.Languages = []language.Tag{language.English, language.German}
	}), q, in}
	w.leads.Remove(w.john)
	w.john = w.leads.Add(v.Lead, "fast:old")
	t.Cleanup(func() {
		if err := w.service.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *goldenWorld) perform(jobs ...recovery.Job) {
	w.t.Helper()
	for _, job := range jobs {
		if err := w.service.Perform(w.t.Context(), job); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ask has a token sent, and returns the job of that and its message.
func (w *goldenWorld) ask(req recovery.ForgotRequest) ([]recovery.Job, recovery.Message) {
	w.t.Helper()
	if _, err := w.service.ForgotPassword(w.t.Context(), req); err != nil {
		w.t.Fatal(err)
	}
	jobs := w.queue.take()
	w.perform(jobs...)
	return jobs, w.message()
}

func writeGolden(t *testing.T) golden {
	var v golden
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90*time.Minute + 123456789)
		v = golden{Time: time.Now().UTC(), Key: testenv.Key("golden"), Lead: recovery.Lead{
			ID: "a822e018-80a4-4a86-bd9d-9855710109ff", Name: "John Wick", Status: recovery.StatusActive, Locale: "de",
			Fields: map[string]recovery.FieldValue{
				"EmailAddress": {Value: johnMail, Verified: true}, "Phone": {Value: johnPhone, Verified: true},
			},
		}}
		mail := recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}}
		withID := mail
		withID.Link = &recovery.Link{URL: base + "/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}
		phone := recovery.ForgotRequest{
			Key: recovery.LeadKey{Field: "Phone", Value: johnPhone}, RecipientField: "Phone", Code: true,
			// Without a handle, a code works from the network that asked for it.
			Requester: recovery.Requester{Client: netip.MustParseAddr("192.0.2.1")},
		}
		for _, p := range []struct {
			name string
			open func(w *goldenWorld, v *visitor, g *goldenPage) page // the page, if it has a form
		}{
			{"opened", func(w *goldenWorld, v *visitor, g *goldenPage) page {
				jobs, m := w.ask(mail)
				g.Jobs = jobs
				v.get(m.URL.Reveal()) // and the redirect is not followed
				return page{}
			}},
			{"link", func(w *goldenWorld, v *visitor, g *goldenPage) page {
				jobs, m := w.ask(mail)
				g.Jobs = jobs
				return v.open(m.URL.Reveal())
			}},
			{"link with the lead's ID", func(w *goldenWorld, v *visitor, g *goldenPage) page {
				jobs, m := w.ask(withID)
				g.Jobs = jobs
				return v.open(m.URL.Reveal())
			}},
			{"code", func(w *goldenWorld, v *visitor, g *goldenPage) page {
				jobs, m := w.ask(phone)
				g.Jobs = jobs
				v.post("/account/code", "identifier", johnPhone, "code", m.Code.Reveal())
				return v.get("/account/reset")
			}},
			{"link with a place to return to", func(w *goldenWorld, v *visitor, g *goldenPage) page {
				back := mail
				back.ReturnTo = cart
				jobs, m := w.ask(back)
				g.Jobs = jobs
				return v.open(m.URL.Reveal())
			}},
			{"asked with a place to return to", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				v.post(from(cart), "identifier", johnMail)
				return page{}
			}},
			{"done with a place to return to", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				back := mail
				back.ReturnTo = cart
				_, m := w.ask(back)
				form := v.open(m.URL.Reveal())
				v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
				return page{}
			}},
			{"asked for a code", func(w *goldenWorld, v *visitor, g *goldenPage) page {
				v.post("/account/forgot", "identifier", johnPhone)
				g.Jobs = w.queue.take()
				w.perform(g.Jobs...)
				g.Code = w.message().Code.Reveal()
				return v.get("/account/code")
			}},
			{"asked for a link", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				v.post("/account/forgot", "identifier", johnMail)
				return page{}
			}},
			{"notice of a link", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				_, m := w.ask(mail)
				return v.open(m.NotMe.Reveal())
			}},
			{"notice of a change", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				return v.open(w.reset(mail).NotMe.Reveal())
			}},
			{"told of a change", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				form := v.open(w.reset(mail).NotMe.Reveal())
				v.post("/account/not-me", "proof", form.proof())
				return page{}
			}},
			{"told of a link", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				_, m := w.ask(mail)
				form := v.open(m.NotMe.Reveal())
				v.post("/account/not-me", "proof", form.proof())
				return page{}
			}},
			{"done", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				_, m := w.ask(mail)
				form := v.open(m.URL.Reveal())
				v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
				return page{}
			}},
			{"a change", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				v.cookies = w.in.signIn(w.world).cookies
				return v.get("/account/change-password")
			}},
			{"done with a change", func(w *goldenWorld, v *visitor, _ *goldenPage) page {
				v.cookies = w.in.signIn(w.world).cookies
				form := v.get("/account/change-password")
				v.post("/account/change-password", "proof", form.proof(), "current", currentPassword, "password", goodPassword)
				return page{}
			}},
		} {
			w := newGoldenWorld(t, v, v.Key)
			visitor, g := w.visitor(), goldenPage{Name: p.name, Cookies: map[string]string{}}
			answer := p.open(w, visitor, &g)
			if answer.Response != nil {
				if g.Form = answer.proof(); g.Form == "" {
					t.Fatalf("%s: the page has no form: %s", p.name, answer.text())
				}
			}
			for name, c := range visitor.cookies {
				g.Cookies[name] = c.Value
			}
			if len(g.Cookies) == 0 {
				t.Fatalf("%s: no cookie", p.name)
			}
			v.Pages = append(v.Pages, g)
		}
	})
	return v
}

// reset has somebody reset the password, and returns the notice of that.
func (w *goldenWorld) reset(req recovery.ForgotRequest) recovery.Message {
	w.t.Helper()
	_, m := w.ask(req)
	v := w.visitor()
	form := v.open(m.URL.Reveal())
	v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
	w.perform(w.queue.take()...)
	return w.messageOf(recovery.MessagePasswordChanged)
}

func readGolden(t *testing.T, v golden) {
	if len(v.Pages) == 0 {
		t.Fatal("the file has no pages")
	}
	for _, keys := range []struct {
		name string
		all  [][]byte
	}{
		{"its key", [][]byte{v.Key}},
		{"its key behind a new one", [][]byte{testenv.Key("n"), v.Key}},
	} {
		t.Run(keys.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(v.Time))
				// All pages share one world, because a portal takes time to
				// start.
				w := newGoldenWorld(t, v, keys.all...)
				for _, g := range v.Pages {
					t.Logf("the page %q", g.Name)
					w.leads.Remove(w.john)
					w.leads.Add(v.Lead, "fast:old")
					w.perform(g.Jobs...)
					visitor := w.visitor()
					visitor.header.Set("Accept-Language", "en")
					for name, value := range g.Cookies {
						visitor.cookies[name] = &http.Cookie{Name: name, Value: value}
					}
					readGoldenPage(t, g, w, visitor)
				}
			})
		})
	}
}

// readGoldenPage loads a page again, and sends the form that lay open.
func readGoldenPage(t *testing.T, g goldenPage, w *goldenWorld, v *visitor) {
	// goes sends a form, checks the redirect and loads the next page.
	goes := func(to, where string, fields ...string) page {
		t.Helper()
		p := v.post(where, fields...)
		if got := p.Header.Get("Location"); p.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got, to) {
			t.Fatalf("%s: %d, to %q, want %q: %s", where, p.StatusCode, got, to, p.text())
		}
		return v.get(to + "?lang=en")
	}
	// resets sets the password with the form of the page.
	resets := func(account, proof string) {
		t.Helper()
		p := v.get("/account/reset?lang=en")
		p.is(t, "the form", 200, "Choose a new password")
		if !p.has(`value="` + account + `"`) {
			t.Errorf("the form is not for %s: %s", account, p.body)
		}
		if proof == "" {
			proof = p.proof()
		}
		goes("/account/done", "/account/reset", "proof", proof, "password", goodPassword).is(t, "done", 200, "Your password was changed")
		if !w.changed() {
			t.Error("the password is not changed")
		}
	}
	// remembers checks that the cookie has the account, before the Service is
	// asked again.
	remembers := func(account string) {
		t.Helper()
		p := v.post("/account/reset", "proof", g.Form, "password", "")
		if p.StatusCode != http.StatusUnprocessableEntity || !p.has(`value="`+account+`"`) || p.Header.Get("Content-Language") != "de" {
			t.Errorf("without a password: %d, in %q: %s", p.StatusCode, p.Header.Get("Content-Language"), p.body)
		}
	}
	switch g.Name {
	case "opened":
		resets(johnMail, "")
	case "link", "link with the lead's ID":
		remembers(johnMail)
		resets(johnMail, g.Form)
	case "link with a place to return to":
		remembers(johnMail)
		resets(johnMail, g.Form)
		v.get("/account/done?lang=en").offers(t, "done", cart, "Continue to app.example.com")
	case "asked with a place to return to":
		if p := v.get("/account/sent"); !p.has(from(cart)) {
			t.Errorf("the place is forgotten: %s", p.body)
		}
	case "done with a place to return to":
		v.get("/account/done").offers(t, "done", cart, "Continue to app.example.com")
	case "code":
		remembers(johnPhone)
		resets(johnPhone, g.Form)
	case "asked for a code":
		p := v.get("/account/code")
		p.is(t, "the form", 200, "Enter your code", johnPhone)
		if p.has(`name="identifier"`) {
			t.Error("the number is asked for again")
		}
		goes("/account/reset", "/account/code", "proof", g.Form, "code", g.Code)
		resets(johnPhone, "")
	case "asked for a link":
		v.get("/account/sent").is(t, "sent", 200, "Check your inbox", johnMail)
		if p := v.get("/account/forgot"); !p.has(`value="` + johnMail + `"`) {
			t.Errorf("the address is forgotten: %s", p.body)
		}
	case "notice of a link":
		v.get("/account/not-me").is(t, "the notice", 200, "This was not you?", "Cancel links and codes")
		goes("/account/not-me-done", "/account/not-me", "proof", g.Form).is(t, "not me done", 200, "Thank you for telling us", "no longer work")
	case "notice of a change":
		v.get("/account/not-me").is(t, "the notice", 200, "This was not you?", "Secure my account")
		goes("/account/not-me-done", "/account/not-me", "proof", g.Form).is(t, "not me done", 200, "Everybody is being signed out")
	case "told of a change":
		v.get("/account/not-me-done").is(t, "not me done", 200, "Everybody is being signed out")
	case "told of a link":
		v.get("/account/not-me-done").is(t, "not me done", 200, "Thank you for telling us", "no longer work")
	case "done":
		v.get("/account/done").is(t, "done", 200, "Your password was changed")
	case "a change":
		w.in.signIn(w.world)
		goes("/account/done", "/account/change-password", "proof", g.Form, "current", currentPassword, "password", goodPassword)
	case "done with a change":
		v.get("/account/done").is(t, "done", 200, "You have been signed out on all other devices.")
	default:
		t.Fatalf("nobody knows what %q shows", g.Name)
	}
}
