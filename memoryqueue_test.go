package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		ended(t, q.Shutdown(context.Background()))
	})
	return q, w
}

// job is one that may run at once and lives an hour.
func job(id string) recovery.Job {
	return recovery.Job{ID: id, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), Payload: []byte("sealed")}
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
		err := q.Shutdown(t.Context())
		wg.Wait()
		if len(taken) == 0 {
			t.Fatal("no job was taken")
		}
		failed := 0
		for _, id := range taken {
			if strings.HasSuffix(id, "7") {
				failed++
			}
		}
		lost(t, err, failed)
		for _, id := range taken {
			cause, dead := w.deadLetter(id)
			if len(w.at(id, time.Now())) == 0 || dead != strings.HasSuffix(id, "7") || dead && cause.Error() != "no" {
				t.Errorf("job %s: attempts %v, dead %v (%v)", id, w.at(id, time.Now()), dead, cause)
			}
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
	j := recovery.Job{ID: "j", NotAfter: time.Now().Add(24 * time.Hour), Payload: []byte("sealed")}
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
