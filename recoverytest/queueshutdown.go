package recoverytest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

var queueShutdownClauses = []clause[*jobs]{
	{"shutdown-drains", "WorkerQueue.Shutdown", "Shutdown finishes what it can before ctx ends, and returns once no worker runs.", func(e *jobs) {
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
		e.until("as many jobs at work as the queue has workers", func() bool { return e.running >= e.h.Workers })
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.shutdown()
		}()
		e.waitBriefly()
		select {
		case <-done:
			e.errorf("Shutdown with a ctx of %v, while Perform runs: it returned, want it to wait for Perform", e.h.Patience)
		default:
		}
		let()
		e.within(2*e.h.Patience, "Shutdown", func() { <-done })
		e.mu.Lock()
		running, before := e.running, len(e.attempts)
		for _, id := range ids {
			if e.h.Another == nil && len(e.attemptsOf(id)) == 0 {
				e.errorf("a job that was due when Shutdown was called: no attempt when Shutdown returned, want one, because without QueueHarness.Another the queue loses its jobs then")
			}
		}
		e.mu.Unlock()
		if running > 0 {
			e.errorf("when Shutdown had returned: %d calls of Perform still run, want none", running)
		}
		time.Sleep(e.h.Quiet)
		e.mu.Lock()
		if len(e.attempts) != before {
			e.errorf("in the %v after Shutdown had returned: %d further calls of Perform began, want none", e.h.Quiet, len(e.attempts)-before)
		}
		e.mu.Unlock()
		e.after("every job that was accepted is done", func() bool { return e.settled(ids...) })
	}},
	{"shutdown-last", "WorkerQueue.Shutdown", "Shutdown finishes what it can, also the jobs that were enqueued just before.", func(e *jobs) {
		var ids []string
		for range 20 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.shutdown()
		e.after("a job that was enqueued just before Shutdown is done", func() bool { return e.settled(ids...) })
	}},
	{"shutdown-refuses", "WorkerQueue.Shutdown", "After Shutdown the queue accepts no more jobs.", func(e *jobs) {
		e.shutdown()
		job := e.job()
		if err := e.tryEnqueue(e.ctx, job); err == nil {
			e.errorf("Enqueue after Shutdown: it returned no error, want one")
		}
		if attempts, _ := e.history(job.ID); len(attempts) > 0 {
			e.errorf("Perform of a job that was enqueued after Shutdown: it was called, want no attempt")
		}
	}},
	{"shutdown-context", "WorkerQueue.Shutdown", "Shutdown returns ctx's error when ctx ends first, and ends the contexts of the attempts that still run.", func(e *jobs) {
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
		e.within(e.afterCtx(), "Shutdown while a job runs, whose ctx ended", func() { err = e.queue.Shutdown(ctx) })
		if err == nil {
			select {
			case <-ended:
			default:
				e.errorf("Shutdown while Perform hangs, with a ctx that ended: it returned no error, and the ctx of Perform has not ended, want an error, or that ctx to be ended")
			}
		} else {
			e.wantError(err, context.DeadlineExceeded, "Shutdown while Perform hangs, with a ctx that ended")
		}
		e.within(e.h.Patience, "Perform, which waits for the end of its ctx, after Shutdown whose ctx ended", func() { <-ended })
	}},
	{"shutdown-early", "WorkerQueue.Shutdown", "A queue that would lose its jobs at Shutdown also performs those whose NotBefore has not come. Others keep them until then.", func(e *jobs) {
		var ids []string
		begin := time.Now().Add(e.h.Quiet / 2)
		for range 3 {
			job := e.job()
			job.NotBefore = begin
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.shutdown()
		e.after("a job whose NotBefore had not come at Shutdown is done", func() bool { return e.settled(ids...) })
		if e.h.Another == nil {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, id := range ids {
			for _, a := range e.attemptsOf(id) {
				if a.at.Before(begin) {
					e.errorf("Perform of a job that outlived its queue was called %v before NotBefore, want no attempt before it, because nothing would have been lost", begin.Sub(a.at))
				}
			}
		}
	}},
	{"shutdown-retries", "WorkerQueue.Shutdown", "Shutdown finishes what it can, also jobs that wait for another attempt: each is done, or goes to DeadLetter.", func(e *jobs) {
		e.handle(failing(2, errSome))
		var ids []string
		for range e.h.Workers + 2 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.until("every job has failed once", func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { all := e.attemptsOf(id); return len(all) == 0 || !all[0].done })
		})
		e.shutdown()
		e.after("a job that waited for another attempt at Shutdown is done, or a dead letter", func() bool { return e.settled(ids...) })
	}},
	{"shutdown-fails", "WorkerQueue.Shutdown", "A job that was not done in the end goes to DeadLetter, also one that fails in its last attempt before Shutdown returns. Shutdown then returns a ShutdownError that counts it as lost.", func(e *jobs) {
		e.handle(failing(1<<30, errSome))
		var ids []string
		for range e.h.Workers + 2 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.until("a job has failed", func() bool { return len(e.attempts) > 0 })
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), e.h.Patience)
		defer cancel()
		err := e.queue.Shutdown(ctx)
		lost := 0
		for _, id := range ids {
			if _, deaths := e.history(id); len(deaths) > 0 {
				lost++
			}
		}
		told, _ := errors.AsType[*recovery.ShutdownError](err)
		switch {
		case err != nil && (told == nil || told.Cause != nil):
			e.errorf("Shutdown within %v: it returned %s, want none but a *ShutdownError that counts what was lost", e.h.Patience, outcomeOf(err))
		case lost > 0 && (told == nil || told.Lost != lost):
			e.errorf("%d jobs became dead letters, and Shutdown returned %s, want a *ShutdownError whose Lost is that number", lost, outcomeOf(err))
		}
		e.handle(nil) // another queue does what this one left
		e.after("a job that failed at Shutdown is a dead letter", func() bool { return e.settled(ids...) })
	}},
	{"shutdown-hopeless", "WorkerQueue.Shutdown", "A job that was not done in the end goes to DeadLetter, also when Shutdown's ctx ends first.", func(e *jobs) {
		e.handle(func(ctx context.Context, _ recovery.Job, _ int) error { <-ctx.Done(); return ctx.Err() })
		var ids []string
		for i := range 3*e.h.Workers + 3 {
			job := e.job()
			if i%3 == 2 {
				job.NotBefore = job.NotBefore.Add(e.h.Quiet / 2)
			}
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.until("a job at work", func() bool { return e.running > 0 })
		ctx, cancel := context.WithTimeout(e.ctx, e.h.Quiet/100)
		defer cancel()
		e.within(e.afterCtx(), "Shutdown while jobs run, whose ctx ended", func() { _ = e.queue.Shutdown(ctx) })
		e.handle(nil)
		if e.h.Another == nil {
			e.until("every job that was not done is a dead letter", func() bool { return e.settled(ids...) })
			return
		}
		e.after("every job is done or a dead letter", func() bool { return e.settled(ids...) })
	}},
	{"shutdown-deaf", "WorkerQueue.Shutdown", "When ctx ends first, Shutdown returns its error, also if an attempt does not return when its own context has ended. The job of that attempt is done or becomes a dead letter.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		job := e.job()
		e.enqueue(job)
		e.until("a job at work", func() bool { return e.running > 0 })
		ctx, cancel := context.WithTimeout(e.ctx, e.h.Quiet/100)
		defer cancel()
		var err error
		e.within(e.afterCtx(), "Shutdown while an attempt hangs, also when its ctx has ended", func() { err = e.queue.Shutdown(ctx) })
		e.wantError(err, context.DeadlineExceeded, "Shutdown while an attempt hangs, also when its ctx has ended")
		e.handle(nil)
		if e.h.Another == nil {
			e.until("a job whose attempt hangs is a dead letter", func() bool { return e.settled(job.ID) })
			return
		}
		e.after("a job whose attempt hung is done or a dead letter", func() bool { return e.settled(job.ID) })
	}},
	{"shutdown-racing", "WorkerQueue.Shutdown", "Enqueue returns nil once the queue is responsible for the job, also while Shutdown runs: no job that was accepted is lost.", func(e *jobs) {
		var mu sync.Mutex
		var ids []string
		done := make(chan struct{})
		// The jobs take a while, so that Shutdown does.
		e.handle(func(context.Context, recovery.Job, int) error { time.Sleep(e.h.Quiet / 100); return nil })
		e.race(5, func(i int) {
			if i == 0 {
				defer close(done)
				e.until("some jobs", func() bool { return len(e.attempts) > 3 })
				e.shutdown()
				return
			}
			for range 2000 {
				select {
				case <-done:
					return
				case <-time.After(e.h.Quiet / 1000):
				}
				job := e.job()
				if e.tryEnqueue(e.ctx, job) == nil {
					mu.Lock()
					ids = append(ids, job.ID)
					mu.Unlock()
				}
			}
		})
		e.after("every job that was accepted beside Shutdown is done", func() bool { return e.settled(ids...) })
	}},
}

// afterCtx is how long Shutdown may take with a ctx that ends soon.
func (e *jobs) afterCtx() time.Duration {
	if e.timing.bubble == nil {
		return e.h.Patience + e.h.Quiet/100
	}
	return 10*time.Second + e.h.Quiet/100
}
