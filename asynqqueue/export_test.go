package asynqqueue

import (
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/durablequeue"
)

const TaskType = taskType

var Due = pauseEnd

func NewLogger(log *slog.Logger) asynq.Logger {
	return newLogger(log, durablequeue.NewOutages("works again"))
}

// NewWorkerClient is the client as asynq's server gets it.
func NewWorkerClient(client redis.UniversalClient, pause time.Duration, stop <-chan struct{}) redis.UniversalClient {
	return newWorkerClient(client, pause, stop, func() bool { return true })
}

func (q *Queue) Name() string { return q.opts.Name }

// Call makes a call to Redis as Enqueue does.
func (q *Queue) Call(f func() error) error { return q.health.call(f) }
