package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// kinds of people that an answer must not tell apart (A20).
var people = []struct{ who, mail string }{
	{"a lead that exists", johnMail},
	{"an address that nobody has", "nobody@example.com"},
	{"a lead that is disabled", "disabled@example.com"},
	{"a lead with social login only", "social@example.com"},
	{"a lead whose address is not verified", "unverified@example.com"},
	{"an ambiguous address", "twins@example.com"},
	{"a lead that the store breaks on", "broken@example.com"},
	{"a lead that the store panics on", "panic@example.com"},
}

func newCrowd(t *testing.T, edit func(*portal, *recovery.Options)) *portal {
	return newPortal(t, func(p *portal, o *recovery.Options) {
		for _, id := range []string{"twin-1", "twin-2"} {
			l := lead("twins", recovery.StatusActive)
			l.ID = id
			p.leads.Add(l, "")
		}
		p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
			switch key.Value {
			case "broken@example.com":
				return errors.New("pq: value broken@example.com in use")
			case "panic@example.com":
				panic(key)
			}
			return nil
		}})
		if edit != nil {
			edit(p, o)
		}
	})
}

// A20: the same status, headers and bytes, and the same calls before the
// answer (A22), for everybody.
func TestForgotAnswersEverybodyAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newCrowd(t, nil)
		h := p.Handler()
		var first string
		for i, who := range people {
			p.calls.take()
			got := answer(post(h, "/forgot-password", `{"email":"`+who.mail+`"}`, from(fmt.Sprintf("192.0.2.%d", i+1))))
			calls := p.calls.take()
			if want := []string{"Take 1", "Enqueue"}; !slices.Equal(calls, want) {
				t.Errorf("%s: calls before the answer %q, want %q", who.who, calls, want)
			}
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s: answer\n%s\nwant\n%s", who.who, got, first)
			}
			settle()
		}
		if !strings.HasPrefix(first, "202\n") || !strings.HasSuffix(first, "{}") {
			t.Errorf("answer %s", first)
		}
		if got := p.outbox.Messages(); len(got) != 1 || got[0].To != johnMail {
			t.Errorf("messages %v, want one to the lead that exists", got)
		}
	})
}

// A21: what becomes of the message does not reach the answer, nor delay it.
func TestDeliveryFailureIsInvisible(t *testing.T) {
	for _, failure := range []struct {
		name   string
		notify func(ctx context.Context, m recovery.Message) error
	}{
		{"the notifier works", nil},
		{"the notifier fails", func(context.Context, recovery.Message) error { return errors.New("550 no such user") }},
		{"the notifier blocks", func(ctx context.Context, _ recovery.Message) error { <-ctx.Done(); return ctx.Err() }},
		{"the notifier panics", func(_ context.Context, m recovery.Message) error { panic(m) }},
	} {
		t.Run(failure.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newCrowd(t, func(p *portal, _ *recovery.Options) { p.outbox.Intercept(failure.notify) })
				h := p.Handler()
				var first string
				for i := range 12 {
					for _, who := range people[:4] {
						start := time.Now()
						got := answer(post(h, "/forgot-password", `{"email":"`+who.mail+`"}`, from(fmt.Sprintf("192.0.2.%d", i+1)), func(r *http.Request) {
							r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:1", i, len(who.who))
						}))
						if first == "" {
							first = got
						}
						if got != first {
							t.Errorf("%s: answer\n%s\nwant\n%s", who.who, got, first)
						}
						if d := time.Since(start); d != 0 {
							t.Errorf("%s: answered after %v of waiting", who.who, d)
						}
						time.Sleep(time.Second)
					}
				}
			})
		})
	}
}

// A20: a full queue and a dead limiter are the same for everybody too.
func TestOutageIsTheSameForEverybody(t *testing.T) {
	for _, outage := range []struct {
		name string
		edit func(*portal, *recovery.Options)
	}{
		{"the queue is full", func(_ *portal, o *recovery.Options) { o.Queue = fullQueue{} }},
		{"the limiter is down", func(_ *portal, o *recovery.Options) { o.Limiter = deadLimiter{} }},
		{"the limiter panics", func(_ *portal, o *recovery.Options) { o.Limiter = panickyLimiter{} }},
		{"the limiter does not answer every question", func(_ *portal, o *recovery.Options) { o.Limiter = lazyLimiter{} }},
	} {
		t.Run(outage.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newCrowd(t, outage.edit)
				var first string
				for _, who := range people {
					got := answer(post(p.Handler(), "/forgot-password", `{"email":"`+who.mail+`"}`))
					if first == "" {
						first = got
					}
					if got != first || !strings.HasPrefix(got, "503\n") || !strings.Contains(got, "Retry-After: ") {
						t.Errorf("%s: answer\n%s\nwant\n%s", who.who, got, first)
					}
				}
				settle()
				if got := p.outbox.Messages(); len(got) != 0 {
					t.Errorf("messages %v, want none", got)
				}
			})
		})
	}
}

type fullQueue struct{}

func (fullQueue) Enqueue(context.Context, recovery.Job) error { return recovery.ErrQueueFull }

type deadLimiter struct{}

func (deadLimiter) Allow(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) {
	return nil, errors.New("connection refused")
}

type panickyLimiter struct{}

func (panickyLimiter) Allow(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) {
	panic("at the disco")
}

type lazyLimiter struct{}

func (lazyLimiter) Allow(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) {
	return nil, nil
}

// A24: every bad proof is one answer, and a code for nobody costs the calls of
// one for somebody.
func TestBadProofsAreOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := p.Handler()
		used := token(t, p.forgot(t, byMail(johnMail)))
		if err := p.reset(t.Context(), recovery.TokenProof(used), goodPassword); err != nil {
			t.Fatal(err)
		}
		expired := token(t, p.forgot(t, byMail(johnMail)))
		time.Sleep(61 * time.Minute)
		changed := token(t, p.forgot(t, byMail(johnMail)))
		p.leads.Touch(johnID)
		secret := strings.Repeat("ab", 32)
		first := map[string]string{} // the first answer of each kind
		const invalid, damaged = `"detail":"The link or code is invalid or expired."`, `"damaged":true`
		for _, c := range []struct{ says, name, proof string }{
			{invalid, "a used token", `"token":"` + used + `"`},
			{invalid, "an expired token", `"token":"` + expired + `"`},
			{invalid, "a token from before a change", `"token":"` + changed + `"`},
			{damaged, "a forged token", `"token":"bm90IGEgdG9rZW4"`},
			{damaged, "an empty token", `"token":""`},
			{damaged, "the word undefined", `"token":"undefined"`},
			{damaged, "a very long token", `"token":"` + strings.Repeat("A", 8000) + `"`},
			{invalid, "a secret for a known lead", `"leadId":"` + johnID + `","token":"` + secret + `"`},
			{invalid, "a secret for an unknown lead", `"leadId":"nobody","token":"` + secret + `"`},
			{invalid, "a lead ID in upper case", `"leadId":"` + strings.ToUpper(johnID) + `","token":"` + secret + `"`},
			{invalid, "a lead ID in braces", `"leadId":"{` + johnID + `}","token":"` + secret + `"`},
			{damaged, "a lead ID with a line break", `"leadId":"a\r\nb","token":"` + secret + `"`},
			{damaged, "an empty lead ID", `"leadId":"","token":"` + secret + `"`},
			{damaged, "a secret in upper case", `"leadId":"` + johnID + `","token":"` + strings.ToUpper(secret) + `"`},
			{invalid, "a code for a known lead without one", `"email":"` + johnMail + `","code":"12345678"`},
			{invalid, "a code for an unknown lead", `"email":"nobody@example.com","code":"12345678"`},
			{invalid, "a code for a disabled lead", `"email":"disabled@example.com","code":"12345678"`},
			{invalid, "a code of seven digits", `"email":"` + johnMail + `","code":"1234567"`},
			{invalid, "a code of other digits", `"email":"` + johnMail + `","code":"١٢٣٤٥٦٧٨"`},
		} {
			for path, more := range map[string]string{"/check-token": "", "/reset-password": `,"password":"` + goodPassword + `"`} {
				got := answer(post(h, path, `{`+c.proof+more+`}`))
				got = limitFields.ReplaceAllString(got, "")
				if first[c.says] == "" {
					first[c.says] = got
				}
				if got != first[c.says] || !strings.HasPrefix(got, "400\n") || !strings.Contains(got, c.says) || !strings.Contains(got, `"code":"invalid_proof"`) {
					t.Errorf("%s at %s: answer\n%s\nwant\n%s", c.name, path, got, first[c.says])
				}
			}
		}
		if n := p.leads.Writes(); n != 1 {
			t.Errorf("%d passwords were written, want 1", n)
		}
	})
}

// A24: a code for an unknown lead asks the stores what one for a known lead
// asks them.
func TestCodeGuessesCostTheSameForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		req := byMail(johnMail)
		req.Code = true
		code := p.forgot(t, req).Code.Reveal()
		wrong := "00000000"
		if code == wrong {
			wrong = "00000001"
		}
		for _, mail := range []string{johnMail, "nobody@example.com", "disabled@example.com", "social@example.com"} {
			p.calls.take()
			wantErr(t, p.check(t.Context(), recovery.CodeProof(byMail(mail).Key, wrong)), recovery.ErrInvalidProof)
			if got, want := p.calls.take(), []string{"Take 1", "FindLead EmailAddress", "Peek"}; !slices.Equal(got, want) {
				t.Errorf("%s: calls %q, want %q", mail, got, want)
			}
		}
	})
}

// A25: nobody is written to because a stranger typed the address, unless the
// host says so, and then within the recipient's limits.
func TestUnknownAddressIsToldOnlyIfTheHostSaysSo(t *testing.T) {
	for _, opted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(_ *portal, o *recovery.Options) {
				o.Messages.UnknownAddress, o.Messages.NoPassword = opted, opted
				o.Limits = recovery.Limits{}
			})
			for range 3 {
				for _, who := range []string{"nobody@example.com", "social@example.com", "disabled@example.com"} {
					_, _ = p.ForgotPassword(t.Context(), byMail(who))
				}
			}
			settle()
			want := map[recovery.MessageKind]int{}
			if opted {
				want[recovery.MessageUnknownAddress], want[recovery.MessageNoPassword] = 1, 1
			}
			for _, kind := range []recovery.MessageKind{recovery.MessageUnknownAddress, recovery.MessageNoPassword, recovery.MessageResetLink} {
				if got := p.outbox.OfKind(kind); len(got) != want[kind] {
					t.Errorf("opted in %v: %d messages %s, want %d", opted, len(got), kind, want[kind])
				}
			}
		})
	}
}

// A26: the answer names no address, masked or not.
func TestAnswerNamesNoAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		got := answer(post(p.Handler(), "/forgot-password", `{"identifier":{"field":"mx_PAN_Number","value":"`+johnPAN+`"}}`))
		for _, leak := range []string{"john", "@", "example.com", "***", johnPAN} {
			if strings.Contains(got, leak) {
				t.Errorf("answer contains %q:\n%s", leak, got)
			}
		}
	})
}

// A10, A11: a store that folds as SQL collations do brings up somebody else's
// lead; the Service compares again, and writes only to what is stored.
func TestLookAlikesFindNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		fold := strings.NewReplacer("ı", "i", "İ", "i", "ſ", "s", "\u212a", "k", "ﬁ", "fi", "＠", "@", "ß", "ss", "ï", "i", "\u0441", "c", "\u034f", "", ".@", "@", "..", "")
		folding := foldingStore{p.leads.Leads, fold.Replace}
		s, err := recovery.New(folding, p.tokens, p.outbox, recovery.Options{
			Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
			Fields: fields(), Passwords: recovery.PasswordOptions{Hasher: fastHasher{}}, DangerouslyKeepSessions: true, Limits: generous(), Events: p.events.sink,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Shutdown(context.WithoutCancel(t.Context()))
		for _, key := range []recovery.LeadKey{
			{Field: "EmailAddress", Value: "johnwic\u212a@example.com"},
			{Field: "EmailAddress", Value: "johnw\u0131ck@example.com"},
			{Field: "EmailAddress", Value: "johnw\u0130ck@example.com"},
			{Field: "EmailAddress", Value: "johnw\u00efck@example.com"},
			{Field: "EmailAddress", Value: "johnwi\u0441k@example.com"},
			{Field: "EmailAddress", Value: "johnwick.@example.com"},
			{Field: "EmailAddress", Value: "john..wick@example.com"},
			{Field: "EmailAddress", Value: "johnwi\u034fck@example.com"},
			{Field: "EmailAddress", Value: "johnwick\uff20example.com"},
			{Field: "EmailAddress", Value: "johnwick@example.com\uff20evil.example"},
			{Field: "EmailAddress", Value: "johnwick@example.com,attacker@evil.example"},
			{Field: "EmailAddress", Value: "attacker@evil.example johnwick@example.com"},
			{Field: "EmailAddress", Value: `"V" <johnwick@example.com>`},
			{Field: "EmailAddress", Value: "johnwick@example.com\r\nBcc: attacker@evil.example"},
			{Field: "Username", Value: "john_do\u1d49"},
			{Field: "Username", Value: "ȷohn_doe"},
			{Field: "mx_PAN_Number", Value: "\u017f\u017fKKPPYY222"},
		} {
			_, _ = s.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: key})
			settle()
			if got := p.outbox.Messages(); len(got) != 0 {
				t.Fatalf("%+q sent %v to %q", key.Value, got, got[0].To)
			}
		}
		if len(p.events.of(recovery.EventWrongRecord)) == 0 {
			t.Error("no look-alike reached the store, so nothing was tested")
		}
	})
}

// foldingStore compares as a lax collation does.
type foldingStore struct {
	*recoverytest.Leads
	fold func(string) string
}

func (s foldingStore) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	key.Value = s.fold(strings.ToLower(key.Value))
	if key.Field == "mx_PAN_Number" {
		key.Value = strings.ToUpper(key.Value)
	}
	return s.Leads.FindLead(ctx, key)
}

// A81: which field is searched and which receives is the host's choice, and an
// address has to be verified.
func TestRequestCannotChooseTheRecipient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		p.leads.Change(johnID, func(l *recovery.Lead) {
			l.Fields["mx_Alternate_Email"] = recovery.FieldValue{Value: "attacker@evil.example"}
			l.Fields["OwnerEmail"] = recovery.FieldValue{Value: "owner@example.com", Verified: true}
		})
		for _, c := range []struct {
			name            string
			key             recovery.LeadKey
			recipient       string
			invalid         bool
			wantSentAnyways bool
		}{
			{"a field that is not declared", byMail(johnMail).Key, "OwnerEmail", true, false},
			{"a field that may not receive", byMail(johnMail).Key, "mx_PAN_Number", true, false},
			{"a field in another case", byMail(johnMail).Key, "phone", true, false},
			{"a search in a field that may not be searched", recovery.LeadKey{Field: "mx_Alternate_Email", Value: johnAlt}, "", true, false},
			{"a search by the reserved name", recovery.LeadKey{Field: recovery.LeadIDField, Value: johnID}, "", true, false},
			{"an address that is not verified", byMail(johnMail).Key, "mx_Alternate_Email", false, false},
			{"a field that the lead does not have", byMail("unverified@example.com").Key, "Phone", false, false},
			{"a verified field that may receive", byMail(johnMail).Key, "Phone", false, true},
		} {
			_, err := p.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: c.key, RecipientField: c.recipient})
			if got := errors.Is(err, recovery.ErrInvalidRequest); got != c.invalid {
				t.Errorf("%s: %v", c.name, err)
			}
			settle()
			if got := p.outbox.Messages(); (len(got) > 0) != c.wantSentAnyways {
				t.Errorf("%s: sent %v", c.name, got)
			}
		}
	})
}

// A76: at issue and at consume.
func TestDisabledLeadsCannotReset(t *testing.T) {
	for _, status := range []recovery.LeadStatus{recovery.StatusDisabled, recovery.StatusNoPassword, ""} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, nil)
			proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
			// Even if the store forgets to change the version with the status.
			p.leads.SetHooks(recoverytest.LeadsHooks{
				AfterFind: func(_ context.Context, _ recovery.LeadKey, l recovery.Lead) (recovery.Lead, error) {
					l.Status = status
					return l, nil
				},
			})
			wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
			wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Error(err)
			}
			settle()
			if n := len(p.outbox.Messages()); n != 1 || p.leads.Writes() != 0 {
				t.Errorf("status %q: %d messages and %d writes", status, n, p.leads.Writes())
			}
		})
	}
}

// A76, A96: a message that a disabled lead does not get takes neither a place in
// the queue of deliveries nor one of the messages that the lead may get.
func TestDisabledLeadCostsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Limits = recovery.DefaultLimits() })
		p.leads.SetStatus(johnID, recovery.StatusDisabled)
		p.calls.take()
		if _, err := p.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Username", Value: "john_doe"}}); err != nil {
			t.Fatal(err)
		}
		settle()
		queued := slices.DeleteFunc(p.calls.take(), func(call string) bool { return call != "Enqueue" })
		if len(queued) != 1 {
			t.Errorf("%d jobs were enqueued, want that of the request alone", len(queued))
		}
		if e := p.events.of(recovery.EventMessageSuppressed); len(e) != 1 || e[0].Reason != recovery.ReasonDisabled {
			t.Errorf("suppressed: %+v", e)
		}
		p.leads.SetStatus(johnID, recovery.StatusActive)
		p.forgot(t, byMail(johnMail)) // within the minute for which a message would count
	})
}

// A22: the work of a request begins after a random pause, for everybody alike.
// Without it, the work for a lead that exists would show in the time of the next
// answer.
func TestWorkBeginsAfterARandomPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const longest, requests = 250 * time.Millisecond, 200
		q := &heldQueue{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue = q })
		for _, mail := range []string{johnMail, "nobody@example.com", "disabled@example.com"} {
			for range requests {
				if _, err := p.ForgotPassword(t.Context(), byMail(mail)); err != nil {
					t.Fatal(err)
				}
			}
			// In a bubble no time has passed. Of 200 pauses some are in each
			// fifth, but for one run in 10^18.
			fifths := map[int]int{}
			for _, job := range q.take() {
				pause := time.Until(job.NotBefore)
				if pause < 0 || pause > longest {
					t.Fatalf("%s: a pause of %v", mail, pause)
				}
				fifths[min(4, int(5*pause/longest))]++
			}
			if len(fifths) != 5 {
				t.Errorf("%s: %d pauses, by fifths of %v: %v", mail, requests, longest, fifths)
			}
		}
	})
}
