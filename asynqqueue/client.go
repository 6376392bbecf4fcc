package asynqqueue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// slowest is how long a worker's connection may be silent before it is given
// up, where the host set no limit.
const slowest = 10 * time.Second

// A workerClient is the host's client as asynq's server uses it. It mends what
// a server of asynq v0.26 does to a host when Redis is in trouble.
type workerClient struct {
	redis.UniversalClient
	pause time.Duration
	stop  <-chan struct{}
}

// bounded returns the client with a limit of ours for each reply, and the end
// of a command's context as one too: the same connections, in a copy whose
// options are its own, so the host's client keeps its. go-redis leaves the
// host's hooks off such a copy. A Cluster's client has none; the host chose its
// timeouts.
func bounded(client redis.UniversalClient, d time.Duration) redis.UniversalClient {
	c, ok := client.(*redis.Client)
	if !ok {
		return client
	}
	c = c.WithTimeout(d)
	c.Options().ContextTimeoutEnabled = true
	return c
}

func newWorkerClient(client redis.UniversalClient, pause time.Duration, stop <-chan struct{}) workerClient {
	if c, ok := client.(*redis.Client); ok {
		// Without a limit a dead connection would hold a worker, and Shutdown,
		// for as long as the kernel believes in it.
		if d := c.Options().ReadTimeout; d <= 0 || d > slowest {
			client = bounded(c, slowest)
		}
	}
	return workerClient{client, pause, stop}
}

// EvalSha runs every script of asynq.
//
// Its context is not allowed to end it. asynq repeats an acknowledgement that
// Redis did not take, but under a context that it has cancelled by then, so
// that the repetition always failed and the job was performed again a minute
// later.
func (c workerClient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	cmd := c.UniversalClient.EvalSha(context.WithoutCancel(ctx), sha, keys, args...)
	c.slowDown(cmd.Err())
	return cmd
}

// Eval is for scripts that Redis has forgotten.
func (c workerClient) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	cmd := c.UniversalClient.Eval(context.WithoutCancel(ctx), script, keys, args...)
	c.slowDown(cmd.Err())
	return cmd
}

// slowDown pauses after an error. asynq asks for the next job at once when
// asking failed, and where failing takes no time, as with a user who may not
// run scripts, would do so as fast as it can.
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

// Subscribe returns a subscription that is closed. asynq listens there for
// tasks to cancel, which nobody does here, on a connection that it waits for
// without a limit, so that it could not be shut down; and it dereferences nil
// if the host closes its client first. It takes the closed one for a failure
// and tries again every 5 s, which costs no connection; its log line is
// dropped.
func (c workerClient) Subscribe(ctx context.Context, _ ...string) *redis.PubSub {
	closed := c.UniversalClient.Subscribe(ctx)
	_ = closed.Close()
	return closed
}
