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
)

const anna = "Anna Kumar (Ticket 4711)"

// desk is a portal whose store can list tokens.
func desk(t testing.TB, edit func(p *portal, o *recovery.Options)) *portal {
	t.Helper()
	return newPortal(t, func(p *portal, o *recovery.Options) {
		p.tokens = recovery.NewMemoryTokenStore()
		if edit != nil {
			edit(p, o)
		}
	})
}

// issue has the help desk issue a code or link for John.
func (p *portal) issue(t testing.TB, req recovery.HelpDeskRequest) recovery.HelpDeskToken {
	t.Helper()
	req.LeadID, req.Operator = johnID, anna
	issued, err := p.IssueForHelpDesk(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// readOut is the proof that a code is which was read out to John.
func readOut(code string) recovery.Proof { return recovery.CodeProof(byMail(johnMail).Key, code) }

// A code that is read out resets the password once, however it is typed. Events and
// notices name the operator.
func TestReadOutCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done recovery.PasswordReset
		p := desk(t, func(_ *portal, o *recovery.Options) {
			o.AfterReset = func(_ context.Context, d recovery.PasswordReset) error { done = d; return nil }
		})
		issued := p.issue(t, recovery.HelpDeskRequest{
			Code: true, Labels: map[string]string{"ticket": "4711"}, Requester: recovery.Requester{Caller: "crm"},
		})
		code := issued.Code.Reveal()
		if len(code) != 17 || !issued.URL.IsZero() || !issued.Token.IsZero() || !issued.Expires.Equal(time.Now().Add(15*time.Minute)) {
			t.Fatalf("issued %q, which expires in %v", code, time.Until(issued.Expires))
		}
		if text := fmt.Sprintf("%v %+v %#v", issued, issued, issued); strings.Contains(text, code) {
			t.Errorf("printed: %s", text)
		}
		time.Sleep(14 * time.Minute)
		plain := strings.ReplaceAll(code, "-", "")
		typed := strings.NewReplacer("0", "o", "1", "l").Replace(strings.ToLower(plain))
		for _, spelling := range []string{code, plain, typed, " " + typed[:5] + " " + typed[5:] + "\n", strings.ReplaceAll(code, "-", "–")} {
			for _, key := range []recovery.LeadKey{byMail(johnMail).Key, {Field: "Phone", Value: johnPhone}, {Field: "Username", Value: "john_doe"}} {
				if err := p.check(t.Context(), recovery.CodeProof(key, spelling)); err != nil {
					t.Errorf("%q with %s: %v", spelling, key.Field, err)
				}
			}
		}
		if err := p.reset(t.Context(), readOut(typed), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		if p.leads.Hash(johnID) != "fast:"+goodPassword || !slices.Equal(p.ended, []string{johnID}) {
			t.Errorf("hash %q, sessions ended of %q", p.leads.Hash(johnID), p.ended)
		}
		for kind, want := range map[recovery.EventKind]int{
			recovery.EventTokenIssued: 1, recovery.EventPasswordReset: 1, recovery.EventMessageSent: 3,
		} {
			all := p.events.of(kind)
			if len(all) != want || slices.ContainsFunc(all, func(e recovery.Event) bool { return e.Operator != anna || e.LeadID != johnID }) {
				t.Errorf("%s: %+v, want %d with the operator", kind, all, want)
			}
		}
		if e := p.events.of(recovery.EventTokenIssued)[0]; e.Caller != "crm" || e.Labels["ticket"] != "4711" || e.Mailed {
			t.Errorf("event %+v", e)
		}
		for _, m := range p.outbox.Messages() {
			if m.Kind != recovery.MessagePasswordChanged || m.Operator != anna {
				t.Errorf("a %s with operator %q", m.Kind, m.Operator)
			}
		}
		want := recovery.PasswordReset{
			LeadID: johnID, Purpose: recovery.PurposeReset, Proof: recovery.ProofReadOutCode, Age: 14 * time.Minute, Operator: anna,
		}
		if !reflect.DeepEqual(done, want) {
			t.Errorf("AfterReset got %+v, want %+v", done, want)
		}
		wantErr(t, p.reset(t.Context(), readOut(code), goodPassword+"2"), recovery.ErrInvalidProof)
		if log := p.log.String(); strings.Contains(log, plain) || strings.Contains(log, code) || !strings.Contains(log, anna) {
			t.Error("the log has the code, or not the operator")
		}
	})
}

// The link of a help desk is one link with one token. It proves no address.
func TestHelpDeskLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done recovery.PasswordReset
		p := desk(t, func(_ *portal, o *recovery.Options) {
			o.AfterReset = func(_ context.Context, d recovery.PasswordReset) error { done = d; return nil }
		})
		issued := p.issue(t, recovery.HelpDeskRequest{TTL: 2 * time.Hour, Link: &recovery.Link{URL: "https://portal.example.com/desk", TokenParam: "t"}})
		if issued.URL.Reveal() != "https://portal.example.com/desk?t="+issued.Token.Reveal() || !issued.Code.IsZero() || !issued.Expires.Equal(time.Now().Add(2*time.Hour)) {
			t.Errorf("issued %q, which expires in %v", issued.URL.Reveal(), time.Until(issued.Expires))
		}
		proof := recovery.TokenProof(issued.Token.Reveal())
		// It has one spelling, as an invitation does (A36).
		secret := recovery.SecretOf(p.Service, issued.Token.Reveal())
		wantErr(t, p.check(t.Context(), recovery.LinkSecretProof(johnID, secret)), recovery.ErrInvalidProof)
		_, err := p.AcceptInvitation(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(goodPassword)})
		wantErr(t, err, recovery.ErrInvalidProof)
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		if done.Proof != recovery.ProofHelpDeskLink || done.Operator != anna || done.Field != "" || p.outbox.Messages()[0].Operator != anna {
			t.Errorf("AfterReset got %+v, the notice %q", done, p.outbox.Messages()[0].Operator)
		}
		wantErr(t, p.reset(t.Context(), proof, goodPassword+"2"), recovery.ErrInvalidProof)
	})
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		if issued := p.issue(t, recovery.HelpDeskRequest{}); !issued.Expires.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("a link expires in %v, want in LinkTTL", time.Until(issued.Expires))
		}
	})
}

// The link of a lead with a brand leads to the pages of that brand.
func TestHelpDeskLinkOfABrand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, func(p *portal, o *recovery.Options) {
			o.Brands.Find, _ = recovery.BrandList(recovery.Brand{Name: "acme", Link: recovery.Link{URL: "https://acme.example.com/reset"}})
			ann := lead("ann", recovery.StatusActive)
			ann.Brand = "acme"
			p.leads.Add(ann, "")
		})
		for _, code := range []bool{false, true} {
			issued, err := p.IssueForHelpDesk(t.Context(), recovery.HelpDeskRequest{LeadID: "lead-ann", Operator: anna, Code: code})
			if err != nil {
				t.Fatal(err)
			}
			proof := recovery.TokenProof(issued.Token.Reveal())
			if code {
				proof = recovery.CodeProof(byMail("ann@example.com").Key, issued.Code.Reveal())
			} else if !strings.HasPrefix(issued.URL.Reveal(), "https://acme.example.com/reset?token=") {
				t.Errorf("link %s", issued.URL.Reveal())
			}
			if err := p.reset(t.Context(), proof, goodPassword); err != nil {
				t.Error(err)
			}
		}
		for _, kind := range []recovery.EventKind{recovery.EventTokenIssued, recovery.EventPasswordReset} {
			if all := p.events.of(kind); len(all) != 2 || all[0].Brand != "acme" || all[0].Operator != anna {
				t.Errorf("%s: %+v", kind, all)
			}
		}
	})
}

// It needs no verified address, because nothing is sent.
func TestHelpDeskNeedsNoAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		issued, err := p.IssueForHelpDesk(t.Context(), recovery.HelpDeskRequest{LeadID: "lead-unverified", Operator: anna, Code: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.reset(t.Context(), recovery.CodeProof(byMail("unverified@example.com").Key, issued.Code.Reveal()), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := len(p.outbox.Messages()); n != 0 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestHelpDeskRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, func(_ *portal, o *recovery.Options) { o.Limits.Issue = recovery.LimitPolicy{} })
		good := recovery.HelpDeskRequest{LeadID: johnID, Operator: anna, Code: true}
		for name, edit := range map[string]func(r *recovery.HelpDeskRequest){
			"lead":               func(r *recovery.HelpDeskRequest) { r.LeadID = "has space" },
			"no lead":            func(r *recovery.HelpDeskRequest) { r.LeadID = "" },
			"no operator":        func(r *recovery.HelpDeskRequest) { r.Operator = "" },
			"operator of spaces": func(r *recovery.HelpDeskRequest) { r.Operator = " " },
			"operator's space":   func(r *recovery.HelpDeskRequest) { r.Operator = "Anna " },
			"operator's lines":   func(r *recovery.HelpDeskRequest) { r.Operator = "Anna\nKumar" },
			"operator's U+2028":  func(r *recovery.HelpDeskRequest) { r.Operator = "Anna\u2028Kumar" },
			"operator's way":     func(r *recovery.HelpDeskRequest) { r.Operator = "Anna \u202eramuK" },
			"operator's bytes":   func(r *recovery.HelpDeskRequest) { r.Operator = "Anna\xff" },
			"long operator":      func(r *recovery.HelpDeskRequest) { r.Operator = strings.Repeat("ア", 65) },
			"short":              func(r *recovery.HelpDeskRequest) { r.TTL = time.Minute - 1 },
			"negative":           func(r *recovery.HelpDeskRequest) { r.TTL = -time.Minute },
			"long":               func(r *recovery.HelpDeskRequest) { r.TTL = 24*time.Hour + 1 },
			"labels":             func(r *recovery.HelpDeskRequest) { r.Labels = map[string]string{"A": "b"} },
			"link": func(r *recovery.HelpDeskRequest) {
				r.Code, r.Link = false, &recovery.Link{URL: "http://portal.example.com/"}
			},
			"link of two parts": func(r *recovery.HelpDeskRequest) {
				r.Code, r.Link = false, &recovery.Link{URL: "https://portal.example.com/", LeadIDParam: "l", SecretParam: "s"}
			},
			"caller": func(r *recovery.HelpDeskRequest) { r.Requester.Caller = strings.Repeat("x", 129) },
		} {
			req := good
			edit(&req)
			if _, err := p.IssueForHelpDesk(t.Context(), req); !errors.Is(err, recovery.ErrInvalidRequest) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for lead, reason := range map[string]recovery.EventReason{
			"lead-disabled": recovery.ReasonDisabled, "lead-social": recovery.ReasonNoPassword, "nobody": recovery.ReasonUnknownLead,
		} {
			req := good
			req.LeadID = lead
			_, err := p.IssueForHelpDesk(t.Context(), req)
			wantErr(t, err, recovery.ErrLeadNotFound)
			all := p.events.of(recovery.EventMessageSuppressed)
			if last := all[len(all)-1]; last.Reason != reason || last.Operator != anna {
				t.Errorf("%s: %+v, want %s", lead, last, reason)
			}
		}
		// The longest name comes back whole, also in letters of four bytes.
		good.Operator = strings.Repeat("𠮷", 64)
		issued, err := p.IssueForHelpDesk(t.Context(), good)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.reset(t.Context(), readOut(issued.Code.Reveal()), goodPassword); err != nil {
			t.Fatal(err)
		}
		if e := p.events.of(recovery.EventPasswordReset); len(e) != 1 || e[0].Operator != good.Operator {
			t.Errorf("events %+v", e)
		}
		// One a minute, apart from what servers and people ask for.
		var limited *recovery.RateLimitError
		if _, err := p.IssueForHelpDesk(t.Context(), good); !errors.As(err, &limited) || limited.Scope != recovery.ScopeIssueToken {
			t.Errorf("the second in a minute: %v", err)
		}
		if _, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: byMail(johnMail).Key, Requester: recovery.Requester{Caller: "crm"}}); err != nil {
			t.Errorf("IssueToken: %v", err)
		}
	})
}

// Behind a new key, what was issued works, is listed with its operator, and can be
// ended.
func TestHelpDeskAfterANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := desk(t, nil)
		code, link := old.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal(), old.issue(t, recovery.HelpDeskRequest{}).Token.Reveal()
		p := desk(t, func(p *portal, o *recovery.Options) {
			p.tokens, p.leads, o.Keys = old.tokens, old.leads, [][]byte{testKey(2), testKey(1)}
		})
		pending, err := p.PendingTokens(t.Context(), johnID)
		if err != nil || len(pending) != 2 || pending[0].Operator != anna || pending[1].Operator != anna {
			t.Fatalf("%+v, %v", pending, err)
		}
		for _, token := range pending {
			if token.Kind == recovery.ProofHelpDeskLink {
				if err := p.RevokeToken(t.Context(), johnID, token.ID); err != nil {
					t.Error(err)
				}
			}
		}
		wantErr(t, p.check(t.Context(), recovery.TokenProof(link)), recovery.ErrInvalidProof)
		if err := p.reset(t.Context(), readOut(code), goodPassword); err != nil {
			t.Error(err)
		}
		if e := p.events.of(recovery.EventPasswordReset); len(e) != 1 || e[0].Operator != anna {
			t.Errorf("events %+v", e)
		}
	})
}

// A tamperedStore returns other states for what holds the operator.
type tamperedStore struct {
	*recovery.MemoryTokenStore
	edit func(state string) string
}

func (s tamperedStore) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	record, err := s.MemoryTokenStore.Peek(ctx, refs...)
	if err == nil && strings.Contains(record.Slot, ":t:operator:") {
		record.State = s.edit(record.State)
	}
	return record, err
}

// Whoever writes to the store cannot make another operator up, and the person gets
// in all the same. Whoever reads it learns no name.
func TestOperatorInTheStore(t *testing.T) {
	for name, edit := range map[string]func(state string) string{
		"empty":         func(string) string { return "" },
		"no number":     func(s string) string { return "x" + s[1:] },
		"fewer parts":   func(s string) string { return "1" + s[1:] },
		"more parts":    func(s string) string { return "9" + s[1:] },
		"other text":    func(s string) string { return s[:len(s)-1] + "A" + "A" },
		"no base64":     func(s string) string { return s[:len(s)-1] + "!" },
		"a part twice":  func(s string) string { return s + s },
		"nothing wrong": func(s string) string { return s },
	} {
		synctest.Test(t, func(t *testing.T) {
			store := tamperedStore{recovery.NewMemoryTokenStore(), edit}
			p := desk(t, func(p *portal, _ *recovery.Options) { p.tokens = store })
			code := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
			want := ""
			if name == "nothing wrong" {
				want = anna
			}
			if pending, err := p.PendingTokens(t.Context(), johnID); err != nil || len(pending) != 1 || pending[0].Operator != want {
				t.Errorf("%s: %+v, %v", name, pending, err)
			}
			if err := p.reset(t.Context(), readOut(code), goodPassword); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e := p.events.of(recovery.EventPasswordReset); e[0].Operator != want {
				t.Errorf("%s: operator %q, want %q", name, e[0].Operator, want)
			}
		})
	}
}

// A downStore fails at the calls that its count says, from 1 on.
type downStore struct {
	*recovery.MemoryTokenStore
	calls, fails int
}

func (s *downStore) next() error {
	if s.calls++; s.calls == s.fails {
		return errors.New("down")
	}
	return nil
}

func (s *downStore) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	if err := s.next(); err != nil {
		return recovery.TokenRecord{}, err
	}
	return s.MemoryTokenStore.Put(ctx, slot, spec)
}

func (s *downStore) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := s.next(); err != nil {
		return recovery.TokenRecord{}, err
	}
	return s.MemoryTokenStore.Peek(ctx, refs...)
}

func (s *downStore) List(ctx context.Context, slots ...string) ([]recovery.TokenRecord, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.MemoryTokenStore.List(ctx, slots...)
}

func (s *downStore) End(ctx context.Context, refs ...recovery.TokenRef) error {
	if err := s.next(); err != nil {
		return err
	}
	return s.MemoryTokenStore.End(ctx, refs...)
}

// Whichever call of the store fails, nothing is given out, no code is lost, and the
// error is one that passes.
func TestHelpDeskWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &downStore{MemoryTokenStore: recovery.NewMemoryTokenStore()}
		p := desk(t, func(p *portal, _ *recovery.Options) { p.tokens = store })
		code := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
		pending, err := p.PendingTokens(t.Context(), johnID)
		if err != nil || len(pending) != 1 {
			t.Fatal(pending, err)
		}
		for name, f := range map[string]func() error{
			"issue": func() error {
				issued, err := p.IssueForHelpDesk(t.Context(), recovery.HelpDeskRequest{LeadID: johnID, Operator: anna})
				if err != nil && (!issued.Token.IsZero() || !issued.URL.IsZero()) {
					t.Error("a link beside an error")
				}
				return err
			},
			"check":   func() error { return p.check(t.Context(), readOut(code)) },
			"pending": func() error { _, err := p.PendingTokens(t.Context(), johnID); return err },
			"revoke":  func() error { return p.RevokeToken(t.Context(), johnID, "another") },
		} {
			store.calls, store.fails = 0, 0
			if err := f(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for n := range store.calls {
				if store.calls, store.fails = 0, n+1; !errors.Is(f(), recovery.ErrUnavailable) {
					t.Errorf("%s: no error that passes although call %d failed", name, n+1)
				}
			}
			store.fails = 0
		}
		if err := p.reset(t.Context(), readOut(code), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// Without a TokenLister, all can be ended and nothing listed.
func TestHelpDeskWithoutATokenLister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		code := p.issue(t, recovery.HelpDeskRequest{Code: true}).Code.Reveal()
		_, err := p.PendingTokens(t.Context(), johnID)
		wantErr(t, err, errors.ErrUnsupported)
		wantErr(t, p.RevokeToken(t.Context(), johnID, "id"), errors.ErrUnsupported)
		if !strings.Contains(err.Error(), "recovery_test.tracedTokens is no TokenLister") {
			t.Errorf("error %q", err)
		}
		if err := p.RevokeTokens(t.Context(), johnID); err != nil {
			t.Error(err)
		}
		wantErr(t, p.check(t.Context(), readOut(code)), recovery.ErrInvalidProof)
	})
}
