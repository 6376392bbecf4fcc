package recoverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

// queueRetryClauses are about attempts that fail.
var queueRetryClauses = []clause[*jobs]{
	{"retries-errors", "Queue", "An attempt that fails with an error is repeated, and one that succeeds is not.", func(e *jobs) {
		// Whatever the error is, unless it wraps ErrPermanent: that of a ctx which
		// ended is no reason to drop the job.
		causes := []error{errSome, context.DeadlineExceeded, fmt.Errorf("%w: %w", errSome, context.Canceled), recovery.ErrQueueFull}
		var all []recovery.Job
		for i := range causes {
			job := e.job()
			job.Payload[0] = byte('0' + i)
			all = append(all, job)
		}
		e.handle(func(_ context.Context, job recovery.Job, attempt int) error {
			if attempt < 3 {
				return causes[job.Payload[0]-'0']
			}
			return nil
		})
		e.enqueue(all...)
		for i, job := range all {
			e.until(fmt.Sprintf("the third attempt of a job whose first two returned the error %q", causes[i]), func() bool { return len(e.attemptsOf(job.ID)) >= 3 })
		}
		e.history("")
		for i, job := range all {
			e.mu.Lock()
			attempts, deaths := e.attemptsOf(job.ID), e.deathsOf(job.ID)
			e.mu.Unlock()
			if len(attempts) != 3 || len(deaths) > 0 {
				e.errorf("a job whose Perform returned the error %q twice, and then nil: %d attempts and %d dead letters, want 3 and 0", causes[i], len(attempts), len(deaths))
			}
		}
	}},
	{"retries-panics", "Queue", "An attempt that panics is repeated, and the queue goes on.", func(e *jobs) {
		e.handle(func(_ context.Context, job recovery.Job, attempt int) error {
			if attempt < 3 && job.Payload[0] == 'p' {
				panic(fmt.Sprintf("attempt %d", attempt))
			}
			return nil
		})
		// There are as many such jobs as workers, so that the clause notices if
		// the queue loses a worker.
		var ids []string
		for range e.h.Workers {
			job := e.job()
			job.Payload[0] = 'p'
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		other := e.job()
		e.enqueue(other)
		e.waitPerformed(other.ID)
		for _, id := range ids {
			e.until("the third attempt of a job whose first two panicked", func() bool { return len(e.attemptsOf(id)) >= 3 })
		}
		last := e.job()
		e.enqueue(last)
		e.waitPerformed(last.ID)
	}},
	{"pauses-grow", "Queue", "An attempt that fails is repeated with growing pauses: of many jobs the fourth pause is on average at least one and a half times the first.", func(e *jobs) {
		// Of many, because a pause may be drawn at random up to one that grows.
		// On a busy server so many delay each other, and that is no pause.
		most := 40
		if e.timing.bubble == nil {
			most = 16
		}
		e.handle(failing(5, errSome))
		ids := make([]string, most)
		for i := range ids {
			job := e.job()
			ids[i] = job.ID
			e.enqueue(job)
		}
		e.until("the fifth attempt of every job", func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { return len(e.attemptsOf(id)) < 5 })
		})
		e.mu.Lock()
		defer e.mu.Unlock()
		var first, fourth time.Duration
		for _, id := range ids {
			all := e.attemptsOf(id)
			first += all[1].at.Sub(all[0].at) / time.Duration(most)
			fourth += all[4].at.Sub(all[3].at) / time.Duration(most)
		}
		if 2*fourth <= 3*first {
			e.errorf("%d jobs that always fail: the first pause was %v on average and the fourth %v, want the fourth to be at least %v%s", most, first, fourth, first*3/2, e.busy(first))
		}
	}},
	{"keeps-trying", "Queue", "An attempt that fails is repeated until NotAfter, and not for a number of times. A queue gives a job up earlier only if its next pause would outlast NotAfter.", func(e *jobs) {
		if e.timing.bubble == nil {
			if e.h.Attempts == 0 {
				e.skip("needs Bubble, or QueueHarness.Attempts")
			}
			e.handle(failing(e.h.Attempts+1, errSome))
			job := e.job()
			e.enqueue(job)
			// At least one attempt within each patience.
			for n := range e.h.Attempts + 1 {
				e.until(fmt.Sprintf("attempt %d of a job that fails, whose NotAfter is far", n+1), func() bool { return len(e.attemptsOf(job.ID)) > n })
			}
			return
		}
		const long = 24 * time.Hour
		e.handle(failing(1<<30, errSome))
		job := e.job()
		job.NotAfter = job.NotBefore.Add(long)
		e.enqueue(job)
		e.untilWithin(2*long, "a dead letter of a job that always fails", func() bool { return len(e.deathsOf(job.ID)) > 0 })
		attempts, deaths := e.history(job.ID)
		if len(attempts) < 3 {
			e.fatalf("a job that always fails, with a day until NotAfter: %d attempts, want many", len(attempts))
		}
		e.wantNoneEarly([][]attempt{attempts}, [][]death{deaths}, job.NotAfter)
	}},
	{"permanent", "Queue", "An attempt is not repeated if its error wraps ErrPermanent, in whatever way: the job then goes to DeadLetter, as it is, with the cause.", func(e *jobs) {
		for _, cause := range []error{
			fmt.Errorf("%w: %w", recovery.ErrPermanent, errSome), errors.Join(errSome, recovery.ErrPermanent),
			fmt.Errorf("outer: %w", fmt.Errorf("inner: %w: %w", errSome, recovery.ErrPermanent)),
		} {
			e.handle(failing(1000, cause))
			job := e.job()
			e.enqueue(job)
			d := e.waitDead(fmt.Sprintf("a job whose Perform returned %q, which wraps recovery.ErrPermanent", cause), job.ID)
			if !errors.Is(d.cause, errSome) || !errors.Is(d.cause, recovery.ErrPermanent) {
				e.errorf("DeadLetter of a job whose Perform returned %q: the cause is %s, want that error, or one that wraps it (errors.Is with it and with recovery.ErrPermanent)", cause, outcomeOf(d.cause))
			}
			if !bytes.Equal(d.job.Payload, job.Payload) || !nearlyEqual(d.job.NotAfter, job.NotAfter) || !nearlyEqual(d.job.NotBefore, job.NotBefore) {
				e.errorf("DeadLetter of a job that failed with recovery.ErrPermanent: it got a payload of %d bytes, NotBefore %v and NotAfter %v, want the payload of %d bytes that Enqueue got, %v and %v", len(d.job.Payload), d.job.NotBefore, d.job.NotAfter, len(job.Payload), job.NotBefore, job.NotAfter)
			}
			if attempts, deaths := e.history(job.ID); len(attempts) != 1 || len(deaths) != 1 {
				e.errorf("a job whose Perform returned recovery.ErrPermanent: %d attempts and %d dead letters, want 1 and 1", len(attempts), len(deaths))
			}
		}
	}},
	{"permanent-after-errors", "Queue", "ErrPermanent ends a job at any attempt.", func(e *jobs) {
		e.handle(func(_ context.Context, _ recovery.Job, attempt int) error {
			if attempt < 3 {
				return errSome
			}
			return recovery.ErrPermanent
		})
		job := e.job()
		e.enqueue(job)
		e.waitDead("a job whose Perform returned recovery.ErrPermanent at the third attempt", job.ID)
		if attempts, deaths := e.history(job.ID); len(attempts) != 3 || len(deaths) != 1 {
			e.errorf("a job whose Perform returned recovery.ErrPermanent at the third attempt: %d attempts and %d dead letters, want 3 and 1", len(attempts), len(deaths))
		}
	}},
	{"awaiting-reply", "Queue", "After an error that wraps ErrAwaitingReply the worker keeps the job and repeats the attempt until the error is another one.", func(e *jobs) {
		var answered atomic.Bool
		var held []string
		for range e.h.Workers {
			held = append(held, random())
		}
		e.handle(func(ctx context.Context, job recovery.Job, _ int) error {
			if answered.Load() || !slices.Contains(held, job.ID) {
				return nil
			}
			select { // the Notifier waits for the answer
			case <-time.After(e.h.Quiet / 8):
			case <-ctx.Done():
			}
			return fmt.Errorf("%w: %w", recovery.ErrAwaitingReply, errSome)
		})
		for _, id := range held {
			job := e.job()
			job.ID = id
			e.enqueue(job)
		}
		e.until("a third attempt of each of as many jobs as there are workers, whose Perform returns recovery.ErrAwaitingReply", func() bool {
			return !slices.ContainsFunc(held, func(id string) bool { return len(e.attemptsOf(id)) < 3 })
		})
		other := e.job()
		e.enqueue(other)
		if attempts, _ := e.history(other.ID); len(attempts) > 0 {
			e.errorf("Perform of a further job, while Perform of as many jobs as there are workers (%d) returns recovery.ErrAwaitingReply: it was called, want no worker to be free", e.h.Workers)
		}
		answered.Store(true)
		e.waitPerformed(append(held, other.ID)...)
		if _, deaths := e.history(held[0]); len(deaths) > 0 {
			e.errorf("a job whose Perform returned recovery.ErrAwaitingReply, and later nil, went to DeadLetter, want it not to")
		}
	}},
	{"not-after", "Job.NotAfter", "NotAfter is when the job has become pointless: the job is then not performed, and goes to DeadLetter.", func(e *jobs) {
		late, good := e.job(), e.job()
		late.NotBefore = time.Now().Add(-2 * time.Hour)
		late.NotAfter = time.Now().Add(-time.Hour)
		if err := e.tryEnqueue(e.ctx, late); err == nil {
			e.waitDead("a job whose NotAfter had passed when Enqueue took it", late.ID)
		} // otherwise the queue is not responsible for the job
		e.enqueue(good)
		e.waitPerformed(good.ID)
		if attempts, _ := e.history(late.ID); len(attempts) > 0 {
			e.errorf("Perform of a job whose NotAfter had passed when Enqueue got it: it was called, want no attempt")
		}
	}},
	{"not-after-waiting", "Job.NotAfter", "NotAfter is the time from which on the job is useless: one that waited for a worker until then is not performed, and goes to DeadLetter.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		for range e.h.Workers {
			e.enqueue(e.job())
		}
		e.until("as many jobs at work as the queue has workers", func() bool { return e.running >= e.h.Workers })
		job := e.job()
		job.NotAfter = time.Now().Add(100 * time.Millisecond)
		e.enqueue(job)
		// A queue may lose the part of a time that is under a second.
		time.Sleep(1500 * time.Millisecond)
		let()
		e.waitDead("a job whose NotAfter passed while it waited for a worker", job.ID)
		if attempts, _ := e.history(job.ID); len(attempts) > 0 {
			e.errorf("a job whose NotAfter passed while it waited for a worker: %d attempts, want none", len(attempts))
		}
	}},
	{"not-after-retries", "Queue", "A job that fails is repeated until NotAfter, and then goes to DeadLetter, with the cause. A queue gives it up earlier only if its next pause would outlast NotAfter.", func(e *jobs) {
		// Of several, because a pause may be drawn at random.
		const most = 12
		e.handle(failing(1<<30, errSome))
		type accepted struct {
			id string
			at time.Time
		}
		var mu sync.Mutex
		var all []accepted
		end := time.Now().Add(e.h.Patience / 4)
		e.race(most, func(int) {
			job := e.job()
			job.NotAfter = end
			err := e.tryEnqueue(e.ctx, job)
			at := time.Now()
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, accepted{job.ID, at})
			} else if at.Before(end) {
				e.fatalf("Enqueue of a job before its NotAfter: it returned %s, want none", outcomeOf(err))
			}
		})
		var attempts [][]attempt
		var deaths [][]death
		for _, job := range all {
			if d := e.waitDead("a job that failed until NotAfter", job.id); d.cause == nil {
				e.errorf("DeadLetter of a job that failed until NotAfter: the cause is nil, want the error of the last attempt")
			}
		}
		e.history("")
		e.mu.Lock()
		for _, job := range all {
			attempts, deaths = append(attempts, e.attemptsOf(job.id)), append(deaths, e.deathsOf(job.id))
		}
		e.mu.Unlock()
		repeated := false
		for i, job := range all {
			repeated = repeated || len(attempts[i]) > 1
			begun := job.at // when the first attempt began, or could begin
			if len(attempts[i]) > 0 {
				begun = attempts[i][0].at
			}
			// One that began late had perhaps no time for a second attempt.
			if left := end.Sub(begun); len(attempts[i]) < 2 && left > e.h.Patience/8 {
				e.fatalf("a job that failed until NotAfter: %d attempts, want 2 or more, because there were %v left for them%s", len(attempts[i]), left, e.advice())
			}
			if len(deaths[i]) != 1 {
				e.errorf("a job that failed until NotAfter: %d dead letters, want 1", len(deaths[i]))
			}
			for _, a := range attempts[i] {
				// The queue may have looked at the clock a little earlier.
				if a.at.After(end.Add(e.tolerance())) {
					e.errorf("Perform of a job that fails was called %v after NotAfter, want no attempt after it", a.at.Sub(end))
				}
			}
		}
		if !repeated {
			e.fatalf("%d jobs that failed until NotAfter, %v after they were made: none had two attempts, want that%s", most, e.h.Patience/4, e.advice())
		}
		e.wantNoneEarly(attempts, deaths, end)
	}},
}

// busy says that pauses may be long because the machine is busy. In a bubble they
// cannot.
func (e *jobs) busy(pause time.Duration) string {
	if e.timing.bubble != nil {
		return ""
	}
	return fmt.Sprintf(" (if the queue's first pause is much shorter than %v, the machine is busy: make all of its pauses longer)", pause)
}

// wantNoneEarly fails if a job was given up while more time was left than the
// next pause can take, as far as that shows in the pauses of all jobs so far. A
// pause may grow as steeply as the longest ones did so far, and half as much
// again.
func (e *jobs) wantNoneEarly(attempts [][]attempt, deaths [][]death, notAfter time.Time) {
	var longest []time.Duration // of the pauses after each number of attempts
	for _, all := range attempts {
		for i := 1; i < len(all); i++ {
			if len(longest) < i {
				longest = append(longest, 0)
			}
			longest[i-1] = max(longest[i-1], all[i].at.Sub(all[i-1].at))
		}
	}
	const least, most = 2.5, 12
	growth := float64(most)
	if len(longest) > 1 {
		growth = least
	}
	for i := 1; i < len(longest); i++ {
		growth = max(growth, min(1.5*float64(longest[i])/float64(max(longest[i-1], 1)), most))
	}
	pause := slices.Max(longest)
	for i, all := range attempts {
		if left := notAfter.Sub(deaths[i][0].at); float64(left) > growth*float64(pause) {
			e.errorf("a job that always fails was given up after %d attempts, with %v left until NotAfter, when the longest pause was %v so far, want more attempts", len(all), left, pause)
		}
	}
}

// tolerance is how late an attempt may begin on a busy machine, after the queue
// has looked at the clock.
func (e *jobs) tolerance() time.Duration {
	if e.timing.bubble != nil {
		return 0
	}
	return e.h.Quiet
}
