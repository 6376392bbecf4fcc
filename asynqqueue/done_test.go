package asynqqueue_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/asynqqueue"
)

// A refusing client answers scripts with errors until a time has come, and with
// the last error, or nil, from then on.
type refusing struct {
	redis.UniversalClient
	until      time.Time
	error, end error
	calls      *int
}

func (c refusing) EvalSha(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	*c.calls++
	cmd := redis.NewCmd(ctx)
	if time.Now().Before(c.until) {
		cmd.SetErr(c.error)
	} else {
		cmd.SetErr(c.end)
	}
	return cmd
}

// A job that is done stays done after an outage: Redis is told until it takes it.
// asynq's own attempts end after 30 s. All else that asynq asks is asked once.
func TestRedisIsToldWhatIsDone(t *testing.T) {
	done := []string{"asynq:{q}:active", "asynq:{q}:lease", "asynq:{q}:t:ID", "asynq:{q}:processed:2026-11-28", "asynq:{q}:processed"}
	retry := []string{"asynq:{q}:t:ID", "asynq:{q}:active", "asynq:{q}:lease", "asynq:{q}:retry", "asynq:{q}:processed"}
	requeue := []string{"asynq:{q}:active", "asynq:{q}:lease", "asynq:{q}:pending", "asynq:{q}:t:ID"}
	notFound := redis.Error(answer("NOT FOUND"))
	for _, tt := range []struct {
		sentence   string
		keys       []string
		outage     time.Duration
		error, end error
		stop       time.Duration // when Shutdown begins, if it does
		want       error
		from, to   time.Duration // how long it takes
	}{
		{"Redis is away for five minutes", done, 5 * time.Minute, io.EOF, nil, 0, nil, 5 * time.Minute, 5*time.Minute + time.Second},
		{"and has carried the first call out", done, time.Minute, io.EOF, notFound, 0, nil, time.Minute, time.Minute + time.Second},
		{"Redis refuses, for example without memory", done, time.Minute, answer("OOM command not allowed"), nil, 0, nil, time.Minute, time.Minute + time.Second},
		{"Redis is away for an hour", done, time.Hour, io.EOF, nil, 0, io.EOF, 10 * time.Minute, 10*time.Minute + time.Second},
		{"Shutdown begins", done, time.Hour, io.EOF, nil, 3 * time.Second, io.EOF, 3 * time.Second, 3 * time.Second},
		{"the host closed its client", done, time.Hour, redis.ErrClosed, nil, 0, redis.ErrClosed, 0, time.Second},
		{"asynq must send the script itself", done, time.Hour, answer("NOSCRIPT"), nil, 0, answer("NOSCRIPT"), 0, 0},
		{"an attempt that failed is asynq's business", retry, time.Hour, io.EOF, nil, 0, io.EOF, 0, time.Second},
		{"and so is one that is handed back", requeue, time.Hour, io.EOF, nil, 0, io.EOF, 0, time.Second},
		{"also if another instance has it", retry, 0, nil, notFound, 0, notFound, 0, time.Second},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				stop := make(chan struct{})
				if tt.stop > 0 {
					time.AfterFunc(tt.stop, func() { close(stop) })
				}
				began := time.Now()
				client := asynqqueue.NewWorkerClient(refusing{nil, began.Add(tt.outage), tt.error, tt.end, &calls}, 200*time.Millisecond, stop)
				err := client.EvalSha(t.Context(), "sha", tt.keys).Err()
				if !errors.Is(err, tt.want) {
					t.Errorf("the error is %v, want %v", err, tt.want)
				}
				if took := time.Since(began); took < tt.from || took > tt.to {
					t.Errorf("it took %v, want %v to %v", took, tt.from, tt.to)
				}
				if tt.to <= time.Second && calls != 1 {
					t.Errorf("%d calls, want 1", calls)
				}
			})
		})
	}
}

// An answer is an error that Redis answers with.
type answer string

func (a answer) Error() string { return string(a) }

func (answer) RedisError() {}
