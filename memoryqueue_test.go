package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// worker is a JobHandler that keeps what happens to it.
type worker struct {
	perform func(ctx context.Context, job recovery.Job) error // may be nil
	bury    func(ctx context.Context, job recovery.Job)       // may be nil

	mu          sync.Mutex
	running     int
	mostRunning int
	attempts    map[string][]time.Time
	dead        map[string]error
}

func (w *worker) Perform(ctx context.Context, job recovery.Job) error {
	w.mu.Lock()
	w.attempts[job.ID] = append(w.attempts[job.ID], time.Now())
	w.mu.Unlock()
	defer w.enter()()
	if w.perform == nil {
		return nil
	}
	return w.perform(ctx, job)
}

// enter counts what holds a worker.
func (w *worker) enter() (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
	w.mostRunning = max(w.mostRunning, w.running)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.running--
	}
}

func (w *worker) DeadLetter(ctx context.Context, job recovery.Job, cause error) {
	defer w.enter()()
	w.mu.Lock()
	if _, twice := w.dead[job.ID]; twice {
		cause = fmt.Errorf("a second dead letter: %w", cause)
	}
	w.dead[job.ID] = cause
	w.mu.Unlock()
	if w.bury != nil {
		w.bury(ctx, job)
	}
}

// at are the times of a job's attempts, since begin.
func (w *worker) at(id string, begin time.Time) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var at []time.Duration
	for _, t := range w.attempts[id] {
		at = append(at, t.Sub(begin))
	}
	return at
}

func (w *worker) deadLetter(id string) (cause error, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	cause, dead = w.dead[id]
	return cause, dead
}

func (w *worker) most() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mostRunning
}

// startQueue returns a running queue, which ends with the test.
func startQueue(t *testing.T, opts recovery.MemoryQueueOptions, perform func(ctx context.Context, job recovery.Job) error) (*recovery.MemoryQueue, *worker) {
	t.Helper()
	w := &worker{perform: perform, attempts: map[string][]time.Time{}, dead: map[string]error{}}
	q := recovery.NewMemoryQueue(opts)
	if err := q.Start(w); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return q, w
}

// job is one that may run at once and lives an hour.
func job(id string) recovery.Job {
	return recovery.Job{ID: id, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
}

func enqueue(t testing.TB, q recovery.Queue, jobs ...recovery.Job) {
	t.Helper()
	for _, j := range jobs {
		if err := q.Enqueue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMemoryQueueWaitsForNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, w := startQueue(t, recovery.MemoryQueueOptions{}, nil)
		begin := time.Now()
		want := map[string]time.Duration{"late": 3 * time.Second, "soon": 250 * time.Millisecond, "now": 0, "overdue": 0}
		for id, pause := range want {
			j := job(id)
			j.NotBefore = begin.Add(pause)
			if id == "overdue" {
				j.NotBefore = time.Time{}
			}
			enqueue(t, q, j)
		}
		time.Sleep(10 * time.Second)
		for id, pause := range want {
			if at := w.at(id, begin); !slices.Equal(at, []time.Duration{pause}) {
				t.Errorf("%s ran at %v, want once at %v", id, at, pause)
			}
		}
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
			t.Errorf("%+v is left", s)
		}
	})
}

// Failures come back after pauses that double, less up to a quarter, up to
// MaxRetry; and not after NotAfter.
func TestMemoryQueueRetriesWithGrowingPauses(t *testing.T) {
	tests := []struct {
		sentence string
		opts     recovery.MemoryQueueOptions
		longest  []time.Duration // pauses; the last repeats
	}{
		{"the defaults", recovery.MemoryQueueOptions{},
			[]time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 64 * time.Second, 128 * time.Second, 256 * time.Second, 5 * time.Minute}},
		{"a first pause longer than the longest", recovery.MemoryQueueOptions{FirstRetry: time.Hour, MaxRetry: time.Minute},
			[]time.Duration{time.Minute}},
		{"short ones, many times over", recovery.MemoryQueueOptions{FirstRetry: time.Nanosecond, MaxRetry: time.Minute},
			nil},
		{"a first pause that would overflow when doubled", recovery.MemoryQueueOptions{FirstRetry: 5 * time.Minute, MaxRetry: 5 * time.Minute},
			[]time.Duration{5 * time.Minute}},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, w := startQueue(t, test.opts, func(context.Context, recovery.Job) error { return errors.New("no") })
				begin := time.Now()
				j := job("j")
				j.NotAfter = begin.Add(5 * time.Hour)
				enqueue(t, q, j)
				time.Sleep(6 * time.Hour)
				at := w.at("j", begin)
				if len(at) < 10 || at[0] != 0 || at[len(at)-1] >= 5*time.Hour || at[len(at)-1] < 4*time.Hour+50*time.Minute {
					t.Fatalf("attempts at %v", at)
				}
				for i := 1; i < len(at) && test.longest != nil; i++ {
					longest := test.longest[min(i, len(test.longest))-1]
					if pause := at[i] - at[i-1]; pause > longest || pause < longest*3/4 {
						t.Errorf("pause %d is %v, want %v less up to a quarter", i, pause, longest)
					}
				}
				if cause, dead := w.deadLetter("j"); !dead || cause.Error() != "no" {
					t.Errorf("dead letter %v: %v", dead, cause)
				}
				if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
					t.Errorf("%+v is left", s)
				}
			})
		})
	}
}

func TestMemoryQueueEndsOfAJob(t *testing.T) {
	tests := []struct {
		sentence string
		perform  func(ctx context.Context, attempt int) error
		notAfter time.Duration
		attempts int
		dead     bool
		cause    func(error) bool
	}{
		{"done at once", func(context.Context, int) error { return nil }, time.Hour, 1, false, nil},
		{"done at the third attempt", func(_ context.Context, n int) error {
			if n < 3 {
				return errors.New("not yet")
			}
			return nil
		}, time.Hour, 3, false, nil},
		{"a permanent failure", func(context.Context, int) error { return fmt.Errorf("no such address: %w", recovery.ErrPermanent) }, time.Hour, 1, true,
			func(err error) bool { return errors.Is(err, recovery.ErrPermanent) }},
		{"a permanent failure after another", func(_ context.Context, n int) error {
			if n == 2 {
				return recovery.ErrPermanent
			}
			return errors.New("not yet")
		}, time.Hour, 2, true, func(err error) bool { return errors.Is(err, recovery.ErrPermanent) }},
		{"a panic, then done", func(_ context.Context, n int) error {
			if n == 1 {
				panic("tok_secret")
			}
			return nil
		}, time.Hour, 2, false, nil},
		{"nothing but panics, whose value may be a secret", func(context.Context, int) error { panic("tok_secret") }, 10 * time.Second, 4, true,
			func(err error) bool { return !strings.Contains(err.Error(), "tok_secret") }},
		{"a panic with nil", func(context.Context, int) error { panic(nil) }, time.Second / 2, 1, true, func(err error) bool { return err != nil }},
		{"too old before its first attempt", func(context.Context, int) error { return nil }, 0, 0, true,
			func(err error) bool { return errors.Is(err, recovery.ErrPermanent) }},
		{"older than its next attempt", func(context.Context, int) error { return errors.New("no") }, 2 * time.Second, 2, true,
			func(err error) bool { return err.Error() == "no" }},
		{"it heeds its context", func(ctx context.Context, n int) error {
			if n > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}, time.Hour, 2, false, nil},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				q, w := startQueue(t, recovery.MemoryQueueOptions{}, func(ctx context.Context, _ recovery.Job) error {
					n++ // attempts of one job follow one another
					return test.perform(ctx, n)
				})
				begin := time.Now()
				j := job("j")
				j.NotAfter = begin.Add(test.notAfter)
				enqueue(t, q, j)
				time.Sleep(2 * time.Hour)
				cause, dead := w.deadLetter("j")
				if at := w.at("j", begin); len(at) != test.attempts || dead != test.dead {
					t.Errorf("attempts at %v, dead %v (%v); want %d, %v", at, dead, cause, test.attempts, test.dead)
				}
				if dead && !test.cause(cause) {
					t.Errorf("cause %v", cause)
				}
				if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
					t.Errorf("%+v is left", s)
				}
			})
		})
	}
}

// A59: a full queue says so at once and to everybody.
func TestMemoryQueueCapacity_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Capacity: 10, Workers: 3, AttemptTimeout: time.Hour, FirstRetry: time.Minute},
			func(_ context.Context, j recovery.Job) error {
				<-hold
				if j.ID < "5" {
					return errors.New("again")
				}
				return nil
			})
		for i := range 10 {
			enqueue(t, q, job(strconv.Itoa(i)))
			synctest.Wait()
		}
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Waiting: 7, Running: 3}) {
			t.Errorf("%+v", s)
		}
		begin := time.Now()
		wantErr(t, q.Enqueue(t.Context(), job("more")), recovery.ErrQueueFull)
		if d := time.Since(begin); d != 0 {
			t.Errorf("that took %v", d)
		}
		close(hold)
		time.Sleep(time.Second)
		// What waits for its next attempt counts.
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Waiting: 5}) {
			t.Errorf("%+v", s)
		}
		for i := range 6 {
			j := job("new" + strconv.Itoa(i))
			j.NotBefore = time.Now().Add(time.Hour / 2)
			if err := q.Enqueue(t.Context(), j); (err == nil) != (i < 5) {
				t.Errorf("job %d: %v", i, err)
			}
		}
		if w.most() != 3 {
			t.Errorf("%d ran at once, want 3", w.most())
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		wantErr(t, q.Enqueue(ended, job("gone")), context.Canceled)
	})
}

// A59: no more than Workers run, whatever the jobs do.
func TestMemoryQueueWorkersAreTheBound_A59(t *testing.T) {
	tests := []struct {
		sentence string
		perform  func(ctx context.Context, j recovery.Job) error
		bury     func(ctx context.Context, j recovery.Job)
	}{
		{"jobs that take a second", func(context.Context, recovery.Job) error { time.Sleep(time.Second); return nil }, nil},
		{"jobs that fail", func(context.Context, recovery.Job) error { time.Sleep(time.Second); return errors.New("no") }, nil},
		{"jobs that panic", func(context.Context, recovery.Job) error { time.Sleep(time.Second); panic("no") }, nil},
		{"jobs that ignore their context", func(context.Context, recovery.Job) error { time.Sleep(10 * time.Minute); return nil }, nil},
		{"dead letters that take long", func(context.Context, recovery.Job) error { return recovery.ErrPermanent }, func(context.Context, recovery.Job) { time.Sleep(time.Second) }},
		{"dead letters that panic", func(context.Context, recovery.Job) error { return recovery.ErrPermanent }, func(context.Context, recovery.Job) { panic("no") }},
		{"dead letters of jobs that ignore their context", func(context.Context, recovery.Job) error { time.Sleep(2 * time.Hour); return nil }, func(context.Context, recovery.Job) { time.Sleep(time.Hour) }},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 4}, test.perform)
				w.bury = test.bury
				for i := range 100 {
					enqueue(t, q, job(strconv.Itoa(i)))
				}
				for range 2 * 60 {
					time.Sleep(time.Minute)
					if s := q.Stats(); s.Running > 4 || s.Abandoned > s.Running {
						t.Fatalf("%+v", s)
					}
				}
				if w.most() > 4 {
					t.Errorf("%d workers were held at once, want at most 4", w.most())
				}
			})
		})
	}
}

// A59: an attempt that ignores its context is given up and its job tried again
// elsewhere; it holds its worker until it returns, and is counted.
func TestMemoryQueueGivesUpOnAStuckAttempt_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		first := true
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2}, func(ctx context.Context, j recovery.Job) error {
			if first && j.ID == "stuck" {
				first = false
				<-stuck // whatever ctx says
				return errors.New("too late to matter")
			}
			return nil
		})
		begin := time.Now()
		enqueue(t, q, job("stuck"))
		time.Sleep(35*time.Second - time.Nanosecond)
		synctest.Wait()
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1}) {
			t.Errorf("within timeout and grace: %+v", s)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1, Abandoned: 1, Waiting: 1}) {
			t.Errorf("after the grace: %+v", s)
		}
		time.Sleep(2 * time.Second)
		if at := w.at("stuck", begin); len(at) != 2 || at[1] < 35*time.Second {
			t.Errorf("attempts at %v, want two", at)
		}
		// The other worker does the rest, one job at a time.
		for i := range 20 {
			enqueue(t, q, job(strconv.Itoa(i)))
		}
		time.Sleep(time.Second)
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1, Abandoned: 1}) {
			t.Errorf("after the others: %+v", s)
		}
		close(stuck)
		synctest.Wait()
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
			t.Errorf("after it returned: %+v", s)
		}
		if at := w.at("stuck", begin); len(at) != 2 {
			t.Errorf("its late return had effect: attempts at %v", at)
		}
		if _, dead := w.deadLetter("stuck"); dead {
			t.Error("it became a dead letter although its second attempt succeeded")
		}
	})
}

// When every worker is stuck the queue fills and says so, and recovers.
func TestMemoryQueueAllWorkersStuck_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2, Capacity: 5}, func(ctx context.Context, j recovery.Job) error {
			select {
			case <-stuck:
				return nil
			case <-time.After(30 * time.Minute):
				return nil
			}
		})
		for i := range 5 {
			enqueue(t, q, job(strconv.Itoa(i)))
		}
		time.Sleep(time.Minute)
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 2, Abandoned: 2, Waiting: 5}) {
			t.Errorf("%+v", s)
		}
		wantErr(t, q.Enqueue(t.Context(), job("more")), recovery.ErrQueueFull)
		close(stuck)
		time.Sleep(time.Minute)
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) || w.most() > 2 {
			t.Errorf("%+v, at most %d at once", s, w.most())
		}
		enqueue(t, q, job("more"))
	})
}

func TestMemoryQueueShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2}, func(_ context.Context, j recovery.Job) error {
			time.Sleep(time.Second)
			if strings.HasPrefix(j.ID, "bad") {
				return errors.New("no")
			}
			return nil
		})
		begin := time.Now()
		future := job("future")
		future.NotBefore = begin.Add(time.Hour / 2)
		enqueue(t, q, job("now"), job("bad"), future, job("bad 2"))
		synctest.Wait()
		if err := q.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("four jobs of a second took two workers %v", d)
		}
		for _, id := range []string{"now", "future", "bad", "bad 2"} {
			if at := w.at(id, begin); len(at) != 1 {
				t.Errorf("%s: attempts at %v, want one last", id, at)
			}
			if _, dead := w.deadLetter(id); dead != strings.HasPrefix(id, "bad") {
				t.Errorf("%s: dead %v", id, dead)
			}
		}
		if err := q.Enqueue(t.Context(), job("late")); !errors.Is(err, recovery.ErrQueueFull) {
			t.Errorf("Enqueue after Shutdown: %v", err)
		}
		if err := q.Start(w); err == nil {
			t.Error("started again")
		}
		if err := q.Shutdown(t.Context()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
	})
}

func TestMemoryQueueShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := 0
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 1, AttemptTimeout: time.Hour}, func(ctx context.Context, j recovery.Job) error {
			<-ctx.Done()
			ended++
			return ctx.Err()
		})
		begin := time.Now()
		enqueue(t, q, job("running"), job("waiting 1"), job("waiting 2"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		wantErr(t, q.Shutdown(ctx), context.DeadlineExceeded)
		// A well-behaved attempt ends with its context, and is waited for.
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("Shutdown took %v, want 10s", d)
		}
		if ended == 0 {
			t.Error("the attempt was not waited for")
		}
		for _, id := range []string{"running", "waiting 1", "waiting 2"} {
			if cause, dead := w.deadLetter(id); !dead || cause == nil {
				t.Errorf("%s: dead %v, %v", id, dead, cause)
			}
		}
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
			t.Errorf("%+v is left", s)
		}
		// The bubble ends only when every goroutine of the queue has.
	})
}

func TestMemoryQueueShutdownDoesNotWaitForTheStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 1, Grace: 3 * time.Second}, func(context.Context, recovery.Job) error {
			<-stuck
			return nil
		})
		enqueue(t, q, job("stuck"), job("waiting"))
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		wantErr(t, q.Shutdown(ctx), context.DeadlineExceeded)
		if d := time.Since(begin); d != 13*time.Second {
			t.Errorf("Shutdown took %v, want its time and the grace", d)
		}
		synctest.Wait() // the attempt's grace ends at the same instant
		for _, id := range []string{"stuck", "waiting"} {
			if _, dead := w.deadLetter(id); !dead {
				t.Errorf("%s is no dead letter", id)
			}
		}
		close(stuck)
	})
}

func TestMemoryQueueShutdownWhileDrainingAStuckAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2}, func(_ context.Context, j recovery.Job) error {
			if j.ID == "stuck" {
				<-stuck
			}
			return nil
		})
		enqueue(t, q, job("stuck"))
		synctest.Wait()
		done := make(chan error)
		go func() { done <- q.Shutdown(context.Background()) }()
		time.Sleep(time.Minute)
		if cause, dead := w.deadLetter("stuck"); !dead || !errors.Is(cause, context.DeadlineExceeded) {
			t.Errorf("dead %v, %v", dead, cause)
		}
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned %v while an attempt ran", err)
		default:
		}
		close(stuck)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestMemoryQueueBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: -1, Workers: -1, AttemptTimeout: -1, Grace: -1, FirstRetry: -1, MaxRetry: -1})
		wantErr(t, q.Enqueue(t.Context(), job("early")), recovery.ErrQueueFull)
		if err := q.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := q.Start(&worker{}); err == nil {
			t.Error("started after Shutdown")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		q, w := startQueue(t, recovery.MemoryQueueOptions{}, nil)
		if err := q.Start(w); err == nil {
			t.Error("started twice")
		}
	})
}

// Racing producers and a Shutdown in their midst: every job that was taken is
// performed or buried, exactly once.
func TestMemoryQueueLosesNoJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, w := startQueue(t, recovery.MemoryQueueOptions{Capacity: 200, FirstRetry: time.Millisecond}, func(_ context.Context, j recovery.Job) error {
			time.Sleep(time.Duration(len(j.ID)) * time.Millisecond)
			if strings.HasSuffix(j.ID, "7") {
				return errors.New("no")
			}
			return nil
		})
		var mu sync.Mutex
		var taken []string
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for n := range 100 {
					id := fmt.Sprintf("%d/%d", i, n)
					if q.Enqueue(context.Background(), job(id)) == nil {
						mu.Lock()
						taken = append(taken, id)
						mu.Unlock()
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		if err := q.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if len(taken) == 0 {
			t.Fatal("no job was taken")
		}
		for _, id := range taken {
			cause, dead := w.deadLetter(id)
			if len(w.at(id, time.Now())) == 0 || dead != strings.HasSuffix(id, "7") || dead && cause.Error() != "no" {
				t.Errorf("job %s: attempts %v, dead %v (%v)", id, w.at(id, time.Now()), dead, cause)
			}
		}
	})
}

// A59: the Service's answer to a full queue is 503 for everybody, at once.
func TestFullQueueIsTheSameForEverybody_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 8, Workers: 1})
			p.outbox.notify = func(context.Context, recovery.Message) error {
				<-hold
				return nil
			}
		})
		h := p.Handler()
		for range 8 {
			if w := post(h, "/forgot-password", `{"email":"johnwick@example.com"}`); w.Code != 202 {
				t.Fatal(answer(w))
			}
		}
		begin := time.Now()
		known, unknown := post(h, "/forgot-password", `{"email":"johnwick@example.com"}`), post(h, "/forgot-password", `{"email":"nobody@example.com"}`)
		if known.Code != 503 || answer(known) != answer(unknown) || time.Since(begin) != 0 {
			t.Errorf("%q and %q after %v", answer(known), answer(unknown), time.Since(begin))
		}
		close(hold)
		settle()
		if w := post(h, "/forgot-password", `{"email":"nobody@example.com"}`); w.Code != 202 {
			t.Errorf("with room again: %q", answer(w))
		}
	})
}

func BenchmarkMemoryQueue(b *testing.B) {
	done := make(chan struct{}, 1<<16)
	q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
	w := &countingWorker{done: done}
	if err := q.Start(w); err != nil {
		b.Fatal(err)
	}
	j := recovery.Job{ID: "j", NotAfter: time.Now().Add(24 * time.Hour)}
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Enqueue(context.Background(), j); err != nil {
			b.Fatal(err)
		}
		<-done
	}
	if err := q.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}

type countingWorker struct{ done chan struct{} }

func (w *countingWorker) Perform(context.Context, recovery.Job) error {
	w.done <- struct{}{}
	return nil
}
func (w *countingWorker) DeadLetter(context.Context, recovery.Job, error) {}
