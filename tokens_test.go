package recovery_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A32, A94: a token lives as long as the option for its own purpose says, to
// the nanosecond of the store's clock, whatever the request or the sealed
// string says of time.
func TestTokensExpire(t *testing.T) {
	for _, c := range []struct {
		name string
		code bool
		ttl  time.Duration
	}{{"a link lives an hour", false, time.Hour}, {"a code lives ten minutes", true, 10 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, nil)
			req := byMail(johnMail)
			req.Code = c.code
			m := p.forgot(t, req)
			proof := recovery.CodeProof(req.Key, m.Code.Reveal())
			if !c.code {
				proof = recovery.TokenProof(token(t, m))
			}
			time.Sleep(time.Until(m.Expires) - time.Nanosecond)
			if err := p.check(t.Context(), proof); err != nil {
				t.Errorf("%s: before its end: %v", c.name, err)
			}
			time.Sleep(time.Nanosecond)
			wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
			if lived := time.Since(m.RequestedAt); lived < c.ttl || lived > c.ttl+time.Second {
				t.Errorf("%s: it lived %v", c.name, lived)
			}
		})
	}
}

// A message that cannot be sent is tried until its link or code would have
// expired, and never later.
func TestNoMessageAfterItsTokenExpires(t *testing.T) {
	for _, c := range []struct {
		name string
		code bool
		ttl  time.Duration
	}{{"a link", false, time.Hour}, {"a code", true, 10 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			var last time.Time
			p := newPortal(t, func(p *portal, _ *recovery.Options) {
				p.outbox.Intercept(func(context.Context, recovery.Message) error {
					last = time.Now()
					return errors.New("no mail goes out")
				})
			})
			req := byMail(johnMail)
			req.Code = c.code
			asked := time.Now()
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			time.Sleep(25 * time.Hour)
			synctest.Wait()
			if tried := last.Sub(asked); tried < c.ttl/2 || tried >= c.ttl {
				t.Errorf("%s: the last try came after %v", c.name, tried)
			}
			if n := len(p.events.of(recovery.EventDeadLetter)); n != 1 {
				t.Errorf("%s: %d dead letters", c.name, n)
			}
		})
	}
}

// A35: whatever changes on the lead between issue and use kills the token.
func TestTokenDiesWithTheStateItWasMadeFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*recoverytest.Leads)
	}{
		{"the password changed elsewhere", func(l *recoverytest.Leads) {
			_ = l.SetPasswordHash(context.Background(), johnID, "fast:elsewhere")
		}},
		{"the address changed", func(l *recoverytest.Leads) { l.SetValue(johnID, "EmailAddress", "new@example.com") }},
		{"the lead was disabled", func(l *recoverytest.Leads) { l.SetStatus(johnID, recovery.StatusDisabled) }},
	} {
		for _, kind := range proofs {
			t.Run(c.name+", "+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPortal(t, nil)
					proof := kind.make(t, p)
					c.change(p.leads.Leads)
					wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
					wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
				})
			})
		}
	}
}

// A35: three links live at once; the first two and the newest work, so neither
// an attacker who keeps asking nor a late mail locks the person out. A reset
// kills all.
func TestThreeLiveLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		var links []recovery.Proof
		for range 5 {
			links = append(links, recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail)))))
		}
		for i, alive := range []bool{true, true, false, false, true} {
			if err := p.check(t.Context(), links[i]); (err == nil) != alive {
				t.Errorf("link %d: %v, want alive %v", i, err, alive)
			}
		}
		if err := p.reset(t.Context(), links[1], goodPassword); err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			wantErr(t, p.check(t.Context(), l), recovery.ErrInvalidProof)
		}
	})
}

// A91: a store that brings a consumed token back brings back nothing that
// works.
func TestResurrectedTokenIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &resurrecting{TokenStore: recovery.NewMemoryTokenStore(), kept: map[recovery.TokenRef]recovery.TokenRecord{}}
		p := newPortal(t, func(p *portal, _ *recovery.Options) { p.tokens = store })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		store.restored = true
		wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
		if e := p.events.of(recovery.EventResetRefused); len(e) == 0 || e[0].Reason != recovery.ReasonLeadChanged {
			t.Errorf("events %+v", e)
		}
	})
}

// resurrecting is a store after a failover to a replica that lags.
type resurrecting struct {
	recovery.TokenStore
	kept     map[recovery.TokenRef]recovery.TokenRecord
	restored bool
}

func (s *resurrecting) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	token, err := s.TokenStore.Put(ctx, slot, spec)
	s.kept[recovery.TokenRef{Slot: slot, Digest: spec.Digest}] = token
	return token, err
}

func (s *resurrecting) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if token, ok := s.kept[refs[0]]; ok && s.restored {
		return token, nil
	}
	return s.TokenStore.Peek(ctx, refs...)
}

func (s *resurrecting) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if s.restored {
		return s.Peek(ctx, refs...)
	}
	return s.TokenStore.Claim(ctx, id, refs...)
}

// A90: a store that answers about another token is not believed.
func TestAnswerAboutAnotherTokenIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &crossed{TokenStore: recovery.NewMemoryTokenStore()}
		p := newPortal(t, func(p *portal, _ *recovery.Options) { p.tokens = store })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		store.wrong = true
		wantErr(t, p.check(t.Context(), proof), recovery.ErrUnavailable)
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrUnavailable)
		if p.leads.Writes() != 0 || len(p.events.of(recovery.EventWrongRecord)) == 0 {
			t.Errorf("%d writes, events %+v", p.leads.Writes(), p.events.all)
		}
	})
}

// A90: nor is a store of leads that answers about another lead when it is asked
// for an ID.
func TestAnswerAboutAnotherLeadIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &crossedLeads{}
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.leads.Add(lead("anna", recovery.StatusActive), "")
			store.LeadStore, p.users = p.leads, store
		})
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		store.wrong = "lead-anna"
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
		device, err := p.NewDevice(t.Context(), johnID, "")
		wantErr(t, err, recovery.ErrLeadNotFound)
		if told := p.events.of(recovery.EventWrongRecord); p.leads.Writes() != 0 || device != "" || len(told) != 2 {
			t.Errorf("%d writes, device %q, events %+v", p.leads.Writes(), device, told)
		}
	})
}

// crossedLeads answers with the lead wrong where it is asked for an ID.
type crossedLeads struct {
	recovery.LeadStore
	wrong string
}

func (s *crossedLeads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	if key.Field == recovery.LeadIDField && s.wrong != "" {
		key.Value = s.wrong
	}
	return s.LeadStore.FindLead(ctx, key)
}

// crossed answers with the record of somebody else.
type crossed struct {
	recovery.TokenStore
	wrong bool
}

func (s *crossed) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	token, err := s.TokenStore.Peek(ctx, refs...)
	if s.wrong {
		token.Slot, err = "recovery:t:m:somebody-else", nil
	}
	return token, err
}

// A36: a token is for one lead, one purpose and one service, and trying it
// elsewhere does it no harm.
func TestTokenIsForOneLeadPurposeAndService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		p.leads.Add(lead("mallory", recovery.StatusActive), "")
		req := byMail(johnMail)
		req.Link = &recovery.Link{URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}
		u, _ := url.Parse(p.forgot(t, req).URL.Reveal())
		secret := u.Query().Get("TemporaryPassword")
		wantErr(t, p.reset(t.Context(), recovery.LinkSecretProof("lead-mallory", secret), goodPassword), recovery.ErrInvalidProof)

		codeReq := byMail(johnMail)
		codeReq.Code = true
		code := p.forgot(t, codeReq).Code.Reveal()
		wantErr(t, p.reset(t.Context(), recovery.CodeProof(byMail("mallory@example.com").Key, code), goodPassword), recovery.ErrInvalidProof)

		// An issued token has no form with the secret apart.
		other := newPortal(t, func(q *portal, o *recovery.Options) {
			q.leads, q.tokens, o.Prefix = p.leads, p.tokens, "other"
		})
		sealed := token(t, p.forgot(t, byMail(johnMail)))
		wantErr(t, other.reset(t.Context(), recovery.TokenProof(sealed), goodPassword), recovery.ErrInvalidProof)
		wantErr(t, other.reset(t.Context(), recovery.LinkSecretProof(johnID, secret), goodPassword), recovery.ErrInvalidProof)
		if p.leads.Writes() != 0 {
			t.Fatal("written")
		}
		for _, proof := range []recovery.Proof{recovery.TokenProof(sealed), recovery.LinkSecretProof(johnID, secret), recovery.CodeProof(codeReq.Key, code)} {
			if err := p.check(t.Context(), proof); err != nil {
				t.Error("harmed by being tried elsewhere:", err)
			}
		}
	})
}

// A36: the digest itself is for one lead. A store that mixed up its slots would
// still not find the token of one lead for another.
func TestDigestIsForOneLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.tokens = byDigest{recovery.NewMemoryTokenStore(), map[string]string{}}
		})
		p.leads.Add(lead("mallory", recovery.StatusActive), "")
		req := byMail("mallory@example.com")
		req.Link = &recovery.Link{URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}
		u, _ := url.Parse(p.forgot(t, req).URL.Reveal())
		secret := u.Query().Get("TemporaryPassword")
		wantErr(t, p.check(t.Context(), recovery.LinkSecretProof("lead-mallory", secret)), nil)
		wantErr(t, p.check(t.Context(), recovery.LinkSecretProof(johnID, secret)), recovery.ErrInvalidProof)
		if e := p.events.of(recovery.EventResetRefused); len(e) != 1 || e[0].Reason != recovery.ReasonUnknownToken {
			t.Errorf("the token was found: %+v", e)
		}
	})
}

// byDigest finds tokens by their digests alone, in whatever slot they are. It
// answers as if they were in the slot that was asked for.
type byDigest struct {
	recovery.TokenStore
	slots map[string]string // by digest
}

func (s byDigest) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	s.slots[spec.Digest] = slot
	return s.TokenStore.Put(ctx, slot, spec)
}

func (s byDigest) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	for _, ref := range refs {
		if slot, ok := s.slots[ref.Digest]; ok {
			token, err := s.TokenStore.Peek(ctx, recovery.TokenRef{Slot: slot, Digest: ref.Digest})
			token.Slot = ref.Slot
			return token, err
		}
	}
	return recovery.TokenRecord{}, recovery.ErrTokenNotFound
}

// A06: one spelling for each sealed token.
func TestSealedTokenHasOneSpelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		sealed := token(t, p.forgot(t, byMail(johnMail)))
		if strings.Trim(sealed, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("token %q", sealed)
		}
		variants := []string{sealed + "=", sealed + "==", sealed + "\n", sealed + " ", " " + sealed, sealed + "A", sealed[:len(sealed)-1], sealed[:40] + "\n" + sealed[40:]}
		for i := range len(sealed) {
			flipped := []byte(sealed)
			flipped[i] ^= 1
			variants = append(variants, string(flipped))
		}
		p.calls.take()
		for _, v := range variants {
			wantErr(t, p.check(t.Context(), recovery.TokenProof(v)), recovery.ErrInvalidProof)
		}
		for _, call := range p.calls.take() {
			if !strings.HasPrefix(call, "Take") {
				t.Errorf("a forged token cost a %s", call)
			}
		}
		if err := p.check(t.Context(), recovery.TokenProof(sealed)); err != nil {
			t.Error(err)
		}
	})
}

// A34: five tries for a code, in sequence or at once, by check or by reset, and
// no more because a new code came.
func TestCodesCannotBeGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		req := byMail(johnMail)
		req.Code = true
		guess := func(code string, right bool, i int) recovery.Proof {
			if !right {
				wrong := fmt.Sprintf("%08d", i)
				if wrong == code {
					wrong = "99999999"
				}
				code = wrong
			}
			return recovery.CodeProof(req.Key, code)
		}
		// The fourth wrong guess leaves it alive, and right ones count nothing.
		code := p.forgot(t, req).Code.Reveal()
		for i := range 4 {
			wantErr(t, p.check(t.Context(), guess(code, false, i)), recovery.ErrInvalidProof)
			if err := p.check(t.Context(), guess(code, true, 0)); err != nil {
				t.Fatalf("after %d wrong guesses: %v", i+1, err)
			}
		}
		wantErr(t, p.reset(t.Context(), guess(code, false, 9), goodPassword), recovery.ErrInvalidProof)
		wantErr(t, p.reset(t.Context(), guess(code, true, 0), goodPassword), recovery.ErrInvalidProof)

		// 500 at once, the right one among them but late.
		code = p.forgot(t, req).Code.Reveal()
		results := make(chan error, 500)
		for i := range 5 {
			wantErr(t, p.reset(t.Context(), guess(code, false, i), goodPassword), recovery.ErrInvalidProof)
		}
		for i := range 495 {
			go func() { results <- p.reset(t.Context(), guess(code, i == 250, i), goodPassword) }()
		}
		for range 495 {
			wantErr(t, <-results, recovery.ErrInvalidProof)
		}
		// A new code does not make failures forgotten: 10 so far, 80 in all. Then no
		// code is sent that could not be used.
		for range 14 {
			code = p.forgot(t, req).Code.Reveal()
			for i := range 5 {
				wantErr(t, p.check(t.Context(), guess(code, false, i)), recovery.ErrInvalidProof)
			}
		}
		for range 2 {
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		if n := len(p.outbox.OfKind(recovery.MessageResetCode)); n != 16 {
			t.Errorf("%d codes were sent, want 16", n)
		}
		told := p.events.of(recovery.EventMessageSuppressed)
		if len(told) != 2 || told[1].Reason != recovery.ReasonTooManyGuesses || told[1].LeadID != johnID {
			t.Errorf("events %+v", told)
		}
		if told := p.events.of(recovery.EventCodesExhausted); len(told) != 1 || told[0].LeadID != johnID || !strings.Contains(p.log.String(), "level=WARN msg=recovery event.kind=codes_exhausted") {
			t.Errorf("events %+v, want one within the hour, and a warning", told)
		}
		// A58: the link is untouched by all this.
		if err := p.check(t.Context(), recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))); err != nil {
			t.Error(err)
		}
		// And a day later codes work again.
		time.Sleep(24 * time.Hour)
		code = p.forgot(t, req).Code.Reveal()
		if err := p.reset(t.Context(), guess(code, true, 0), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// A34: guesses for leads without a code cost nobody anything later.
func TestGuessesAgainstNoCodeAreNotSavedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		req := byMail(johnMail)
		req.Code = true
		for i := range 50 {
			_ = p.check(t.Context(), recovery.CodeProof(req.Key, fmt.Sprintf("%08d", i)))
		}
		code := p.forgot(t, req).Code.Reveal()
		if err := p.reset(t.Context(), recovery.CodeProof(req.Key, code), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// A40: there is no step to skip. A check grants nothing, and the reset asks
// for the whole proof again.
func TestCheckGrantsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := p.Handler()
		req := byMail(johnMail)
		req.Code = true
		req.Requester.Client = netip.MustParseAddr("192.0.2.1")
		code := p.forgot(t, req).Code.Reveal()
		if w := post(h, "/check-token", `{"email":"`+johnMail+`","code":"`+code+`"}`); w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("check answered %s", answer(w))
		}
		for _, body := range []string{
			`{"email":"` + johnMail + `","password":"` + goodPassword + `"}`,
			`{"email":"` + johnMail + `","code":"","password":"` + goodPassword + `"}`,
			`{"password":"` + goodPassword + `"}`,
		} {
			if w := post(h, "/reset-password", body); w.Code != 400 {
				t.Errorf("%s: %s", body, answer(w))
			}
		}
		if p.leads.Writes() != 0 {
			t.Error("written")
		}
	})
}

// A30: codes are uniform in every place, and leading zeros stay.
func TestCodesAreUniform(t *testing.T) {
	const n = 1_000_000
	var counts [8][10]int
	for range n {
		code, err := recovery.NewCode()
		if err != nil || len(code) != 8 {
			t.Fatalf("code %q, %v", code, err)
		}
		for i, d := range []byte(code) {
			counts[i][d-'0']++
		}
	}
	for place, digits := range counts {
		chi := 0.0
		for _, c := range digits {
			chi += math.Pow(float64(c)-n/10, 2) / (n / 10)
		}
		// 9 degrees of freedom: 60 is exceeded less than once in 10^8 places.
		if chi > 60 {
			t.Errorf("digit %d: chi-square %.1f, counts %v", place, chi, digits)
		}
	}
}

// A30: no randomness, no code.
func TestNoRandomnessNoCode(t *testing.T) {
	for _, broken := range []io.Reader{strings.NewReader(""), strings.NewReader("x"), iotest.ErrReader(errors.New("no entropy"))} {
		restore := recovery.SetRandom(broken)
		code, err := recovery.NewCode()
		restore()
		if err == nil || code != "" {
			t.Errorf("code %q, %v", code, err)
		}
	}
}

// A38: nothing that a browser gets holds the token or the code.
func TestAnswersHoldNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := p.Handler()
		var answers strings.Builder
		answers.WriteString(answer(post(h, "/forgot-password", `{"email":"`+johnMail+`"}`)))
		settle()
		sealed := token(t, p.outbox.Messages()[0])
		answers.WriteString(answer(post(h, "/forgot-password", `{"identifier":{"field":"Phone","value":"`+johnPhone+`"},"recipientField":"Phone"}`)))
		settle()
		code := p.outbox.Messages()[1].Code.Reveal()
		answers.WriteString(answer(post(h, "/check-token", `{"token":"`+sealed+`"}`)))
		answers.WriteString(answer(post(h, "/reset-password", `{"token":"`+sealed+`","password":"short"}`)))
		answers.WriteString(answer(post(h, "/check-token", `{"email":"`+johnMail+`","code":"`+code+`"}`)))
		answers.WriteString(answer(post(h, "/reset-password", `{"token":"`+sealed+`","password":"`+goodPassword+`"}`)))
		for _, secret := range []string{sealed, code, goodPassword} {
			for _, form := range encodings(secret) {
				if strings.Contains(answers.String(), form) {
					t.Errorf("an answer contains %q", form)
				}
			}
		}
	})
}

// encodings are the ways in which a secret can hide.
func encodings(s string) []string {
	return []string{
		s, url.QueryEscape(s), hex.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
}

// PasswordHistory refuses what was used before.
func TestPasswordHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for _, old := range []string{"the-one-before-last", "the-last-one-it-had"} {
			if err := p.leads.SetPasswordHash(t.Context(), johnID, "fast:"+old); err != nil {
				t.Fatal(err)
			}
		}
		s, err := recovery.New(p.leads.History(), p.tokens, p.outbox, recovery.Options{
			Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, Passwords: recovery.PasswordOptions{History: 3, Hasher: fastHasher{}},
			Fields: fields(), DangerouslyKeepSessions: true, Limits: generous(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Shutdown(context.WithoutCancel(t.Context()))
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		_, err = s.ResetPassword(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret("the-one-before-last")})
		if err == nil || errors.Is(err, recovery.ErrUnavailable) {
			t.Errorf("an old password: %v", err)
		}
		if _, err = s.ResetPassword(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(goodPassword)}); err != nil {
			t.Error(err)
		}
	})
}
