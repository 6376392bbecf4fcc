package webhook_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/webhook"
)

// golden holds the jobs that one version wrote into a queue.
type golden struct {
	Time time.Time // when it was written
	Key  []byte
	Jobs []goldenJob
}

// A goldenJob is a delivery, sealed and in clear.
type goldenJob struct {
	Job       recovery.Job
	Endpoint  string
	WebhookID string
	Type      string
	Body      string // the signed bytes, so it must not change by a byte
}

// This version can send the deliveries that earlier versions sealed, with the
// same key and with that key behind a new one.
func TestGolden(t *testing.T) {
	testenv.Golden(t, writeGolden, readGolden)
}

func writeGolden(t *testing.T) golden {
	var v golden
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90*time.Minute + 123456789)
		v = golden{Time: time.Now().UTC(), Key: key1}
		q := &jobs{}
		var sealed []webhook.Delivery
		s := newSender(t, webhook.Options{
			Keys: [][]byte{v.Key}, Queue: q,
			Endpoints: []webhook.Endpoint{
				{ID: "crm", URL: "https://crm.example.com/hooks", Secrets: []recovery.Secret{secretA}},
				{ID: "audit.2", URL: "https://audit.example.com", Secrets: []recovery.Secret{secretB}, IncludeClient: true},
			},
			OnUndelivered: func(_ context.Context, d webhook.Delivery, _ error) { sealed = append(sealed, d) },
		})
		s.Sink(t.Context(), theReset())
		for i, job := range q.all() {
			s.DeadLetter(t.Context(), job, errors.New("to see what it holds"))
			d := sealed[i]
			job.NotBefore, job.NotAfter = job.NotBefore.UTC(), job.NotAfter.UTC()
			v.Jobs = append(v.Jobs, goldenJob{job, d.Endpoint, d.WebhookID, d.Type, string(d.Body)})
		}
	})
	return v
}

func readGolden(t *testing.T, v golden) {
	if len(v.Jobs) == 0 {
		t.Fatal("the file has no jobs")
	}
	testenv.AcceptKey(t, v.Key)
	for _, keys := range []struct {
		name string
		all  [][]byte
	}{
		{"its key", [][]byte{v.Key}},
		{"its key behind a new one", [][]byte{testenv.Key("99"), v.Key}},
	} {
		for _, g := range v.Jobs {
			t.Run(keys.name+"/"+g.Endpoint, func(t *testing.T) {
				rc := quick(t, nil)
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(v.Time))
					var dead webhook.Delivery
					s := newSender(t, webhook.Options{
						Keys: keys.all, Queue: &jobs{}, Endpoints: []webhook.Endpoint{rc.endpoint(g.Endpoint, secretC)},
						OnUndelivered: func(_ context.Context, d webhook.Delivery, _ error) { dead = d },
					})
					if err := s.Perform(t.Context(), g.Job); err != nil {
						t.Fatal(err)
					}
					h := rc.wait(t, 1)[0]
					if err := verify(secretC, h); err != nil {
						t.Error("the receiver's library says", err)
					}
					if h.id() != g.WebhookID || string(h.body) != g.Body {
						t.Errorf("the receiver got %s %s, want %s %s", h.id(), h.body, g.WebhookID, g.Body)
					}
					s.DeadLetter(t.Context(), g.Job, errors.New("some failure"))
					if dead.Endpoint != g.Endpoint || dead.WebhookID != g.WebhookID || dead.Type != g.Type || string(dead.Body) != g.Body {
						t.Errorf("Undelivered was told of %+v, want %+v", dead, g)
					}
				})
			})
		}
	}
}
