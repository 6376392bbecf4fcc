package recoverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

var errSome = errors.New("recoverytest: some failure")

var queueClauses = []clause[*jobs]{
	{"performs", "A queue has each job performed, once or more, for which Enqueue returned nil.", func(e *jobs) {
		var ids []string
		for range 40 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
	}},
	{"intact", "ID, Payload, NotBefore and NotAfter of a job are the same for every attempt, as they were enqueued; a Payload is any bytes under 16 KiB.", func(e *jobs) {
		e.handle(func(_ context.Context, _ recovery.Job, attempt int) error {
			if attempt < 3 {
				return errSome
			}
			return nil
		})
		short, large := e.job(), e.job()
		short.Payload = []byte("x")
		large.Payload = []byte(strings.Repeat("aZ09-_+/=.", 1638))
		every := e.job()
		every.Payload = nil
		for b := range 256 {
			every.Payload = append(every.Payload, byte(b))
		}
		for _, job := range []recovery.Job{e.job(), short, large, every} {
			e.enqueue(job)
			var all []attempt
			e.until("the third attempt", func() bool { all = e.attemptsOf(job.ID); return len(all) >= 3 })
			for _, a := range all {
				if !bytes.Equal(a.job.Payload, job.Payload) {
					e.errorf("a job with a payload of %d bytes: an attempt got another payload, of %d bytes, want the same", len(job.Payload), len(a.job.Payload))
				}
				if !nearlyEqual(a.job.NotAfter, job.NotAfter) || !nearlyEqual(a.job.NotBefore, job.NotBefore) {
					e.errorf("an attempt got NotBefore %v and NotAfter %v, want %v and %v", a.job.NotBefore, a.job.NotAfter, job.NotBefore, job.NotAfter)
				}
			}
		}
	}},
	{"after-enqueue", "Jobs are performed after Enqueue has returned: Enqueue does not wait for them.", func(e *jobs) {
		hold := make(chan struct{})
		defer close(hold)
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		for range e.h.Workers + 2 {
			e.within(e.h.Patience, "Enqueue while jobs hang", func() { e.enqueue(e.job()) })
		}
	}},
	{"outlives-request", "Enqueue returns nil once the queue is responsible for the job: the end of the request's ctx afterwards does not affect the job.", func(e *jobs) {
		hold, began := make(chan struct{}), make(chan context.Context, 1)
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		job, later := e.job(), e.job()
		later.NotBefore = later.NotBefore.Add(e.h.Quiet / 2)
		e.handle(func(ctx context.Context, j recovery.Job, _ int) error {
			if j.ID == job.ID {
				select {
				case began <- ctx:
				default:
				}
				<-hold
			}
			return nil
		})
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		for _, j := range []recovery.Job{job, later} {
			if err := e.queue.Enqueue(ctx, j); err != nil {
				e.fatalf("Enqueue of a job: error is %v, want none", err)
			}
		}
		e.until("a job at work", func() bool { return len(e.attemptsOf(job.ID)) > 0 })
		running := <-began
		cancel()
		time.Sleep(time.Millisecond)
		if err := running.Err(); err != nil {
			e.errorf("the ctx of Enqueue was cancelled: the ctx of the attempt ended too, with %v, want it to go on", err)
		}
		let()
		e.waitPerformed(job.ID, later.ID)
	}},
	{"not-before", "NotBefore is when the job may start: it does not start earlier (A22).", func(e *jobs) {
		var all []recovery.Job
		for i := range 8 {
			job := e.job()
			job.NotBefore = job.NotBefore.Add(time.Duration(8-i) * e.h.Quiet / 16)
			all = append(all, job)
			e.enqueue(job)
		}
		due := e.job()
		e.enqueue(due)
		e.waitPerformed(due.ID)
		for _, job := range all {
			e.waitPerformed(job.ID)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, job := range all {
			for _, a := range e.attemptsOf(job.ID) {
				if a.at.Before(job.NotBefore) {
					e.errorf("a job was performed %v before NotBefore, want no attempt before it", job.NotBefore.Sub(a.at))
				}
			}
		}
	}},
	{"retries-errors", "An attempt that fails with an error is repeated, and one that succeeds is not.", func(e *jobs) {
		e.handle(failing(3, errSome))
		job := e.job()
		e.enqueue(job)
		e.until("the third attempt", func() bool { return len(e.attemptsOf(job.ID)) >= 3 })
		if attempts, deaths := e.history(job.ID); len(attempts) != 3 || len(deaths) > 0 {
			e.errorf("a job that succeeded at the third attempt: %d attempts and %d dead letters, want 3 and 0", len(attempts), len(deaths))
		}
	}},
	{"retries-panics", "An attempt that panics is repeated, and the queue goes on.", func(e *jobs) {
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
			e.until("the third attempt of a job that panics", func() bool { return len(e.attemptsOf(id)) >= 3 })
		}
		last := e.job()
		e.enqueue(last)
		e.waitPerformed(last.ID)
	}},
	{"pauses-grow", "An attempt that fails is repeated with growing pauses.", func(e *jobs) {
		e.handle(failing(5, errSome))
		job := e.job()
		e.enqueue(job)
		var all []attempt
		e.until("the fifth attempt", func() bool { all = e.attemptsOf(job.ID); return len(all) >= 5 })
		first, last := all[1].at.Sub(all[0].at), all[4].at.Sub(all[3].at)
		if first <= 0 || last <= first {
			e.errorf("a job that always fails: the first pause was %v and the fourth %v, want a longer fourth one", first, last)
		}
	}},
	{"permanent", "An attempt is not repeated if its error wraps ErrPermanent: the job then goes to DeadLetter, with the cause.", func(e *jobs) {
		e.handle(failing(1000, fmt.Errorf("%w: %w", recovery.ErrPermanent, errSome)))
		job := e.job()
		e.enqueue(job)
		d := e.waitDead(job.ID)
		if !errors.Is(d.cause, errSome) || !errors.Is(d.cause, recovery.ErrPermanent) {
			e.errorf("DeadLetter got the cause %v, want the error that Perform returned", d.cause)
		}
		if !bytes.Equal(d.job.Payload, job.Payload) {
			e.errorf("DeadLetter got another payload than the job has, want the same")
		}
		if attempts, deaths := e.history(job.ID); len(attempts) != 1 || len(deaths) != 1 {
			e.errorf("a job that failed with ErrPermanent: %d attempts and %d dead letters, want 1 and 1", len(attempts), len(deaths))
		}
	}},
	{"permanent-after-errors", "ErrPermanent ends a job at any attempt.", func(e *jobs) {
		e.handle(func(_ context.Context, _ recovery.Job, attempt int) error {
			if attempt < 3 {
				return errSome
			}
			return recovery.ErrPermanent
		})
		job := e.job()
		e.enqueue(job)
		e.waitDead(job.ID)
		if attempts, deaths := e.history(job.ID); len(attempts) != 3 || len(deaths) != 1 {
			e.errorf("a job that failed with ErrPermanent at the third attempt: %d attempts and %d dead letters, want 3 and 1", len(attempts), len(deaths))
		}
	}},
	{"awaiting-reply", "After an error that wraps ErrAwaitingReply the worker keeps the job and repeats the attempt until the error is another one.", func(e *jobs) {
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
		e.until("every worker repeats its job", func() bool {
			return !slices.ContainsFunc(held, func(id string) bool { return len(e.attemptsOf(id)) < 3 })
		})
		other := e.job()
		e.enqueue(other)
		if attempts, _ := e.history(other.ID); len(attempts) > 0 {
			e.errorf("a job got a worker while each of %d workers kept a job that waits for a reply, want none", e.h.Workers)
		}
		answered.Store(true)
		e.waitPerformed(append(held, other.ID)...)
		if _, deaths := e.history(held[0]); len(deaths) > 0 {
			e.errorf("a job that waited for a reply went to DeadLetter, want it not to")
		}
	}},
	{"not-after", "NotAfter is when the job has become pointless: the job is then not performed, and goes to DeadLetter.", func(e *jobs) {
		late, good := e.job(), e.job()
		late.NotBefore = time.Now().Add(-2 * time.Hour)
		late.NotAfter = time.Now().Add(-time.Hour)
		if err := e.queue.Enqueue(e.ctx, late); err == nil {
			e.waitDead(late.ID)
		} // otherwise the queue is not responsible for the job
		e.enqueue(good)
		e.waitPerformed(good.ID)
		if attempts, _ := e.history(late.ID); len(attempts) > 0 {
			e.errorf("a job whose NotAfter had passed was performed, want no attempt")
		}
	}},
	{"not-after-retries", "A job that fails is repeated until NotAfter, and then goes to DeadLetter, with the cause.", func(e *jobs) {
		e.handle(failing(1<<30, errSome))
		job := e.job()
		job.NotAfter = time.Now().Add(e.h.Patience / 4)
		e.enqueue(job)
		d := e.waitDead(job.ID)
		if d.cause == nil {
			e.errorf("a job that failed until NotAfter: DeadLetter got no cause, want one")
		}
		attempts, deaths := e.history(job.ID)
		if len(attempts) < 2 {
			e.errorf("a job that failed until NotAfter: %d attempts, want 2 or more", len(attempts))
		}
		if len(deaths) != 1 {
			e.errorf("a job that failed until NotAfter: %d dead letters, want 1", len(deaths))
		}
		for _, a := range attempts {
			if a.at.After(job.NotAfter) {
				e.errorf("an attempt began %v after NotAfter, want none after it", a.at.Sub(job.NotAfter))
			}
		}
	}},
	{"full", "Enqueue does not wait for room: a full queue returns an error that wraps ErrQueueFull, and accepts jobs again when there is room (A59).", func(e *jobs) {
		if e.h.Capacity == 0 {
			e.skip("needs QueueHarness.Capacity")
		}
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		var accepted []string
		var err error
		for range e.h.Capacity + 2*e.h.Workers + 2 {
			job := e.job()
			e.within(e.h.Patience, "Enqueue into a queue that fills", func() { err = e.queue.Enqueue(e.ctx, job) })
			if err != nil {
				break
			}
			accepted = append(accepted, job.ID)
		}
		e.wantError(err, recovery.ErrQueueFull, "Enqueue into a queue of "+fmt.Sprint(e.h.Capacity)+" that holds "+fmt.Sprint(len(accepted)))
		if len(accepted) < e.h.Capacity {
			e.errorf("a queue of %d jobs was full with %d, want it to accept all", e.h.Capacity, len(accepted))
		}
		let()
		e.waitPerformed(accepted...)
		job := e.job()
		e.enqueue(job)
		e.waitPerformed(job.ID)
	}},
	{"workers", "No more jobs run at once than the queue has workers, however many jobs there are.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		var ids []string
		for range min(3*e.h.Workers, max(e.h.Workers, 60)) {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.until("all workers at work", func() bool { return e.running >= e.h.Workers })
		e.waitBriefly()
		let()
		e.waitPerformed(ids...)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.mostRunning > e.h.Workers {
			e.errorf("more jobs than workers: %d jobs ran at once, want at most %d", e.mostRunning, e.h.Workers)
		}
	}},
	{"slow-one", "A job that takes long does not keep the others waiting while there are workers.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		slow := e.job()
		e.handle(func(_ context.Context, job recovery.Job, _ int) error {
			if job.ID == slow.ID {
				<-hold
			}
			return nil
		})
		e.enqueue(slow)
		var ids []string
		for range 10 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
	}},
	{"racing", "Implementations are safe for concurrent use: no job is lost when many goroutines enqueue at once.", func(e *jobs) {
		ids := make([]string, 60)
		e.race(len(ids), func(i int) {
			job := e.job()
			ids[i] = job.ID
			e.enqueue(job)
		})
		e.waitPerformed(ids...)
	}},
	{"enqueue-context", "Enqueue returns when ctx ends, and at once if ctx had ended before.", func(e *jobs) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		job := e.job()
		var err error
		e.within(e.h.Patience, "Enqueue with a ctx that had ended", func() { err = e.queue.Enqueue(ctx, job) })
		if err == nil {
			e.waitPerformed(job.ID)
		}
	}},
	{"shutdown-drains", "Shutdown finishes what it can before ctx ends, and returns once no worker runs.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		var ids []string
		for range e.h.Workers + 20 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.until("all workers at work", func() bool { return e.running >= e.h.Workers })
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.shutdown()
		}()
		e.waitBriefly()
		select {
		case <-done:
			e.errorf("Shutdown returned while workers ran, want it to wait for them")
		default:
		}
		let()
		e.within(2*e.h.Patience, "Shutdown", func() { <-done })
		e.mu.Lock()
		running, before := e.running, len(e.attempts)
		for _, id := range ids {
			if e.h.Another == nil && len(e.attemptsOf(id)) == 0 {
				e.errorf("a job that was due was not performed before Shutdown returned, want it performed")
			}
		}
		e.mu.Unlock()
		if running > 0 {
			e.errorf("after Shutdown returned: %d workers run, want none", running)
		}
		time.Sleep(e.h.Quiet)
		e.mu.Lock()
		if len(e.attempts) != before {
			e.errorf("after Shutdown returned: further attempts began, want none")
		}
		e.mu.Unlock()
		e.continueWithAnother(ids...)
	}},
	{"shutdown-last", "Shutdown finishes what it can, also the job that was enqueued just before.", func(e *jobs) {
		job := e.job()
		e.enqueue(job)
		e.shutdown()
		e.mu.Lock()
		if e.h.Another == nil && len(e.attemptsOf(job.ID)) == 0 {
			e.errorf("a job that was enqueued just before Shutdown was not performed, want it performed")
		}
		e.mu.Unlock()
		e.continueWithAnother(job.ID)
	}},
	{"shutdown-refuses", "After Shutdown the queue accepts no more jobs.", func(e *jobs) {
		e.shutdown()
		job := e.job()
		if err := e.queue.Enqueue(e.ctx, job); err == nil {
			e.errorf("Enqueue after Shutdown: no error, want one")
		}
		if attempts, _ := e.history(job.ID); len(attempts) > 0 {
			e.errorf("a job that was enqueued after Shutdown was performed, want no attempt")
		}
	}},
	{"shutdown-context", "Shutdown returns ctx's error when ctx ends first, and ends the contexts of the attempts that still run.", func(e *jobs) {
		ended := make(chan struct{})
		once := sync.OnceFunc(func() { close(ended) })
		e.handle(func(ctx context.Context, _ recovery.Job, _ int) error {
			<-ctx.Done()
			once()
			return ctx.Err()
		})
		e.enqueue(e.job())
		e.until("a job at work", func() bool { return e.running > 0 })
		ctx, cancel := context.WithTimeout(e.ctx, e.h.Quiet/100)
		defer cancel()
		var err error
		e.within(e.h.Patience, "Shutdown while a job hangs", func() { err = e.queue.Shutdown(ctx) })
		if err == nil {
			select {
			case <-ended:
			default:
				e.errorf("Shutdown while a job hangs: no error and the job's ctx has not ended, want an error or an ended ctx")
			}
		} else {
			e.wantError(err, context.DeadlineExceeded, "Shutdown while a job hangs")
		}
		e.within(e.h.Patience, "a job whose queue was shut down", func() { <-ended })
	}},
}

// failing returns a handler that fails before attempt n, and then succeeds.
func failing(n int, err error) func(context.Context, recovery.Job, int) error {
	return func(_ context.Context, _ recovery.Job, attempt int) error {
		if attempt < n {
			return err
		}
		return nil
	}
}

// nearlyEqual compares times. A queue may lose the part of a time that is under
// a second.
func nearlyEqual(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Second }

// waitBriefly gives things that must not happen the time to happen. It is
// shorter than an attempt may take.
func (e *jobs) waitBriefly() { time.Sleep(min(e.h.Quiet/10, time.Second)) }
