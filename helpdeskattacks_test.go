package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A101: whatever a stranger asks for and guesses at, the code and the link of the
// help desk work.
func TestStrangersCannotEndWhatAHelpDeskIssued_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		code := p.issue(t, recovery.HelpDeskRequest{Code: true, TTL: 24 * time.Hour}).Code.Reveal()
		link := p.issue(t, recovery.HelpDeskRequest{TTL: 24 * time.Hour}).Token.Reveal()
		for i := range 500 / slower {
			if i%50 == 0 {
				for _, req := range []recovery.ForgotRequest{byMail(johnMail), {Key: byMail(johnMail).Key, RecipientField: "Phone", Code: true}} {
					if _, err := p.ForgotPassword(t.Context(), req); err != nil {
						t.Fatal(err)
					}
				}
				settle()
			}
			for _, guess := range []string{fmt.Sprintf("%08d", i), fmt.Sprintf("%015d", i), code[:16] + string("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[i%32])} {
				if guess == code {
					continue
				}
				for _, err := range []error{p.check(t.Context(), readOut(guess)), p.reset(t.Context(), readOut(guess), goodPassword)} {
					wantErr(t, err, recovery.ErrInvalidProof)
				}
			}
		}
		if err := p.check(t.Context(), recovery.TokenProof(link)); err != nil {
			t.Errorf("the link: %v", err)
		}
		if err := p.reset(t.Context(), readOut(code), goodPassword); err != nil {
			t.Errorf("the code: %v", err)
		}
	})
}

// A question is what the Service asks of the token store.
type question struct {
	op   string
	refs int
	code bool // it writes
}

// questions is a store that keeps what it was asked for.
type questions struct {
	*recovery.MemoryTokenStore
	asked []question
}

func (q *questions) ask(op string, refs []recovery.TokenRef) {
	q.asked = append(q.asked, question{op, len(refs), slices.ContainsFunc(refs, func(r recovery.TokenRef) bool { return r.Code })})
}

func (q *questions) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	q.ask("Peek", refs)
	return q.MemoryTokenStore.Peek(ctx, refs...)
}

func (q *questions) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	q.ask("Claim", refs)
	return q.MemoryTokenStore.Claim(ctx, id, refs...)
}

// A101, A97: a wrong code asks the same of every store and gets the same answer,
// whoever it names and whether there is a code: one look for the lead, and one
// question that writes nothing.
func TestWrongReadOutCodesTellNothing_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &questions{MemoryTokenStore: recovery.NewMemoryTokenStore()}
		p := desk(t, func(p *portal, o *recovery.Options) {
			p.tokens, o.Keys = store, [][]byte{testKey(1), testKey(2)}
			p.leads.Add(lead("other", recovery.StatusActive), "")
		})
		p.issue(t, recovery.HelpDeskRequest{Code: true})
		api := p.Handler()
		type seen struct {
			asked   []question
			calls   []string
			answers string
		}
		var first *seen
		for _, mail := range []string{johnMail, "other@example.com", "disabled@example.com", "social@example.com", "nobody@example.com"} {
			store.asked = nil
			p.calls.take()
			var s seen
			for _, path := range []string{"/check-token", "/reset-password"} {
				body := fmt.Sprintf(`{"email":%q,"code":"00000-00000-00000"`, mail)
				if path == "/reset-password" {
					body += `,"password":"` + goodPassword + `"`
				}
				w := post(api, path, body+"}")
				s.answers += limitFields.ReplaceAllString(answer(w), "")
			}
			s.asked, s.calls = slices.Clone(store.asked), p.calls.take()
			if first == nil {
				first = &s
				want := []question{{"Peek", 2, false}, {"Peek", 2, false}}
				if !slices.Equal(s.asked, want) || !strings.Contains(s.answers, "400") {
					t.Errorf("asked %+v, want %+v\n%s", s.asked, want, s.answers)
				}
			} else if !reflect.DeepEqual(s, *first) {
				t.Errorf("%s: %+v, want %+v as for a lead with a code", mail, s, *first)
			}
		}
		all := p.events.of(recovery.EventResetRefused)
		if slices.ContainsFunc(all, func(e recovery.Event) bool {
			return e.LeadID != "" || e.Operator != "" || e.Reason != recovery.ReasonUnknownToken
		}) {
			t.Errorf("events %+v", all)
		}
	})
}

// What is pending is listed without its secret, and each of it can be ended alone.
func TestPendingTokens_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		began := time.Now()
		secrets := []string{token(t, p.forgot(t, byMail(johnMail)))}
		secrets = append(secrets, p.forgot(t, recovery.ForgotRequest{Key: byMail(johnMail).Key, RecipientField: "Phone", Code: true}).Code.Reveal())
		secrets = append(secrets, token(t, p.forgot(t, recovery.ForgotRequest{Key: byMail(johnMail).Key, RecipientField: "mx_Alternate_Email"})))
		server, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: byMail(johnMail).Key, Requester: recovery.Requester{Caller: "crm"}})
		if err != nil {
			t.Fatal(err)
		}
		readOutCode, link := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal(), p.issue(t, recovery.HelpDeskRequest{}).Token.Reveal()
		secrets = append(secrets, server.Token.Reveal(), strings.ReplaceAll(readOutCode, "-", ""), readOutCode, link, recovery.SecretOf(p.Service, link))
		pending, err := p.PendingTokens(t.Context(), johnID)
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[recovery.ProofKind]int{}
		for _, token := range pending {
			kinds[token.Kind]++
			desk := token.Kind == recovery.ProofHelpDeskLink || token.Kind == recovery.ProofReadOutCode
			if token.Purpose != recovery.PurposeReset || (token.Operator == anna) != desk || token.Created.Before(began) || !token.Expires.After(time.Now()) {
				t.Errorf("%+v", token)
			}
			for _, secret := range secrets {
				if strings.Contains(fmt.Sprintf("%+v", token), secret) {
					t.Errorf("the secret is in %+v", token)
				}
			}
			for _, proof := range []recovery.Proof{readOut(token.ID), recovery.TokenProof(token.ID), recovery.LinkSecretProof(johnID, token.ID)} {
				wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
			}
		}
		want := map[recovery.ProofKind]int{
			recovery.ProofLink: 2, recovery.ProofCode: 1, recovery.ProofIssued: 1, recovery.ProofHelpDeskLink: 1, recovery.ProofReadOutCode: 1,
		}
		if !reflect.DeepEqual(kinds, want) {
			t.Errorf("kinds %v, want %v", kinds, want)
		}
		// One is ended, and no other.
		for i, token := range pending {
			if err := p.RevokeToken(t.Context(), johnID, token.ID); err != nil {
				t.Fatal(err)
			}
			if left, err := p.PendingTokens(t.Context(), johnID); err != nil || len(left) != len(pending)-i-1 || len(left) > 0 && !reflect.DeepEqual(left, pending[i+1:]) {
				t.Errorf("after %s: %+v, %v", token.Kind, left, err)
			}
		}
		wantErr(t, p.check(t.Context(), readOut(readOutCode)), recovery.ErrInvalidProof)
		wantErr(t, p.check(t.Context(), recovery.TokenProof(link)), recovery.ErrInvalidProof)
		if n := len(p.events.of(recovery.EventTokensRevoked)); n != len(pending) {
			t.Errorf("%d events", n)
		}
		// Unknown ones are no error; malformed ones are.
		for _, err := range []error{p.RevokeToken(t.Context(), johnID, "unknown"), p.RevokeToken(t.Context(), "nobody", pending[0].ID)} {
			if err != nil {
				t.Error(err)
			}
		}
		for _, args := range [][2]string{{"has space", "id"}, {johnID, ""}, {johnID, "has space"}, {johnID, strings.Repeat("x", 65)}} {
			wantErr(t, p.RevokeToken(t.Context(), args[0], args[1]), recovery.ErrInvalidRequest)
		}
		if none, err := p.PendingTokens(t.Context(), "nobody"); err != nil || len(none) != 0 {
			t.Errorf("of nobody: %v, %v", none, err)
		}
		_, err = p.PendingTokens(t.Context(), "has space")
		wantErr(t, err, recovery.ErrInvalidRequest)
	})
}

// So it is behind a new key, in whichever order two instances have the keys: there the
// two codes stand in different slots.
func TestNewReadOutCodeReplacesThatOfAnotherKey_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		instance := desk(t, nil)
		first, link := instance.issue(t, recovery.HelpDeskRequest{Code: true}).Code, instance.issue(t, recovery.HelpDeskRequest{}).Token
		for _, keys := range [][][]byte{{testKey(2), testKey(1)}, {testKey(1), testKey(2)}} {
			before := instance
			instance = desk(t, func(p *portal, o *recovery.Options) {
				p.tokens, p.leads, o.Keys, o.Limits.Issue = before.tokens, before.leads, keys, recovery.LimitPolicy{}
			})
			second := instance.issue(t, recovery.HelpDeskRequest{Code: true}).Code
			wantErr(t, instance.check(t.Context(), readOut(first.Reveal())), recovery.ErrInvalidProof)
			if err := instance.check(t.Context(), readOut(second.Reveal())); err != nil {
				t.Error(err)
			}
			if err := instance.check(t.Context(), recovery.TokenProof(link.Reveal())); err != nil {
				t.Errorf("a code has ended a link: %v", err)
			}
			first = second
		}
	})
}

// A newer code replaces the one that was misheard, and no link.
func TestNewReadOutCodeReplacesTheOldOne_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		link := p.issue(t, recovery.HelpDeskRequest{}).Token.Reveal()
		old := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
		now := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
		wantErr(t, p.check(t.Context(), readOut(old)), recovery.ErrInvalidProof)
		for _, proof := range []recovery.Proof{recovery.TokenProof(link), readOut(now)} {
			if err := p.check(t.Context(), proof); err != nil {
				t.Error(err)
			}
		}
	})
}

// A101, A35: what a help desk issued is dead once the lead has another password,
// address or status, was revoked or has expired. PendingTokens says so too.
func TestWhatAHelpDeskIssuedDies_A101(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, p *portal){
		"password": func(t *testing.T, p *portal) {
			if err := p.leads.SetPasswordHash(t.Context(), johnID, "other"); err != nil {
				t.Fatal(err)
			}
		},
		"disabled": func(_ *testing.T, p *portal) { p.leads.SetStatus(johnID, recovery.StatusDisabled) },
		"address":  func(_ *testing.T, p *portal) { p.leads.SetValue(johnID, "EmailAddress", "eve@example.com") },
		"removed":  func(_ *testing.T, p *portal) { p.leads.Remove(johnID) },
		"revoked": func(t *testing.T, p *portal) {
			if err := p.RevokeTokens(t.Context(), johnID); err != nil {
				t.Fatal(err)
			}
		},
		"expired": func(*testing.T, *portal) { time.Sleep(time.Hour) },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := desk(t, nil)
			code, link := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal(), p.issue(t, recovery.HelpDeskRequest{}).Token.Reveal()
			key := recovery.LeadKey{Field: "Phone", Value: johnPhone}
			if err := p.check(t.Context(), recovery.CodeProof(key, code)); err != nil {
				t.Fatal(err)
			}
			change(t, p)
			for _, proof := range []recovery.Proof{recovery.CodeProof(key, code), recovery.TokenProof(link)} {
				if err := p.reset(t.Context(), proof, goodPassword); !errors.Is(err, recovery.ErrInvalidProof) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if pending, err := p.PendingTokens(t.Context(), johnID); err != nil || len(pending) != 0 {
				t.Errorf("%s: pending %+v, %v", name, pending, err)
			}
		})
	}
}

// A101: of resets and revocations at the same time, one reset wins at most, and
// nothing is left.
func TestRevokeRacesWithAReset_A101(t *testing.T) {
	for range 50 / slower {
		p := desk(t, func(p *portal, o *recovery.Options) { o.Limiter, o.Logger = nil, quiet })
		code := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
		pending, err := p.PendingTokens(t.Context(), johnID)
		if err != nil || len(pending) != 1 {
			t.Fatal(pending, err)
		}
		results, revoked, start := make(chan error, 4), make(chan error, 4), make(chan struct{})
		for range 4 {
			go func() { <-start; results <- p.reset(context.Background(), readOut(code), goodPassword) }()
			go func() { <-start; revoked <- p.RevokeToken(context.Background(), johnID, pending[0].ID) }()
		}
		close(start)
		won := 0
		for range 4 {
			if err := <-revoked; err != nil {
				t.Error(err)
			}
			switch err := <-results; {
			case err == nil:
				won++
			case !errors.Is(err, recovery.ErrInvalidProof):
				t.Error(err)
			}
		}
		if won > 1 || p.leads.Writes() != won {
			t.Errorf("%d won, %d writes", won, p.leads.Writes())
		}
		wantErr(t, p.reset(t.Context(), readOut(code), goodPassword), recovery.ErrInvalidProof)
	}
}

// A101: a code that is revoked while a reset holds it does not come back when that
// reset fails, and none is revoked by the look of it alone.
func TestRevokedCodeIsNotReleased_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		code := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
		pending, _ := p.PendingTokens(t.Context(), johnID)
		fail := func(revoke bool) {
			p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(ctx context.Context, _, _ string) error {
				if listed, err := p.PendingTokens(ctx, johnID); err != nil || len(listed) != 0 {
					t.Errorf("%v, %v: a claimed code is pending", listed, err)
				}
				if revoke {
					if err := p.RevokeToken(ctx, johnID, pending[0].ID); err != nil {
						t.Error(err)
					}
				}
				return fmt.Errorf("%w: down", recovery.ErrNotWritten)
			}})
			wantErr(t, p.reset(t.Context(), readOut(code), goodPassword), recovery.ErrUnavailable)
			p.leads.SetHooks(recoverytest.LeadsHooks{})
		}
		fail(false)
		if err := p.check(t.Context(), readOut(code)); err != nil {
			t.Errorf("after a write that failed: %v", err)
		}
		fail(true)
		wantErr(t, p.reset(t.Context(), readOut(code), goodPassword), recovery.ErrInvalidProof)
	})
}
