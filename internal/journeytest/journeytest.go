// Package journeytest goes the ways of people who share an address, who sign in
// with a user name, and whose address is an odd one, and who change their passwords
// afterwards, over the stores of a test.
package journeytest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A Person is an active lead whose address is verified.
type Person struct{ UserName, EmailAddress string }

// People are those who must be in the LeadStore, with these two fields.
func People() []Person {
	return []Person{
		{"ada-home", "shared@example.com"}, {"ada-work", "shared@example.com"},
		{"taro", "taro..t.@docomo.ne.jp"}, {"juergen", "jürgen.müller@example.com"},
	}
}

// Fields are the fields of the LeadStore.
func Fields() []recovery.Field {
	return []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "UserName", Type: recovery.FieldTypeText, Search: true},
	}
}

// Leads returns a LeadStore in memory with all of them.
func Leads() recovery.LeadStore {
	leads := recoverytest.NewLeads(Fields()...)
	for _, p := range People() {
		leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: p.EmailAddress, Verified: true}, "UserName": {Value: p.UserName},
		}}, "old")
	}
	return leads.Full()
}

const place = "https://app.example.com/cart?id=7"

// signedInHeader names who is signed in. A host has a cookie for that.
const signedInHeader = "Signed-In"

// chosenBy is the password that a person chooses in a reset.
func chosenBy(userName string) string { return "seven brass monkeys " + userName[:2] }

// A journey is one Service, and what it sends.
type journey struct {
	*recovery.Service
	t      *testing.T
	outbox *recoverytest.Outbox
}

// Run goes the ways. limiter may be nil, for one in memory.
func Run(t *testing.T, leads recovery.LeadStore, tokens recovery.TokenStore, limiter recovery.Limiter) {
	t.Helper()
	// What was chosen last. How hashes are read is the host's affair, and no part of
	// these stores.
	chosen := map[string]string{}
	verify := func(_ context.Context, lead recovery.Lead, current recovery.Secret) (bool, error) {
		return current.Reveal() == chosen[lead.ID], nil
	}
	hasher, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := journey{t: t, outbox: &recoverytest.Outbox{}}
	j.Service, err = recovery.New(leads, tokens, j.outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("journey")}, Link: recovery.Link{URL: "https://www.example.com/reset"},
		Fields: Fields(), SignInField: "UserName", ReturnTo: []string{"https://app.example.com"},
		Limiter: limiter, DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
		Passwords: recovery.PasswordOptions{Hasher: hasher},
		Change: recovery.ChangeOptions{
			SignedIn: func(r *http.Request) (string, error) { return r.Header.Get(signedInHeader), nil }, Verify: verify,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
		defer cancel()
		if err := j.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	j.shared()
	for _, p := range People()[2:] {
		leadID := j.alone(p)
		chosen[leadID] = chosenBy(p.UserName)
		j.notice(leadID)
		j.change(leadID, chosen[leadID])
		j.notice(leadID)
	}
	codes(t, leads, tokens, limiter, hasher)
}

// shared asks for the address of two accounts. One mail has a link for each, and
// the use of one ends no other.
func (j journey) shared() {
	j.t.Helper()
	m := j.ask("EmailAddress", "SHARED@example.com", recovery.MessageResetLinks)
	var names []string
	for _, a := range m.Accounts {
		names = append(names, a.Account)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"ada-home", "ada-work"}) {
		j.t.Fatalf("the mail names %q", names)
	}
	used := map[string]bool{}
	for _, a := range m.Accounts {
		used[j.reset(a.URL, a.Account)] = true
	}
	if len(used) != 2 {
		j.t.Errorf("%d leads have new passwords, want 2", len(used))
	}
}

// alone asks by the user name, and then resets with the mail that names it.
func (j journey) alone(p Person) (leadID string) {
	j.t.Helper()
	m := j.ask("UserName", p.UserName, recovery.MessageResetLink)
	if m.To != p.EmailAddress || m.Account != p.UserName {
		j.t.Errorf("the mail goes to %q and names %q, want %q and %q", m.To, m.Account, p.EmailAddress, p.UserName)
	}
	return j.reset(m.URL, p.UserName)
}

// change changes a password over the own API, for whoever the header field names. Of
// three changes at once one wins.
func (j journey) change(leadID, current string) {
	j.t.Helper()
	api := j.Handler()
	post := func(current string) int {
		body := fmt.Sprintf(`{"currentPassword":%q,"password":"eleven tin soldiers"}`, current)
		r := httptest.NewRequest(http.MethodPost, "/change-password", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(signedInHeader, leadID)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code
	}
	if status := post("not the current one"); status != http.StatusUnprocessableEntity {
		j.t.Errorf("a change of %s without the current password: %d", leadID, status)
	}
	var won atomic.Int32
	var racers sync.WaitGroup
	for range 3 {
		racers.Go(func() {
			switch status := post(current); status {
			case http.StatusNoContent:
				won.Add(1)
			case http.StatusServiceUnavailable: // the lead has changed meanwhile
			default:
				j.t.Errorf("a change of %s: %d", leadID, status)
			}
		})
	}
	racers.Wait()
	if won.Load() != 1 {
		j.t.Errorf("%d changes of %s at once, want 1", won.Load(), leadID)
	}
}

// notice waits for the message that a lead has a new password.
func (j journey) notice(leadID string) {
	j.t.Helper()
	for j.next(recovery.MessagePasswordChanged, leadID).LeadID != leadID {
	}
}

// ask asks for a link, and returns the mail.
func (j journey) ask(field, value string, kind recovery.MessageKind) recovery.Message {
	j.t.Helper()
	_, err := j.ForgotPassword(j.t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: field, Value: value}, ReturnTo: place})
	if err != nil {
		j.t.Fatal(err)
	}
	return j.next(kind, value)
}

// next returns the next message of a kind.
func (j journey) next(kind recovery.MessageKind, who string) recovery.Message {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	for {
		m, err := j.outbox.Next(ctx)
		if err != nil {
			j.t.Fatalf("no %s for %s: %v", kind, who, err)
		}
		if m.Kind == kind {
			return m
		}
	}
}

// reset resets a password by a link, once, and returns the lead.
func (j journey) reset(link recovery.Secret, account string) (leadID string) {
	j.t.Helper()
	u, err := url.Parse(link.Reveal())
	if err != nil {
		j.t.Fatal(err)
	}
	if back := j.OpenReturnTo(u.Query().Get("return_to")); back != place {
		j.t.Errorf("the link leads back to %q, want %q", back, place)
	}
	proof := recovery.TokenProof(u.Query().Get("token"))
	checked, err := j.CheckProof(j.t.Context(), recovery.CheckProofRequest{Proof: proof})
	if err != nil || checked.Account != account {
		j.t.Errorf("the page names %q, want %q: %v", checked.Account, account, err)
	}
	req := recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(chosenBy(account))}
	done, err := j.ResetPassword(j.t.Context(), req)
	if err != nil {
		j.t.Errorf("the link of %s: %v", account, err)
	} else if done.Reset.Field != "EmailAddress" || done.Reset.Proof != recovery.ProofLink {
		j.t.Errorf("the link of %s proves %+v", account, done.Reset)
	}
	if _, err := j.ResetPassword(j.t.Context(), req); err == nil {
		j.t.Errorf("the link of %s works twice", account)
	}
	return done.LeadID
}
