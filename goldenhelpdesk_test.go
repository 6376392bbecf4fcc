package recovery_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// goldenHelpDesk is what one version gave out, stored and sealed for a help desk.
type goldenHelpDesk struct {
	Time     time.Time // when it was written
	Key      []byte
	Lead     recovery.Lead
	Operator string
	Issued   []goldenIssued
	Notice   recovery.Job // of a reset with the first of them
}

// A goldenIssued is a link or code, and what the store was given: the operator in
// parts, and then the token.
type goldenIssued struct {
	Proof  goldenProof
	Stored []goldenStored
}

// This version takes the codes and links that earlier ones gave to a help desk, and
// knows whose they are.
func TestGoldenHelpDesk(t *testing.T) {
	testenv.GoldenIn(t, "helpdesk", writeGoldenHelpDesk, readGoldenHelpDesk)
}

func (v goldenHelpDesk) service(t *testing.T, keys ...[]byte) *goldenPortal {
	t.Helper()
	return goldenService(t, golden{Key: v.Key, Lead: v.Lead}, keys...)
}

func writeGoldenHelpDesk(t *testing.T) (v goldenHelpDesk) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90*time.Minute + 123456789)
		v = goldenHelpDesk{Time: time.Now().UTC(), Key: testKey(1), Operator: "Ada Byron, à l’accueil (nº 4711)", Lead: recovery.Lead{
			ID: johnID, Version: "7", Status: recovery.StatusActive, Name: "John Wick", Locale: "de",
			Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: johnMail, Verified: true}},
		}}
		for _, code := range []bool{true, false} {
			g := v.service(t, v.Key)
			issued, err := g.IssueForHelpDesk(t.Context(), recovery.HelpDeskRequest{LeadID: johnID, Operator: v.Operator, Code: code})
			if err != nil {
				t.Fatal(err)
			}
			one := goldenIssued{Proof: goldenProof{Sealed: issued.Token.Reveal()}, Stored: g.store.puts}
			if code {
				one.Proof = goldenProof{Key: byMail(johnMail).Key, Code: issued.Code.Reveal()}
				if err := g.reset(t.Context(), one.Proof.proof(), goodPassword); err != nil {
					t.Fatal(err)
				}
				v.Notice = g.queue.take()[0]
				v.Notice.NotBefore, v.Notice.NotAfter = v.Notice.NotBefore.UTC(), v.Notice.NotAfter.UTC()
			}
			v.Issued = append(v.Issued, one)
		}
	})
	return v
}

func readGoldenHelpDesk(t *testing.T, v goldenHelpDesk) {
	if len(v.Issued) < 2 {
		t.Fatal("the file has not all that it should have")
	}
	for _, keys := range [][][]byte{{v.Key}, {testKey(99), v.Key}} {
		for _, one := range v.Issued {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(v.Time))
				g := v.service(t, keys...)
				for _, s := range one.Stored {
					if _, err := g.store.Put(t.Context(), s.Slot, s.Spec); err != nil {
						t.Fatal(err)
					}
				}
				g.resets(t, golden{Lead: v.Lead}, one.Proof.proof())
				if e := g.events.of(recovery.EventPasswordReset); len(e) != 1 || e[0].Operator != v.Operator {
					t.Errorf("events %+v, want the operator %q", e, v.Operator)
				}
			})
		}
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(v.Time))
			g := v.service(t, keys...)
			if err := g.Perform(t.Context(), v.Notice); err != nil {
				t.Fatal(err)
			}
			if m := g.last(t); m.Kind != recovery.MessagePasswordChanged || m.To != johnMail || m.Operator != v.Operator {
				t.Errorf("a %s to %s with operator %q", m.Kind, m.To, m.Operator)
			}
		})
	}
}
