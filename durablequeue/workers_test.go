package durablequeue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

// A handler is the host's code.
type handler struct {
	perform func(ctx context.Context) error
	bury    func(ctx context.Context)
	cause   error // of the last dead letter
}

func (h *handler) Perform(ctx context.Context, _ recovery.Job) error { return h.perform(ctx) }

func (h *handler) DeadLetter(ctx context.Context, _ recovery.Job, cause error) {
	h.cause = cause
	if h.bury != nil {
		h.bury(ctx)
	}
}

// newWorkers returns one worker, and its log.
func newWorkers(h recovery.JobHandler, edit func(o *durablequeue.Options)) (*durablequeue.Workers, *bytes.Buffer) {
	log := new(bytes.Buffer)
	opts := durablequeue.Options{
		Package: "storage", Workers: 1, AttemptTimeout: 30 * time.Second, Grace: 5 * time.Second,
		FirstRetry: time.Second, MaxRetry: 5 * time.Minute,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&opts)
	}
	w := durablequeue.NewWorkers(opts)
	if err := w.Start(h, func(func(func())) error { return nil }); err != nil {
		panic(err)
	}
	return w, log
}

func newJob() recovery.Job {
	return recovery.Job{ID: "id", NotAfter: time.Now().Add(time.Hour), Payload: []byte("sealed")}
}

var errSome = errors.New("victim@example.com is unknown")

func TestVerdicts(t *testing.T) {
	hang := func(ctx context.Context) error { select {} }
	waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for _, tt := range []struct {
		name    string
		perform func(ctx context.Context) error
		n       int
		edit    func(job *recovery.Job)
		problem error
		want    durablequeue.Verdict
		takes   time.Duration
		cause   string
	}{
		{name: "done", perform: func(context.Context) error { return nil }, want: durablequeue.Done},
		{name: "failed", perform: func(context.Context) error { return errSome }, want: durablequeue.Failed},
		{name: "a panic", perform: func(context.Context) error { panic(errSome) }, want: durablequeue.Failed},
		{name: "the attempt takes too long", perform: waits, want: durablequeue.Failed, takes: 30 * time.Second},
		{name: "it waits for a reply", perform: awaitsReply(3), want: durablequeue.Done, takes: 200 * time.Millisecond},
		{name: "permanently", perform: func(context.Context) error { return recovery.ErrPermanent }, want: durablequeue.GivenUp, cause: recovery.ErrPermanent.Error()},
		{name: "the next attempt would be too late", perform: func(context.Context) error { return errSome }, n: 7,
			edit: func(job *recovery.Job) { job.NotAfter = time.Now().Add(30 * time.Second) }, want: durablequeue.GivenUp, cause: errSome.Error()},
		{name: "it is too late", perform: hang, edit: func(job *recovery.Job) { job.NotAfter = time.Now() }, want: durablequeue.GivenUp, cause: "too old"},
		{name: "a newer version", perform: hang, problem: durablequeue.ErrNewerVersion, want: durablequeue.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &handler{perform: tt.perform}
				pool, log := newWorkers(h, nil)
				w := pool.Take(t.Context(), time.Second)
				job := newJob()
				if tt.edit != nil {
					tt.edit(&job)
				}
				began := time.Now()
				got := w.Perform(t.Context(), job, tt.problem, max(tt.n, 1))
				if got.Verdict != tt.want || (got.Pause > 0) != (tt.want == durablequeue.Failed) || time.Since(began) != tt.takes {
					t.Errorf("%+v after %v, want %v after %v", got, time.Since(began), tt.want, tt.takes)
				}
				if (h.cause != nil) != (tt.cause != "") || tt.cause != "" && !strings.Contains(h.cause.Error(), tt.cause) {
					t.Errorf("the dead letter's cause is %v, want %q", h.cause, tt.cause)
				}
				w.Release()
				synctest.Wait()
				if w.Stuck() || pool.Running() != 0 {
					t.Error("the worker is lost")
				}
				if strings.Contains(log.String(), "victim") {
					t.Errorf("the log quotes the host:\n%s", log)
				}
			})
		})
	}
}

// awaitsReply returns an attempt that has its reply at the n-th time.
func awaitsReply(n int) func(context.Context) error {
	return func(context.Context) error {
		if n--; n > 0 {
			return recovery.ErrAwaitingReply
		}
		return nil
	}
}

// A59: an attempt that ignores its context holds its worker, and not its caller.
func TestAttemptsThatIgnoreTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		pool, log := newWorkers(&handler{perform: func(context.Context) error { <-hold; return nil }}, nil)
		w := pool.Take(t.Context(), time.Second)
		began := time.Now()
		if got := w.Perform(t.Context(), newJob(), nil, 1); got.Verdict != durablequeue.Failed || time.Since(began) != 35*time.Second {
			t.Errorf("%+v after %v", got, time.Since(began))
		}
		w.Release()
		if !w.Stuck() || pool.Running() != 1 || pool.Abandoned() != 1 || pool.AnyFree() {
			t.Errorf("stuck %v, %d run, %d are abandoned", w.Stuck(), pool.Running(), pool.Abandoned())
		}
		if pool.Take(t.Context(), time.Second) != nil {
			t.Error("its worker was taken")
		}
		if !strings.Contains(log.String(), "storage: an attempt ignores its context") {
			t.Errorf("the log:\n%s", log)
		}
		close(hold)
		<-w.Free()
		if pool.Running() != 0 || pool.Abandoned() != 0 || !pool.AnyFree() {
			t.Errorf("%d run, %d are abandoned", pool.Running(), pool.Abandoned())
		}
	})
}

// A job of a newer version is left for other instances for a quarter of an hour,
// however old it is when this one sees it first.
func TestJobsOfANewerVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &handler{perform: func(context.Context) error { t.Error("it was performed"); return nil }}
		pool, log := newWorkers(h, nil)
		job := newJob()
		attempt := func() durablequeue.Result {
			w := pool.Take(t.Context(), time.Second)
			defer w.Release()
			return w.Perform(t.Context(), job, durablequeue.ErrNewerVersion, 1)
		}
		for range 15 {
			if got := attempt(); got.Verdict != durablequeue.Failed {
				t.Fatalf("%+v, %v", got, h.cause)
			}
			time.Sleep(time.Minute)
		}
		if got := attempt(); got.Verdict != durablequeue.GivenUp || !errors.Is(h.cause, durablequeue.ErrNewerVersion) || pool.GivenUp() != 1 {
			t.Errorf("%+v, %v", got, h.cause)
		}
		if n := strings.Count(log.String(), "a newer version of this library"); n != 1 {
			t.Errorf("%d lines:\n%s", n, log)
		}
	})
}

// Shutdown waits for attempts, and then hands back the jobs of those that go on.
func TestShutdown(t *testing.T) {
	for _, tt := range []struct {
		name    string
		perform func(ctx context.Context) error
		want    durablequeue.Verdict
		kept    int
		takes   time.Duration
	}{
		{"an attempt that ends in time", func(context.Context) error { time.Sleep(time.Second); return nil }, durablequeue.Done, 0, time.Second},
		{"an attempt that heeds its context", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, durablequeue.HandedBack, 1, 10 * time.Second},
		{"an attempt that does not", func(context.Context) error { time.Sleep(time.Minute); return nil }, durablequeue.HandedBack, 1, 16 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool, _ := newWorkers(&handler{perform: tt.perform}, nil)
				results := make(chan durablequeue.Result, 1)
				w := pool.Take(t.Context(), time.Second)
				go func() {
					defer w.Release()
					results <- w.Perform(t.Context(), newJob(), nil, 1)
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				err := pool.Shutdown(ctx, pool.Drain)
				if took := time.Since(began); took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
				shut, cut := errors.AsType[*recovery.ShutdownError](err)
				if cut != (tt.kept > 0) || cut && (shut.Kept != tt.kept || shut.CutShort != tt.kept || !errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("Shutdown = %v", err)
				}
				if got := <-results; got.Verdict != tt.want {
					t.Errorf("%+v, want %v", got, tt.want)
				}
				if err := pool.Shutdown(t.Context(), pool.Drain); err != nil {
					t.Errorf("a second Shutdown = %v", err)
				}
			})
		})
	}
}

// While the storage is down, the log tells of one action, however many fail. One
// that fails while the others work is told of all the same.
func TestOneActionSpeaksForTheStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(bytes.Buffer)
		w, _ := newWorkers(&handler{}, func(o *durablequeue.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		try := func(err error, actions ...string) {
			for _, action := range actions {
				_ = w.Try(action, time.Second, func(context.Context) error { return err })
			}
			time.Sleep(5 * time.Second)
		}
		all := []string{"find jobs", "renew leases", "delete jobs"}
		for range 70 { // nearly six minutes
			try(errSome, all...)
		}
		if !w.Failing() {
			t.Error("no action is failing")
		}
		for range 3 {
			try(nil, all...)
		}
		if w.Failing() {
			t.Error("an action is failing")
		}
		if n := strings.Count(log.String(), "\n"); n != 4 || strings.Count(log.String(), "failed to find jobs. It is tried again") != 3 || !strings.Contains(log.String(), "works again\" what=\"find jobs\" failures=70") {
			t.Errorf("%d lines, want 3 about one action, and one when it works again:\n%s", n, log)
		}
		log.Reset()
		for range 3 {
			try(nil, "find jobs")
			try(errSome, "delete jobs")
		}
		if n := strings.Count(log.String(), "failed to delete jobs"); n != 1 {
			t.Errorf("%d lines about the action that fails alone, want 1:\n%s", n, log)
		}
		// An action that is never tried again speaks for nobody.
		time.Sleep(time.Minute)
		try(errSome, "find jobs")
		if !strings.Contains(log.String(), "failed to find jobs") {
			t.Errorf("silent because of an action that nobody tries any more:\n%s", log)
		}
	})
}
