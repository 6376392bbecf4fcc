package recovery_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

const johnName = "john_doe" // his value of Username

// signInWith makes the host name the field that people sign in with.
func signInWith(field string) func(*portal, *recovery.Options) {
	return func(_ *portal, o *recovery.Options) { o.SignInField = field }
}

// Messages and the page for the new password name the account by what the person
// signs in with, if the host says what that is.
func TestSignInField(t *testing.T) {
	long := strings.Repeat("a", 257)
	for name, tt := range map[string]struct {
		field, value  string // value replaces John's
		account       string // in messages
		link, phoneID string // of CheckProof, for a link and for a code
	}{
		"none":              {"", johnName, "", johnMail, johnPhone},
		"a user name":       {"Username", johnName, johnName, johnName, johnName},
		"as stored":         {"Username", " John_Doe\t", "John_Doe", "John_Doe", "John_Doe"},
		"the lead has none": {"Username", "", "", johnMail, johnPhone},
		"too long":          {"Username", long, "", johnMail, johnPhone},
		"no text":           {"Username", "john\xff", "", johnMail, johnPhone},
		"an address":        {"EmailAddress", johnName, johnMail, johnMail, johnMail},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, signInWith(tt.field))
				p.leads.SetValue(johnID, "Username", tt.value)
				code := p.forgot(t, recovery.ForgotRequest{
					Key: recovery.LeadKey{Field: "Phone", Value: johnPhone}, RecipientField: "Phone", Code: true,
				})
				link := p.forgot(t, byMail(johnMail))
				for _, m := range []recovery.Message{code, link} {
					if m.Account != tt.account {
						t.Errorf("%v names the account %q, want %q", m, m.Account, tt.account)
					}
				}
				issued, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, Requester: recovery.Requester{Caller: "crm"}})
				if err != nil {
					t.Fatal(err)
				}
				for _, check := range []struct {
					proof recovery.Proof
					want  string
				}{
					{recovery.TokenProof(token(t, link)), tt.link},
					{recovery.TokenProof(issued.Token.Reveal()), tt.link},
					{recovery.CodeProof(recovery.LeadKey{Field: "Phone", Value: johnPhone}, code.Code.Reveal()), tt.phoneID},
				} {
					got, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: check.proof})
					if err != nil || got.Account != check.want {
						t.Errorf("CheckProof: %q, %v, want %q", got.Account, err, check.want)
					}
				}
				if err := p.reset(t.Context(), recovery.TokenProof(token(t, link)), goodPassword); err != nil {
					t.Fatal(err)
				}
				settle()
				notices := p.outbox.OfKind(recovery.MessagePasswordChanged)
				if len(notices) != 3 {
					t.Fatalf("%d notices, want 3", len(notices))
				}
				for _, m := range notices {
					if m.Account != tt.account {
						t.Errorf("%v names the account %q, want %q", m, m.Account, tt.account)
					}
				}
			})
		})
	}
}

// A message that tells how somebody signs in elsewhere, and one about nobody, name
// no account.
func TestOtherMessagesNameNoAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.SignInField, o.Messages.NoPassword, o.Messages.UnknownAddress = "Username", true, true
		})
		p.leads.SetValue("lead-social", "Username", "social_name")
		for _, address := range []string{"social@example.com", "nobody@example.com"} {
			if m := p.forgot(t, byMail(address)); m.Account != "" {
				t.Errorf("%v names the account %q", m, m.Account)
			}
		}
	})
}

// A39: the name of an account reaches no log, no event and no error, also if a
// server quotes it.
func TestAccountStaysInTheMessage_A39(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.SignInField = "Username"
			p.tokens = sunkTokens{p.tokens, out}
			o.Limiter = sunkLimiter{o.Limiter, out}
			o.Queue = sunkQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), out}
			o.DeliveryQueue = sunkQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), out}
			o.Events = func(_ context.Context, e recovery.Event) { out.add(e, e.Cause) }
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
				if m.Account != johnName {
					t.Errorf("%v names the account %q", m, m.Account)
				}
				slog.New(slog.NewTextHandler(p.log, nil)).Info("host", "message", m)
				out.add(m)
				return nil
			})
		})
		m := p.forgot(t, byMail(johnMail))
		p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
			if m.Kind == recovery.MessagePasswordChanged {
				panic("no template for " + strings.ToUpper(m.Account))
			}
			return fmt.Errorf("554 content refused: \"for your account %s\"", m.Account)
		})
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		settle()
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		all := out.String() + p.log.String()
		if !strings.Contains(all, "content refused") || !strings.Contains(all, "no template for") {
			t.Error("the test reached no error")
		}
		if i := strings.Index(strings.ToLower(all), johnName); i >= 0 {
			t.Errorf("the account is in what is stored, told or logged: %.300q", all[max(0, i-200):])
		}
	})
}

func TestSignInFieldMustBeDeclared(t *testing.T) {
	opts := recovery.Options{
		Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true, SignInField: "Username",
	}
	_, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), opts)
	if err == nil || !strings.Contains(err.Error(), `SignInField`) {
		t.Errorf("New: %v", err)
	}
}
