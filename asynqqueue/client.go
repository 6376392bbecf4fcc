package asynqqueue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// workerReadTimeout is how long a worker's connection may be silent before it is
// closed, whatever the host set.
//
// The reply to a worker's question may be a job. If it comes after the timeout,
// the job is with no worker, and comes back only when asynq finds its lease
// expired, up to two minutes later. go-redis' default of 3 s is less than a slow
// disk or a fork makes Redis pause. Without a limit a dead connection would hold
// a worker, and Shutdown, until the kernel closes it.
const workerReadTimeout = 10 * time.Second

// ackPatience is how long a worker tries to tell Redis that a job is done.
const ackPatience = 10 * time.Minute

// A workerClient is the host's client as asynq's server uses it. It corrects
// how a server of asynq v0.26 treats its host when Redis has problems.
type workerClient struct {
	redis.UniversalClient
	pause time.Duration
	stop  <-chan struct{}
	// hasWorker reports whether a job that is taken now finds a free worker.
	hasWorker func() bool
}

// withReadTimeout returns a copy of the client that waits at most d for each
// reply, and no longer than the context of the command. The copy uses the same
// connections. It has options of its own, so those of the host's client do not
// change. go-redis does not copy the host's hooks. The client of a Cluster
// cannot be copied so: it is returned as it is, with the host's timeouts.
func withReadTimeout(client redis.UniversalClient, d time.Duration) redis.UniversalClient {
	c, ok := client.(*redis.Client)
	if !ok {
		return client
	}
	c = c.WithTimeout(d)
	c.Options().ContextTimeoutEnabled = true
	return c
}

func newWorkerClient(client redis.UniversalClient, pause time.Duration, stop <-chan struct{}, hasWorker func() bool) workerClient {
	return workerClient{withReadTimeout(client, workerReadTimeout), pause, stop, hasWorker}
}

// EvalSha runs every script of asynq.
//
// The context of the command does not end it. asynq repeats an acknowledgement
// that Redis did not accept, but it uses a context that it has cancelled by
// then. So the repetition would always fail, and the job would be performed
// again a minute later.
//
// While no worker is free, EvalSha asks for no job and says that there is none.
// Otherwise an instance whose workers are all lost would keep taking jobs that
// other instances could do, and hand them back after a while.
func (c workerClient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if asksForJob(keys) && !c.hasWorker() {
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(redis.Nil)
		return cmd
	}
	ctx = context.WithoutCancel(ctx)
	return c.run(keys, func() *redis.Cmd { return c.UniversalClient.EvalSha(ctx, sha, keys, args...) })
}

// Eval runs the scripts that Redis has forgotten. It is as EvalSha.
func (c workerClient) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	ctx = context.WithoutCancel(ctx)
	return c.run(keys, func() *redis.Cmd { return c.UniversalClient.Eval(ctx, script, keys, args...) })
}

// run sends a script, and sends it again for ackPatience if it says that a job is
// done and Redis does not take that. asynq itself gives up when the lease of the
// job ends, 30 s after Redis stopped answering. The job would be performed again
// later, and somebody would get a second mail. Meanwhile the worker has nothing
// to do: Redis gives out no jobs. To say twice that a job is done does no harm,
// also if another instance has it by then.
func (c workerClient) run(keys []string, send func() *redis.Cmd) *redis.Cmd {
	cmd := send()
	c.slowDown(cmd.Err())
	if !saysDone(keys) {
		return cmd
	}
	for end := time.Now().Add(ackPatience); isRefused(cmd.Err()) && time.Now().Before(end) && !c.stopped(); {
		cmd = send()
		c.slowDown(cmd.Err())
	}
	if isGone(cmd.Err()) {
		cmd.SetErr(nil) // the reply was lost, and the job was not
	}
	return cmd
}

// saysDone recognises asynq's script that removes a job that is done. Its first
// keys are those of the active jobs, of their leases and of the job.
func saysDone(keys []string) bool {
	return len(keys) >= 5 && strings.HasSuffix(keys[0], ":active") && strings.HasSuffix(keys[1], ":lease") && strings.Contains(keys[2], "}:t:")
}

// isGone recognises what asynq's script answers if the job is not with a worker.
func isGone(err error) bool { return err != nil && err.Error() == "NOT FOUND" }

// isRefused reports whether a script did not run, and may run later.
func isRefused(err error) bool {
	return err != nil && !isGone(err) && !errors.Is(err, redis.Nil) && !errors.Is(err, redis.ErrClosed) && !strings.HasPrefix(err.Error(), "NOSCRIPT")
}

func (c workerClient) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// asksForJob recognises asynq's script that takes a job. Its keys are those of
// the pending jobs, of the pause, of the active jobs and of their leases.
func asksForJob(keys []string) bool {
	return len(keys) == 4 && strings.HasSuffix(keys[0], ":pending") && strings.HasSuffix(keys[1], ":paused")
}

// slowDown pauses after an error. asynq asks for the next job at once after a
// question that failed. Where a failure takes no time, for example because the
// user may not run scripts, asynq would ask as fast as it can.
func (c workerClient) slowDown(err error) {
	if err == nil || errors.Is(err, redis.Nil) || strings.HasPrefix(err.Error(), "NOSCRIPT") {
		return
	}
	timer := time.NewTimer(c.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.stop:
	}
}

// Subscribe returns a subscription that is closed. asynq wants to hear there of
// tasks to cancel, but this package cancels none. asynq waits for the
// connection of a real subscription without a limit, so that it could not be
// shut down, and it dereferences nil if the host closes its client first. asynq
// takes the closed subscription for a failure and tries again every 5 s. That
// costs no connection, and the logger drops the line.
func (c workerClient) Subscribe(ctx context.Context, _ ...string) *redis.PubSub {
	closed := c.UniversalClient.Subscribe(ctx)
	_ = closed.Close()
	return closed
}
