package recovery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A clockedQueue is held, and its storage has a clock.
type clockedQueue struct {
	heldQueue
	skew time.Duration
}

func (q *clockedQueue) ClockSkew(context.Context) time.Duration { return q.skew }

// A job is as old as the clock of the queue says. The web node's is an hour
// behind it, and the worker's is right.
func TestJobsGoByTheClockOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &clockedQueue{skew: time.Hour}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue = q })
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		request := q.take()[0]
		if left := time.Until(request.NotAfter); left != time.Hour || time.Until(request.NotBefore) > time.Second {
			t.Errorf("the web node's job ends in %v, by its own clock, want an hour", left)
		}
		time.Sleep(time.Hour) // the worker's clock shows this at the same moment
		q.skew = 0
		if err := p.Perform(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		delivery := q.take()[0]
		if left := time.Until(delivery.NotAfter); left != time.Hour {
			t.Errorf("the worker's job ends in %v, want an hour", left)
		}
		time.Sleep(59 * time.Minute)
		if err := p.Perform(t.Context(), delivery); err != nil || len(p.outbox.Messages()) != 1 {
			t.Errorf("%v, and %d messages", err, len(p.outbox.Messages()))
		}
		time.Sleep(time.Minute)
		wantErr(t, p.Perform(t.Context(), delivery), recovery.ErrPermanent)
		wantErr(t, p.Perform(t.Context(), request), recovery.ErrPermanent)
	})
}

// A31: whoever sets the clock of the queue's storage ahead while a job is sealed, and
// back while it is performed, lengthens its life by twice MaxClockSkew. No other time
// that the storage tells lengthens it by more.
func TestClockOfTheQueue_A31(t *testing.T) {
	const most = recovery.MaxClockSkew
	told := []time.Duration{0, time.Minute, most / 2, most, most + 1, 365 * 24 * time.Hour, 1<<63 - 1}
	life := func(t *testing.T, ahead, back time.Duration) (life time.Duration) {
		q := &clockedQueue{skew: ahead}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue = q })
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		job := q.take()[0]
		q.skew = -back
		for began := time.Now(); p.Perform(t.Context(), job) == nil; time.Sleep(time.Minute) {
			life = time.Since(began) + time.Minute
		}
		return life
	}
	longest := time.Duration(0)
	for _, ahead := range told {
		for _, back := range told {
			synctest.Test(t, func(t *testing.T) {
				got := life(t, ahead, back)
				longest = max(longest, got)
				if got > time.Hour+2*most {
					t.Errorf("set ahead by %v and then back by %v: a job lived for %v", ahead, back, got)
				}
			})
		}
	}
	if longest != time.Hour+2*most {
		t.Errorf("a job lived for %v at most, and docs/attacks.md says for an hour and %v", longest, 2*most)
	}
}

// A storeClock is a token store whose clock is ahead of this machine's.
type storeClock struct {
	recovery.TokenStore
	ahead time.Duration
}

func (s storeClock) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	token, err := s.TokenStore.Put(ctx, slot, spec)
	token.Expires = token.Expires.Add(s.ahead)
	return token, err
}

// A message says until when its link or code works by the clock of the machine that
// sends it, whatever that of the token store shows. A second attempt says the same,
// or less than the lifetime.
func TestMessagesExpireByTheClockOfTheWorker(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		for _, code := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var left []time.Duration
				p := newPortal(t, func(p *portal, _ *recovery.Options) { p.tokens = storeClock{p.tokens, ahead} })
				p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
					if left = append(left, time.Until(m.Expires)); len(left) == 1 {
						return errors.New("not now")
					}
					return nil
				})
				req, ttl := byMail(johnMail), time.Hour
				if req.Code = code; code {
					ttl = 10 * time.Minute
				}
				if _, err := p.ForgotPassword(t.Context(), req); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(left) != 2 || left[0] > ttl || left[0] < ttl-time.Second || left[1] > ttl || left[1] < ttl-time.Minute {
					t.Errorf("a store %v ahead, code %v: the messages say %v", ahead, code, left)
				}
				if ahead == 0 && len(left) == 2 && left[1] >= left[0] {
					t.Errorf("code %v: the second attempt says %v, the first %v", code, left[1], left[0])
				}
			})
		}
	}
}
