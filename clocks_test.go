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

// A31: whoever sets the clock of the queue's storage back gives an old job at most
// MaxClockSkew more, and no time at all if he sets it back by more.
func TestClockOfTheQueueRevivesNoJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &clockedQueue{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue = q })
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		job := q.take()[0]
		time.Sleep(time.Hour)
		for _, more := range []time.Duration{0, time.Minute, recovery.MaxClockSkew, 30 * 24 * time.Hour} {
			time.Sleep(more)
			for _, back := range []time.Duration{0, more, recovery.MaxClockSkew + 1, 365 * 24 * time.Hour, 1 << 62} {
				q.skew = -back
				wantErr(t, p.Perform(t.Context(), job), recovery.ErrPermanent)
			}
		}
	})
}
