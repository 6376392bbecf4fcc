package recovery_test

import (
	"context"
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
