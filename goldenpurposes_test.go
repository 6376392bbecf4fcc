package recovery_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// goldenPurposes is what one version sealed, gave out and stored for what hosts
// send: invitations and forced resets.
type goldenPurposes struct {
	Time time.Time // when it was written
	Key  []byte
	Sent []goldenSent
}

// A goldenSent is a message that waits in a queue, and what its performance gave
// out and stored.
type goldenSent struct {
	Name    string
	Lead    recovery.Lead
	Version string // of the lead
	Job     recovery.Job
	Token   string
	Stored  []goldenStored // the token and, of a bulk, that it was sent
	Bulk    string         `json:",omitzero"`
}

func TestGoldenPurposes(t *testing.T) {
	testenv.GoldenIn(t, "purposes", writeGoldenPurposes, readGoldenPurposes)
}

// purposesPortal has the lead of a golden message, and performs its jobs on
// demand.
func purposesPortal(t *testing.T, s goldenSent, keys ...[]byte) *goldenPortal {
	t.Helper()
	for _, key := range keys {
		testenv.AcceptKey(t, key)
	}
	g := &goldenPortal{queue: &heldQueue{}, store: &goldenStore{TokenStore: recovery.NewMemoryTokenStore()}}
	g.portal = inviting(t, func(p *portal, o *recovery.Options) {
		o.Keys, o.Queue, p.tokens = keys, g.queue, g.store
		p.leads.Add(s.Lead, "")
		p.leads.SetHooks(recoverytest.LeadsHooks{AfterFind: func(_ context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
			lead.Version = s.Version
			return lead, nil
		}})
		p.users = golden1{p.leads.Full(), p.leads.Leads}
	})
	return g
}

// golden1 writes whatever the version, which the test has given the lead.
type golden1 struct {
	recoverytest.FullLeadStore
	leads *recoverytest.Leads
}

func (g golden1) SetPasswordHashIf(ctx context.Context, id, _, hash string) error {
	return g.leads.SetPasswordHash(ctx, id, hash)
}

func (g golden1) SetFirstPasswordHashIf(ctx context.Context, id, _, hash string) error {
	return g.leads.SetPasswordHash(ctx, id, hash)
}

func writeGoldenPurposes(t *testing.T) (v goldenPurposes) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90*time.Minute + 123456789)
		v = goldenPurposes{Time: time.Now().UTC(), Key: testKey(1)}
		john := lead("golden", recovery.StatusResetRequired)
		for _, s := range []struct {
			name string
			lead recovery.Lead
			bulk string
		}{{"invitation", ada(), ""}, {"invitation of a bulk", ada(), "import-2026"}, {"forced reset", john, "leak-2026"}} {
			sent := goldenSent{Name: s.name, Lead: s.lead, Version: "7", Bulk: s.bulk}
			g := purposesPortal(t, sent, v.Key)
			if s.bulk == "" {
				if err := g.SendInvitation(t.Context(), recovery.InvitationRequest{LeadID: s.lead.ID, TTL: 30 * 24 * time.Hour}); err != nil {
					t.Fatal(err)
				}
			} else if _, err := g.SendToAll(t.Context(), goldenBulk(sent)); err != nil {
				t.Fatal(err)
			}
			sent.Job = g.queue.take()[0]
			sent.Job.NotBefore, sent.Job.NotAfter = sent.Job.NotBefore.UTC(), sent.Job.NotAfter.UTC()
			if err := g.Perform(t.Context(), sent.Job); err != nil {
				t.Fatal(err)
			}
			sent.Token, sent.Stored = token(t, g.last(t)), g.store.puts
			v.Sent = append(v.Sent, sent)
		}
	})
	return v
}

func goldenBulk(s goldenSent) recovery.BulkRequest {
	req := recovery.BulkRequest{Name: s.Bulk, Purpose: recovery.PurposeForcedReset, LeadIDs: each(s.Lead.ID), PerSecond: 1000}
	if s.Lead.Status == recovery.StatusInvited {
		req.Purpose = recovery.PurposeInvitation
	}
	return req
}

func readGoldenPurposes(t *testing.T, v goldenPurposes) {
	if len(v.Sent) < 3 {
		t.Fatal("the file has not all that it should have")
	}
	for _, keys := range [][][]byte{{v.Key}, {testKey(99), v.Key}} {
		for _, s := range v.Sent {
			at := func(what string, f func(t *testing.T, g *goldenPortal)) {
				t.Run(s.Name+"/"+what, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						time.Sleep(time.Until(v.Time))
						f(t, purposesPortal(t, s, keys...))
					})
				})
			}
			accepts := func(t *testing.T, g *goldenPortal, token string) {
				req := recovery.ResetRequest{Proof: recovery.TokenProof(token), Password: recovery.NewSecret(goodPassword)}
				set := g.ResetPassword
				if strings.HasPrefix(s.Name, "invitation") {
					set = g.AcceptInvitation
				}
				if _, err := set(t.Context(), req); err != nil {
					t.Errorf("the token: %v\n%s", err, g.log)
				}
			}
			at("job", func(t *testing.T, g *goldenPortal) {
				if err := g.Perform(t.Context(), s.Job); err != nil {
					t.Fatal(err)
				}
				accepts(t, g, token(t, g.last(t)))
			})
			at("link", func(t *testing.T, g *goldenPortal) {
				if err := g.Perform(t.Context(), s.Job); err != nil {
					t.Fatal(err)
				}
				accepts(t, g, s.Token) // which was given out while the job waited
			})
			at("stored", func(t *testing.T, g *goldenPortal) {
				for _, stored := range s.Stored {
					if _, err := g.store.Put(t.Context(), stored.Slot, stored.Spec); err != nil {
						t.Fatal(err)
					}
				}
				if s.Bulk != "" {
					progress, err := g.SendToAll(t.Context(), goldenBulk(s))
					if err != nil || progress.Before != 1 || progress.Queued != 0 {
						t.Errorf("sent again: %+v, %v", progress, err)
					}
				}
				accepts(t, g, s.Token)
			})
		}
	}
}
