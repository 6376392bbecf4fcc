package recovery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// goldenAccounts is what one version sealed for several accounts with one address.
type goldenAccounts struct {
	Leads  []recovery.Lead
	Send   recovery.Job  // sends the links
	Proofs []goldenProof // one for each lead, as they were mailed
	NotMe  goldenNotMe
	Notice recovery.Job // of a reset of the first lead
	// Account is what the notice says that this lead signs in with.
	Account string
}

// goldenFamily returns a fresh Service with the leads, whose versions are those of
// the file until a password is another one.
func goldenFamily(t *testing.T, a *goldenAccounts, keys ...[]byte) (*portal, *heldQueue) {
	t.Helper()
	for _, key := range keys {
		testenv.AcceptKey(t, key)
	}
	queue := &heldQueue{}
	return notMePortal(t, func(p *portal, o *recovery.Options) {
		o.Keys, o.Queue, o.SignInField, p.users = keys, queue, "Username", p.leads.Multi()
		versions := map[string]string{}
		for _, lead := range a.Leads {
			p.leads.Add(lead, "")
			versions[lead.ID] = lead.Version
		}
		p.leads.SetHooks(recoverytest.LeadsHooks{AfterFind: func(_ context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
			if v := versions[lead.ID]; v != "" && p.leads.Writes() == 0 {
				lead.Version = v
			}
			return lead, nil
		}})
	}), queue
}

func performGolden(t *testing.T, p *portal, job recovery.Job) recovery.Message {
	t.Helper()
	before := len(p.outbox.Messages())
	if err := p.Perform(t.Context(), job); err != nil {
		t.Fatalf("Perform: %v\n%s", err, p.log)
	}
	all := p.outbox.Messages()[before:]
	if len(all) != 1 {
		t.Fatalf("%d messages, want 1\n%s", len(all), p.log)
	}
	return all[0]
}

func writeGoldenAccounts(t *testing.T, v *golden) {
	a := &goldenAccounts{Leads: []recovery.Lead{member("a"), member("b"), member("c")}}
	for i := range a.Leads {
		a.Leads[i].Version, a.Leads[i].Status = "7", recovery.StatusActive
	}
	p, queue := goldenFamily(t, a, v.Key)
	if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
		t.Fatal(err)
	}
	if err := p.Perform(t.Context(), queue.take()[0]); err != nil {
		t.Fatal(err)
	}
	a.Send = queue.take()[0]
	m := performGolden(t, p, a.Send)
	for _, account := range m.Accounts {
		a.Proofs = append(a.Proofs, goldenProof{Sealed: token(t, linkOf(m, account.Account))})
	}
	a.NotMe = goldenNotMe{goldenKind(m.Kind), m.NotMe.Reveal(), m.ID}
	if err := p.reset(t.Context(), a.Proofs[0].proof(), goodPassword); err != nil {
		t.Fatal(err)
	}
	a.Notice, a.Account = queue.take()[0], a.Leads[0].Fields["Username"].Value
	v.Accounts = a
}

func readGoldenAccounts(t *testing.T, v golden, keys [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(v.Time))
		a := v.Accounts
		p, _ := goldenFamily(t, a, keys...)
		m := performGolden(t, p, a.Send)
		if len(m.Accounts) != len(a.Leads) {
			t.Fatalf("the message names %q", namesOf(m))
		}
		for i, proof := range a.Proofs {
			got, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof.proof()})
			if want := a.Leads[i].Fields["Username"].Value; err != nil || got.Account != want {
				t.Errorf("the link of %s is for %q: %v", want, got.Account, err)
			}
		}
		if err := p.reset(t.Context(), a.Proofs[1].proof(), goodPassword); err != nil {
			t.Error(err)
		}
		if m := performGolden(t, p, a.Notice); m.Kind != recovery.MessagePasswordChanged || m.Account != a.Account {
			t.Errorf("%v for %q, want %q", m, m.Account, a.Account)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(v.Time))
		p, _ := goldenFamily(t, v.Accounts, keys...)
		performGolden(t, p, v.Accounts.Send)
		req := recovery.NotMeRequest{Token: notMe(t, recovery.Message{NotMe: recovery.NewSecret(v.Accounts.NotMe.URL)})}
		if got, err := p.NotMe(t.Context(), req); err != nil || got.Message != recovery.MessageKind(v.Accounts.NotMe.Kind) {
			t.Errorf("NotMe: %s, %v", got.Message, err)
		}
		for _, proof := range v.Accounts.Proofs {
			wantErr(t, p.check(t.Context(), proof.proof()), recovery.ErrInvalidProof)
		}
		if told := p.events.of(recovery.EventNotMe); len(told) != len(v.Accounts.Leads) || told[0].JobID != v.Accounts.NotMe.About {
			t.Errorf("events %+v", told)
		}
	})
}
