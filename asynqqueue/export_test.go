package asynqqueue

import (
	"context"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/redisguard"
)

const TaskType = taskType

var (
	Encode = encode
	Decode = decode
	Clean  = redactPayloads
	Due    = pauseEnd
)

func (q *Queue) Pause(n int) time.Duration { return q.pause(n) }

func NewLogger(log *slog.Logger) asynq.Logger {
	return newLogger(log, redisguard.NewOutages("works again"))
}

// Depth is the bound of a queue, without the queue.
type Depth struct{ d *depth }

func NewDepth(max int, ask func(done func(n int, err error)) bool) Depth {
	return Depth{newDepth(max, ask)}
}

func (d Depth) Reserve(ctx context.Context) error { return d.d.reserve(ctx) }

func (d Depth) Settle() { d.d.settle() }

// NewWorkerClient is the client as asynq's server gets it.
func NewWorkerClient(client redis.UniversalClient, pause time.Duration, stop <-chan struct{}) redis.UniversalClient {
	return newWorkerClient(client, pause, stop, func() bool { return true })
}

func (q *Queue) Name() string { return q.opts.Name }

// SetUpgradeWindow replaces the 15 minutes. Call it before Start.
func (q *Queue) SetUpgradeWindow(d time.Duration) { q.upgradeWindow = d }

// Call makes a call to Redis as Enqueue does.
func (q *Queue) Call(f func() error) error { return q.health.call(f) }
