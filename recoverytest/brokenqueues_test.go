package recoverytest_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

var brokenQueues = []seeded{
	{"performs in Enqueue", "after-enqueue"},
	{"under the request's ctx", "outlives-request"},
	{"changes payloads", "intact"},
	{"takes payloads for text", "intact"},
	{"ignores NotBefore", "not-before"},
	{"ignores NotAfter", "not-after"},
	{"never retries", "retries-errors"},
	{"performs twice", "retries-errors"},
	{"drops on panic", "retries-panics"},
	{"panics take places", "retries-panics"},
	{"steady pauses", "pauses-grow"},
	{"retries permanent", "permanent"},
	{"retries permanent", "permanent-after-errors"},
	{"no dead letters", "permanent"},
	{"dead letters without the cause", "permanent"},
	{"lets awaited jobs go", "awaiting-reply"},
	{"gives up silently", "not-after-retries"},
	{"never full", "full"},
	{"drops when full", "full"},
	{"another error when full", "full"},
	{"waits for room", "full"},
	{"unbounded", "workers"},
	{"one worker", "slow-one"},
	{"takes jobs after shutdown", "shutdown-refuses"},
	{"drops the last", "shutdown-last"},
	{"shutdown does not wait", "shutdown-drains"},
	{"shutdown leaves contexts", "shutdown-context"},
	{"no start without NotBefore", "not-before-zero"},
	{"lower-cases IDs", "ids-are-apart"},
	{"one job for each payload", "ids-are-apart"},
	{"drops on an ended ctx", "retries-errors"},
	{"cuts IDs", "ids-are-apart"},
	{"performs what waited", "not-after-waiting"},
	{"3 attempts", "keeps-trying"},
	{"10 attempts", "keeps-trying"},
	{"25 attempts", "keeps-trying"},
	{"steady jitter", "pauses-grow"},
	{"compares errors", "permanent"},
	{"changes dead letters", "permanent"},
	{"refuses and performs", "full"},
	{"two workers for one job", "one-at-a-time"},
	{"repeats what runs long", "one-at-a-time"},
	{"waits for a worker", "enqueue-from-a-job"},
	{"one handler for all queues", "two-queues"},
	{"one ID for all queues", "two-queues"},
	{"one capacity for all queues", "two-queues"},
	{"one end for all queues", "two-queues"},
	{"drops early jobs at Shutdown", "shutdown-early"},
	{"drops retries at Shutdown", "shutdown-retries"},
	{"drops failures at Shutdown", "shutdown-fails"},
	{"shutdown hides what it lost", "shutdown-fails"},
	{"no dead letters when ctx ends", "shutdown-hopeless"},
	{"drops jobs during Shutdown", "shutdown-racing"},
	{"drops the simultaneous", "racing"},
	{"drops jobs of an ended ctx", "enqueue-context"},
	{"performs none", "performs"},
	{"takes malformed jobs", "malformed"},
	{"waits in a worker", "waiting-occupies-none"},
	{"retries in a worker", "waiting-occupies-none"},
	{"repeats what runs for minutes", "one-at-a-time"},
	{"repeats until the first returns", "one-at-a-time"},
	{"one pool of workers", "two-queues"},
	{"gives up a minute early", "not-after-retries"},
	{"shutdown takes its time", "shutdown-context"},
	{"shutdown takes its time", "shutdown-deaf"},
	{"shutdown hides the end of ctx", "shutdown-deaf"},
	{"shutdown leaves the deaf", "shutdown-deaf"},
	{"durable, forgets NotBefore", "shutdown-early"},
}

func TestBrokenQueues(t *testing.T) {
	catch(t, brokenQueues, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		return recoverytest.ExamineQueue(t, poolHarness(bug), clauses...)
	})
}

// TestDurableQueue shows that a queue whose jobs outlive it passes with the
// default times.
func TestDurableQueue(t *testing.T) {
	expect(t, recoverytest.ExamineQueue(t, poolHarness("durable")))
}

// TestFullJitter shows that a queue may draw its pauses at random.
func TestFullJitter(t *testing.T) {
	expect(t, recoverytest.ExamineQueue(t, poolHarness("full jitter")))
}

// slowQueue takes one job after the other, as a database that is far away.
type slowQueue struct {
	recovery.WorkerQueue
	mu *sync.Mutex
}

func (q slowQueue) Enqueue(ctx context.Context, job recovery.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	time.Sleep(25 * time.Millisecond)
	return q.WorkerQueue.Enqueue(ctx, job)
}

// TestSlowEnqueue shows that a right queue passes although some of the jobs,
// which end after 250 ms, arrive so late that they are not repeated.
func TestSlowEnqueue(t *testing.T) {
	t.Parallel()
	expect(t, recoverytest.ExamineQueue(t, recoverytest.QueueHarness{
		New: func(*testing.T) recovery.WorkerQueue {
			q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Workers: 4, Backoff: func(int) time.Duration { return 20 * time.Millisecond }})
			return slowQueue{q, new(sync.Mutex)}
		},
		Workers: 4, Patience: time.Second, Quiet: 50 * time.Millisecond,
	}, "not-after-retries"))
}

func poolHarness(bug string) recoverytest.QueueHarness {
	var shared *storage
	var of *testing.T
	open := func(t *testing.T, shared *storage) recovery.WorkerQueue {
		p := newPool(bug, shared)
		// This runs after the suite's own Shutdown, and ends what a bug left
		// behind.
		t.Cleanup(func() {
			p.cancel()
			p.calls.Wait()
			p.jobs.Wait()
		})
		return p
	}
	h := recoverytest.QueueHarness{
		New: func(t *testing.T) recovery.WorkerQueue {
			if of != t {
				of, shared = t, &storage{} // for each clause
			}
			return open(t, shared)
		},
		Workers: poolWorkers, Capacity: poolCapacity, Bubble: synctest.Test,
	}
	if strings.HasPrefix(bug, "durable") {
		h.Another = func(t *testing.T, first recovery.WorkerQueue) recovery.WorkerQueue {
			return open(t, first.(*pool).storage)
		}
	}
	return h
}
