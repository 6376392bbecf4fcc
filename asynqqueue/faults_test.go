package asynqqueue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// A lost reply makes go-redis repeat the command. The job is in the queue once.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	web := newQueue(t, proxy.Client(t), nil)
	enqueue(t, web, newJob()) // the script is known and the depth asked for
	if _, err := web.Stats(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := proxy.Commands("EVALSHA")
	proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Reset, Commands: []string{"EVALSHA"}, Times: 1})
	job := newJob()
	enqueue(t, web, job)
	proxy.Clear()
	if n := proxy.Commands("EVALSHA") - before; n < 2 || proxy.Struck(redistest.Replies) == 0 {
		t.Fatalf("nothing was repeated: %d commands", n)
	}
	if s, err := web.Stats(t.Context()); err != nil || s.Pending != 2 {
		t.Errorf("%+v, %v: want two jobs", s, err)
	}
}

// An acknowledgement that Redis did not accept is repeated until Redis accepts
// it, so the job is not performed again. asynq alone would perform it again
// after a minute or two.
func TestAcknowledgementsAreRepeated(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	hold, began := make(chan struct{}), make(chan struct{}, 1)
	d := &diary{perform: func(context.Context, recovery.Job, int) error {
		began <- struct{}{}
		<-hold
		return nil
	}}
	// The client does not repeat commands, because that would hide what this
	// test is about.
	q := start(t, newQueue(t, proxy.Client(t, func(o *redis.Options) { o.MaxRetries = -1 }), nil), d)
	job := newJob()
	enqueue(t, q, job)
	<-began
	proxy.Refuse()
	proxy.ResetAll()
	close(hold)
	waitDone(t, d, job)
	time.Sleep(500 * time.Millisecond) // the acknowledgement fails meanwhile
	watcher := server.Client(t)
	if n := watcher.LLen(t.Context(), activeKey(q)).Val(); n != 1 {
		t.Fatalf("%d jobs are active, want the one that was not acknowledged", n)
	}
	proxy.Accept()
	eventually(t, "the acknowledgement", func() bool { return watcher.LLen(t.Context(), activeKey(q)).Val() == 0 })
	if n := d.tried(job.ID); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// If Redis refuses at once, the worker does not ask as fast as Redis can
// refuse.
func TestErrorsDoNotSpin(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	allow := func(rules ...any) {
		t.Helper()
		if _, err := server.Do(append([]any{"ACL", "SETUSER", "app"}, rules...)...); err != nil {
			t.Fatal(err)
		}
	}
	allow("on", ">secret", "~*", "&*", "+@all")
	proxy := server.Proxy(t)
	d := &diary{}
	q := start(t, newQueue(t, proxy.Client(t, func(o *redis.Options) { o.Username, o.Password = "app", "secret" }), nil), d)
	job := newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
	allow("-evalsha", "-eval")
	time.Sleep(200 * time.Millisecond)
	before, began := proxy.Commands("EVALSHA"), time.Now()
	asked := func() int { return proxy.Commands("EVALSHA") - before }
	time.Sleep(time.Second)
	if n, took := asked(), time.Since(began); n > int(40*took.Seconds()) {
		t.Errorf("asked %d times in %v", n, took)
	}
	eventually(t, "it asks again", func() bool { return asked() > 0 })
	allow("+evalsha", "+eval")
	job = newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
}

// A worker that died leaves its jobs with a lease. This test changes the lease
// so that it ended half a minute ago. Without that the jobs would come back
// after one to two minutes. TestCrashes waits for this with RECOVERY_LONG=1.
func TestOrphansComeBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	edit := func(o *asynqqueue.Options) { o.Name = "orphans" }
	proxy := server.Proxy(t)
	hold := make(chan struct{})
	first := &diary{perform: func(context.Context, recovery.Job, int) error { <-hold; return nil }}
	q := start(t, newQueue(t, proxy.Client(t), edit), first)
	jobs := []recovery.Job{newJob(), newJob(), newJob()}
	enqueue(t, q, jobs...)
	eventually(t, "all at work", func() bool { return first.busy() == 3 })
	proxy.Refuse() // to Redis this is how it looks when the process dies
	proxy.ResetAll()
	rewind(t, client, "orphans")
	second := &diary{}
	start(t, newQueue(t, client, edit), second)
	waitDone(t, second, jobs...)
	close(hold)
	_ = shutdown(t, q, 10*time.Millisecond)
}

// rewind changes every lease of a queue so that it ended more than half a
// minute ago.
func rewind(t testing.TB, client redis.UniversalClient, name string) {
	t.Helper()
	ctx := context.Background()
	key := "asynq:{" + name + "}:lease"
	for _, id := range client.ZRange(ctx, key, 0, -1).Val() {
		must(t, client.ZAddXX(ctx, key, redis.Z{Score: float64(time.Now().Add(-32 * time.Second).Unix()), Member: id}).Err())
	}
}

// Jobs survive a restart of a Redis that keeps an append-only file. They
// survive a crash if Redis writes that file always.
func TestRedisCrashes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	d := &diary{}
	q := newQueue(t, server.Client(t), nil)
	var mu sync.Mutex
	var accepted []recovery.Job
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				job := newJob()
				if q.Enqueue(context.Background(), job) == nil {
					mu.Lock()
					accepted = append(accepted, job)
					mu.Unlock()
				}
			}
		})
	}
	enough := func(n int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return len(accepted) >= n }
	}
	eventually(t, "jobs", enough(200))
	server.Kill()
	server.Restart()
	eventually(t, "more jobs", enough(400))
	close(stop)
	wg.Wait()
	start(t, q, d)
	waitDone(t, d, accepted...)
}

// A call panics while it tries whether Redis is back, in a program that
// recovers from panics. The next call can try again.
func TestPanicLeavesRoomForTheNextTry(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	q := newQueue(t, client, nil)
	for range 5 {
		_ = q.Call(func() error { return errors.New("no answer") })
	}
	panics := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		_ = q.Call(func() error { panic("a bug") })
		return false
	}
	eventually(t, "a call that may try", panics)
	eventually(t, "another one", func() bool { return q.Call(func() error { return nil }) == nil })
}
