package leadsquared_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// The body of the vendor's page, byte for byte.
const seedReset = `{
  "Password": "Samplepassword@123",
  "LeadId": "a822e018-80a4-4a86-bd9d-9855710109ff",
  "TemporaryPassword": "12078b6f730c675484812414f8cd806a154b87735472460e1ff46126eed3f14c"
}`

const seedTemporary = "12078b6f730c675484812414f8cd806a154b87735472460e1ff46126eed3f14c"

// The whole flow in both generations: request a link, follow it, choose a
// password. A second use of the link is refused (A32), and nobody is signed in.
func TestFlow(t *testing.T) {
	for _, g := range []struct{ name, forgot, reset string }{{"v2", forgotV2, resetV2}, {"v1", forgotV1, resetV1}} {
		t.Run(g.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				want(t, w.do(post(g.forgot, seedEmail)), 200, forgotOK)
				settle()
				m := w.a.links()
				if len(m) != 1 {
					t.Fatalf("sent %v, want one link", m)
				}
				link, err := url.Parse(m[0].URL.Reveal())
				if err != nil {
					t.Fatal(err)
				}
				// The sample itself is refused: its temporary password is not
				// one of this Service.
				want(t, w.do(post(g.reset, seedReset)), 400, resetError(invalidInput, badProofText))
				// With the one from the link it works.
				body := strings.Replace(seedReset, seedTemporary, link.Query().Get("TemporaryPassword"), 1)
				want(t, w.do(post(g.reset, body)), 200, resetOK)
				if n, hash := w.a.leads.Writes(), w.a.leads.Hash(johnID); n != 1 || hash != "hash-of-18-bytes" {
					t.Errorf("%d writes, hash %q", n, hash)
				}
				want(t, w.do(post(g.reset, body)), 400, resetError(invalidInput, badProofText))
				settle()
				told := 0
				for _, m := range w.a.outbox.Messages() {
					if m.Kind == recovery.MessagePasswordChanged {
						told++
					}
				}
				if told != 3 {
					t.Errorf("%d addresses were told, want all 3", told)
				}
			})
		})
	}
}

// A33: of many concurrent resets with one link, one wins. The others get the
// answer to every invalid proof.
func TestResetRace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		won, lost := 0, 0
		answers := make(chan string, 32)
		for range cap(answers) {
			go func() {
				rec := httptest.NewRecorder()
				w.handler.ServeHTTP(rec, post(resetV2, resetWith(goodPass, link)))
				answers <- rec.Body.String()
			}()
		}
		for range cap(answers) {
			switch answer := <-answers; answer {
			case resetOK:
				won++
			case resetError(invalidInput, badProofText):
				lost++
			default:
				t.Errorf("answer %s", answer)
			}
		}
		if won != 1 || lost != cap(answers)-1 || w.a.leads.Writes() != 1 {
			t.Errorf("%d won, %d lost, %d writes", won, lost, w.a.leads.Writes())
		}
	})
}

// A link that is sent by SMS works like a mailed one.
func TestFlowByPhone(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		want(t, w.do(post(forgotV2, seedRecipient)), 200, forgotOK)
		settle()
		m := w.a.links()
		if len(m) != 1 || m[0].Channel != recovery.ChannelSMS || !m[0].Code.IsZero() {
			t.Fatalf("sent %v, want one link by SMS", m)
		}
		link, err := url.Parse(m[0].URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		want(t, w.do(post(resetV2, resetWith(goodPass, link))), 200, resetOK)
	})
}

// A24: every invalid proof gets the same answer, byte for byte.
func TestResetBadProofs(t *testing.T) {
	tests := []struct {
		sentence string
		body     func(w *world, link *url.URL) string
	}{
		{"an unknown lead", func(_ *world, l *url.URL) string {
			return strings.Replace(resetWith(goodPass, l), johnID, "b822e018-80a4-4a86-bd9d-9855710109ff", 1)
		}},
		{"another lead of the portal (A36)", func(_ *world, l *url.URL) string {
			return strings.Replace(resetWith(goodPass, l), johnID, "disabled", 1)
		}},
		{"a lead id that cannot be", func(_ *world, l *url.URL) string {
			return strings.Replace(resetWith(goodPass, l), johnID, strings.Repeat("x", 300), 1)
		}},
		{"a temporary password that was never given", func(*world, *url.URL) string { return seedReset }},
		{"one that is too short", func(*world, *url.URL) string { return strings.Replace(seedReset, seedTemporary, "12078b6f", 1) }},
		{"one in capitals", func(_ *world, l *url.URL) string {
			s := l.Query().Get("TemporaryPassword")
			return strings.Replace(resetWith(goodPass, l), s, strings.ToUpper(s), 1)
		}},
		{"one with a space behind", func(_ *world, l *url.URL) string {
			s := l.Query().Get("TemporaryPassword")
			return strings.Replace(resetWith(goodPass, l), s, s+" ", 1)
		}},
		{"one that expired", func(_ *world, l *url.URL) string {
			time.Sleep(time.Hour)
			return resetWith(goodPass, l)
		}},
		{"one that was used", func(w *world, l *url.URL) string {
			w.do(post(resetV2, resetWith(goodPass, l)))
			return resetWith(goodPass, l)
		}},
		{"one that a newer reset has ended", func(w *world, l *url.URL) string {
			w.do(post(resetV2, resetWith(goodPass, w.mailedLink(w.a, asA))))
			return resetWith(goodPass, l)
		}},
		{"one that was revoked", func(w *world, l *url.URL) string {
			if err := w.a.svc.RevokeTokens(w.t.Context(), johnID); err != nil {
				w.t.Fatal(err)
			}
			return resetWith(goodPass, l)
		}},
		{"one of a lead that was disabled since", func(w *world, l *url.URL) string {
			w.a.leads.SetStatus(johnID, recovery.StatusDisabled)
			return resetWith(goodPass, l)
		}},
	}
	reference := ""
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				body := test.body(w, w.mailedLink(w.a, asA))
				before := w.a.leads.Writes()
				got := w.dump(post(resetV2, body, from("192.0.2.77")))
				if reference == "" {
					reference = got
				}
				if got != reference || !strings.HasSuffix(got, resetError(invalidInput, badProofText)) {
					t.Errorf("the answer is\n%q\nfor others\n%q", got, reference)
				}
				if w.a.leads.Writes() != before {
					t.Error("a password was written")
				}
			})
		})
	}
}

// A36: a link of portal A does not work in portal B, although the lead has the
// same id there. Afterwards it still works in A.
func TestResetPortalsDoNotMix(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		want(t, w.do(post(resetV2, resetWith(goodPass, link), asB)), 400, resetError(invalidInput, badProofText))
		if n := w.b.leads.Writes(); n != 0 {
			t.Errorf("portal B wrote %d", n)
		}
		want(t, w.do(post(resetV2, resetWith(goodPass, link))), 200, resetOK)
	})
}

// After a weak password the link still works.
func TestResetWeakPassword(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		for _, weak := range []string{"short", "password12345678", johnMail} {
			rec := w.do(post(resetV2, resetWith(weak, link)))
			var e struct{ ExceptionType, ExceptionMessage string }
			if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			if rec.Code != 400 || e.ExceptionType != invalidInput || e.ExceptionMessage == badProofText || strings.Contains(e.ExceptionMessage, weak) {
				t.Errorf("%q: %d %s", weak, rec.Code, rec.Body)
			}
		}
		policy, err := password.NewPolicy(password.PolicyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		refused, _ := errors.AsType[*password.PolicyError](policy.Check("too short"))
		want(t, w.do(post(resetV2, resetWith("too short", link))), 400, resetError(invalidInput, refused.Violations[0].Message))
		want(t, w.do(post(resetV2, resetWith(goodPass, link))), 200, resetOK)
	})
}

func TestResetBodies(t *testing.T) {
	tests := []struct {
		sentence, body string
		kind, message  string
	}{
		{"nothing", `{}`, missing, "Password is required."},
		{"no password", `{"LeadId":"x","TemporaryPassword":"y"}`, missing, "Password is required."},
		{"an empty password", `{"Password":"","LeadId":"x","TemporaryPassword":"y"}`, missing, "Password is required."},
		{"password null", `{"Password":null,"LeadId":"x","TemporaryPassword":"y"}`, missing, "Password is required."},
		{"no lead id (A36)", `{"Password":"Samplepassword@123","TemporaryPassword":"y"}`, missing, "LeadId is required."},
		{"an empty lead id (A36)", `{"Password":"Samplepassword@123","LeadId":"","TemporaryPassword":"y"}`, missing, "LeadId is required."},
		{"no temporary password (A36)", `{"Password":"Samplepassword@123","LeadId":"x"}`, missing, "TemporaryPassword is required."},
		{"an empty temporary password (A36)", `{"Password":"Samplepassword@123","LeadId":"x","TemporaryPassword":""}`, missing, "TemporaryPassword is required."},
		{"an array of passwords", `{"Password":["a","b"],"LeadId":"x","TemporaryPassword":"y"}`, invalidInput, "Password must be a string."},
		{"a lead id that is a number", `{"Password":"Samplepassword@123","LeadId":1,"TemporaryPassword":"y"}`, invalidInput, "LeadId must be a string."},
		{"an array of lead ids (A12)", `{"Password":"Samplepassword@123","LeadId":["x"],"TemporaryPassword":"y"}`, invalidInput, "LeadId must be a string."},
		{"a temporary password that is true", `{"Password":"Samplepassword@123","LeadId":"x","TemporaryPassword":true}`, invalidInput, "TemporaryPassword must be a string."},
		{"a name with a long s, which some fold (A60)", `{"Pa\u017fsword":"Samplepassword@123","LeadId":"x","TemporaryPassword":"y"}`, missing, "Password is required."},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, test := range tests {
			rec := w.do(post(resetV2, test.body))
			if body := resetError(test.kind, test.message); rec.Code != 400 || rec.Body.String() != body {
				t.Errorf("%s: %d %s\nwant %s", test.sentence, rec.Code, rec.Body, body)
			}
		}
		w.noEffect(t)
	})
}

// A65: names of account fields in the body change nothing but the password.
func TestResetIgnoresOtherNames(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		body := strings.Replace(resetWith(goodPass, link), "{", `{"IsActive":true,"Status":"active","Roles":["admin"],"EmailAddress":"attacker@evil.example","Phone":null,"Version":"9","IsSuccessful":true,`, 1)
		john := func() recovery.Lead {
			lead, err := w.a.leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: johnID})
			if err != nil {
				t.Fatal(err)
			}
			return lead
		}
		before := john()
		want(t, w.do(post(resetV2, body)), 200, resetOK)
		after := john()
		if w.a.leads.Writes() != 1 || after.Status != before.Status || !maps.Equal(after.Fields, before.Fields) {
			t.Errorf("%d writes, and the lead is now %+v", w.a.leads.Writes(), after)
		}
	})
}

// Names in the body have any case, and a temporary password in the link has
// only the documented characters.
func TestResetNamesInAnyCase(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		body := strings.NewReplacer("Password\":", "password\":", "LeadId", "LEADID", "TemporaryPassword", "temporaryPassword").Replace(resetWith(goodPass, link))
		want(t, w.do(post(resetV1, body)), 200, resetOK)
	})
}

// Errors of the host's hooks and stores, and what the answer says of them.
func TestResetFailures(t *testing.T) {
	refused := errors.New("pq: relation \"leads\" does not exist")
	tests := []struct {
		sentence   string
		change     func(o *recovery.Options)
		write      func() error
		status     int
		body       string
		retryAfter string
		alive      bool // whether the link works afterwards
	}{
		{"a step-up", func(o *recovery.Options) {
			o.StepUp = func(context.Context, recovery.Lead) error {
				return &recovery.StepUpError{Detail: "Confirm with your authenticator first."}
			}
		}, nil, 400, resetError(invalidInput, "Confirm with your authenticator first."), "", true},
		{"a step-up that says nothing", func(o *recovery.Options) {
			o.StepUp = func(context.Context, recovery.Lead) error { return recovery.ErrStepUpRequired }
		}, nil, 400, resetError(invalidInput, "A further proof is required."), "", true},
		{"a second factor, which this API cannot carry", func(o *recovery.Options) {
			o.SecondFactor.Needed = func(context.Context, recovery.Lead) (bool, error) { return true, nil }
			o.SecondFactor.Verify = func(context.Context, recovery.Lead, recovery.Secret) (bool, error) { return true, nil }
		}, nil, 400, resetError(invalidInput, "A further proof is required."), "", true},
		{"a step-up hook that fails, with an error of another meaning", func(o *recovery.Options) {
			o.StepUp = func(context.Context, recovery.Lead) error {
				return &recovery.RateLimitError{Limit: recovery.Limit{N: 1, Window: time.Second}}
			}
		}, nil, 503, resetError(internal, "The API is temporarily unavailable. Try again later."), "5", true},
		{"a busy hasher", func(o *recovery.Options) { o.Passwords.Hasher = cheapHasher{func() error { return password.ErrBusy }} },
			nil, 503, resetError(internal, "The API is temporarily unavailable. Try again later."), "5", true},
		{"a write that certainly failed", nil, func() error { return errors.Join(recovery.ErrNotWritten, refused) },
			503, resetError(internal, "The API is temporarily unavailable. Try again later."), "5", true},
		{"a write of unknown outcome", nil, func() error { return refused },
			500, resetError(internal, "It is not known whether the password was changed. Ask for a new link."), "", false},
		{"a write of unknown outcome, because something was unavailable", nil, func() error { return recovery.ErrUnavailable },
			500, resetError(internal, "It is not known whether the password was changed. Ask for a new link."), "", false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, test.change, func(t *testing.T, w *world) {
				link := w.mailedLink(w.a, asA)
				w.a.onWrite(test.write)
				rec := w.do(post(resetV2, resetWith(goodPass, link)))
				want(t, rec, test.status, test.body)
				if got := rec.Header().Get("Retry-After"); got != test.retryAfter {
					t.Errorf("Retry-After is %q, want %q", got, test.retryAfter)
				}
				if logged := strings.Contains(w.logs.String(), "leadsquared: request failed"); logged != (test.status >= 500) {
					t.Errorf("the failure was logged: %v", logged)
				}
				// A83: the cause is in the log and not in the answer.
				if strings.Contains(rec.Body.String(), "relation") || test.write != nil && !strings.Contains(w.logs.String(), "recovery:") {
					t.Errorf("answer %s, logs %s", rec.Body, w.logs)
				}
				settle()
				w.a.onWrite(nil)
				rec = w.do(post(resetV2, resetWith("short", link)))
				if rec.Code != 400 {
					t.Fatal(rec.Code)
				}
				_, err := w.a.svc.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: recovery.LinkSecretProof(johnID, link.Query().Get("TemporaryPassword"))})
				if alive := err == nil; alive != test.alive {
					t.Errorf("the link is alive: %v (%v), want %v", alive, err, test.alive)
				}
			})
		})
	}
}

// A store that returns a lead without an ID is a mistake of the host's. The
// answer is 500, and the error is logged.
func TestResetBrokenStore(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		w.a.leads.SetHooks(recoverytest.LeadsHooks{
			AfterFind: func(_ context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
				lead.Version = ""
				return lead, nil
			},
		})
		want(t, w.do(post(resetV2, resetWith(goodPass, link))), 500, resetError(internal, "The API call failed."))
		if !strings.Contains(w.logs.String(), "without a Version") {
			t.Errorf("logs are %s", w.logs)
		}
	})
}

// While the Service shuts down, both operations answer 503.
func TestShutdown(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		if err := w.a.svc.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		text := "The API is temporarily unavailable. Try again later."
		rec := w.do(post(forgotV2, seedEmail))
		wantError(t, rec, 503, internal, text)
		if rec.Header().Get("Retry-After") != "5" {
			t.Error("no Retry-After")
		}
		want(t, w.do(post(resetV2, seedReset)), 503, resetError(internal, text))
		want(t, w.do(post(forgotV2, seedEmail, asB)), 200, forgotOK)
		if strings.Contains(w.dump(post(forgotV2, seedEmail)), "shutting") {
			t.Error("the answer says why")
		}
	})
}

// A closed connection of a client is not logged as an error.
func TestHungUp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.do(post(forgotV2, seedEmail).WithContext(ctx))
		if logs := w.logs.String(); strings.Contains(logs, `"ERROR"`) || !strings.Contains(logs, `"DEBUG"`) {
			t.Errorf("logs are %s", logs)
		}
	})
}
