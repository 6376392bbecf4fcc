package recovery_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// heldQueue keeps jobs until the test performs them, so that their time is the
// test's and not that of a random pause.
type heldQueue struct {
	mu   sync.Mutex
	jobs []recovery.Job
}

func (q *heldQueue) Enqueue(_ context.Context, job recovery.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, job)
	return nil
}

func (q *heldQueue) take() []recovery.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// performAll performs what is held, and returns how many messages that sent.
func (p *portal) performAll(t testing.TB, q *heldQueue) int {
	t.Helper()
	before := p.outbox.Len()
	for jobs := q.take(); len(jobs) > 0; jobs = q.take() { // and what they hand over
		for _, job := range jobs {
			if err := p.Perform(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p.outbox.Len() - before
}

// limitedPortal has generous limits but for those that edit sets.
func limitedPortal(t testing.TB, edit func(l *recovery.Limits)) *portal {
	return newPortal(t, func(_ *portal, o *recovery.Options) { edit(&o.Limits) })
}

// admitted reports whether a request was let in, and fails the test on every
// error that is not of a limit.
func admitted(t testing.TB, err error) bool {
	t.Helper()
	var limit *recovery.RateLimitError
	if err != nil && !errors.As(err, &limit) && !errors.Is(err, recovery.ErrInvalidProof) {
		t.Fatal(err)
	}
	return limit == nil
}

func client(s string) recovery.Requester { return recovery.Requester{Client: netip.MustParseAddr(s)} }

// publicCalls are the operations that anybody may ask for, each as a request
// that does nothing else than count.
func publicCalls(p *portal, o recovery.Requester) map[string]func(ctx context.Context) error {
	never := recovery.TokenProof("AAAA")
	return map[string]func(ctx context.Context) error{
		"forgot": func(ctx context.Context) error {
			req := byMail("nobody@example.com")
			req.Requester = o
			_, err := p.ForgotPassword(ctx, req)
			return err
		},
		"check": func(ctx context.Context) error {
			_, err := p.CheckProof(ctx, recovery.CheckProofRequest{Proof: never, Requester: o})
			return err
		},
		"reset": func(ctx context.Context) error {
			_, err := p.ResetPassword(ctx, recovery.ResetRequest{Proof: never, Password: recovery.NewSecret(goodPassword), Requester: o})
			return err
		},
	}
}

func issue(p *portal, o recovery.Requester) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := p.IssueToken(ctx, recovery.IssueRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, Requester: o})
		return err
	}
}
