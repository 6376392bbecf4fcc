package recovery_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// goldenBrands is what one version sealed that has a brand and the host's data.
type goldenBrands struct {
	Time  time.Time // when it was written
	Key   []byte
	Jobs  []goldenBranded
	NotMe string // the token of a link "this was not me"
}

// A goldenBranded is a job, and what its message says.
type goldenBranded struct {
	Name  string
	Job   recovery.Job
	Kind  recovery.MessageKind
	Brand string
	Host  string // that the links lead to
	Data  map[string]string
}

func TestGoldenBrands(t *testing.T) {
	testenv.GoldenIn(t, "brands", writeGoldenBrands, readGoldenBrands)
}

// brandsPortal performs jobs on demand.
func brandsPortal(t *testing.T, keys ...[]byte) (*portal, *heldQueue) {
	t.Helper()
	for _, key := range keys {
		testenv.AcceptKey(t, key)
	}
	queue := &heldQueue{}
	p := branded(t, func(_ *portal, o *recovery.Options) { o.Keys, o.Queue = keys, queue })
	return p, queue
}

func writeGoldenBrands(t *testing.T) (v goldenBrands) {
	v.Key = recovery.NewKey()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90*time.Minute + 123456789)
		v.Time = time.Now().UTC()
		p, queue := brandsPortal(t, v.Key)
		add := func(name string, kind recovery.MessageKind, brand, host string, data map[string]string) recovery.Job {
			job := queue.take()[0]
			job.NotBefore, job.NotAfter = job.NotBefore.UTC(), job.NotAfter.UTC()
			v.Jobs = append(v.Jobs, goldenBranded{name, job, kind, brand, host, data})
			if err := p.Perform(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			return job
		}
		data := map[string]string{"shop": `"Acme" & Söhne`}
		req := byMail("acme@example.com")
		req.Brand, req.Data = "beta", data
		if _, err := p.ForgotPassword(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		add("forgot", recovery.MessageResetLink, "acme", "acme.example", data)
		add("send", recovery.MessageResetLink, "acme", "acme.example", data)
		if _, err := p.ForgotPassword(t.Context(), byMail("acme@example.com")); err != nil {
			t.Fatal(err)
		}
		add("no brand in the request", recovery.MessageResetLink, "acme", "acme.example", nil)
		queue.take()
		m := p.outbox.Messages()[0]
		if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof(token(t, m)), Password: recovery.NewSecret(goodPassword), Data: data}); err != nil {
			t.Fatal(err)
		}
		add("notice", recovery.MessagePasswordChanged, "acme", "acme.example", data)
		notice := p.outbox.OfKind(recovery.MessagePasswordChanged)[0]
		v.NotMe = parameter(t, notice.NotMe)
	})
	return v
}

func readGoldenBrands(t *testing.T, v goldenBrands) {
	if len(v.Jobs) < 4 {
		t.Fatal("the file has not all that it should have")
	}
	for _, keys := range [][][]byte{{v.Key}, {testKey(99), v.Key}} {
		for _, g := range v.Jobs {
			t.Run(g.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(v.Time))
					p, queue := brandsPortal(t, keys...)
					if err := p.Perform(t.Context(), g.Job); err != nil {
						t.Fatal(err)
					}
					if p.outbox.Len() == 0 {
						p.performAll(t, queue)
					}
					m := p.outbox.Messages()[0]
					wantBrand(t, m, g.Brand, g.Host)
					if m.Kind != g.Kind || !maps.Equal(m.Data, g.Data) {
						t.Errorf("%v with %v, want %s with %v", m, m.Data, g.Kind, g.Data)
					}
				})
			})
		}
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(v.Time))
			p, _ := brandsPortal(t, keys...)
			if _, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(v.NotMe)}); err != nil {
				t.Fatal(err)
			}
			if e := p.events.of(recovery.EventNotMe); len(e) != 1 || e[0].Brand != "acme" || e[0].LeadID != "lead-acme" {
				t.Errorf("%+v", e)
			}
		})
	}
}
